/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <medley/medley.h>

G_BEGIN_DECLS

#define MEDLEY_TYPE_STORYBOARD (medley_storyboard_get_type ())
G_DECLARE_FINAL_TYPE (MedleyStoryboard, medley_storyboard, MEDLEY, STORYBOARD, MedleyConverter)

GST_ELEMENT_REGISTER_DECLARE (storyboard)

G_END_DECLS
