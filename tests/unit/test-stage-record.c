/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a port gives, into a file and out of it again: all that matters is the same, and a file that
 * is not what it says is refused. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <medley/medley-caption.h>
#include <medley/medley-engine.h>
#include <medley/medley-error.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable()
#define __lsan_enable()
#endif

#include "base/stage-entry.h"
#include "runner/recorder.h"
#include "runner/stage-record.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

typedef struct {
  char *path;
  int file;
  guint n_done;
  guint64 bytes;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  self->file = g_file_open_tmp ("stage-XXXXXX", &self->path, NULL);
  g_assert_cmpint (self->file, >=, 0);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  close (self->file);
  g_unlink (self->path);
  g_free (self->path);
}

static void
done (guint64 bytes, gpointer data)
{
  Fixture *self = data;

  self->n_done++;
  self->bytes = bytes;
}

static GstEvent *
text_caps (void)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string ("text/x-raw,format=utf8");

  return gst_event_new_caps (caps);
}

static void
take_event (MedleyRecorder *recorder, guint port, GstEvent *event)
{
  medley_recorder_take_event (recorder, port, event);
  gst_event_unref (event);
}

static void
take_text (MedleyRecorder *recorder, guint port, const char *text)
{
  GstBuffer *buffer = medley_caption_new (text, 7, 5, NULL, 0);

  medley_recorder_take_buffer (recorder, port, buffer);
  gst_buffer_unref (buffer);
}

static GstEvent *
make_segment (void)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = 5;
  segment.stop = 500;
  segment.time = 3;
  segment.base = 11;
  segment.position = 9;
  return gst_event_new_segment (&segment);
}

static GstBuffer *
make_caption (void)
{
  const MedleyWord words[] = { { 0, 6, 100 }, { 7, 4, 250 } };
  GstBuffer *buffer = medley_caption_new ("Grüß Gott", 100, 400, words, G_N_ELEMENTS (words));

  GST_BUFFER_OFFSET (buffer) = 77;
  GST_BUFFER_OFFSET_END (buffer) = 78;
  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_MARKER);
  return buffer;
}

static gpointer
next (MedleyRecordReader *reader)
{
  g_autoptr (GError) error = NULL;
  gpointer item = medley_record_reader_next (reader, &error);

  g_assert_no_error (error);
  g_assert_nonnull (item);
  return item;
}

