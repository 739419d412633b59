/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes wrong, and what is said of it: code, stage, and words that help. After each failure the
 * worker goes on. */
#include <string.h>
#include <unistd.h>

#include "worker-fixture.h"
#include "worker-plans.h"

static TestWorker *worker;

#define LIMITS                                                                                     \
  "'text-bytes': <uint64 1000>, 'image-pixels': <uint64 100000000>, 'output-bytes': <uint64 "      \
  "1000000>"

/* A failure leaves a worker that works. */
static void
check_worker (void)
{
  g_autofree char *text = test_worker_write (worker, "fine", "Fine.\n", -1);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("echo", "fakeecho", "text", ""),
                                     OUTPUT ("out", "text/plain", "echo", ""), NULL);
  g_autofree char *out = NULL;

  test_worker_succeed (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "fine.out" }));
  out = test_worker_read (worker, "fine.out", NULL);
  g_assert_cmpstr (out, ==, "Fine.\n");
}

typedef struct {
  const char *name;
  const char *text;
  gssize length;
  const char *code;
  const char *stage;
  const char *message;
} TextCase;

static const TextCase text_cases[] = {
  { "empty", "", 0, "empty-input", NULL, "\"text\" is empty" },
  { "white-space", "  \n \n", -1, "empty-input", "speech", "white space" },
  { "latin-1", "caf\xe9 and more", -1, "bad-encoding", "speech", "UTF-8" },
  { "nul", "abc\0def", 7, "nul-in-text", "speech", "NUL" },
};

static void
test_text (gconstpointer data)
{
  const TextCase *c = data;
  g_autofree char *text = test_worker_write (worker, "text", c->text, c->length);
  g_autofree char *plan
      = test_plan (TEXT_INPUT, STAGE ("speech", "espeak", "text", ""),
                   OUTPUT ("out", "audio/ogg", "speech", "") ", " OUTPUT ("words", "text/plain",
                                                                          "speech", "captions"),
                   LIMITS);

  test_worker_fail (worker, plan, INPUTS ({ "text", text }),
                    OUTPUTS ({ "out", "out" }, { "words", "words" }), c->code, c->stage,
                    c->message);
  check_worker ();
}

static void
test_text_too_long (void)
{
  g_autofree char *letters = g_strnfill (1001, 'x');
  g_autofree char *text = test_worker_write (worker, "text", letters, -1);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("speech", "espeak", "text", ""),
                                     OUTPUT ("out", "audio/ogg", "speech", ""), LIMITS);

  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }),
                    "too-large", NULL, "1001 bytes; the limit is 1000 (limits.text-bytes)");
}

static void
test_nothing_to_speak (void)
{
  g_autofree char *text = test_worker_write (worker, "text", "...\n", -1);
  const char *const types[] = { "audio/ogg", "audio/wav", "audio/flac", "audio/mpeg" };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("speech", "espeak", "text", ""),
                                       OUTPUT ("out", "audio/ogg", "speech", ""), LIMITS);

    /* Well or not: it ends, and says so. */
    test_worker_run (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out", types[i] }));
    test_worker_wait (worker, 30);
    g_assert_true (worker->ok || g_variant_n_children (worker->error) > 0);
  }
}

static guint32
crc (const guint8 *data, gsize length)
{
  guint32 sum = 0xffffffff;

  for (gsize i = 0; i < length; i++) {
    sum ^= data[i];
    for (guint k = 0; k < 8; k++)
      sum = sum & 1 ? 0xedb88320 ^ (sum >> 1) : sum >> 1;
  }
  return ~sum;
}

static void
append_chunk (GByteArray *png, const char *type, const guint8 *data, guint32 length)
{
  guint32 be = GUINT32_TO_BE (length);
  gsize at;

  g_byte_array_append (png, (const guint8 *) &be, 4);
  at = png->len;
  g_byte_array_append (png, (const guint8 *) type, 4);
  g_byte_array_append (png, data, length);
  be = GUINT32_TO_BE (crc (png->data + at, png->len - at));
  g_byte_array_append (png, (const guint8 *) &be, 4);
}

/* A few bytes that say to be 100,000 × 100,000 pixels. */
static char *
write_bomb (void)
{
  static const guint8 header[] = { 0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0, 8, 0, 0, 0, 0 };
  static const guint8 content[] = { 0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1 };
  g_autoptr (GByteArray) png = g_byte_array_new ();

  g_byte_array_append (png, (const guint8 *) "\x89PNG\r\n\x1a\n", 8);
  append_chunk (png, "IHDR", header, sizeof header);
  append_chunk (png, "IDAT", content, sizeof content);
  append_chunk (png, "IEND", NULL, 0);
  return test_worker_write (worker, "bomb.png", (const char *) png->data, png->len);
}

