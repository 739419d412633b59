/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/engine-cache.h"
#include "runner/run-plan.h"

G_BEGIN_DECLS

/**
 * medley_check_plan:
 * @plan: a plan
 * @cache: where engines come from
 *
 * Builds the plan's graph and all its other engines, without opening or running anything.
 *
 * Returns: (transfer floating): `aa{sv}`: all faults, as of Check in org.medley.Worker1
 */
GVariant *
medley_check_plan (const MedleyRunPlan *plan, MedleyEngineCache *cache);

G_END_DECLS
