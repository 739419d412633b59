/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Gives up every capability for good, those that a program could bring included. The file owner's
 * rights stay. Returns whether none is left; @error: MEDLEY_ERROR_SANDBOX_MISSING */
gboolean
medley_capabilities_drop (GError **error);

G_END_DECLS