static void
check_picture (const char *path, const char *code, const char *message)
{
  g_autofree char *ocr
      = test_plan (PAGE_INPUT, STAGE ("ocr", "tesseract", "page", ""),
                   OUTPUT ("text", "text/plain", "ocr",
                           "") ", " OUTPUT ("layout", "application/json", "ocr", "layout"),
                   LIMITS);
  g_autofree char *convert
      = test_plan (PAGE_INPUT, "", OUTPUT ("out", "image/jpeg", "page", ""), LIMITS);
  const char *found = NULL;

  /* Through GStreamer's decoders. */
  test_worker_fail (worker, convert, INPUTS ({ "page", path }), OUTPUTS ({ "out", "out.jpg" }),
                    code, NULL, message);
  /* Into an engine that decodes by itself, whose words are its own. */
  test_worker_run (worker, ocr, INPUTS ({ "page", path }),
                   OUTPUTS ({ "text", "out" }, { "layout", "layout" }));
  test_worker_wait (worker, 30);
  g_assert_false (worker->ok);
  g_variant_lookup (worker->error, "code", "&s", &found);
  g_assert_cmpstr (found, ==, code);
  check_worker ();
}

static void
test_pixel_bomb (void)
{
  g_autofree char *path = write_bomb ();

  check_picture (path, "image-too-large", "100000 × 100000 pixels; the limit is 100000000");
}

static void
test_broken_pictures (void)
{
  g_autofree char *page = g_test_build_filename (G_TEST_DIST, "..", "data", "page.png", NULL);
  g_autofree char *bytes = NULL;
  g_autofree char *noise = g_malloc (5000);
  g_autofree char *path = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (page, &bytes, &length, NULL));
  path = test_worker_write (worker, "cut.png", bytes, (gssize) length / 2);
  check_picture (path, "bad-input", "\"page\"");
  g_free (path);
  path = test_worker_write (worker, "empty.png", "", 0);
  check_picture (path, "empty-input", "\"page\" is empty");
  g_free (path);
  path = test_worker_write (worker, "text.png", "This is a text.", -1);
  check_picture (path, "bad-input", "is not an image");
  for (guint i = 0; i < 10; i++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (i);

    for (guint j = 0; j < 5000; j++)
      noise[j] = (char) g_rand_int (rand);
    /* Half of them begin as a picture does. */
    if (i % 2 == 0)
      memcpy (noise, bytes, 40);
    g_free (path);
    path = test_worker_write (worker, "noise.png", noise, 5000);
    check_picture (path, "bad-input", "\"page\"");
  }
}

static void
test_sound_that_is_none (void)
{
  g_autofree char *page = g_test_build_filename (G_TEST_DIST, "..", "data", "page.png", NULL);
  g_autofree char *text = test_worker_write (worker, "text", "This is a text, and no sound.", -1);
  g_autofree char *plan = test_plan ("{'name': <'sound'>, 'type': <'audio/*'>}", "",
                                     OUTPUT ("out", "audio/ogg", "sound", ""), LIMITS);

  test_worker_fail (worker, plan, INPUTS ({ "sound", page }), OUTPUTS ({ "out", "out" }),
                    "bad-input", NULL, "\"sound\"");
  test_worker_fail (worker, plan, INPUTS ({ "sound", text }), OUTPUTS ({ "out", "out" }),
                    "bad-input", NULL, "\"sound\"");
  check_worker ();
}

static void
test_output_too_large (void)
{
  g_autofree char *text
      = test_worker_write (worker, "text", "Some words. And some more. And many more than that.",
                           -1);
  g_autofree char *plan
      = test_plan (TEXT_INPUT, STAGE ("speech", "fakevoice", "text", ""),
                   OUTPUT ("out", "audio/wav", "speech", ""), "'output-bytes': <uint64 5000>");

  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }),
                    "output-too-large", NULL, "output \"out\"");
  check_worker ();
}

static void
test_disk_full (void)
{
  g_autofree char *text = test_worker_write (worker, "text", "Some words.", -1);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("echo", "fakeecho", "text", ""),
                                     OUTPUT ("out", "text/plain", "echo", ""), NULL);
  g_autofree char *out = test_worker_path (worker, "full");

  /* A device on which there is never any space. */
  g_assert_cmpint (symlink ("/dev/full", out), ==, 0);
  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "full" }),
                    "no-space", NULL, "disk is full");
  check_worker ();
}

