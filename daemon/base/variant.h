/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_variant_detach:
 * @variant: a value, not floating
 *
 * A variant of GLib notes in itself, without a lock, how far its children have been read, and two
 * threads at that can take a child that is there for one that is not. Each thread needs one of its
 * own.
 *
 * Returns: (transfer full): another reader of the same bytes, not floating
 */
GVariant *
medley_variant_detach (GVariant *variant);

G_END_DECLS
