/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stage gave is recorded, and given again in another job as if the stage had run. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/stage-entry.h"
#include "worker-fixture.h"
#include "worker-plans.h"

#define STORY                                                                                      \
  "Once there was a mill. It stood by a brook, and nobody lived in it. Then somebody came."

/* The stage reads nothing: it is replayed. */
#define REPLAYED(NAME, ENGINE)                                                                     \
  "{'name': <'" NAME "'>, 'task': <'a-to-b'>, 'engines': <['" ENGINE "']>, 'set': <@a{sv} {}>, "   \
  "'from': <@a(sss) []>, 'pointer': <'/stages/" NAME "'>, 'file': <''>}"

#define SPOKEN                                                                                     \
  OUTPUT ("sound", "audio/flac", "voice", "")                                                      \
  ", " OUTPUT ("words", "text/vtt", "voice", "captions")

#define STAGES(...) ((const TestStage[]){ __VA_ARGS__, { NULL } })

static gint64
check_recording (TestWorker *worker, const char *name)
{
  g_autofree char *path = test_worker_path (worker, name);
  int file = open (path, O_RDONLY | O_CLOEXEC);
  gint64 length = file >= 0 ? medley_stage_entry_check (file, NULL, NULL) : -1;

  if (file >= 0)
    close (file);
  return length;
}

static gboolean
has_event (TestWorker *worker, const char *kind, const char *of)
{
  g_autoptr (GVariant) details = test_worker_find_event (worker, kind, of);

  return details != NULL;
}

static void
assert_same (TestWorker *worker, const char *a, const char *b)
{
  gsize a_length, b_length;
  g_autofree char *a_bytes = test_worker_read (worker, a, &a_length);
  g_autofree char *b_bytes = test_worker_read (worker, b, &b_length);

  g_assert_cmpuint (a_length, >, 0);
  g_assert_cmpmem (a_bytes, a_length, b_bytes, b_length);
}

static void
record_voice (TestWorker *worker)
{
  g_autofree char *plan
      = test_plan (TEXT_INPUT, STAGE ("voice", "fakevoice", "text", ""), SPOKEN, NULL);
  g_autofree char *text = test_worker_write (worker, "text", STORY, -1);
  const TestStage *stages
      = STAGES ({ "voice", FALSE, 1 << 24, { { "", "rec-sound" }, { "captions", "rec-words" } } });
  g_autoptr (GVariant) details = NULL;
  guint64 bytes = 0;

  worker->stages = stages;
  test_worker_succeed (worker, plan, INPUTS ({ "text", text }),
                       OUTPUTS ({ "sound", "sound" }, { "words", "words" }));
  worker->stages = NULL;
  details = test_worker_find_event (worker, "stage-recorded", "voice");
  g_assert_nonnull (details);
  g_assert_true (g_variant_lookup (details, "bytes", "t", &bytes));
  g_assert_cmpint (check_recording (worker, "rec-sound"), >, 1000);
  g_assert_cmpint (check_recording (worker, "rec-words"), >, 100);
  g_assert_cmpuint (bytes, ==,
                    (guint64) (check_recording (worker, "rec-sound")
                               + check_recording (worker, "rec-words"))
                        + 2 * (MEDLEY_STAGE_ENTRY_HEADER + MEDLEY_STAGE_ENTRY_TRAILER));
}

/* Sound and captions, byte for byte, and without the engine. */
static void
test_replayed (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan = test_plan ("", REPLAYED ("voice", "fakevoice"), SPOKEN, NULL);

  record_voice (worker);
  worker->stages
      = STAGES ({ "voice", TRUE, 0, { { "", "rec-sound" }, { "captions", "rec-words" } } });
  test_worker_succeed (worker, plan, NULL,
                       OUTPUTS ({ "sound", "sound-2" }, { "words", "words-2" }));
  assert_same (worker, "sound", "sound-2");
  assert_same (worker, "words", "words-2");
  g_assert_false (has_event (worker, "stage-started", "voice"));
  g_assert_false (has_event (worker, "stage-finished", "voice"));
  g_assert_true (has_event (worker, "output-finished", "sound"));
}

/* Captioned video takes both from the timeline. */
static void
test_video_of_replayed (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *live
      = test_plan (TEXT_INPUT,
                   STAGE ("voice", "fakevoice", "text",
                          "") ", " STAGE_SET ("board", "storyboard", "voice", "captions",
                                              "'width': <int64 320>, 'height': <int64 180>"),
                   OUTPUT_2 ("film", "video/webm", "board", "", "voice", ""), NULL);
  g_autofree char *again
      = test_plan ("",
                   REPLAYED ("voice", "fakevoice") ", " STAGE_SET (
                       "board", "storyboard", "voice", "captions",
                       "'width': <int64 320>, 'height': <int64 180>"),
                   OUTPUT_2 ("film", "video/webm", "board", "", "voice", ""), NULL);
  g_autofree char *text = test_worker_write (worker, "text", STORY, -1);
  g_autofree char *first = test_worker_path (worker, "film");
  g_autofree char *second = test_worker_path (worker, "film-2");

  test_worker_succeed (worker, live, INPUTS ({ "text", text }), OUTPUTS ({ "film", "film" }));
  record_voice (worker);
  worker->stages
      = STAGES ({ "voice", TRUE, 0, { { "", "rec-sound" }, { "captions", "rec-words" } } });
  test_worker_succeed (worker, again, NULL, OUTPUTS ({ "film", "film-2" }));
  test_decode (second);
  g_assert_cmpfloat_with_epsilon (test_probe_duration (second), test_probe_duration (first), 0.001);
}

