/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/doctor-private.h"
#include "cli/player.h"

static gboolean
has_font (const char *list, const char *pattern)
{
  const char *const argv[] = { list, pattern, "family", NULL };
  g_autofree char *output = NULL;

  return g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &output,
                       NULL, NULL, NULL)
         && output != NULL && output[0] != '\0';
}

static void
check_fonts (MedleyDoctor *doctor)
{
  static const char *const scripts[][3] = {
    { ":lang=en", "Latin", "install fonts-dejavu-core" },
    { ":lang=ar", "Arabic", "install fonts-noto-core" },
    { ":lang=zh-cn", "Chinese, Japanese and Korean", "install fonts-noto-cjk" },
  };
  g_autofree char *list = g_find_program_in_path ("fc-list");
  gboolean all = TRUE;

  if (list == NULL) {
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "fonts", "install fontconfig",
                       "fc-list is missing, so fonts are not known");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++) {
    if (has_font (list, scripts[i][0]))
      continue;
    all = FALSE;
    medley_doctor_say (doctor, i == 0 ? MEDLEY_VERDICT_FAIL : MEDLEY_VERDICT_WARN, "fonts",
                       scripts[i][2], "captions in %s will be empty boxes", scripts[i][1]);
  }
  if (all)
    medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, "fonts", NULL,
                       "Latin, Arabic, Chinese, Japanese and Korean");
}

static void
check_player (MedleyDoctor *doctor)
{
  g_autofree char *launcher = g_find_program_in_path ("gst-launch-1.0");

  if (launcher == NULL)
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "--play", "install gstreamer1.0-tools",
                       "gst-launch-1.0 is missing");
  else if (!medley_player_has_sound ())
    medley_doctor_say (doctor, MEDLEY_VERDICT_NOTE, "--play", NULL,
                       "no sound device here; write files with -o");
  else
    medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, "--play", NULL, "there is a sound device");
}

void
medley_doctor_check_machine (MedleyDoctor *self)
{
  check_fonts (self);
  check_player (self);
}
