/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/* Prints what a pipeline takes, what can be set, and what it makes, with an example; @word: how it
 * was named. */
void
medley_describe_pipeline (MedleyCli *cli, GVariant *pipeline, const char *word);

/* Prints an engine with its tasks and properties. */
void
medley_describe_engine (MedleyCli *cli, GVariant *engine);

/* (transfer full): the stage cache, as the daemon's status has it: what it holds, or why not */
char *
medley_describe_cache (GVariant *cache);

G_END_DECLS
