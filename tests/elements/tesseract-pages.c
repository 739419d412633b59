/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tesseract-pages.h"

static char *
data_path (const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "..", "data", name, NULL);
}

GBytes *
pages_read (void)
{
  g_autofree char *path = data_path ("page.png");
  g_autoptr (GError) error = NULL;
  char *content = NULL;
  gsize size = 0;

  g_file_get_contents (path, &content, &size, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (content, size);
}

char *
pages_read_text (void)
{
  g_autofree char *path = data_path ("page.txt");
  g_autoptr (GError) error = NULL;
  char *content = NULL;

  g_file_get_contents (path, &content, NULL, &error);
  g_assert_no_error (error);
  return content;
}

PIX *
pages_cut (int y, int height)
{
  g_autoptr (GBytes) bytes = pages_read ();
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  PIX *page = pixReadMem (data, size);
  BOX *box = boxCreate (0, y, pixGetWidth (page), height);
  PIX *part = pixClipRectangle (page, box, NULL);

  boxDestroy (&box);
  pixDestroy (&page);
  g_assert_nonnull (part);
  pixSetResolution (part, 300, 300);
  return part;
}

GBytes *
pages_encode (PIX *page, int format)
{
  l_uint8 *data = NULL;
  size_t size = 0;

  g_assert_cmpint (pixWriteMem (&data, &size, page, format), ==, 0);
  GBytes *bytes = g_bytes_new (data, size);
  lept_free (data);
  return bytes;
}

GBytes *
pages_new_tiff (guint n_pages, int height)
{
  PIXA *pages = pixaCreate ((int) n_pages);
  l_uint8 *data = NULL;
  size_t size = 0;

  for (guint i = 0; i < n_pages; i++)
    pixaAddPix (pages, pages_cut (300 + 200 * (int) i, height), L_INSERT);
  g_assert_cmpint (pixaWriteMemMultipageTiff (&data, &size, pages), ==, 0);
  GBytes *bytes = g_bytes_new (data, size);
  lept_free (data);
  pixaDestroy (&pages);
  return bytes;
}
