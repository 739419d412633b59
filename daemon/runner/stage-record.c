/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/stage-record.h"

#include <errno.h>
#include <medley/medley-caption.h>
#include <medley/medley-engine.h>
#include <medley/medley-error.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/stage-entry.h"

#define BUFFER_TYPE "(tttttua(uut))"
#define SEGMENT_TYPE "(udduttttttt)"
#define HEAD 16
#define META_MOST (1024u * 1024)
#define PAYLOAD_MOST ((guint64) 1024 * 1024 * 1024)
#define FLAGS                                                                                      \
  (GST_BUFFER_FLAG_LIVE | GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC                         \
   | GST_BUFFER_FLAG_CORRUPTED | GST_BUFFER_FLAG_MARKER | GST_BUFFER_FLAG_HEADER                   \
   | GST_BUFFER_FLAG_GAP | GST_BUFFER_FLAG_DROPPABLE | GST_BUFFER_FLAG_DELTA_UNIT                  \
   | GST_BUFFER_FLAG_SYNC_AFTER | GST_BUFFER_FLAG_NON_DROPPABLE)

static void
append_head (GByteArray *to, MedleyRecordKind kind, GVariant *meta, guint64 payload)
{
  guint32 length = GUINT32_TO_LE ((guint32) g_variant_get_size (meta));
  guint8 head[HEAD] = { (guint8) kind };

  payload = GUINT64_TO_LE (payload);
  memcpy (head + 4, &length, 4);
  memcpy (head + 8, &payload, 8);
  g_byte_array_append (to, head, HEAD);
  g_byte_array_append (to, g_variant_get_data (meta), (guint) g_variant_get_size (meta));
}

/* In the file's byte order. */
static GVariant *
order (GVariant *meta)
{
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
  return g_variant_ref_sink (meta);
#else
  g_autoptr (GVariant) sunk = g_variant_ref_sink (meta);

  return g_variant_byteswap (sunk);
#endif
}

static MedleyRecordResult
append (GByteArray *to, MedleyRecordKind kind, GVariant *meta)
{
  g_autoptr (GVariant) ordered = order (meta);

  if (g_variant_get_size (ordered) > META_MOST)
    return MEDLEY_RECORD_CANNOT;
  append_head (to, kind, ordered, 0);
  return MEDLEY_RECORD_DONE;
}

/* Word marks are told, memory's own housekeeping is none of ours, and whatever else there is would
 * be lost. */
static gboolean
has_other_metas (GstBuffer *buffer, gboolean has_words)
{
  gpointer state = NULL;
  GstMeta *meta;
  guint n = 0;

  while ((meta = gst_buffer_iterate_meta (buffer, &state)) != NULL)
    n += meta->info->api != GST_PARENT_BUFFER_META_API_TYPE;
  return n > (has_words ? 1u : 0u);
}

