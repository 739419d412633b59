/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parts of the worker that need no process: sizes of pictures, properties, text files. */
#include <gst/check/gstharness.h>
#include <string.h>

#include "runner/flow.h"
#include "runner/picture-size.h"
#include "runner/properties.h"
#include "runner/run-plan.h"
#include "runner/text-writer.h"
#include "runner/work.h"

typedef struct {
  const char *name;
  const char *bytes;
  gsize length;
  guint64 width, height;
} Header;

#define BYTES(TEXT) TEXT, sizeof (TEXT) - 1

static const Header headers[] = {
  { "png", BYTES ("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\x86\xa0\0\0\0\7\x08\0\0\0\0"), 100000, 7 },
  { "jpeg", BYTES ("\xff\xd8\xff\xe0\0\4ab\xff\xff\xc0\0\x11\x08\1\2\3\4\3"), 0x304, 0x102 },
  { "gif", BYTES ("GIF89a\2\1\4\3"), 0x102, 0x304 },
  { "bmp", BYTES ("BM............\x28\0\0\0\5\0\0\0\xfd\xff\xff\xff"), 5, 3 },
  { "old-bmp", BYTES ("BM............\x0c\0\0\0\5\0\3\0"), 5, 3 },
  { "webp-lossless", BYTES ("RIFF....WEBPVP8L....\x2f\x63\x40\x06\0"), 100, 26 },
  { "webp-lossy", BYTES ("RIFF....WEBPVP8 ..........\x64\0\x32\0"), 100, 50 },
  { "pgm", BYTES ("P5\n# a comment\n640  480\n255\n"), 640, 480 },
  { "tiff",
    BYTES ("II*\0\x08\0\0\0\2\0\0\1\3\0\1\0\0\0\x20\0\0\0\1\1\4\0\1\0\0\0\x10\0\0\0\0\0\0\0"), 32,
    16 },
  { "big-endian-tiff",
    BYTES ("MM\0*\0\0\0\x08\0\2\1\0\0\3\0\0\0\1\0\x20\0\0\1\1\0\4\0\0\0\1\0\0\0\x10\0\0\0\0"), 32,
    16 },
  /* Two pages, the second one larger and pointing back at the first. */
  { "tiff-ring",
    BYTES ("II*\0\x08\0\0\0\2\0\0\1\3\0\1\0\0\0\x20\0\0\0\1\1\4\0\1\0\0\0\x10\0\0\0\x26\0\0\0"
           "\2\0\0\1\3\0\1\0\0\0\x40\0\0\0\1\1\4\0\1\0\0\0\x10\0\0\0\x08\0\0\0"),
    64, 16 },
  { "text", BYTES ("Plain text"), 0, 0 },
  { "nothing", BYTES (""), 0, 0 },
};

static void
test_sizes (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (headers); i++) {
    const Header *h = &headers[i];
    guint64 width, height;
    gboolean known = medley_picture_size ((const guint8 *) h->bytes, h->length, &width, &height);

    g_test_message ("%s", h->name);
    g_assert_cmpint (known, ==, h->width > 0);
    g_assert_cmpuint (width, ==, h->width);
    g_assert_cmpuint (height, ==, h->height);
  }
}

static void
test_size_of_extended_webp (void)
{
  guint8 bytes[30] = "RIFF....WEBPVP8X";
  guint64 width, height;

  bytes[24] = 0x63;
  bytes[27] = bytes[28] = bytes[29] = 0xff;
  g_assert_true (medley_picture_size (bytes, sizeof bytes, &width, &height));
  g_assert_cmpuint (width, ==, 100);
  g_assert_cmpuint (height, ==, 1 << 24);
}

/* Each header cut at each place, in memory of just that size: for the address sanitizer. */
static void
test_cut_headers (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (headers); i++) {
    for (gsize n = 0; n < headers[i].length; n++) {
      g_autofree guint8 *copy = g_memdup2 (headers[i].bytes, n);
      guint64 width, height;

      medley_picture_size (copy, n, &width, &height);
    }
  }
}

static void
test_noise_is_survived (void)
{
  static const char *const magics[]
      = { "\x89PNG\r\n\x1a\n", "\xff\xd8", "GIF8", "BM", "P5", "II*\0", "MM\0*" };
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (guint i = 0; i < 20000; i++) {
    gsize n = 8 + (gsize) g_rand_int_range (rand, 0, 100);
    g_autofree guint8 *bytes = g_malloc (n);
    guint64 width, height;

    for (gsize j = 0; j < n; j++)
      bytes[j] = (guint8) g_rand_int (rand);
    memcpy (bytes, magics[i % G_N_ELEMENTS (magics)], strlen (magics[i % G_N_ELEMENTS (magics)]));
    medley_picture_size (bytes, n, &width, &height);
  }
}

typedef struct {
  const char *factory;
  const char *property;
  const char *json; /* GVariant text */
  const char *code; /* NULL when it fits */
  const char *words;
} Property;

