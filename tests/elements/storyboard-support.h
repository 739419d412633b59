/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What both storyboard tests need. */

#define LONG_SENTENCE                                                                              \
  "There was nothing so very remarkable in that; nor did Alice think it so very much out of the "  \
  "way to hear the Rabbit say to itself that it would be late (when she thought it over "          \
  "afterwards, it occurred to her that she ought to have wondered at this, but at the time it "    \
  "all seemed quite natural); but when the Rabbit actually took a watch out of its waistcoat "     \
  "pocket, and looked at it, and then hurried on, Alice started to her feet."

/* The share of the words of @text that tesseract reads in a picture of 32-bit xRGB pixels, 0 to 1.
 */
double
storyboard_read_back (const guint8 *pixels, int width, int height, gsize stride, const char *text);