/* A port that several read, in the middle of a pipeline, with a stage behind it that runs. */
static void
test_in_the_middle (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE ("one", "fakeecho", "text", "") ", " STAGE ("two", "fakeecho", "one", ""),
                   OUTPUT ("a", "text/plain", "one", "") ", " OUTPUT ("b", "text/plain", "two", ""),
                   NULL);
  g_autofree char *again
      = test_plan ("", REPLAYED ("one", "fakeecho") ", " STAGE ("two", "fakeecho", "one", ""),
                   OUTPUT ("a", "text/plain", "one", "") ", " OUTPUT ("b", "text/plain", "two", ""),
                   NULL);
  g_autofree char *text = test_worker_write (worker, "text", STORY, -1);

  worker->stages = STAGES ({ "one", FALSE, 0, { { "", "rec" } } });
  test_worker_succeed (worker, plan, INPUTS ({ "text", text }),
                       OUTPUTS ({ "a", "a" }, { "b", "b" }));
  worker->stages = STAGES ({ "one", TRUE, 0, { { "", "rec" } } });
  test_worker_succeed (worker, again, NULL, OUTPUTS ({ "a", "a-2" }, { "b", "b-2" }));
  assert_same (worker, "a", "a-2");
  assert_same (worker, "b", "b-2");
  assert_same (worker, "text", "b-2");
  g_assert_false (has_event (worker, "stage-started", "one"));
  g_assert_true (has_event (worker, "stage-started", "two"));
}

/* Longer than it may be: the job does not care. */
static void
test_too_long (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("one", "fakeecho", "text", ""),
                                     OUTPUT ("a", "text/plain", "one", ""), NULL);
  g_autofree char *text = test_worker_write (worker, "text", STORY, -1);

  worker->stages = STAGES ({ "one", FALSE, 50, { { "", "rec" } } });
  test_worker_succeed (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "a", "a" }));
  g_assert_false (has_event (worker, "stage-recorded", NULL));
  g_assert_cmpint (check_recording (worker, "rec"), ==, -1);
}

/* The stage that had ended counts, although the job fails; the one that failed does not. */
static void
test_later_failure (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE ("one", "fakeecho", "text", "") ", " STAGE_SET (
                       "two", "fakeslow", "one", "",
                       "'delay-ms': <int64 300>") ", " STAGE ("three", "fakeflaky", "two", ""),
                   OUTPUT ("a", "text/plain", "three", ""), NULL);
  g_autofree char *text = test_worker_write (worker, "text", STORY, -1);

  worker->stages
      = STAGES ({ "one", FALSE, 0, { { "", "rec-1" } } }, { "two", FALSE, 0, { { "", "rec-2" } } },
                { "three", FALSE, 0, { { "", "rec-3" } } });
  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "a", "a" }),
                    "engine-failed", "three", "failure 1");
  g_assert_true (has_event (worker, "stage-recorded", "one"));
  g_assert_false (has_event (worker, "stage-recorded", "three"));
  g_assert_cmpint (check_recording (worker, "rec-1"), >, 0);
  g_assert_cmpint (check_recording (worker, "rec-3"), ==, -1);
}

/* An input that turns out to be bad in its middle ends the stream early for the stage behind it:
 * that end is none. */
static void
test_bad_input (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE ("one", "fakeecho", "text", "") ", " STAGE ("two", "fakeecho", "one", ""),
                   OUTPUT ("a", "text/plain", "two", ""), NULL);
  g_autofree char *long_text = g_strnfill (300000, 'x');
  g_autofree char *text = NULL;

  memcpy (long_text + 200000, "\xff\xfe\xff", 3);
  text = test_worker_write (worker, "text", long_text, 300000);
  worker->stages
      = STAGES ({ "one", FALSE, 0, { { "", "rec-1" } } }, { "two", FALSE, 0, { { "", "rec-2" } } });
  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "a", "a" }), "bad-encoding",
                    "one", "UTF-8");
  g_assert_false (has_event (worker, "stage-recorded", NULL));
  g_assert_cmpint (check_recording (worker, "rec-1"), ==, -1);
  g_assert_cmpint (check_recording (worker, "rec-2"), ==, -1);
}

