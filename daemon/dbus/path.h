/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_dbus_path:
 * @prefix: an object path that ends in "/"
 * @name: any string
 *
 * Makes an object path of a name: ASCII letters and digits stand for themselves, any other byte is
 * "_" and two lower-case hexadecimal digits, an empty name is "_". No two names share a path.
 *
 * Returns: (transfer full): an object path
 */
char *
medley_dbus_path (const char *prefix, const char *name);

G_END_DECLS
