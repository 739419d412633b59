/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <leptonica/allheaders.h>

/* tests/data/page.png, and the text that is on it. */
GBytes *
pages_read (void);
char *
pages_read_text (void);

/* A strip of the sample page, from row y on: lines of text in a fraction of the time. */
PIX *
pages_cut (int y, int height);

/* An image file of one of Leptonica's formats. */
GBytes *
pages_encode (PIX *page, int format);

/* A TIFF file whose pages are strips of the sample page, 200 rows apart. */
GBytes *
pages_new_tiff (guint n_pages, int height);
