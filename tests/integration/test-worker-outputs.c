/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each type of output, twice from one worker; outputs that are read while they grow. */
#include <string.h>
#include <sys/stat.h>

#include "worker-fixture.h"
#include "worker-plans.h"

#define SENTENCES                                                                                  \
  "The first sentence is short. The second one is a good deal longer than that. And here is the "  \
  "third.\n"

static TestWorker *worker;

static char *
probe_streams (const char *path)
{
  char *text = test_probe (path, "stream=codec_name");

  return g_strdelimit (g_strchomp (text), "\n", ' ');
}

typedef struct {
  const char *type;
  const char *file;
  const char *codecs;
} AudioCase;

static const AudioCase audio_cases[] = {
  { "audio/ogg", "a.ogg", "opus" },
  { "audio/flac", "a.flac", "flac" },
  { "audio/wav", "a.wav", "pcm_s16le" },
  { "audio/mpeg", "a.mp3", "mp3" },
};
static const AudioCase aac_case = { "audio/aac", "a.aac", "aac" };

static void
test_audio (gconstpointer data)
{
  const AudioCase *c = data;
  g_autofree char *plan
      = test_plan (TEXT_INPUT, STAGE ("speech", "espeak", "text", ""),
                   OUTPUT ("out", "audio/ogg", "speech", "") ", " OUTPUT ("words", "text/plain",
                                                                          "speech", "captions"),
                   NULL);
  g_autofree char *path = test_worker_path (worker, c->file);

  /* With other text the second time: nothing of the first may be left. */
  for (guint i = 0; i < 2; i++) {
    g_autofree char *text
        = test_worker_write (worker, "text", i == 0 ? SENTENCES : "Only this is said.", -1);
    g_autofree char *codecs = NULL;
    g_autofree char *words = NULL;
    g_autoptr (GVariant) finished = NULL;
    guint64 duration = 0;

    test_worker_succeed (worker, plan, INPUTS ({ "text", text }),
                         OUTPUTS ({ "out", c->file, c->type }, { "words", "words" }));
    test_decode (path);
    codecs = probe_streams (path);
    g_assert_cmpstr (codecs, ==, c->codecs);
    finished = test_worker_find_event (worker, "stage-finished", "speech");
    g_variant_lookup (finished, "duration", "t", &duration);
    /* An MP3 begins and ends with a part of a frame that players leave out. */
    g_assert_cmpfloat_with_epsilon (test_probe_duration (path), (double) duration / 1e9,
                                    g_str_equal (c->codecs, "mp3") ? 0.15 : 0.1);
    words = test_worker_read (worker, "words", NULL);
    g_assert_cmpstr (
        words, ==,
        i == 0 ? "The first sentence is short.\nThe second one is a good deal longer than that.\n"
                 "And here is the third.\n"
               : "Only this is said.\n");
  }
}

static void
test_pcm (void)
{
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("speech", "fakevoice", "text", ""),
                                     OUTPUT ("out", "audio/pcm", "speech",
                                             "") ", " OUTPUT ("wav", "audio/wav", "speech", ""),
                                     NULL);
  g_autofree char *text = test_worker_write (worker, "text", SENTENCES, -1);
  g_autofree char *pcm = NULL;
  g_autofree char *wav = NULL;
  gsize n_pcm, n_wav;

  test_worker_succeed (worker, plan, INPUTS ({ "text", text }),
                       OUTPUTS ({ "out", "a.pcm" }, { "wav", "a.wav" }));
  pcm = test_worker_read (worker, "a.pcm", &n_pcm);
  wav = test_worker_read (worker, "a.wav", &n_wav);
  g_assert_cmpuint (n_pcm, >, 10000);
  g_assert_cmpuint (n_wav, >, n_pcm);
  g_assert_cmpmem (wav + 44, n_pcm, pcm, n_pcm);
}

