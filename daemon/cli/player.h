/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * medley_player_start:
 * @media_type: what will be played
 * @error: %MEDLEY_ERROR_UNSUPPORTED_TYPE for what makes no sound, %MEDLEY_ERROR_UNAVAILABLE without
 * a sound device or without gst-launch-1.0
 *
 * Starts GStreamer's own player as a process of its own, which plays what is written to it.
 *
 * Returns: (transfer full) (nullable): the player; its standard input takes the stream
 */
GSubprocess *
medley_player_start (const char *media_type, GError **error);

/* Whether this machine has a way to make sound: pure but for the paths and variables it looks at.
 */
gboolean
medley_player_has_sound (void);

G_END_DECLS