static void
test_unknown_voice (void)
{
  g_autofree char *text = test_worker_write (worker, "text", "Some words.", -1);
  g_autofree char *plan
      = test_plan (TEXT_INPUT, STAGE_SET ("speech", "espeak", "text", "", "'voice': <'xx-none'>"),
                   OUTPUT ("out", "audio/wav", "speech", ""), NULL);

  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }),
                    "unknown-voice", "speech", "xx-none");
  check_worker ();
}

static void
test_properties_come_with_all_faults (void)
{
  g_autofree char *text = test_worker_write (worker, "text", "Some words.", -1);
  g_autofree char *plan
      = test_plan (TEXT_INPUT,
                   STAGE_SET ("speech", "fakevoice", "text", "",
                              "'ms-per-character': <int64 5000>, 'voise': <'low'>"),
                   OUTPUT ("out", "audio/wav", "speech", ""), NULL);
  g_autoptr (GVariant) faults = NULL;

  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }),
                    "invalid-property", "speech", "1 more fault");
  faults = g_variant_lookup_value (worker->error, "faults", G_VARIANT_TYPE ("aa{sv}"));
  g_assert_cmpuint (g_variant_n_children (faults), ==, 2);
}

/* Properties of one job are not those of the next. */
static void
test_properties_are_reset (void)
{
  g_autofree char *text = test_worker_write (worker, "text", "Some words here.", -1);
  g_autofree char *slow
      = test_plan (TEXT_INPUT,
                   STAGE_SET ("speech", "fakevoice", "text", "", "'ms-per-character': <int64 200>"),
                   OUTPUT ("out", "audio/wav", "speech", ""), NULL);
  g_autofree char *usual = test_plan (TEXT_INPUT, STAGE ("speech", "fakevoice", "text", ""),
                                      OUTPUT ("out", "audio/wav", "speech", ""), NULL);
  gsize lengths[3];

  for (guint i = 0; i < 3; i++) {
    g_autofree char *bytes = NULL;

    test_worker_succeed (worker, i == 1 ? slow : usual, INPUTS ({ "text", text }),
                         OUTPUTS ({ "out", "out" }));
    bytes = test_worker_read (worker, "out", &lengths[i]);
  }
  g_assert_cmpuint (lengths[1], >, 5 * lengths[0]);
  g_assert_cmpuint (lengths[2], ==, lengths[0]);
}

#define CANDIDATES(NAME, ENGINES)                                                                  \
  "{'name': <'" NAME "'>, 'task': <'a-to-b'>, 'engines': <[" ENGINES "]>, 'set': <@a{sv} {}>, "    \
  "'from': <[('', 'text', '')]>, 'pointer': <'/stages/" NAME "'>, 'file': <''>}"

static void
test_fallback (void)
{
  g_autoptr (TestWorker) own = test_worker_start (NULL);
  g_autofree char *text = test_worker_write (own, "text", "Some words.", -1);
  g_autofree char *plan
      = test_plan (TEXT_INPUT, CANDIDATES ("stage", "'nosuchengine', 'fakeflaky', 'fakeecho'"),
                   OUTPUT ("out", "text/plain", "stage", ""), NULL);
  g_autofree char *out = NULL;
  g_autoptr (GVariant) finished = NULL;
  const char *engines[2] = { NULL, NULL };
  const char *engine = NULL;
  guint n = 0;

  test_worker_succeed (own, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }));
  out = test_worker_read (own, "out", NULL);
  g_assert_cmpstr (out, ==, "Some words.");
  for (guint i = 0; i < own->events->len; i++) {
    g_autoptr (GVariant) details = NULL;
    const char *kind;

    g_variant_get (own->events->pdata[i], "(&s&s@a{sv})", NULL, &kind, &details);
    if (g_str_equal (kind, "stage-fallback") && n < 2)
      g_variant_lookup (details, "engine", "&s", &engines[n++]);
  }
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpstr (engines[0], ==, "fakeflaky");
  g_assert_cmpstr (engines[1], ==, "fakeecho");
  for (guint i = 0; i < own->events->len; i++) {
    g_autoptr (GVariant) details = NULL;
    const char *kind;

    g_variant_get (own->events->pdata[i], "(&s&s@a{sv})", NULL, &kind, &details);
    if (g_str_equal (kind, "stage-finished"))
      g_variant_lookup (details, "engine", "&s", &engine);
  }
  g_assert_cmpstr (engine, ==, "fakeecho");
}