/* At a rate and with channels that are asked for: as long as before, sample by sample. */
static void
test_pcm_rate (void)
{
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("speech", "fakevoice", "text", ""),
                                     OUTPUT ("out", "audio/pcm;rate=24000;channels=2", "speech",
                                             "") ", " OUTPUT ("own", "audio/pcm", "speech", ""),
                                     NULL);
  g_autofree char *text = test_worker_write (worker, "text", SENTENCES, -1);
  g_autofree gint16 *samples = NULL;
  g_autofree char *own = NULL;
  g_autoptr (GVariant) finished = NULL;
  guint64 duration = 0;
  gsize n, n_own;

  test_worker_succeed (worker, plan, INPUTS ({ "text", text }),
                       OUTPUTS ({ "out", "b.pcm", "audio/pcm;rate=24000;channels=2" },
                                { "own", "c.pcm" }));
  finished = test_worker_find_event (worker, "stage-finished", "speech");
  g_variant_lookup (finished, "duration", "t", &duration);
  samples = (gint16 *) (gpointer) test_worker_read (worker, "b.pcm", &n);
  own = test_worker_read (worker, "c.pcm", &n_own);
  g_assert_cmpfloat_with_epsilon ((double) n / 4 / 24000, (double) duration / 1e9, 0.01);
  g_assert_cmpuint (n, !=, n_own);
  for (gsize i = 0; i + 1 < n / 2; i += 2)
    g_assert_cmpint (samples[i], ==, samples[i + 1]);
}

static void
check_video (const char *path, const char *codecs)
{
  g_autofree char *found = probe_streams (path);
  g_autofree char *audio_end = NULL;
  const char *const ends[] = { "v:0", "a:0" };
  double end[2];

  g_assert_cmpstr (found, ==, codecs);
  test_decode (path);
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GError) error = NULL;
    const char *argv[] = { "ffprobe",
                           "-v",
                           "error",
                           "-select_streams",
                           ends[i],
                           "-show_entries",
                           "packet=pts_time,duration_time",
                           "-of",
                           "csv=p=0",
                           path,
                           NULL };
    g_autofree char *text = NULL;
    g_auto (GStrv) lines = NULL;
    g_auto (GStrv) fields = NULL;

    g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, NULL, NULL,
                  &error);
    g_assert_no_error (error);
    lines = g_strsplit (g_strchomp (text), "\n", -1);
    fields = g_strsplit (lines[g_strv_length (lines) - 1], ",", -1);
    end[i] = g_ascii_strtod (fields[0], NULL)
             + (fields[1] != NULL ? g_ascii_strtod (fields[1], NULL) : 0);
  }
  g_assert_cmpfloat (end[0], >, 3);
  g_assert_cmpfloat_with_epsilon (end[0], end[1], 0.1);
}

/* Seeks, and decodes from there. */
static void
check_seek (const char *path)
{
  const char *argv[] = { "ffmpeg", "-v", "error", "-ss", "2", "-i", path, "-f", "null", "-", NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *complaints = NULL;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &complaints,
                NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (complaints, ==, "");
}

static void
test_video (gconstpointer data)
{
  const AudioCase *c = data;
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE ("speech", "espeak", "text", "") ", " STAGE ("video", "storyboard",
                                                                      "speech", "captions"),
                   OUTPUT_2 ("out", "video/webm", "video", "", "speech",
                             "") ", " OUTPUT ("captions", "text/vtt", "speech", "captions"),
                   NULL);
  g_autofree char *text = test_worker_write (worker, "text", SENTENCES, -1);
  g_autofree char *path = test_worker_path (worker, c->file);

  for (guint i = 0; i < 2; i++) {
    g_autofree char *captions = NULL;

    test_worker_succeed (worker, plan, INPUTS ({ "text", text }),
                         OUTPUTS ({ "out", c->file, c->type }, { "captions", "v.vtt" }));
    check_video (path, c->codecs);
    check_seek (path);
    captions = test_worker_read (worker, "v.vtt", NULL);
    g_assert_true (g_str_has_prefix (captions, "WEBVTT\n\n00:00:00.000 --> "));
    g_assert_nonnull (strstr (captions, "\nAnd here is the third.\n\n"));
  }
}

static const AudioCase video_cases[] = {
  { "video/webm", "v.webm", "vp8 opus" },
  { "video/mp4", "v.mp4", "h264 aac" },
};

