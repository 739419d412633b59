/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>
#include <string.h>

#include "base/mp4-box.h"
#include "http/mp4-scan.h"

/* Files as mp4mux makes them and MedleyMp4Finish leaves them, of bytes that are no media. */

#define VIDEO 1
#define AUDIO 2
#define NOT_KEY MEDLEY_SAMPLE_IS_NOT_SYNC
#define SCALE 1000 /* of both tracks, so that times are milliseconds */

typedef struct {
  GByteArray *bytes;
  gsize moov_at;
  gboolean long_data; /* as if it had more than 4 GiB */
} File;

static void
put (File *file, guint32 value)
{
  guint8 bytes[4];

  medley_write_be32 (bytes, value);
  g_byte_array_append (file->bytes, bytes, 4);
}

static void
put_zeros (File *file, guint n)
{
  for (guint i = 0; i < n; i++)
    g_byte_array_append (file->bytes, (const guint8 *) "", 1);
}

static guint
begin (File *file, const char *type)
{
  guint at = file->bytes->len;

  put (file, 0);
  g_byte_array_append (file->bytes, (const guint8 *) type, 4);
  return at;
}

static void
end (File *file, guint at)
{
  medley_write_be32 (file->bytes->data + at, file->bytes->len - at);
}

static void
put_video_entry (File *file)
{
  static const guint8 avcc[] = { 1, 0x42, 0xc0, 0x1f, 0xff };
  guint entry = begin (file, "avc1"), box;

  put_zeros (file, 24);
  put (file, 640u << 16 | 360);
  put_zeros (file, 50);
  box = begin (file, "avcC");
  g_byte_array_append (file->bytes, avcc, sizeof avcc);
  end (file, box);
  end (file, entry);
}

static void
put_audio_entry (File *file)
{
  static const guint8 esds[]
      = { 0,    0,    0, 0, 3, 0x80, 0x80, 0x80, 25, 0, 2, 0, 4, 0x80, 0x80, 0x80, 17,
          0x40, 0x15, 0, 0, 0, 0,    0,    0,    0,  0, 0, 0, 0, 5,    2,    0x11, 0x90 };
  guint entry = begin (file, "mp4a"), box;

  put_zeros (file, 28);
  box = begin (file, "esds");
  g_byte_array_append (file->bytes, esds, sizeof esds);
  end (file, box);
  end (file, entry);
}

static void
put_track (File *file, guint32 id)
{
  guint trak = begin (file, "trak"), mdia, minf, stbl, box;

  box = begin (file, "tkhd");
  put_zeros (file, 12);
  put (file, id);
  put_zeros (file, 68);
  end (file, box);
  mdia = begin (file, "mdia");
  box = begin (file, "mdhd");
  put_zeros (file, 12);
  put (file, SCALE);
  put_zeros (file, 8);
  end (file, box);
  box = begin (file, "hdlr");
  put_zeros (file, 8);
  g_byte_array_append (file->bytes, (const guint8 *) (id == VIDEO ? "vide" : "soun"), 4);
  put_zeros (file, 13);
  end (file, box);
  minf = begin (file, "minf");
  stbl = begin (file, "stbl");
  box = begin (file, "stsd");
  put (file, 0);
  put (file, 1);
  if (id == VIDEO)
    put_video_entry (file);
  else
    put_audio_entry (file);
  end (file, box);
  end (file, stbl);
  end (file, minf);
  end (file, mdia);
  end (file, trak);
}

static void
start (File *file, gboolean with_video, gboolean with_audio)
{
  guint ftyp, moov, box, trex;

  file->bytes = g_byte_array_new ();
  ftyp = begin (file, "ftyp");
  g_byte_array_append (file->bytes, (const guint8 *) "iso5\0\0\0\0iso5dash", 16);
  end (file, ftyp);
  file->moov_at = file->bytes->len;
  moov = begin (file, "moov");
  box = begin (file, "mvhd");
  put_zeros (file, 100);
  end (file, box);
  if (with_audio)
    put_track (file, AUDIO);
  if (with_video)
    put_track (file, VIDEO);
  box = begin (file, "mvex");
  for (guint32 id = VIDEO; id <= AUDIO; id++) {
    trex = begin (file, "trex");
    put (file, 0);
    put (file, id);
    put (file, 1);
    put (file, 500);
    put (file, 0);
    put (file, id == VIDEO ? NOT_KEY : 0);
    end (file, trex);
  }
  end (file, box);
  end (file, moov);
}