static void
test_no_fallback_for_bad_input (void)
{
  g_autofree char *text = test_worker_write (worker, "text", "\xff\xff", -1);
  g_autofree char *plan = test_plan (TEXT_INPUT, CANDIDATES ("stage", "'fakeecho', 'fakevoice'"),
                                     OUTPUT ("out", "text/plain", "stage", ""), NULL);

  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }),
                    "bad-encoding", "stage", "UTF-8");
  g_assert_null (test_worker_find_event (worker, "stage-fallback", NULL));
}

static void
test_no_engine_left (void)
{
  g_autofree char *text = test_worker_write (worker, "text", "Some words.", -1);
  g_autofree char *plan
      = test_plan (TEXT_INPUT, CANDIDATES ("stage", "'nosuchengine', 'norsuchone'"),
                   OUTPUT ("out", "text/plain", "stage", ""), NULL);

  test_worker_fail (worker, plan, INPUTS ({ "text", text }), OUTPUTS ({ "out", "out" }),
                    "unknown-engine", "stage", "norsuchone");
}

static gboolean
has_fault (GVariant *faults, const char *code, const char *pointer, const char *suggestion)
{
  for (gsize i = 0; i < g_variant_n_children (faults); i++) {
    g_autoptr (GVariant) fault = g_variant_get_child_value (faults, i);
    const char *found_code = NULL, *found_pointer = NULL, *found_suggestion = NULL;

    g_variant_lookup (fault, "code", "&s", &found_code);
    g_variant_lookup (fault, "pointer", "&s", &found_pointer);
    g_variant_lookup (fault, "suggestion", "&s", &found_suggestion);
    if (g_strcmp0 (found_code, code) == 0 && g_strcmp0 (found_pointer, pointer) == 0)
      return g_strcmp0 (found_suggestion, suggestion) == 0;
  }
  return FALSE;
}

