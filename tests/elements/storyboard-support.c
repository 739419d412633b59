/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storyboard-support.h"

#include <cairo.h>
#include <glib/gstdio.h>
#include <unistd.h>

static GHashTable *
words_of (const char *text)
{
  GHashTable *words = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *lower = g_utf8_strdown (text, -1);
  g_auto (GStrv) parts = g_strsplit_set (lower, " \n\f.,;:!?()\"'", -1);

  for (guint i = 0; parts[i]; i++)
    if (*parts[i])
      g_hash_table_add (words, g_strdup (parts[i]));
  return words;
}

static char *
recognise (const char *path)
{
  const char *argv[] = { "tesseract", path, "-", NULL };
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), "OMP_THREAD_LIMIT", "1", TRUE);
  g_autoptr (GError) error = NULL;
  char *output = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, environment, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL,
                NULL, NULL, &output, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_true (g_spawn_check_wait_status (status, NULL));
  return output;
}

double
storyboard_read_back (const guint8 *pixels, int width, int height, gsize stride, const char *text)
{
  g_autofree char *path = NULL;
  g_autofree char *output = NULL;
  g_autoptr (GHashTable) read = NULL;
  g_autoptr (GHashTable) expected = words_of (text);
  GHashTableIter iter;
  gpointer word;
  guint found = 0;
  cairo_surface_t *surface;
  int fd = g_file_open_tmp ("storyboard-XXXXXX.png", &path, NULL);

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  surface = cairo_image_surface_create_for_data ((guint8 *) pixels, CAIRO_FORMAT_RGB24, width,
                                                 height, (int) stride);
  g_assert_cmpint (cairo_surface_write_to_png (surface, path), ==, CAIRO_STATUS_SUCCESS);
  cairo_surface_destroy (surface);
  output = recognise (path);
  g_unlink (path);

  read = words_of (output);
  g_hash_table_iter_init (&iter, expected);
  while (g_hash_table_iter_next (&iter, &word, NULL)) {
    if (g_hash_table_contains (read, word))
      found++;
    else
      g_test_message ("not read: %s", (char *) word);
  }
  return (double) found / g_hash_table_size (expected);
}
