/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/mp4-scan.h"

#include <medley/medley-error.h>

#include "base/mp4-box.h"
#include "http/mp4-tracks.h"

#define LARGEST_FTYP 4096
#define LARGEST_HEADERS (4u * 1024 * 1024)
/* 23 days at least. */
#define MOST_SEGMENTS 1000000
/* Sound that comes before the picture of its time. */
#define MOST_PENDING 64
/* Sizes of an mvhd of both versions. */
#define MVHD 108
#define LONG_MVHD 120

typedef enum {
  AT_FTYP,
  AT_MOOV,       /* a moov, or what stands in its place at the end */
  AT_MOOV_CHILD, /* of a moov that has lost its header */
  AT_FRAGMENT,
  AT_END,
} Place;

typedef struct {
  guint64 offset;
  guint64 end; /* of time */
} Pending;

struct _MedleyMp4Scan {
  Place place;
  gboolean failed;
  guint64 at; /* the box that is looked at */
  gsize wanted;
  guint64 limit;       /* where the data of the finished file ends */
  gboolean after_moof; /* an mdat has to follow */
  guint64 media_start;
  guint64 media_end;

  GByteArray *init;
  guint64 moov_at;
  gsize lost; /* bytes of the moov that were replaced */
  char edition[17];
  char *codecs;
  GArray *tracks;
  guint reference; /* the track that segments follow */

  GArray *segments;
  gboolean is_open;
  MedleyMp4Segment open;
  guint64 open_end; /* of time */
  gboolean has_lost_reference;
  GArray *pending;
};

MedleyMp4Scan *
medley_mp4_scan_new (void)
{
  MedleyMp4Scan *self = g_new0 (MedleyMp4Scan, 1);

  self->wanted = MEDLEY_BOX_HEADER;
  self->limit = G_MAXINT64;
  self->init = g_byte_array_new ();
  self->segments = g_array_new (FALSE, FALSE, sizeof (MedleyMp4Segment));
  self->pending = g_array_new (FALSE, FALSE, sizeof (Pending));
  return self;
}

void
medley_mp4_scan_free (MedleyMp4Scan *self)
{
  g_byte_array_unref (self->init);
  g_clear_pointer (&self->tracks, g_array_unref);
  g_array_unref (self->segments);
  g_array_unref (self->pending);
  g_free (self->codecs);
  g_free (self);
}

gboolean
medley_mp4_scan_wants (MedleyMp4Scan *self, guint64 *offset, gsize *length)
{
  *offset = self->at;
  *length = self->wanted;
  return self->place != AT_END && !self->failed;
}

static gboolean
refuse (const char *what, GError **error)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
               "the output is no fragmented MP4 that can be divided: %s", what);
  return FALSE;
}

/* Segments */

static gboolean
close_segment (MedleyMp4Scan *self, guint64 offset, guint64 time, GError **error)
{
  if (self->segments->len == MOST_SEGMENTS)
    return refuse ("it is too long", error);
  self->open.length = offset - self->open.offset;
  self->open.duration = time > self->open.start ? time - self->open.start : 0;
  g_array_append_val (self->segments, self->open);
  self->is_open = FALSE;
  return TRUE;
}

static void
open_segment (MedleyMp4Scan *self, guint64 offset, const MedleyMp4Fragment *fragment)
{
  self->open = (MedleyMp4Segment){ .offset = offset,
                                   .start = fragment->start,
                                   .is_independent = fragment->is_key };
  self->open_end = fragment->end;
  self->is_open = TRUE;
}

/* Sound that reaches into the segment which begins at @time is its own, if it comes after the last
 * picture of the one before. */
static guint64
find_boundary (MedleyMp4Scan *self, guint64 offset, guint64 time)
{
  for (guint i = 0; i < self->pending->len; i++) {
    const Pending *one = &g_array_index (self->pending, Pending, i);

    if (one->end > time)
      return one->offset;
  }
  return offset;
}