static void
test_round_trip (Fixture *self, gconstpointer data)
{
  g_autoptr (MedleyRecorder) recorder = medley_recorder_new (1 << 20, NULL, done, self, NULL);
  guint port = medley_recorder_add_port (recorder, self->file);
  GstBuffer *caption = make_caption (), *found;
  g_autoptr (GstCaps) caps = NULL;
  g_autoptr (GArray) words = NULL;
  MedleyRecordReader reader;
  const GstSegment *segment;
  GstClockTime time, duration;
  g_autofree char *title = NULL;
  GstTagList *tags;
  GstEvent *event;
  struct stat info;

  take_event (recorder, port, gst_event_new_stream_start ("one"));
  take_event (recorder, port, text_caps ());
  take_event (recorder, port, make_segment ());
  take_event (recorder, port,
              gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "A “title”; with, marks",
                                                   GST_TAG_TRACK_NUMBER, 3, NULL)));
  medley_recorder_take_buffer (recorder, port, caption);
  take_event (recorder, port, gst_event_new_gap (500, 20));
  take_event (recorder, port,
              gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
                                    gst_structure_new ("page", "number", G_TYPE_INT, 2, NULL)));
  take_event (recorder, port, gst_event_new_eos ());
  g_assert_true (medley_recorder_finish (recorder, TRUE));
  g_assert_cmpuint (self->n_done, ==, 1);
  g_assert_cmpint (fstat (self->file, &info), ==, 0);
  g_assert_cmpuint (self->bytes, ==, info.st_size);

  g_assert_true (medley_stage_entry_write_header (self->file, KEY));
  g_assert_cmpint (medley_stage_entry_check (self->file, KEY, NULL), >, 0);
  g_assert_true (medley_record_reader_init (&reader, self->file));
  caps = medley_record_reader_peek_caps (&reader);
  g_assert_true (gst_structure_has_name (gst_caps_get_structure (caps, 0), "text/x-raw"));
  event = next (&reader);
  g_assert_cmpint (GST_EVENT_TYPE (event), ==, GST_EVENT_CAPS);
  gst_event_unref (event);
  event = next (&reader);
  gst_event_parse_segment (event, &segment);
  g_assert_cmpint (segment->format, ==, GST_FORMAT_TIME);
  g_assert_cmpuint (segment->start, ==, 5);
  g_assert_cmpuint (segment->stop, ==, 500);
  g_assert_cmpuint (segment->time, ==, 3);
  g_assert_cmpuint (segment->base, ==, 11);
  g_assert_cmpuint (segment->position, ==, 9);
  g_assert_cmpfloat (segment->rate, ==, 1.0);
  gst_event_unref (event);
  event = next (&reader);
  gst_event_parse_tag (event, &tags);
  g_assert_true (gst_tag_list_get_string (tags, GST_TAG_TITLE, &title));
  g_assert_cmpstr (title, ==, "A “title”; with, marks");
  gst_event_unref (event);
  found = next (&reader);
  g_assert_true (GST_IS_BUFFER (found));
  g_assert_cmpint (gst_buffer_memcmp (found, 0, "Grüß Gott", strlen ("Grüß Gott")), ==, 0);
  g_assert_cmpuint (gst_buffer_get_size (found), ==, strlen ("Grüß Gott"));
  g_assert_cmpuint (GST_BUFFER_PTS (found), ==, 100);
  g_assert_cmpuint (GST_BUFFER_DURATION (found), ==, 400);
  g_assert_cmpuint (GST_BUFFER_OFFSET (found), ==, 77);
  g_assert_cmpuint (GST_BUFFER_OFFSET_END (found), ==, 78);
  g_assert_true (GST_BUFFER_FLAG_IS_SET (found, GST_BUFFER_FLAG_DISCONT));
  g_assert_true (GST_BUFFER_FLAG_IS_SET (found, GST_BUFFER_FLAG_MARKER));
  g_assert_false (GST_BUFFER_FLAG_IS_SET (found, GST_BUFFER_FLAG_HEADER));
  words = medley_caption_get_words (found);
  g_assert_cmpuint (words->len, ==, 2);
  g_assert_cmpuint (g_array_index (words, MedleyWord, 1).offset, ==, 7);
  g_assert_cmpuint (g_array_index (words, MedleyWord, 1).length, ==, 4);
  g_assert_cmpuint (g_array_index (words, MedleyWord, 1).time, ==, 250);
  gst_buffer_unref (found);
  event = next (&reader);
  gst_event_parse_gap (event, &time, &duration);
  g_assert_cmpuint (time, ==, 500);
  g_assert_cmpuint (duration, ==, 20);
  gst_event_unref (event);
  event = next (&reader);
  g_assert_true (gst_event_has_name (event, "page"));
  gst_event_unref (event);
  event = next (&reader);
  g_assert_cmpint (GST_EVENT_TYPE (event), ==, GST_EVENT_EOS);
  gst_event_unref (event);
  gst_buffer_unref (caption);
}

typedef enum {
  BIG,
  FLOOD,
  IDLE,
  FLUSH,
  AFTER_END,
  FAILED,
  NO_CAPS,
  NO_END,
  FOREIGN_META,
  NO_FILE
} Spoiler;

/* None of these is the whole of what a stage gave. */
static void
test_spoiled (Fixture *self, gconstpointer data)
{
  Spoiler spoiler = (Spoiler) GPOINTER_TO_INT (data);
  gint failed = 0;
  g_autoptr (MedleyRecorder) recorder
      = medley_recorder_new (spoiler == FLOOD ? G_MAXINT64 : 1000, &failed, done, self, NULL);
  guint port = medley_recorder_add_port (recorder, spoiler == NO_FILE ? -1 : self->file);
  g_autofree char *big = g_strnfill (1001, 'x');
  g_autoptr (GstBuffer) flood = NULL;

  take_event (recorder, port, gst_event_new_stream_start ("one"));
  if (spoiler != NO_CAPS)
    take_event (recorder, port, text_caps ());
  take_text (recorder, port, spoiler == BIG ? big : "short");
  if (spoiler == FLOOD) {
    flood = gst_buffer_new_allocate (NULL, 17 * 1024 * 1024, NULL);
    medley_recorder_take_buffer (recorder, port, flood);
  } else if (spoiler == IDLE) {
    take_event (recorder, port, medley_event_new_idle ());
  } else if (spoiler == FLUSH) {
    take_event (recorder, port, gst_event_new_flush_start ());
  } else if (spoiler == FOREIGN_META) {
    static const char *tags[] = { NULL };
    g_autoptr (GstBuffer) strange = gst_buffer_new_memdup ("x", 1);

    gst_meta_register_custom ("MedleyTestMeta", tags, NULL, NULL, NULL);
    gst_buffer_add_custom_meta (strange, "MedleyTestMeta");
    medley_recorder_take_buffer (recorder, port, strange);
  } else if (spoiler == FAILED) {
    g_atomic_int_set (&failed, TRUE);
  }
  if (spoiler != NO_END)
    take_event (recorder, port, gst_event_new_eos ());
  if (spoiler == AFTER_END)
    take_text (recorder, port, "more");
  /* Data after the end may come when all is written and told; the daemon then keeps what came
   * before the end. */
  if (spoiler == AFTER_END && medley_recorder_finish (recorder, TRUE))
    return;
  g_assert_false (medley_recorder_finish (recorder, TRUE));
  g_assert_cmpuint (self->n_done, ==, 0);
}

