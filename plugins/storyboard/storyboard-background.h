/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storyboard-canvas.h"

#include <cairo.h>

G_BEGIN_DECLS

#define STORYBOARD_MAX_IMAGE_PIXELS 100000000 /* of a background image, by its header */

/* Makes the picture behind the text, once for all frames: as large as the frame, or larger by the
 * way that it pans. @foreign: it is not the theme's own, so text needs a scrim. */
cairo_surface_t *
storyboard_background_new (const StoryboardDesign *design, gboolean *foreign, GError **error);

G_END_DECLS