MedleyRecordResult
medley_record_buffer (GByteArray *to, GstBuffer *buffer)
{
  g_autoptr (GArray) words = medley_caption_get_words (buffer);
  g_autoptr (GVariant) meta = NULL;
  GVariantBuilder marks;
  GstMapInfo map;

  if (has_other_metas (buffer, words->len > 0))
    return MEDLEY_RECORD_CANNOT;
  g_variant_builder_init (&marks, G_VARIANT_TYPE ("a(uut)"));
  for (guint i = 0; i < words->len; i++) {
    const MedleyWord *word = &g_array_index (words, MedleyWord, i);

    g_variant_builder_add (&marks, "(uut)", word->offset, word->length, (guint64) word->time);
  }
  meta = order (
      g_variant_new (BUFFER_TYPE, (guint64) GST_BUFFER_PTS (buffer),
                     (guint64) GST_BUFFER_DTS (buffer), (guint64) GST_BUFFER_DURATION (buffer),
                     (guint64) GST_BUFFER_OFFSET (buffer), (guint64) GST_BUFFER_OFFSET_END (buffer),
                     (guint32) (GST_BUFFER_FLAGS (buffer) & FLAGS), &marks));
  if (g_variant_get_size (meta) > META_MOST || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    return MEDLEY_RECORD_CANNOT;
  append_head (to, MEDLEY_RECORD_BUFFER, meta, map.size);
  g_byte_array_append (to, map.data, (guint) map.size);
  gst_buffer_unmap (buffer, &map);
  return MEDLEY_RECORD_DONE;
}

static MedleyRecordResult
append_segment (GByteArray *to, GstEvent *event)
{
  const GstSegment *s;

  gst_event_parse_segment (event, &s);
  return append (to, MEDLEY_RECORD_SEGMENT,
                 g_variant_new (SEGMENT_TYPE, (guint32) s->flags, s->rate, s->applied_rate,
                                (guint32) s->format, s->base, s->offset, s->start, s->stop, s->time,
                                s->position, s->duration));
}

static MedleyRecordResult
append_tags (GByteArray *to, GstEvent *event)
{
  g_autofree char *text = NULL;
  GstTagList *tags;

  gst_event_parse_tag (event, &tags);
  text = gst_tag_list_to_string (tags);
  return append (to, MEDLEY_RECORD_TAGS,
                 g_variant_new ("(us)", (guint32) gst_tag_list_get_scope (tags), text));
}

static MedleyRecordResult
append_text (GByteArray *to, MedleyRecordKind kind, char *text)
{
  MedleyRecordResult result = MEDLEY_RECORD_CANNOT;

  if (text != NULL && g_utf8_validate (text, -1, NULL))
    result = append (to, kind, g_variant_new_string (text));
  g_free (text);
  return result;
}

MedleyRecordResult
medley_record_event (GByteArray *to, GstEvent *event)
{
  GstClockTime time, duration;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_CAPS:
    gst_event_parse_caps (event, &caps);
    return append_text (to, MEDLEY_RECORD_CAPS, gst_caps_to_string (caps));
  case GST_EVENT_SEGMENT:
    return append_segment (to, event);
  case GST_EVENT_TAG:
    return append_tags (to, event);
  case GST_EVENT_GAP:
    gst_event_parse_gap (event, &time, &duration);
    return append (to, MEDLEY_RECORD_GAP,
                   g_variant_new ("(tt)", (guint64) time, (guint64) duration));
  case GST_EVENT_CUSTOM_DOWNSTREAM:
    /* What an engine says at a pause depends on when the pause came. */
    if (medley_event_is_idle (event))
      return MEDLEY_RECORD_CANNOT;
    return append_text (to, MEDLEY_RECORD_CUSTOM,
                        gst_structure_to_string (gst_event_get_structure (event)));
  case GST_EVENT_EOS:
    return append (to, MEDLEY_RECORD_END, g_variant_new ("()"));
  case GST_EVENT_STREAM_START:
    return MEDLEY_RECORD_NOTHING; /* each run has its own */
  default:
    return GST_EVENT_IS_SERIALIZED (event) ? MEDLEY_RECORD_CANNOT : MEDLEY_RECORD_NOTHING;
  }
}

/* ---- reading ---- */

gboolean
medley_record_reader_init (MedleyRecordReader *self, int fd)
{
  struct stat info;

  if (fstat (fd, &info) < 0
      || info.st_size < MEDLEY_STAGE_ENTRY_HEADER + MEDLEY_STAGE_ENTRY_TRAILER)
    return FALSE;
  self->fd = fd;
  self->at = MEDLEY_STAGE_ENTRY_HEADER;
  self->end = (guint64) info.st_size - MEDLEY_STAGE_ENTRY_TRAILER;
  return TRUE;
}

static gboolean
read_bytes (MedleyRecordReader *self, gpointer to, gsize length, GError **error)
{
  char *at = to;

  if (length > self->end - self->at) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "a recorded result ends in a record");
    return FALSE;
  }
  while (length > 0) {
    gssize n = pread (self->fd, at, length, (off_t) self->at);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "a recorded result cannot be read: %s",
                   n < 0 ? g_strerror (errno) : "it has become shorter");
      return FALSE;
    }
    at += n;
    self->at += (guint64) n;
    length -= (gsize) n;
  }
  return TRUE;
}