/* A stage is whole when all of its ports are. */
static void
test_two_ports (Fixture *self, gconstpointer data)
{
  g_autofree char *other_path = NULL;
  int other = g_file_open_tmp ("stage-XXXXXX", &other_path, NULL);
  g_autoptr (MedleyRecorder) recorder = medley_recorder_new (1 << 20, NULL, done, self, NULL);
  guint first = medley_recorder_add_port (recorder, self->file);
  guint second = medley_recorder_add_port (recorder, other);

  take_event (recorder, first, text_caps ());
  take_event (recorder, second, text_caps ());
  for (guint i = 0; i < 20000; i++)
    take_text (recorder, i % 3 == 0 ? second : first, "some words");
  take_event (recorder, first, gst_event_new_eos ());
  g_usleep (20000);
  g_assert_cmpuint (g_atomic_int_get ((gint *) &self->n_done), ==, 0);
  take_event (recorder, second, gst_event_new_eos ());
  g_assert_true (medley_recorder_finish (recorder, TRUE));
  g_assert_cmpint (medley_stage_entry_check (self->file, NULL, NULL), >, 0);
  g_assert_cmpint (medley_stage_entry_check (other, NULL, NULL), >, 0);
  close (other);
  g_unlink (other_path);
}

/* A disk that takes its time, or none at all: this program's own pwrite(), which the recorder is
 * linked to. */
static gint disk_is_held;
static gint disk_is_full;

ssize_t
pwrite64 (int fd, const void *data, size_t length, off64_t offset)
{
  while (g_atomic_int_get (&disk_is_held))
    g_usleep (1000);
  if (g_atomic_int_get (&disk_is_full)) {
    errno = ENOSPC;
    return -1;
  }
  return syscall (SYS_pwrite64, fd, data, length, offset);
}

/* The stream is past long before the disk has anything, and the job does not wait for it. */
static void
test_held_disk (Fixture *self, gconstpointer data)
{
  g_autoptr (MedleyRecorder) recorder = medley_recorder_new (G_MAXINT64, NULL, done, self, NULL);
  guint port = medley_recorder_add_port (recorder, self->file);
  g_autofree char *text = g_strnfill (100000, 'x');
  gboolean whole;

  g_atomic_int_set (&disk_is_held, TRUE);
  take_event (recorder, port, text_caps ());
  for (guint i = 0; i < (data != NULL ? 1000u : 10u); i++)
    take_text (recorder, port, text);
  take_event (recorder, port, gst_event_new_eos ());
  whole = medley_recorder_finish (recorder, TRUE);
  g_atomic_int_set (&disk_is_held, FALSE);
  g_assert_false (whole);
  /* The thread goes on by itself, and says nothing any more. */
  g_usleep (50000);
  g_assert_cmpuint (self->n_done, ==, 0);
}

static void
test_full_disk (Fixture *self, gconstpointer data)
{
  g_autoptr (MedleyRecorder) recorder = medley_recorder_new (1 << 20, NULL, done, self, NULL);
  guint port = medley_recorder_add_port (recorder, self->file);

  g_atomic_int_set (&disk_is_full, TRUE);
  take_event (recorder, port, text_caps ());
  take_text (recorder, port, "some words");
  take_event (recorder, port, gst_event_new_eos ());
  g_assert_false (medley_recorder_finish (recorder, TRUE));
  g_atomic_int_set (&disk_is_full, FALSE);
  g_assert_cmpuint (self->n_done, ==, 0);
}

static void
record_something (Fixture *self)
{
  g_autoptr (MedleyRecorder) recorder = medley_recorder_new (1 << 20, NULL, done, self, NULL);
  guint port = medley_recorder_add_port (recorder, self->file);
  g_autoptr (GstBuffer) caption = make_caption ();

  take_event (recorder, port, text_caps ());
  take_event (recorder, port, make_segment ());
  medley_recorder_take_buffer (recorder, port, caption);
  take_event (recorder, port, gst_event_new_eos ());
  g_assert_true (medley_recorder_finish (recorder, TRUE));
  g_assert_true (medley_stage_entry_write_header (self->file, KEY));
}

