/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/player.h"

#include <string.h>

#include <medley/medley-error.h>

#include "base/media.h"

static gboolean
in_runtime_folder (const char *name)
{
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *path = runtime != NULL ? g_build_filename (runtime, name, NULL) : NULL;

  return path != NULL && g_file_test (path, G_FILE_TEST_EXISTS);
}

gboolean
medley_player_has_sound (void)
{
  g_autoptr (GDir) devices = g_dir_open ("/dev/snd", 0, NULL);
  const char *name;

  if (g_getenv ("PULSE_SERVER") != NULL || in_runtime_folder ("pulse/native")
      || in_runtime_folder ("pipewire-0"))
    return TRUE;
  /* "pcmC0D0p" plays; a machine without sound has at most a sequencer and a timer there. */
  while (devices != NULL && (name = g_dir_read_name (devices)) != NULL) {
    if (g_str_has_prefix (name, "pcm") && g_str_has_suffix (name, "p"))
      return TRUE;
  }
  return FALSE;
}

GSubprocess *
medley_player_start (const char *media_type, GError **error)
{
  MedleyModality modality = medley_media_modality (media_type);
  gboolean has_screen = g_getenv ("WAYLAND_DISPLAY") != NULL || g_getenv ("DISPLAY") != NULL;
  g_autofree char *launcher = NULL;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) failure = NULL;
  GSubprocess *process;

  if (modality != MEDLEY_MODALITY_AUDIO && modality != MEDLEY_MODALITY_VIDEO) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "--play is for audio and video; this pipeline's output is %s", media_type);
    return NULL;
  }
  if (!medley_player_has_sound ()) {
    g_set_error_literal (
        error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
        "--play found no sound device or sound server here; write a file with -o FILE");
    return NULL;
  }
  launcher = g_find_program_in_path ("gst-launch-1.0");
  if (launcher == NULL) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                         "--play needs gst-launch-1.0; install the package gstreamer1.0-tools");
    return NULL;
  }
  g_strv_builder_add_many (builder, launcher, "-q", "fdsrc", "fd=0", "!", "decodebin", "name=in",
                           "in.", "!", "queue", "!", "audioconvert", "!", "audioresample", "!",
                           "autoaudiosink", NULL);
  if (modality == MEDLEY_MODALITY_VIDEO && has_screen)
    g_strv_builder_add_many (builder, "in.", "!", "queue", "!", "videoconvert", "!",
                             "autovideosink", NULL);
  argv = g_strv_builder_end (builder);
  process = g_subprocess_newv ((const char *const *) argv, G_SUBPROCESS_FLAGS_STDIN_PIPE, &failure);
  if (process == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, "cannot start %s: %s", launcher,
                 failure->message);
  return process;
}