static const char *
type_of (int kind)
{
  switch (kind) {
  case MEDLEY_RECORD_BUFFER:
    return BUFFER_TYPE;
  case MEDLEY_RECORD_CAPS:
  case MEDLEY_RECORD_CUSTOM:
    return "s";
  case MEDLEY_RECORD_SEGMENT:
    return SEGMENT_TYPE;
  case MEDLEY_RECORD_TAGS:
    return "(us)";
  case MEDLEY_RECORD_GAP:
    return "(tt)";
  case MEDLEY_RECORD_END:
    return "()";
  default:
    return NULL;
  }
}

static GVariant *
read_head (MedleyRecordReader *self, int *kind, guint64 *payload, GError **error)
{
  g_autoptr (GVariant) meta = NULL;
  g_autoptr (GBytes) bytes = NULL;
  guint8 head[HEAD];
  const char *type;
  guint32 length;
  guint8 *data;

  if (!read_bytes (self, head, HEAD, error))
    return NULL;
  memcpy (&length, head + 4, 4);
  memcpy (payload, head + 8, 8);
  length = GUINT32_FROM_LE (length);
  *payload = GUINT64_FROM_LE (*payload);
  *kind = head[0];
  type = type_of (*kind);
  if (type == NULL || head[1] != 0 || head[2] != 0 || head[3] != 0 || length > META_MOST
      || *payload > PAYLOAD_MOST || *payload > self->end - self->at
      || (*payload > 0 && *kind != MEDLEY_RECORD_BUFFER)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "a recorded result has an unknown record");
    return NULL;
  }
  data = g_malloc (length + 1u);
  bytes = g_bytes_new_take (data, length);
  if (!read_bytes (self, data, length, error))
    return NULL;
  meta = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (type), bytes, FALSE));
#if G_BYTE_ORDER != G_LITTLE_ENDIAN
  {
    GVariant *swapped = g_variant_byteswap (meta);

    g_variant_unref (meta);
    meta = swapped;
  }
#endif
  if (!g_variant_is_normal_form (meta)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "a recorded result has a damaged record");
    return NULL;
  }
  return g_steal_pointer (&meta);
}

/* A caption is made by the one function that knows how its words are kept. */
static GstBuffer *
add_words (GstBuffer *plain, GVariant *marks)
{
  g_autoptr (GArray) words = g_array_new (FALSE, FALSE, sizeof (MedleyWord));
  g_autofree char *text = NULL;
  gsize size = gst_buffer_get_size (plain);
  GVariantIter iter;
  MedleyWord word;
  guint64 time;

  if (g_variant_n_children (marks) == 0)
    return plain;
  g_variant_iter_init (&iter, marks);
  while (g_variant_iter_next (&iter, "(uut)", &word.offset, &word.length, &time)) {
    word.time = time;
    if ((guint64) word.offset + word.length <= size)
      g_array_append_val (words, word);
  }
  text = g_malloc (size + 1);
  gst_buffer_extract (plain, 0, text, size);
  text[size] = '\0';
  gst_buffer_unref (plain);
  return medley_caption_new (text, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE,
                             (const MedleyWord *) (gpointer) words->data, words->len);
}

static GstBuffer *
read_buffer (MedleyRecordReader *self, GVariant *meta, guint64 payload, GError **error)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, (gsize) payload, NULL);
  g_autoptr (GVariant) marks = NULL;
  guint64 pts, dts, duration, offset, offset_end;
  guint32 flags;
  GstMapInfo map;

  if (buffer == NULL || !gst_buffer_map (buffer, &map, GST_MAP_WRITE)) {
    gst_clear_buffer (&buffer);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_MEMORY_LIMIT,
                 "no memory for %" G_GUINT64_FORMAT " bytes of a recorded result", payload);
    return NULL;
  }
  if (!read_bytes (self, map.data, (gsize) payload, error)) {
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
    return NULL;
  }
  gst_buffer_unmap (buffer, &map);
  g_variant_get (meta, "(tttttu@a(uut))", &pts, &dts, &duration, &offset, &offset_end, &flags,
                 &marks);
  buffer = add_words (buffer, marks);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DTS (buffer) = dts;
  GST_BUFFER_DURATION (buffer) = duration;
  GST_BUFFER_OFFSET (buffer) = offset;
  GST_BUFFER_OFFSET_END (buffer) = offset_end;
  GST_BUFFER_FLAG_SET (buffer, flags & FLAGS);
  return buffer;
}