/* One moof and its mdat. @ms: of each of the samples, 0 for the 500 of trex. Returns: its place */
static guint64
add (File *file, guint32 id, guint32 time, guint n_samples, guint32 ms, gboolean is_key)
{
  guint64 place = file->bytes->len;
  guint moof = begin (file, "moof"), traf, box;

  box = begin (file, "mfhd");
  put_zeros (file, 8);
  end (file, box);
  traf = begin (file, "traf");
  box = begin (file, "tfhd");
  put (file, 0);
  put (file, id);
  end (file, box);
  box = begin (file, "tfdt");
  put (file, 0);
  put (file, time);
  end (file, box);
  box = begin (file, "trun");
  put (file, MEDLEY_TRUN_OFFSET | MEDLEY_TRUN_FIRST_FLAGS | (ms > 0 ? MEDLEY_TRUN_DURATION : 0));
  put (file, n_samples);
  put (file, 0);
  put (file, is_key ? 0 : NOT_KEY);
  for (guint i = 0; ms > 0 && i < n_samples; i++)
    put (file, ms);
  end (file, box);
  end (file, traf);
  end (file, moof);
  box = begin (file, "mdat");
  put_zeros (file, 100 + n_samples);
  end (file, box);
  return place;
}

static void
finish (File *file)
{
  guint8 header[MEDLEY_BOX_LONG_HEADER];
  guint at = begin (file, "free"), moov;
  guint64 covered = file->bytes->len - file->moov_at;

  moov = begin (file, "moov");
  put_zeros (file, 200);
  end (file, moov);
  end (file, at);
  medley_write_be32 (header, file->long_data ? 1 : (guint32) covered);
  memcpy (header + 4, "mdat", 4);
  medley_write_be64 (header + 8, covered);
  memcpy (file->bytes->data + file->moov_at, header,
          file->long_data ? MEDLEY_BOX_LONG_HEADER : MEDLEY_BOX_HEADER);
}

/* As far as the file goes. */
static gboolean
scan (MedleyMp4Scan *self, const File *file, gsize size, GError **error)
{
  guint64 offset;
  gsize length;

  while (medley_mp4_scan_wants (self, &offset, &length) && offset + length <= size) {
    g_autofree guint8 *copy = g_memdup2 (file->bytes->data + offset, length);

    if (!medley_mp4_scan_take (self, copy, length, error))
      return FALSE;
  }
  return TRUE;
}

static void
check_segment (MedleyMp4Scan *self, guint n, guint64 offset, guint64 length, guint start_ms,
               guint duration_ms, gboolean is_independent)
{
  const MedleyMp4Segment *segment = medley_mp4_scan_get_segment (self, n);

  g_assert_cmpuint (segment->offset, ==, offset);
  g_assert_cmpuint (segment->length, ==, length);
  g_assert_cmpuint (segment->start, ==, start_ms * 1000);
  g_assert_cmpuint (segment->duration, ==, duration_ms * 1000);
  g_assert_cmpint (segment->is_independent, ==, is_independent);
}

static GBytes *
get_init (MedleyMp4Scan *self)
{
  gsize length;
  const guint8 *init = medley_mp4_scan_get_init (self, &length);

  return init != NULL ? g_bytes_new (init, length) : NULL;
}