static gboolean
add_reference (MedleyMp4Scan *self, const MedleyMp4Fragment *fragment, guint64 offset,
               GError **error)
{
  guint64 boundary = find_boundary (self, offset, fragment->start);

  if (!self->is_open) {
    open_segment (self, self->media_start, fragment);
  } else if ((fragment->is_key && fragment->start >= self->open.start + MEDLEY_MP4_SEGMENT_LEAST)
             || fragment->end > self->open.start + MEDLEY_MP4_SEGMENT_MOST) {
    if (!close_segment (self, boundary, fragment->start, error))
      return FALSE;
    open_segment (self, boundary, fragment);
  }
  self->open_end = MAX (self->open_end, fragment->end);
  g_array_set_size (self->pending, 0);
  return TRUE;
}

/* @fragments: of one moof at @offset */
static gboolean
add_fragments (MedleyMp4Scan *self, const MedleyMp4Fragment *fragments, guint n_fragments,
               guint64 offset, GError **error)
{
  const MedleyMp4Fragment *reference = NULL;
  Pending pending = { offset, 0 };

  for (guint i = 0; i < n_fragments; i++) {
    if (fragments[i].track == self->reference)
      reference = &fragments[i];
    pending.end = MAX (pending.end, fragments[i].end);
  }
  if (n_fragments == 0)
    return TRUE;
  if (reference != NULL) {
    self->has_lost_reference = FALSE;
    return add_reference (self, reference, offset, error);
  }
  /* The picture may begin after the sound, or end before it: then the sound goes alone. */
  if (pending.end > self->open_end + MEDLEY_MP4_SEGMENT_MOST)
    self->has_lost_reference = TRUE;
  if (self->has_lost_reference)
    return add_reference (self, &fragments[0], offset, error);
  if (self->pending->len == MOST_PENDING)
    g_array_remove_index (self->pending, 0);
  g_array_append_val (self->pending, pending);
  return TRUE;
}

/* Boxes */

static void
go_to (MedleyMp4Scan *self, Place place, guint64 at)
{
  self->place = place;
  self->at = at;
  self->wanted = MEDLEY_BOX_HEADER;
}

static gboolean
end_media (MedleyMp4Scan *self, GError **error)
{
  self->place = AT_END;
  return !self->is_open || close_segment (self, self->media_end, self->open_end, error);
}

/* The whole moov is in what follows ftyp in @init. */
static gboolean
take_moov (MedleyMp4Scan *self, gsize ftyp_size, GError **error)
{
  g_autofree char *sum = NULL;
  g_autoptr (GString) codecs = g_string_new (NULL);
  gboolean all = TRUE;

  self->tracks
      = medley_mp4_read_tracks (self->init->data + ftyp_size, self->init->len - ftyp_size, error);
  if (self->tracks == NULL)
    return FALSE;
  for (guint i = self->tracks->len; i-- > 0;) {
    const MedleyMp4Track *track = &g_array_index (self->tracks, MedleyMp4Track, i);

    if (track->is_video
        || (track->is_audio
            && !g_array_index (self->tracks, MedleyMp4Track, self->reference).is_video))
      self->reference = i;
  }
  for (guint i = 0; i < self->tracks->len; i++) {
    const MedleyMp4Track *track = &g_array_index (self->tracks, MedleyMp4Track, i);

    all = all && track->codec[0] != '\0';
    g_string_append_printf (codecs, "%s%s", i > 0 ? "," : "", track->codec);
  }
  if (all)
    self->codecs = g_string_free (g_steal_pointer (&codecs), FALSE);
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, self->init->data, self->init->len);
  g_strlcpy (self->edition, sum, sizeof self->edition);
  self->media_start = self->moov_at + self->init->len - ftyp_size;
  go_to (self, AT_FRAGMENT, self->media_start);
  return TRUE;
}

/* Gives the moov, whose first bytes were replaced, its header again. */
static gboolean
mend_moov (MedleyMp4Scan *self, const guint8 *data, gsize length, GError **error)
{
  gsize ftyp_size = self->init->len;
  guint8 header[MEDLEY_BOX_LONG_HEADER];

  if (length < MEDLEY_BOX_HEADER + MVHD)
    return refuse ("it was not made by Medley", error);
  medley_write_be32 (header, (guint32) length);
  memcpy (header + 4, "moov", 4);
  if (self->lost == MEDLEY_BOX_LONG_HEADER) {
    medley_write_be32 (header + 8, data[MEDLEY_BOX_LONG_HEADER] == 1 ? LONG_MVHD : MVHD);
    memcpy (header + 12, "mvhd", 4);
  }
  g_byte_array_append (self->init, data, (guint) length);
  memcpy (self->init->data + ftyp_size, header, self->lost);
  return take_moov (self, ftyp_size, error);
}