/* What would break a file of cues: arrows, markup and blank lines in the text. */
static void
test_vtt_is_escaped (void)
{
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("speech", "fakevoice", "text", ""),
                                     OUTPUT ("captions", "text/vtt", "speech", "captions"), NULL);
  g_autofree char *text
      = test_worker_write (worker, "text", "From A --> B & <b>then\non</b>. Next.", -1);
  g_autofree char *captions = NULL;
  g_auto (GStrv) cues = NULL;

  test_worker_succeed (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "captions", "v.vtt" }));
  captions = test_worker_read (worker, "v.vtt", NULL);
  g_test_message ("%s", captions);
  g_assert_nonnull (strstr (captions, "From A --&gt; B &amp; &lt;b&gt;then\non&lt;/b&gt;.\n\n"));
  cues = g_strsplit (captions, "-->", -1);
  g_assert_cmpint (g_strv_length (cues), ==, 3);
}

typedef struct {
  const char *type;
  const char *magic;
} ImageCase;

static const ImageCase image_cases[]
    = { { "image/png", "\x89PNG" }, { "image/jpeg", "\xff\xd8\xff" } };

static void
test_image (gconstpointer data)
{
  const ImageCase *c = data;
  g_autofree char *page = g_test_build_filename (G_TEST_DIST, "..", "data", "page.png", NULL);
  g_autofree char *plan
      = test_plan (PAGE_INPUT,
                   ELEMENT ("flip", "videoflip", "page", "", "'method': <'rotate-180'>"),
                   OUTPUT ("out", "image/png", "flip", ""), NULL);
  g_autofree char *path = test_worker_path (worker, "picture");
  g_autofree char *before = test_probe (page, "stream=width,height");

  for (guint i = 0; i < 2; i++) {
    g_autofree char *bytes = NULL;
    g_autofree char *after = NULL;
    gsize length;

    test_worker_succeed (worker, plan, INPUTS ({ "page", page }),
                         OUTPUTS ({ "out", "picture", c->type }));
    bytes = test_worker_read (worker, "picture", &length);
    g_assert_cmpmem (bytes, strlen (c->magic), c->magic, strlen (c->magic));
    test_decode (path);
    after = test_probe (path, "stream=width,height");
    g_assert_cmpstr (before, ==, after);
  }
}

/* Sound and film in: whatever container and codec they have. */
static void
test_sound_is_decoded (void)
{
  g_autofree char *make = test_plan (TEXT_INPUT, STAGE ("speech", "espeak", "text", ""),
                                     OUTPUT ("out", "audio/ogg", "speech", ""), NULL);
  g_autofree char *plan
      = test_plan ("{'name': <'sound'>, 'type': <'audio/*'>}",
                   ELEMENT ("echo", "audioecho", "sound", "", "'delay': <int64 20000000>"),
                   OUTPUT ("out", "audio/flac", "echo", "") ", " OUTPUT ("wav", "audio/wav",
                                                                         "sound", ""),
                   NULL);
  g_autofree char *text = test_worker_write (worker, "text", SENTENCES, -1);

  for (guint i = 0; i < G_N_ELEMENTS (audio_cases); i++) {
    g_autofree char *sound = test_worker_path (worker, audio_cases[i].file);
    g_autofree char *path = test_worker_path (worker, "echo.flac");
    g_autofree char *wav = test_worker_path (worker, "copy.wav");

    test_worker_succeed (worker, make, INPUTS ({ "text", text }),
                         OUTPUTS ({ "out", audio_cases[i].file, audio_cases[i].type }));
    test_worker_succeed (worker, plan, INPUTS ({ "sound", sound }),
                         OUTPUTS ({ "out", "echo.flac" }, { "wav", "copy.wav" }));
    test_decode (path);
    g_assert_cmpfloat_with_epsilon (test_probe_duration (sound), test_probe_duration (path), 0.1);
    g_assert_cmpfloat_with_epsilon (test_probe_duration (sound), test_probe_duration (wav), 0.1);
  }
}