static void
test_grows (void)
{
  g_autoptr (MedleyMp4Scan) self = medley_mp4_scan_new ();
  g_autoptr (GBytes) init = NULL;
  g_autoptr (GError) error = NULL;
  guint64 first, second, third, end_of_media;
  File file = { 0 };
  guint width, height;
  gsize header;

  start (&file, TRUE, TRUE);
  header = file.bytes->len;
  first = add (&file, AUDIO, 0, 10, 100, TRUE);
  add (&file, VIDEO, 0, 2, 0, TRUE);
  add (&file, VIDEO, 1000, 1, 1000, TRUE); /* a key frame that comes too early */
  add (&file, AUDIO, 1000, 10, 99, TRUE);  /* its end is before the next key frame */
  second = add (&file, AUDIO, 1990, 10, 100, TRUE);
  add (&file, VIDEO, 2000, 4, 500, TRUE);
  third = add (&file, VIDEO, 4000, 1, 1250, TRUE);
  add (&file, AUDIO, 4000, 13, 100, TRUE);
  end_of_media = file.bytes->len;

  g_assert_true (scan (self, &file, header - 1, &error));
  g_assert_null (get_init (self));
  g_assert_true (scan (self, &file, header, &error));
  init = get_init (self);
  g_assert_cmpmem (g_bytes_get_data (init, NULL), g_bytes_get_size (init), file.bytes->data,
                   header);
  g_assert_cmpuint (strlen (medley_mp4_scan_get_edition (self)), ==, 16);
  g_assert_cmpstr (medley_mp4_scan_get_codecs (self), ==, "mp4a.40.2,avc1.42C01F");
  medley_mp4_scan_get_size (self, &width, &height);
  g_assert_cmpuint (width, ==, 640);
  g_assert_cmpuint (height, ==, 360);

  /* A segment is there with the header of what follows it, not before. */
  for (gsize size = header; size <= end_of_media; size++) {
    g_assert_true (scan (self, &file, size, &error));
    g_assert_cmpuint (medley_mp4_scan_get_n_segments (self), <=, size > third ? 2 : 1);
    if (size < second + 8)
      g_assert_cmpuint (medley_mp4_scan_get_n_segments (self), ==, 0);
  }
  g_assert_cmpuint (medley_mp4_scan_get_n_segments (self), ==, 2);
  check_segment (self, 0, first, second - first, 0, 2000, TRUE);
  check_segment (self, 1, second, third - second, 2000, 2000, TRUE);
  g_assert_true (medley_mp4_scan_finish (self, file.bytes->len, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (medley_mp4_scan_get_n_segments (self), ==, 3);
  check_segment (self, 2, third, end_of_media - third, 4000, 1250, TRUE);
  g_byte_array_unref (file.bytes);
}

/* What is found in the finished file is what was found while it grew. */
static void
test_finished (gconstpointer data)
{
  g_autoptr (MedleyMp4Scan) growing = medley_mp4_scan_new ();
  g_autoptr (MedleyMp4Scan) late = medley_mp4_scan_new ();
  g_autoptr (MedleyMp4Scan) finished = medley_mp4_scan_new ();
  g_autoptr (GBytes) before = NULL;
  g_autoptr (GBytes) after = NULL;
  g_autoptr (GError) error = NULL;
  File file = { .long_data = GPOINTER_TO_INT (data) };

  start (&file, TRUE, TRUE);
  for (guint i = 0; i < 20; i++) {
    add (&file, AUDIO, 1000 * i, 10, 100, TRUE);
    add (&file, VIDEO, 1000 * i, 2, 0, i % 3 == 0);
  }
  g_assert_true (scan (growing, &file, file.bytes->len, &error));
  before = get_init (growing);
  finish (&file);
  g_assert_true (scan (growing, &file, file.bytes->len, &error));
  g_assert_true (medley_mp4_scan_finish (growing, file.bytes->len, &error));
  g_assert_true (scan (finished, &file, file.bytes->len, &error));
  g_assert_no_error (error);
  g_assert_true (medley_mp4_scan_finish (finished, file.bytes->len, &error));
  after = get_init (finished);
  g_assert_true (g_bytes_equal (before, after));
  g_assert_cmpstr (medley_mp4_scan_get_edition (growing), ==,
                   medley_mp4_scan_get_edition (finished));
  g_assert_cmpuint (medley_mp4_scan_get_n_segments (growing), ==, 7);
  g_assert_cmpuint (medley_mp4_scan_get_n_segments (finished), ==, 7);
  for (guint i = 0; i < 7; i++)
    g_assert_cmpmem (medley_mp4_scan_get_segment (growing, i), sizeof (MedleyMp4Segment),
                     medley_mp4_scan_get_segment (finished, i), sizeof (MedleyMp4Segment));
  /* A file that is cut short is no whole one. */
  g_assert_true (scan (late, &file, file.bytes->len - 300, &error));
  g_assert_false (medley_mp4_scan_finish (late, file.bytes->len / 2, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE);
  g_byte_array_unref (file.bytes);
}

static void
test_sound_alone (void)
{
  g_autoptr (MedleyMp4Scan) self = medley_mp4_scan_new ();
  g_autoptr (GError) error = NULL;
  guint width, height;
  File file = { 0 };

  start (&file, FALSE, TRUE);
  for (guint i = 0; i < 5; i++)
    add (&file, AUDIO, 900 * i, 9, 100, TRUE);
  g_assert_true (scan (self, &file, file.bytes->len, &error));
  g_assert_true (medley_mp4_scan_finish (self, file.bytes->len, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (medley_mp4_scan_get_n_segments (self), ==, 2);
  g_assert_cmpuint (medley_mp4_scan_get_segment (self, 0)->duration, ==, 2700000);
  g_assert_cmpuint (medley_mp4_scan_get_segment (self, 1)->duration, ==, 1800000);
  medley_mp4_scan_get_size (self, &width, &height);
  g_assert_cmpuint (width, ==, 0);
  g_assert_cmpstr (medley_mp4_scan_get_codecs (self), ==, "mp4a.40.2");
  g_byte_array_unref (file.bytes);
}

static void
test_no_key_frames (void)
{
  g_autoptr (MedleyMp4Scan) self = medley_mp4_scan_new ();
  g_autoptr (GError) error = NULL;
  File file = { 0 };

  start (&file, TRUE, FALSE);
  for (guint i = 0; i < 14; i++)
    add (&file, VIDEO, 1000 * i, 2, 0, i == 0);
  /* One picture of ten seconds cannot be divided. */
  add (&file, VIDEO, 14000, 1, 10000, FALSE);
  g_assert_true (scan (self, &file, file.bytes->len, &error));
  g_assert_true (medley_mp4_scan_finish (self, file.bytes->len, &error));
  g_assert_cmpuint (medley_mp4_scan_get_n_segments (self), ==, 4);
  for (guint i = 0; i < 4; i++) {
    static const guint seconds[] = { 6, 6, 2, 10 };
    const MedleyMp4Segment *segment = medley_mp4_scan_get_segment (self, i);

    g_assert_cmpuint (segment->duration, ==, seconds[i] * 1000000);
    g_assert_cmpint (segment->is_independent, ==, i == 0);
  }
  g_byte_array_unref (file.bytes);
}

/* The picture ends long before the sound, or begins long after it. */
static void
test_sound_goes_on (gconstpointer data)
{
  gboolean late = GPOINTER_TO_INT (data);
  g_autoptr (MedleyMp4Scan) self = medley_mp4_scan_new ();
  g_autoptr (GError) error = NULL;
  guint64 total = 0, place;
  File file = { 0 };

  start (&file, TRUE, TRUE);
  place = file.bytes->len;
  if (!late)
    add (&file, VIDEO, 0, 2, 500, TRUE);
  for (guint i = 0; i < 60; i++)
    add (&file, AUDIO, 1000 * i, 10, 100, TRUE);
  if (late)
    add (&file, VIDEO, 60000, 2, 500, TRUE);
  g_assert_true (scan (self, &file, file.bytes->len, &error));
  g_assert_true (medley_mp4_scan_finish (self, file.bytes->len, &error));
  g_assert_cmpuint (medley_mp4_scan_get_n_segments (self), >, 10);
  for (guint i = 0; i < medley_mp4_scan_get_n_segments (self); i++) {
    const MedleyMp4Segment *segment = medley_mp4_scan_get_segment (self, i);

    g_assert_cmpuint (segment->offset, ==, place);
    place += segment->length;
    total += segment->duration;
    g_assert_cmpuint (segment->duration, <=, 10000000);
  }
  g_assert_cmpuint (place, ==, file.bytes->len);
  g_assert_cmpuint (total, >=, 54000000);
  g_byte_array_unref (file.bytes);
}

typedef enum {
  NO_FTYP,
  NO_MVEX,
  TEXT_TRACK,
  NO_TIMESCALE,
  TWICE,
  STRANGE,
  TWO_HEADERS,
  NO_TRACK,
  ABSOLUTE,
  TOO_LONG,
  TOO_SHORT,
  ENDLESS,
  NO_TIME,
  MANY_SAMPLES,
  N_FAULTS
} Fault;

static void
replace (File *file, const char *type, const char *with)
{
  for (gsize i = 0; i + 4 <= file->bytes->len; i++)
    if (memcmp (file->bytes->data + i, type, 4) == 0)
      memcpy (file->bytes->data + i, with, 4);
}

static void
spoil (File *file, Fault fault)
{
  guint8 *moof = file->bytes->data + file->bytes->len;

  while (memcmp (moof + 4, "moof", 4) != 0)
    moof--;
  switch (fault) {
  case NO_FTYP:
    replace (file, "ftyp", "ftyq");
    break;
  case NO_MVEX:
    replace (file, "mvex", "mvey");
    break;
  case TEXT_TRACK:
    replace (file, "vide", "text");
    break;
  case NO_TIMESCALE:
    replace (file, "mdhd", "mdhe");
    break;
  case TWICE:
    replace (file, "mdat", "moov");
    break;
  case STRANGE:
    replace (file, "moof", "xxxx");
    break;
  case TWO_HEADERS:
    replace (file, "mdat", "moof");
    break;
  case NO_TRACK:
    medley_write_be32 (moof + 44, 77);
    break;
  case ABSOLUTE:
    medley_write_be32 (moof + 40, MEDLEY_TFHD_BASE_OFFSET);
    break;
  case TOO_LONG:
    medley_write_be32 (moof, 100 * 1024 * 1024);
    break;
  case TOO_SHORT:
    medley_write_be32 (moof, 7);
    break;
  case ENDLESS:
    medley_write_be32 (moof, 0);
    break;
  case NO_TIME:
    replace (file, "tfdt", "tfdu");
    break;
  case MANY_SAMPLES:
    medley_write_be32 (moof + 76, G_MAXUINT32);
    break;
  case N_FAULTS:
    g_assert_not_reached ();
  }
}

static void
test_refused (void)
{
  for (Fault fault = 0; fault < N_FAULTS; fault++) {
    g_autoptr (MedleyMp4Scan) self = medley_mp4_scan_new ();
    g_autoptr (GError) error = NULL;
    guint64 offset;
    gsize length;
    File file = { 0 };

    start (&file, TRUE, FALSE);
    add (&file, VIDEO, 0, 2, 100, TRUE);
    spoil (&file, fault);
    g_test_message ("fault %d", fault);
    g_assert_false (scan (self, &file, file.bytes->len, &error)
                    && medley_mp4_scan_finish (self, file.bytes->len, &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE);
    g_test_message ("%s", error->message);
    g_assert_false (medley_mp4_scan_wants (self, &offset, &length));
    g_byte_array_unref (file.bytes);
  }
}

/* Sums that would wrap, and more samples than there are bytes for, without a loop over them. */
static void
test_extremes (void)
{
  static const struct {
    guint32 n, ms;
    gboolean good;
  } cases[] = { { G_MAXUINT32, 1, TRUE }, { G_MAXUINT32, G_MAXUINT32, FALSE }, { 0, 5, TRUE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (MedleyMp4Scan) self = medley_mp4_scan_new ();
    g_autoptr (GError) error = NULL;
    File file = { 0 };
    guint8 *trex;

    start (&file, TRUE, FALSE);
    trex = file.bytes->data + file.bytes->len - 2 * 32;
    g_assert_cmpmem (trex + 4, 4, "trex", 4);
    medley_write_be32 (trex + 20, cases[i].ms);
    add (&file, VIDEO, 0, 0, 0, TRUE);
    medley_write_be32 (file.bytes->data + file.bytes->len - 108 - 12, cases[i].n);
    g_assert_cmpint (scan (self, &file, file.bytes->len, &error)
                         && medley_mp4_scan_finish (self, file.bytes->len, &error),
                     ==, cases[i].good);
    g_byte_array_unref (file.bytes);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mp4-scan/grows", test_grows);
  g_test_add_data_func ("/mp4-scan/finished", GINT_TO_POINTER (FALSE), test_finished);
  g_test_add_data_func ("/mp4-scan/finished-beyond-4-gib", GINT_TO_POINTER (TRUE), test_finished);
  g_test_add_func ("/mp4-scan/sound-alone", test_sound_alone);
  g_test_add_func ("/mp4-scan/no-key-frames", test_no_key_frames);
  g_test_add_data_func ("/mp4-scan/sound-goes-on", GINT_TO_POINTER (FALSE), test_sound_goes_on);
  g_test_add_data_func ("/mp4-scan/sound-goes-before", GINT_TO_POINTER (TRUE), test_sound_goes_on);
  g_test_add_func ("/mp4-scan/refused", test_refused);
  g_test_add_func ("/mp4-scan/extremes", test_extremes);
  return g_test_run ();
}
