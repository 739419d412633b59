/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libespeak-ng alone, in a process that has it open: for each line of standard input it speaks the
 * line, and prints the microseconds until the first samples, and those until the end. */

#include <espeak-ng/speak_lib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* That of the engine. */
#define CHUNK_MS 20

static double began, first;

static double
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double) time.tv_sec * 1e6 + (double) time.tv_nsec / 1e3;
}

static int
on_audio (short *samples, int n, espeak_EVENT *events)
{
  if (samples != NULL && n > 0 && first == 0)
    first = now ();
  return 0;
}

int
main (int argc, char **argv)
{
  char line[4096];

  if (argc != 2
      || espeak_Initialize (AUDIO_OUTPUT_SYNCHRONOUS, CHUNK_MS, NULL, espeakINITIALIZE_DONT_EXIT)
             < 0
      || espeak_SetVoiceByName (argv[1]) != EE_OK)
    return 1;
  espeak_SetSynthCallback (on_audio);
  espeak_SetParameter (espeakRATE, 175, 0);
  while (fgets (line, sizeof line, stdin) != NULL) {
    double end;

    first = 0;
    began = now ();
    if (espeak_Synth (line, strlen (line) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL, NULL)
        != EE_OK)
      return 1;
    end = now ();
    printf ("%.1f %.1f\n", first - began, end - began);
    fflush (stdout);
  }
  return 0;
}