static gboolean
is_one_of (const char *type, const char *const *names)
{
  for (; *names != NULL; names++)
    if (medley_box_is (type, *names))
      return TRUE;
  return FALSE;
}

static gboolean
take_moov_child (MedleyMp4Scan *self, const char *type, guint64 size, GError **error)
{
  static const char *const children[]
      = { "mvhd", "trak", "mvex", "udta", "meta", "iods", "free", NULL };

  if (medley_box_is (type, "moof")) {
    if (self->at - self->moov_at > LARGEST_HEADERS)
      return refuse ("its headers are too long", error);
    self->wanted = (gsize) (self->at - self->moov_at);
    self->at = self->moov_at;
    self->place = AT_MOOV;
    return TRUE;
  }
  if (!is_one_of (type, children) || self->at + size - self->moov_at > LARGEST_HEADERS)
    return refuse ("it was not made by Medley", error);
  go_to (self, AT_MOOV_CHILD, self->at + size);
  return TRUE;
}

static gboolean
take_fragment_box (MedleyMp4Scan *self, const guint8 *data, gsize length, guint64 size,
                   GError **error)
{
  static const char *const others[]
      = { "sidx", "styp", "emsg", "prft", "mfra", "skip", "uuid", NULL };
  const char *type = (const char *) data + 4;
  gboolean is_moof = medley_box_is (type, "moof");

  if (medley_box_is (type, "mdat") != self->after_moof)
    return refuse ("data and headers do not follow one another", error);
  if (medley_box_is (type, "free"))
    return end_media (self, error);
  if (is_moof && length < size) {
    if (size > LARGEST_HEADERS)
      return refuse ("a fragment's header is too long", error);
    self->wanted = (gsize) size;
    return TRUE;
  }
  if (is_moof) {
    MedleyMp4Fragment fragments[MEDLEY_MP4_TRACKS];
    guint n;

    if (!medley_mp4_read_fragments (self->tracks, data, length, fragments, &n, error)
        || !add_fragments (self, fragments, n, self->at, error))
      return FALSE;
  } else if (self->after_moof) {
    self->media_end = self->at + size;
  } else if (!is_one_of (type, others)) {
    return refuse ("there is an unknown box between its fragments", error);
  }
  self->after_moof = is_moof;
  go_to (self, AT_FRAGMENT, self->at + size);
  if (self->at == self->limit)
    return end_media (self, error);
  return TRUE;
}

/* At the second box. */
static gboolean
take_second (MedleyMp4Scan *self, const guint8 *data, gsize length, guint64 size, GError **error)
{
  const char *type = (const char *) data + 4;

  self->moov_at = self->at;
  if (medley_box_is (type, "mdat")) {
    self->lost = medley_read_be32 (data) == 1 ? MEDLEY_BOX_LONG_HEADER : MEDLEY_BOX_HEADER;
    self->limit = self->at + size;
    go_to (self, AT_MOOV_CHILD, self->at + MEDLEY_BOX_HEADER);
    return TRUE;
  }
  if (!medley_box_is (type, "moov"))
    return refuse ("its headers are not at its beginning", error);
  if (size > LARGEST_HEADERS)
    return refuse ("its headers are too long", error);
  if (length < size) {
    self->wanted = (gsize) size;
    return TRUE;
  }
  g_byte_array_append (self->init, data, (guint) length);
  return take_moov (self, self->init->len - length, error);
}