/* Another engine than the first of the list, here or before: not what the recording is named by. */
static void
test_fallback (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan = test_plan (
      TEXT_INPUT,
      "{'name': <'one'>, 'task': <'a-to-b'>, 'engines': <['fakeflaky', 'fakeecho']>, "
      "'set': <@a{sv} {}>, 'from': <[('', 'text', '')]>, 'pointer': <'/stages/one'>, 'file': "
      "<''>}, " STAGE ("two", "fakeecho", "one", "") ", " STAGE ("apart", "fakeecho", "text", ""),
      OUTPUT ("a", "text/plain", "two", "") ", " OUTPUT ("b", "text/plain", "apart", ""), NULL);
  g_autofree char *text = test_worker_write (worker, "text", STORY, -1);

  worker->stages
      = STAGES ({ "one", FALSE, 0, { { "", "rec-1" } } }, { "two", FALSE, 0, { { "", "rec-2" } } },
                { "apart", FALSE, 0, { { "", "rec-3" } } });
  test_worker_run (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "a", "a" }, { "b", "b" }));
  test_worker_wait (worker, 60);
  /* The other output may have had its first bytes by the time of the failure. */
  if (worker->ok) {
    g_assert_true (has_event (worker, "stage-fallback", "one"));
    g_assert_true (has_event (worker, "stage-recorded", "apart"));
    g_assert_cmpint (check_recording (worker, "rec-3"), >, 0);
  }
  g_assert_false (has_event (worker, "stage-recorded", "one"));
  g_assert_false (has_event (worker, "stage-recorded", "two"));
}

static gboolean
is_long_enough (TestWorker *worker, gpointer data)
{
  struct stat st;

  return stat (data, &st) == 0 && st.st_size > 0;
}

/* Into a slow stage: pause holds the replay, cancel ends it at once. */
static void
test_pause_and_cancel (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("one", "fakeecho", "text", ""),
                                     OUTPUT ("a", "text/plain", "one", ""), NULL);
  g_autofree char *again = test_plan ("",
                                      REPLAYED ("one", "fakeecho") ", " STAGE_SET (
                                          "two", "fakeslow", "one", "",
                                          "'delay-ms': <int64 20>, 'bytes-per-step': <int64 1024>"),
                                      OUTPUT ("a", "text/plain", "two", ""), NULL);
  g_autofree char *long_text = g_strnfill (900000, 'x');
  g_autofree char *text = test_worker_write (worker, "text", long_text, 900000);
  g_autofree char *out = test_worker_path (worker, "b");
  g_autoptr (GVariant) reply = NULL;
  const char *code = NULL;
  struct stat before, after;

  worker->stages = STAGES ({ "one", FALSE, 0, { { "", "rec" } } });
  test_worker_succeed (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "a", "a" }));
  worker->stages = STAGES ({ "one", TRUE, 0, { { "", "rec" } } });
  test_worker_run (worker, again, NULL, OUTPUTS ({ "a", "b" }));
  test_worker_until (worker, is_long_enough, out, 30);
  reply = test_worker_call (worker, "Pause", g_variant_new ("(s)", "job"), NULL);
  g_usleep (200000);
  g_assert_cmpint (stat (out, &before), ==, 0);
  g_usleep (200000);
  g_assert_cmpint (stat (out, &after), ==, 0);
  g_assert_cmpint (before.st_size, ==, after.st_size);
  g_clear_pointer (&reply, g_variant_unref);
  reply = test_worker_call (worker, "Cancel", g_variant_new ("(s)", "job"), NULL);
  test_worker_wait (worker, 10);
  g_assert_false (worker->ok);
  g_variant_lookup (worker->error, "code", "&s", &code);
  g_assert_cmpstr (code, ==, "cancelled");
}

/* A recording that is damaged in spite of all checks fails the job with the stage's name. */
static void
test_damaged (void)
{
  g_autoptr (TestWorker) worker = test_worker_start (NULL);
  g_autofree char *plan = test_plan ("", REPLAYED ("voice", "fakevoice"), SPOKEN, NULL);
  g_autofree char *path = NULL;

  record_voice (worker);
  path = test_worker_path (worker, "rec-words");
  g_assert_cmpint (truncate (path, MEDLEY_STAGE_ENTRY_HEADER + 150), ==, 0);
  worker->stages
      = STAGES ({ "voice", TRUE, 0, { { "", "rec-sound" }, { "captions", "rec-words" } } });
  test_worker_fail (worker, plan, NULL, OUTPUTS ({ "sound", "sound-2" }, { "words", "words-2" }),
                    "io-error", "voice", "recorded result");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/worker/record/replayed", test_replayed);
  g_test_add_func ("/worker/record/video", test_video_of_replayed);
  g_test_add_func ("/worker/record/middle", test_in_the_middle);
  g_test_add_func ("/worker/record/too-long", test_too_long);
  g_test_add_func ("/worker/record/later-failure", test_later_failure);
  g_test_add_func ("/worker/record/bad-input", test_bad_input);
  g_test_add_func ("/worker/record/fallback", test_fallback);
  g_test_add_func ("/worker/record/pause-and-cancel", test_pause_and_cancel);
  g_test_add_func ("/worker/record/damaged", test_damaged);
  return g_test_run ();
}