static GstEvent *
make_segment (GVariant *meta)
{
  guint32 flags, format;
  GstSegment segment, s;

  g_variant_get (meta, SEGMENT_TYPE, &flags, &s.rate, &s.applied_rate, &format, &s.base, &s.offset,
                 &s.start, &s.stop, &s.time, &s.position, &s.duration);
  if (format == GST_FORMAT_UNDEFINED || format > GST_FORMAT_PERCENT || s.rate == 0.0
      || s.applied_rate == 0.0)
    return NULL;
  gst_segment_init (&segment, (GstFormat) format);
  segment.flags = (GstSegmentFlags) flags;
  segment.rate = s.rate;
  segment.applied_rate = s.applied_rate;
  segment.base = s.base;
  segment.offset = s.offset;
  segment.start = s.start;
  segment.stop = s.stop;
  segment.time = s.time;
  segment.position = s.position;
  segment.duration = s.duration;
  return gst_event_new_segment (&segment);
}

static GstEvent *
make_event (int kind, GVariant *meta)
{
  g_autoptr (GstCaps) caps = NULL;
  GstStructure *structure;
  guint64 time, duration;
  const char *text;
  GstTagList *tags;
  guint32 scope;

  switch (kind) {
  case MEDLEY_RECORD_CAPS:
    caps = gst_caps_from_string (g_variant_get_string (meta, NULL));
    return caps != NULL && gst_caps_is_fixed (caps) ? gst_event_new_caps (caps) : NULL;
  case MEDLEY_RECORD_SEGMENT:
    return make_segment (meta);
  case MEDLEY_RECORD_TAGS:
    g_variant_get (meta, "(u&s)", &scope, &text);
    tags = scope <= GST_TAG_SCOPE_GLOBAL ? gst_tag_list_new_from_string (text) : NULL;
    if (tags == NULL)
      return NULL;
    gst_tag_list_set_scope (tags, (GstTagScope) scope);
    return gst_event_new_tag (tags);
  case MEDLEY_RECORD_GAP:
    g_variant_get (meta, "(tt)", &time, &duration);
    return GST_CLOCK_TIME_IS_VALID (time) ? gst_event_new_gap (time, duration) : NULL;
  case MEDLEY_RECORD_CUSTOM:
    structure = gst_structure_new_from_string (g_variant_get_string (meta, NULL));
    return structure != NULL ? gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, structure) : NULL;
  default:
    return gst_event_new_eos ();
  }
}

GstMiniObject *
medley_record_reader_next (MedleyRecordReader *self, GError **error)
{
  g_autoptr (GVariant) meta = NULL;
  guint64 payload;
  GstEvent *event;
  int kind;

  meta = read_head (self, &kind, &payload, error);
  if (meta == NULL)
    return NULL;
  if (kind == MEDLEY_RECORD_BUFFER)
    return (GstMiniObject *) read_buffer (self, meta, payload, error);
  event = make_event (kind, meta);
  if (event == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO,
                 "a recorded result has a record '%c' that makes no sense", kind);
  return (GstMiniObject *) event;
}

GstCaps *
medley_record_reader_peek_caps (const MedleyRecordReader *self)
{
  MedleyRecordReader reader = *self;

  /* Stream-start has no record; tags may come first. */
  for (guint i = 0; i < 8; i++) {
    GstMiniObject *item = medley_record_reader_next (&reader, NULL);
    gboolean more = item != NULL && GST_IS_EVENT (item) && GST_EVENT_TYPE (item) != GST_EVENT_EOS;
    GstCaps *caps = NULL;

    if (more && GST_EVENT_TYPE (item) == GST_EVENT_CAPS) {
      gst_event_parse_caps (GST_EVENT (item), &caps);
      gst_caps_ref (caps);
    }
    g_clear_pointer (&item, gst_mini_object_unref);
    if (caps != NULL || !more)
      return caps;
  }
  return NULL;
}