static GVariant *
check_plan (const char *plan)
{
  g_autoptr (GVariant) value = g_variant_parse (G_VARIANT_TYPE_VARDICT, plan, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply
      = test_worker_call (worker, "Check", g_variant_new ("(@a{sv})", value), &error);

  g_assert_no_error (error);
  return g_variant_get_child_value (reply, 0);
}

static void
test_check_finds_everything_at_once (void)
{
  g_autofree char *plan = test_plan (
      TEXT_INPUT ", " PAGE_INPUT,
      STAGE ("a", "fakeech", "text", "") ", " STAGE_SET ("b", "fakevoice", "text", "", "'voic': <'x'>, 'ms-per-character': <int64 100000>") ", " STAGE (
          "c", "fakeecho", "page",
          "") ", " ELEMENT ("d", "audioecho", "b", "captionz",
                            "") ", " ELEMENT ("e", "quue", "b", "",
                                              "") ", " ELEMENT ("f", "videoflip", "page", "",
                                                                "'method': <'upside-down'>"),
      OUTPUT ("text", "text/plain", "b",
              "") ", " OUTPUT ("film", "video/foo", "b",
                               "") ", " OUTPUT ("picture", "image/png", "f",
                                                "") ", " OUTPUT_2 ("both", "audio/ogg", "b", "",
                                                                   "b", ""),
      NULL);
  g_autoptr (GVariant) faults = check_plan (plan);

  g_assert_true (has_fault (faults, "unknown-engine", "/stages/a/engine", "fakeecho"));
  g_assert_true (has_fault (faults, "unknown-property", "/stages/b/set/voic", "voice"));
  g_assert_true (has_fault (faults, "bad-value", "/stages/b/set/ms-per-character", ""));
  g_assert_true (has_fault (faults, "caps-mismatch", "/stages/c/from", ""));
  g_assert_true (has_fault (faults, "unknown-name", "/stages/d/from", "captions"));
  g_assert_true (has_fault (faults, "unknown-element", "/stages/e/element", "queue"));
  g_assert_true (has_fault (faults, "bad-value", "/stages/f/set/method", ""));
  g_assert_true (has_fault (faults, "caps-mismatch", "/outputs/text/from", ""));
  g_assert_true (has_fault (faults, "unsupported-type", "/outputs/film/type", ""));
  g_assert_true (has_fault (faults, "too-many", "/outputs/both/from", ""));
  g_assert_cmpuint (g_variant_n_children (faults), ==, 10);
  check_worker ();
}

static void
test_check_is_content_with_good_plans (void)
{
  g_autofree char *narrated
      = test_plan (TEXT_INPUT,
                   STAGE ("speech", "espeak", "text", "") ", " ELEMENT (
                       "echo", "audioecho", "speech", "",
                       "'delay': <int64 20000000>") ", " STAGE ("video", "storyboard", "speech",
                                                                "captions"),
                   OUTPUT_2 ("video", "video/webm", "video", "", "echo",
                             "") ", " OUTPUT ("captions", "text/vtt", "speech", "captions"),
                   NULL);
  g_autofree char *page
      = test_plan (PAGE_INPUT,
                   STAGE ("ocr", "tesseract", "page", "") ", " STAGE ("speech", "espeak", "ocr",
                                                                      ""),
                   OUTPUT ("speech", "audio/ogg", "speech",
                           "") ", " OUTPUT ("layout", "application/json", "ocr", "layout"),
                   NULL);
  g_autofree char *list = test_plan (TEXT_INPUT, CANDIDATES ("stage", "'nosuchengine', 'fakeecho'"),
                                     OUTPUT ("out", "text/plain", "stage", ""), NULL);
  const char *const plans[] = { narrated, page, list };

  for (guint i = 0; i < G_N_ELEMENTS (plans); i++) {
    g_autoptr (GVariant) faults = check_plan (plans[i]);

    g_assert_cmpuint (g_variant_n_children (faults), ==, 0);
  }
}

static void
test_malformed_calls (void)
{
  g_autofree char *text = test_worker_write (worker, "text", "Some words.", -1);
  g_autofree char *dangling = test_plan (TEXT_INPUT, STAGE ("echo", "fakeecho", "nowhere", ""),
                                         OUTPUT ("out", "text/plain", "echo", ""), NULL);
  g_autofree char *plan = test_plan (TEXT_INPUT, STAGE ("echo", "fakeecho", "text", ""),
                                     OUTPUT ("out", "text/plain", "echo", ""), NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (test_worker_try_run (worker, dangling, INPUTS ({ "text", text }),
                                       OUTPUTS ({ "out", "out" }), &error));
  g_assert_nonnull (strstr (error->message, "nowhere"));
  g_clear_error (&error);
  g_assert_false (test_worker_try_run (worker, plan, NULL, OUTPUTS ({ "out", "out" }), &error));
  g_assert_nonnull (strstr (error->message, "\"text\""));
  g_clear_error (&error);
  g_assert_false (test_worker_try_run (worker, plan, INPUTS ({ "text", text }), NULL, &error));
  g_assert_nonnull (strstr (error->message, "\"out\""));
  check_worker ();
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  worker = test_worker_start (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (text_cases); i++) {
    g_autofree char *name = g_strdup_printf ("/errors/text-%s", text_cases[i].name);

    g_test_add_data_func (name, &text_cases[i], test_text);
  }
  g_test_add_func ("/errors/text-too-long", test_text_too_long);
  g_test_add_func ("/errors/nothing-to-speak-ends", test_nothing_to_speak);
  g_test_add_func ("/errors/a-pixel-bomb-is-not-decoded", test_pixel_bomb);
  g_test_add_func ("/errors/broken-pictures", test_broken_pictures);
  g_test_add_func ("/errors/sound-that-is-none", test_sound_that_is_none);
  g_test_add_func ("/errors/output-too-large", test_output_too_large);
  g_test_add_func ("/errors/disk-full", test_disk_full);
  g_test_add_func ("/errors/unknown-voice", test_unknown_voice);
  g_test_add_func ("/errors/properties-come-with-all-faults", test_properties_come_with_all_faults);
  g_test_add_func ("/errors/properties-are-reset-between-jobs", test_properties_are_reset);
  g_test_add_func ("/errors/another-engine-steps-in", test_fallback);
  g_test_add_func ("/errors/no-other-engine-for-bad-input", test_no_fallback_for_bad_input);
  g_test_add_func ("/errors/no-engine-left", test_no_engine_left);
  g_test_add_func ("/errors/check-finds-everything-at-once", test_check_finds_everything_at_once);
  g_test_add_func ("/errors/check-is-content-with-good-plans",
                   test_check_is_content_with_good_plans);
  g_test_add_func ("/errors/malformed-calls", test_malformed_calls);
  status = g_test_run ();
  test_worker_free (worker);
  return status;
}