static void
test_texts_are_joined_in_order (void)
{
  g_autofree char *plan = test_plan (TEXT_INPUT,
                                     STAGE ("slow", "fakeslow", "text",
                                            "") ", " STAGE ("quick", "fakeecho", "text", ""),
                                     OUTPUT_2 ("out", "text/plain", "slow", "", "quick", ""), NULL);
  g_autofree char *text = test_worker_write (worker, "text", "One line.\n", -1);
  g_autofree char *out = NULL;

  test_worker_succeed (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
  out = test_worker_read (worker, "out", NULL);
  g_assert_cmpstr (out, ==, "One line.\nOne line.\n");
}

static gboolean
has_bytes (TestWorker *self, gpointer data)
{
  struct stat st;

  return stat (data, &st) == 0 && st.st_size > 100000;
}

/* A player can begin while the file is being made. */
static void
test_growing (gconstpointer data)
{
  const AudioCase *c = data;
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE ("speech", "espeak", "text", "") ", " STAGE ("video", "storyboard",
                                                                      "speech", "captions"),
                   OUTPUT_2 ("out", "video/webm", "video", "", "speech", ""), NULL);
  g_autoptr (GString) article = g_string_new (NULL);
  g_autofree char *path = test_worker_path (worker, c->file);
  g_autofree char *snapshot = test_worker_path (worker, "snapshot");
  g_autofree char *text = NULL;
  g_autofree char *part = NULL;
  g_autofree char *codecs = NULL;
  gsize length;

  for (guint i = 0; i < 120; i++)
    g_string_append (article, SENTENCES);
  text = test_worker_write (worker, "text", article->str, -1);
  test_worker_run (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", c->file, c->type }));
  test_worker_until (worker, has_bytes, path, 60);
  part = test_worker_read (worker, c->file, &length);
  g_assert_false (worker->finished);
  g_file_set_contents (snapshot, part, (gssize) length, NULL);
  codecs = probe_streams (snapshot);
  g_assert_cmpstr (codecs, ==, c->codecs);
  test_worker_wait (worker, 120);
  g_assert_true (worker->ok);
  check_seek (path);
}

#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
/* An idle worker does not keep what jobs needed for their frames. */
static void
test_memory_goes_back (void)
{
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE ("speech", "espeak", "text", "") ", " STAGE ("video", "storyboard",
                                                                      "speech", "captions"),
                   OUTPUT_2 ("out", "video/webm", "video", "", "speech", ""), NULL);
  g_autofree char *text = test_worker_write (worker, "text", SENTENCES, -1);

  for (guint i = 0; i < 15; i++)
    test_worker_succeed (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "v.webm" }));
  g_test_message ("%" G_GUINT64_FORMAT " KiB", test_worker_private_kib (worker));
  g_assert_cmpuint (test_worker_private_kib (worker), <, 128 * 1024);
}
#endif

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  worker = test_worker_start (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (audio_cases); i++) {
    g_autofree char *name = g_strdup_printf ("/outputs/speech-as-%s-twice", audio_cases[i].file);

    g_test_add_data_func (name, &audio_cases[i], test_audio);
  }
  g_test_add_func ("/outputs/pcm-is-the-content-of-wav", test_pcm);
  g_test_add_func ("/outputs/pcm-at-another-rate", test_pcm_rate);
  for (guint i = 0; i < G_N_ELEMENTS (video_cases); i++) {
    g_autofree char *name
        = g_strdup_printf ("/outputs/captioned-video-as-%s-twice", video_cases[i].file);
    g_autofree char *growing
        = g_strdup_printf ("/outputs/%s-is-readable-while-it-grows", video_cases[i].file);

    g_test_add_data_func (name, &video_cases[i], test_video);
    g_test_add_data_func (growing, &video_cases[i], test_growing);
  }
  g_test_add_data_func ("/outputs/speech-as-a.aac-twice", &aac_case, test_audio);
  g_test_add_func ("/outputs/cues-are-escaped", test_vtt_is_escaped);
  g_test_add_data_func ("/outputs/picture-as-png-twice", &image_cases[0], test_image);
  g_test_add_data_func ("/outputs/picture-as-jpeg-twice", &image_cases[1], test_image);
  g_test_add_func ("/outputs/sound-of-each-type-is-decoded", test_sound_is_decoded);
  g_test_add_func ("/outputs/texts-are-joined-in-order", test_texts_are_joined_in_order);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
  g_test_add_func ("/outputs/memory-goes-back-after-jobs", test_memory_goes_back);
#endif
  status = g_test_run ();
  test_worker_free (worker);
  return status;
}