static const Property properties[] = {
  { "queue", "max-size-bytes", "int64 5", NULL, NULL },
  { "queue", "max-size-bytes", "5.0", NULL, NULL },
  { "queue", "max-size-bytes", "5.5", "bad-value", "whole number from 0 to 4294967295, not 5.5" },
  { "queue", "max-size-bytes", "int64 -1", "bad-value", "not -1" },
  { "queue", "max-size-bytes", "int64 4294967296", "bad-value", "from 0 to 4294967295" },
  { "queue", "max-size-bytes", "'5'", "bad-value", "not \"5\"" },
  { "queue", "max-size-bytes", "true", "bad-value", "not true" },
  { "queue", "silent", "true", NULL, NULL },
  { "queue", "silent", "int64 1", "bad-value", "true or false" },
  { "queue", "leaky", "'upstream'", NULL, NULL },
  { "queue", "leaky", "int64 1", NULL, NULL },
  { "queue", "leaky", "int64 99", "bad-value", "one of: no, upstream, downstream" },
  { "queue", "leaky", "'upstreem'", "bad-value", "not \"upstreem\"" },
  { "queue", "max-size-byte", "int64 1", "unknown-property", "did you mean \"max-size-bytes\"" },
  { "queue", "name", "'x'", "unknown-property", "cannot be set" },
  { "queue", "parent", "'x'", "unknown-property", "cannot be set" },
  { "queue", "current-level-bytes", "int64 1", "unknown-property", "cannot be set" },
  { "capsfilter", "caps", "'audio/x-raw,rate=8000'", NULL, NULL },
  { "capsfilter", "caps", "'audio/x-raw,,'", "bad-value", "GstCaps" },
  { "identity", "drop-probability", "0.5", NULL, NULL },
  { "identity", "drop-probability", "int64 1", NULL, NULL },
  { "identity", "drop-probability", "1.5", "bad-value", "from 0 to 1, not 1.5" },
};

static void
test_properties (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (properties); i++) {
    const Property *p = &properties[i];
    g_autoptr (GstElement) element
        = gst_object_ref_sink (gst_element_factory_make (p->factory, NULL));
    g_autoptr (GVariant) json = g_variant_parse (NULL, p->json, NULL, NULL, NULL);
    g_autofree char *suggestion = NULL;
    g_autoptr (GError) error = NULL;
    GValue value = G_VALUE_INIT;
    const char *code = NULL;
    gboolean ok = medley_property_convert (G_OBJECT_GET_CLASS (element), p->factory, p->property,
                                           json, &value, &code, &suggestion, &error);

    g_test_message ("%s %s: %s", p->property, p->json, error != NULL ? error->message : "fits");
    g_assert_cmpint (ok, ==, p->code == NULL);
    if (ok) {
      g_object_set_property (G_OBJECT (element), p->property, &value);
      g_value_unset (&value);
    } else {
      g_assert_cmpstr (code, ==, p->code);
      g_assert_nonnull (strstr (error->message, p->words));
    }
  }
}

static void
test_values_are_restored (void)
{
  g_autoptr (GstElement) queue = gst_object_ref_sink (gst_element_factory_make ("queue", NULL));
  GstStructure *values = medley_properties_save (queue);
  guint bytes, usual;
  gboolean silent;

  g_object_get (queue, "max-size-bytes", &usual, NULL);
  g_object_set (queue, "max-size-bytes", 7, "silent", TRUE, NULL);
  medley_properties_restore (queue, values);
  g_object_get (queue, "max-size-bytes", &bytes, "silent", &silent, NULL);
  g_assert_cmpuint (bytes, ==, usual);
  g_assert_false (silent);
  gst_structure_free (values);
}

static char *
write_text (MedleyTextForm form, const char *caps, const char *const *pieces, gboolean timed)
{
  GstElement *element = gst_object_ref_sink (medley_text_writer_new (form));
  GstHarness *h = gst_harness_new_with_element (element, "sink", "src");
  GString *out = g_string_new (NULL);
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, caps);
  for (guint i = 0; pieces[i] != NULL; i++) {
    GstBuffer *piece = gst_buffer_new_memdup (pieces[i], strlen (pieces[i]));

    if (timed) {
      GST_BUFFER_PTS (piece) = i * 3661 * GST_SECOND;
      GST_BUFFER_DURATION (piece) = 1500 * GST_MSECOND;
    }
    g_assert_cmpint (gst_harness_push (h, piece), ==, GST_FLOW_OK);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    GstMapInfo map;

    gst_buffer_map (buffer, &map, GST_MAP_READ);
    g_string_append_len (out, (const char *) map.data, (gssize) map.size);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
  gst_object_unref (element);
  return g_string_free (out, FALSE);
}

