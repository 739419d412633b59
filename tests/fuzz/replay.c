/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stands in for libFuzzer: feeds the files of its arguments (files, or folders of files) to the
 * target, each as it is, cut short at some places, and with some bytes changed. The same at each
 * run. */

#include <glib.h>
#include <string.h>

#include "fuzz.h"

#define VARIANTS 48

static void
replay_file (const char *path)
{
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;
  guint32 state = 1;

  if (!g_file_get_contents (path, &data, &length, &error))
    g_error ("%s", error->message);
  LLVMFuzzerTestOneInput ((const guint8 *) data, length);
  for (guint i = 0; i < VARIANTS && length > 0; i++) {
    g_autofree guint8 *variant = g_memdup2 (data, length);
    gsize cut = i % 4 == 0 ? length * i / VARIANTS : length;

    for (guint j = 0; j < 1 + i % 3; j++) {
      state = state * 1664525 + 1013904223;
      variant[(state >> 8) % length] = "\"{}[]:,0a\\${\xff\x01"[(state >> 3) % 15];
    }
    LLVMFuzzerTestOneInput (variant, cut);
  }
}

static guint
replay (const char *path)
{
  GDir *dir;
  const char *name;
  guint n = 0;

  if (!g_file_test (path, G_FILE_TEST_IS_DIR)) {
    replay_file (path);
    return 1;
  }
  dir = g_dir_open (path, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);

    n += replay (child);
  }
  g_dir_close (dir);
  return n;
}

int
main (int argc, char **argv)
{
  guint n = 0;

  for (int i = 1; i < argc; i++)
    n += replay (argv[i]);
  g_print ("%u files replayed, each in %d variants\n", n, VARIANTS);
  return n > 0 ? 0 : 1;
}