static gboolean
take_box (MedleyMp4Scan *self, const guint8 *data, gsize length, GError **error)
{
  guint64 size = medley_read_be32 (data);
  const char *type = (const char *) data + 4;

  if (self->place == AT_MOOV && self->lost > 0)
    return mend_moov (self, data, length, error);
  /* The first child of a moov that lost 16 bytes has no header; its version tells its size. */
  if (self->place == AT_MOOV_CHILD && self->lost == MEDLEY_BOX_LONG_HEADER
      && self->at == self->moov_at + MEDLEY_BOX_HEADER) {
    if (length < MEDLEY_BOX_LONG_HEADER) {
      self->wanted = MEDLEY_BOX_LONG_HEADER;
      return TRUE;
    }
    return take_moov_child (self, "mvhd", data[MEDLEY_BOX_HEADER] == 1 ? LONG_MVHD : MVHD, error);
  }
  if (size == 1) {
    if (length < MEDLEY_BOX_LONG_HEADER) {
      self->wanted = MEDLEY_BOX_LONG_HEADER;
      return TRUE;
    }
    size = medley_read_be64 (data + MEDLEY_BOX_HEADER);
  }
  if (size < (medley_read_be32 (data) == 1 ? MEDLEY_BOX_LONG_HEADER : MEDLEY_BOX_HEADER)
      || size > (guint64) G_MAXINT64 - self->at)
    return refuse ("a box has no proper length", error);
  /* What is appended after the fragments reaches past them. */
  if (self->at + size > self->limit && !medley_box_is (type, "free"))
    return refuse ("a box is longer than what it is in", error);
  switch (self->place) {
  case AT_FTYP:
    if (!medley_box_is (type, "ftyp") || size > LARGEST_FTYP)
      return refuse ("it does not begin as one", error);
    if (length < size) {
      self->wanted = (gsize) size;
      return TRUE;
    }
    g_byte_array_append (self->init, data, (guint) length);
    go_to (self, AT_MOOV, size);
    return TRUE;
  case AT_MOOV:
    return take_second (self, data, length, size, error);
  case AT_MOOV_CHILD:
    return take_moov_child (self, type, size, error);
  default:
    return take_fragment_box (self, data, length, size, error);
  }
}

gboolean
medley_mp4_scan_take (MedleyMp4Scan *self, const guint8 *data, gsize length, GError **error)
{
  g_return_val_if_fail (self->place != AT_END && !self->failed && length == self->wanted, FALSE);
  self->failed = !take_box (self, data, length, error);
  return !self->failed;
}

gboolean
medley_mp4_scan_finish (MedleyMp4Scan *self, guint64 size, GError **error)
{
  if (self->failed)
    return refuse ("it could not be read to its end", error);
  if (self->place != AT_END
      && (self->place != AT_FRAGMENT || self->after_moof || self->at != size)) {
    self->failed = TRUE;
    return refuse ("it ends within something", error);
  }
  if (self->media_end > size) {
    self->failed = TRUE;
    return refuse ("it ends within a fragment", error);
  }
  return self->place == AT_END || end_media (self, error);
}

/* What was found */

const guint8 *
medley_mp4_scan_get_init (MedleyMp4Scan *self, gsize *length)
{
  *length = self->init->len;
  return self->tracks != NULL ? self->init->data : NULL;
}

const char *
medley_mp4_scan_get_edition (MedleyMp4Scan *self)
{
  return self->tracks != NULL ? self->edition : NULL;
}

guint
medley_mp4_scan_get_n_segments (MedleyMp4Scan *self)
{
  return self->segments->len;
}

const MedleyMp4Segment *
medley_mp4_scan_get_segment (MedleyMp4Scan *self, guint n)
{
  g_return_val_if_fail (n < self->segments->len, NULL);
  return &g_array_index (self->segments, MedleyMp4Segment, n);
}

const char *
medley_mp4_scan_get_codecs (MedleyMp4Scan *self)
{
  return self->codecs;
}

void
medley_mp4_scan_get_size (MedleyMp4Scan *self, guint *width, guint *height)
{
  const MedleyMp4Track *track = self->tracks != NULL
                                    ? &g_array_index (self->tracks, MedleyMp4Track, self->reference)
                                    : NULL;

  *width = track != NULL && track->is_video ? track->width : 0;
  *height = *width > 0 ? track->height : 0;
}