static void
test_text_files (void)
{
  static const char *const pieces[] = { "One.", "Two & <three>\n\n--> four.", NULL };
  static const char *const documents[] = { "{\"a\": 1}\n", "[2]", NULL };
  static const char *const none[] = { NULL };
  const char *text = "text/x-raw, format=utf8", *json = "application/json";
  g_autofree char *plain = write_text (MEDLEY_TEXT_PLAIN, text, pieces, FALSE);
  g_autofree char *lines = write_text (MEDLEY_TEXT_PLAIN, text, pieces, TRUE);
  g_autofree char *vtt = write_text (MEDLEY_TEXT_VTT, text, pieces, TRUE);
  g_autofree char *no_cues = write_text (MEDLEY_TEXT_VTT, text, none, TRUE);
  g_autofree char *array = write_text (MEDLEY_TEXT_JSON, json, documents, FALSE);
  g_autofree char *no_documents = write_text (MEDLEY_TEXT_JSON, json, none, FALSE);

  g_assert_cmpstr (plain, ==, "One.Two & <three>\n\n--> four.");
  g_assert_cmpstr (lines, ==, "One.\nTwo & <three>\n\n--> four.\n");
  g_assert_cmpstr (vtt, ==,
                   "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne.\n\n"
                   "01:01:01.000 --> 01:01:02.500\nTwo &amp; &lt;three&gt;\n--&gt; four.\n\n");
  g_assert_cmpstr (no_cues, ==, "WEBVTT\n");
  g_assert_cmpstr (array, ==, "[\n{\"a\": 1},\n[2]\n]\n");
  g_assert_cmpstr (no_documents, ==, "[]\n");
}

static void
test_bad_plans (void)
{
  static const char *const plans[] = {
    "{'stages': <[{'name': <'a'>, 'from': <[('', 'b', '')]>}]>}",
    "{'inputs': <[{'type': <'text/plain'>}]>}",
    "{'outputs': <[{'name': <'a'>, 'from': <[('b', '')]>}]>}",
    /* a stage reads from a later one */
    "{'stages': <[{'name': <'a'>, 'from': <[('', 'b', '')]>}, {'name': <'b'>, 'from': <@a(sss) "
    "[]>}]>}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (plans); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) value
        = g_variant_parse (G_VARIANT_TYPE_VARDICT, plans[i], NULL, NULL, &error);

    g_assert_no_error (error);
    g_assert_null (medley_run_plan_new (value, &error));
    g_assert_nonnull (error);
  }
}

/* Gives one place of work to two stages in turn, as jobs in a row do. */
static gpointer
change_places (gpointer data)
{
  static const char *const names[] = { "a-stage-with-a-long-name-aaaaaaaaaaaaaaaaaaaaaaaaa", "b" };

  for (guint i = 0; g_atomic_int_get ((gint *) data) == 0; i++) {
    MedleyWork *work = medley_work_new (names[i % 2], names[i % 2]);

    medley_work_enter (work);
    medley_work_enter (NULL);
    medley_work_free (work);
  }
  return NULL;
}

/* A heartbeat asks while a job begins. */
static void
test_names_of_work_are_whole (void)
{
  gint end = 0;
  GThread *thread = g_thread_new ("job", change_places, &end);
  guint n_named = 0;

  for (guint i = 0; i < 20000 || n_named == 0; i++) {
    g_autofree char *stage = NULL;
    g_autofree char *engine = NULL;

    medley_work_longest (&stage, &engine);
    g_assert_cmpstr (stage, ==, engine);
    n_named += *stage != '\0';
  }
  g_atomic_int_set (&end, 1);
  g_thread_join (thread);
}

/* Whatever kind of sound comes, who takes bare samples gets it decoded. */
static void
test_any_sound_is_decoded (void)
{
  static const struct {
    const char *type;
    const char *sink;
    MedleyLinkKind kind;
  } cases[] = {
    { "audio/*", "audio/x-raw,format=S16LE,layout=interleaved,rate=16000,channels=1",
      MEDLEY_LINK_DECODE_AUDIO },
    { "audio/wav", "audio/x-raw,format=S16LE,rate=16000", MEDLEY_LINK_DECODE_AUDIO },
    { "audio/pcm", "audio/x-raw,format=S16LE,rate=16000", MEDLEY_LINK_AUDIO },
    { "video/*", "audio/x-raw", MEDLEY_LINK_DECODE_AUDIO },
    { "audio/*", "text/x-raw", MEDLEY_LINK_NONE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GstCaps) sink = gst_caps_from_string (cases[i].sink);
    MedleyFlow flow = { 0 };

    medley_flow_set_type (&flow, cases[i].type);
    g_test_message ("%s to %s", cases[i].type, cases[i].sink);
    g_assert_cmpint (medley_flow_decide (&flow, sink), ==, cases[i].kind);
    medley_flow_clear (&flow);
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/runner/picture-sizes", test_sizes);
  g_test_add_func ("/runner/picture-size-of-extended-webp", test_size_of_extended_webp);
  g_test_add_func ("/runner/cut-picture-headers", test_cut_headers);
  g_test_add_func ("/runner/noise-as-picture-headers", test_noise_is_survived);
  g_test_add_func ("/runner/properties-fit-or-say-why-not", test_properties);
  g_test_add_func ("/runner/property-values-are-restored", test_values_are_restored);
  g_test_add_func ("/runner/any-sound-is-decoded", test_any_sound_is_decoded);
  g_test_add_func ("/runner/text-files", test_text_files);
  g_test_add_func ("/runner/plans-that-make-no-sense", test_bad_plans);
  g_test_add_func ("/runner/names-of-work-are-whole", test_names_of_work_are_whole);
  return g_test_run ();
}