/* Every byte is looked at: of any that is changed, and of any end that is cut off, the check says
 * no. */
static void
test_damaged (Fixture *self, gconstpointer data)
{
  g_autofree char *content = NULL;
  gsize length;

  record_something (self);
  g_assert_true (g_file_get_contents (self->path, &content, &length, NULL));
  for (gsize i = 0; i < length; i++) {
    char changed = (char) (content[i] ^ 0x20);

    g_assert_cmpint (pwrite (self->file, &changed, 1, (off_t) i), ==, 1);
    g_assert_cmpint (medley_stage_entry_check (self->file, KEY, NULL), ==, -1);
    g_assert_cmpint (pwrite (self->file, content + i, 1, (off_t) i), ==, 1);
  }
  g_assert_cmpint (medley_stage_entry_check (self->file, KEY, NULL), >, 0);
  g_assert_cmpint (medley_stage_entry_check (self->file, "another", NULL), ==, -1);
  while (length-- > 0) {
    g_assert_cmpint (ftruncate (self->file, (off_t) length), ==, 0);
    g_assert_cmpint (medley_stage_entry_check (self->file, KEY, NULL), ==, -1);
  }
}

static void
ignore_log (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
}

/* Whoever wrote the records may have meant harm, with a right checksum: the reader takes any
 * bytes. */
static void
test_hostile (Fixture *self, gconstpointer data)
{
  g_autofree char *content = NULL;
  gsize length;

  record_something (self);
  g_assert_true (g_file_get_contents (self->path, &content, &length, NULL));
  /* GStreamer's own parsers complain of some texts before they refuse them. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_log_set_default_handler (ignore_log, NULL);
  /* gst_caps_from_string() loses what it had read of a text when it refuses the rest. */
  __lsan_disable ();
  for (guint round = 0; round < 3000; round++) {
    g_autofree char *changed = g_memdup2 (content, length);
    MedleyRecordReader reader;
    guint n = 0;

    for (guint i = g_test_rand_int_range (1, 5); i > 0; i--)
      changed[g_test_rand_int_range (MEDLEY_STAGE_ENTRY_HEADER, (gint32) length)]
          = (char) g_test_rand_int ();
    g_assert_cmpint (pwrite (self->file, changed, length, 0), ==, (gssize) length);
    g_assert_true (medley_record_reader_init (&reader, self->file));
    gst_clear_caps (&(GstCaps *){ medley_record_reader_peek_caps (&reader) });
    for (;;) {
      g_autoptr (GError) error = NULL;
      GstMiniObject *item = medley_record_reader_next (&reader, &error);

      g_assert_true ((item == NULL) == (error != NULL));
      g_clear_pointer (&item, gst_mini_object_unref);
      if (error != NULL) {
        g_assert_cmpint (error->domain, ==, MEDLEY_ERROR);
        break;
      }
      /* Records have a size, so they end. */
      g_assert_cmpuint (++n, <, length);
    }
  }
  __lsan_enable ();
}

int
main (int argc, char *argv[])
{
  static const struct {
    const char *name;
    Spoiler spoiler;
  } spoilers[] = { { "big", BIG },         { "flood", FLOOD },   { "idle", IDLE },
                   { "flush", FLUSH },     { "failed", FAILED }, { "after-end", AFTER_END },
                   { "no-caps", NO_CAPS }, { "no-end", NO_END }, { "foreign-meta", FOREIGN_META },
                   { "no-file", NO_FILE } };

  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add ("/stage-record/round-trip", Fixture, NULL, set_up, test_round_trip, tear_down);
  for (guint i = 0; i < G_N_ELEMENTS (spoilers); i++) {
    g_autofree char *path = g_strconcat ("/stage-record/spoiled/", spoilers[i].name, NULL);

    g_test_add (path, Fixture, GINT_TO_POINTER (spoilers[i].spoiler), set_up, test_spoiled,
                tear_down);
  }
  g_test_add ("/stage-record/two-ports", Fixture, NULL, set_up, test_two_ports, tear_down);
  g_test_add ("/stage-record/held-disk", Fixture, NULL, set_up, test_held_disk, tear_down);
  g_test_add ("/stage-record/held-disk-and-flood", Fixture, "", set_up, test_held_disk, tear_down);
  g_test_add ("/stage-record/full-disk", Fixture, NULL, set_up, test_full_disk, tear_down);
  g_test_add ("/stage-record/damaged", Fixture, NULL, set_up, test_damaged, tear_down);
  g_test_add ("/stage-record/hostile", Fixture, NULL, set_up, test_hostile, tear_down);
  return g_test_run ();
}
