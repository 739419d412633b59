/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/mp4-tracks.h"

#include <medley/medley-error.h>

#include "base/mp4-box.h"

#define SECOND G_GUINT64_CONSTANT (1000000)
/* Sums of these, in microseconds, fit into 64 bits by far. */
#define LONGEST_SECONDS (100 * 365 * G_GUINT64_CONSTANT (86400))
/* Sizes of the fixed parts of sample entries. */
#define VISUAL_ENTRY 78
#define AUDIO_ENTRY 28

#define DESCRIPTOR_ES 3
#define DESCRIPTOR_DECODER 4
#define DESCRIPTOR_SPECIFIC 5
#define OBJECT_AAC 0x40

static gboolean
refuse (const char *what, GError **error)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
               "the output is no fragmented MP4 that can be divided: %s", what);
  return FALSE;
}

static guint8
take_byte (MedleySpan *span)
{
  guint8 byte = span->left > 0 ? *span->data : 0;

  medley_span_skip (span, 1);
  return byte;
}

/* A descriptor of ISO/IEC 14496-1: a tag, then a length of up to four groups of seven bits. */
static gboolean
next_descriptor (MedleySpan *span, guint8 *tag, MedleySpan *content)
{
  gsize length = 0;
  guint8 byte;

  if (span->left < 2)
    return FALSE;
  *tag = take_byte (span);
  for (guint i = 0; i < 4; i++) {
    byte = take_byte (span);
    length = length << 7 | (byte & 0x7f);
    if (!(byte & 0x80))
      break;
  }
  if (length > span->left)
    return FALSE;
  *content = (MedleySpan){ span->data, length };
  medley_span_skip (span, length);
  return TRUE;
}

static void
read_esds (MedleyMp4Track *track, MedleySpan esds)
{
  MedleySpan es, decoder, specific;
  guint8 tag, object, flags;

  medley_span_skip (&esds, 4);
  if (!next_descriptor (&esds, &tag, &es) || tag != DESCRIPTOR_ES)
    return;
  medley_span_skip (&es, 2);
  flags = take_byte (&es);
  medley_span_skip (&es, flags & 0x80 ? 2 : 0);
  medley_span_skip (&es, flags & 0x40 ? take_byte (&es) : 0);
  medley_span_skip (&es, flags & 0x20 ? 2 : 0);
  if (!next_descriptor (&es, &tag, &decoder) || tag != DESCRIPTOR_DECODER)
    return;
  object = take_byte (&decoder);
  medley_span_skip (&decoder, 12);
  if (object != OBJECT_AAC) {
    g_snprintf (track->codec, sizeof track->codec, "mp4a.%02X", object);
  } else if (next_descriptor (&decoder, &tag, &specific) && tag == DESCRIPTOR_SPECIFIC
             && specific.left > 0) {
    g_snprintf (track->codec, sizeof track->codec, "mp4a.40.%u", *specific.data >> 3);
  }
}

/* Of the first sample description. */
static void
read_codec (MedleyMp4Track *track, MedleySpan stsd)
{
  MedleySpan entry, inner;
  const char *type;

  medley_span_skip (&stsd, 8);
  if (!medley_span_next_box (&stsd, &entry, &type))
    return;
  entry = medley_box_content (entry);
  if (track->is_video && entry.left >= VISUAL_ENTRY) {
    inner = entry;
    medley_span_skip (&inner, 24);
    track->width = medley_span_take (&inner);
    track->height = track->width & 0xffff;
    track->width >>= 16;
    medley_span_skip (&entry, VISUAL_ENTRY);
    if (medley_box_is (type, "avc1") && medley_span_find_box (entry, "avcC", &inner)
        && inner.left >= 4)
      g_snprintf (track->codec, sizeof track->codec, "avc1.%02X%02X%02X", inner.data[1],
                  inner.data[2], inner.data[3]);
  } else if (track->is_audio && entry.left >= AUDIO_ENTRY) {
    medley_span_skip (&entry, AUDIO_ENTRY);
    if (medley_box_is (type, "mp4a") && medley_span_find_box (entry, "esds", &inner))
      read_esds (track, inner);
    else if (medley_box_is (type, "Opus"))
      g_strlcpy (track->codec, "opus", sizeof track->codec);
    else if (medley_box_is (type, "fLaC"))
      g_strlcpy (track->codec, "fLaC", sizeof track->codec);
  }
}

static gboolean
read_track (MedleySpan trak, MedleyMp4Track *track)
{
  MedleySpan tkhd, mdia, mdhd, hdlr, minf, stbl, stsd;

  if (!medley_span_find_box (trak, "tkhd", &tkhd) || !medley_span_find_box (trak, "mdia", &mdia)
      || !medley_span_find_box (mdia, "mdhd", &mdhd) || !medley_span_find_box (mdia, "hdlr", &hdlr)
      || !medley_span_find_box (mdia, "minf", &minf) || !medley_span_find_box (minf, "stbl", &stbl)
      || !medley_span_find_box (stbl, "stsd", &stsd))
    return FALSE;
  /* Version and flags, two times of 4 or 8 bytes, then what is looked for. */
  medley_span_skip (&tkhd, medley_span_take (&tkhd) >> 24 == 1 ? 16 : 8);
  track->id = medley_span_take (&tkhd);
  medley_span_skip (&mdhd, medley_span_take (&mdhd) >> 24 == 1 ? 16 : 8);
  track->timescale = medley_span_take (&mdhd);
  medley_span_skip (&hdlr, 8);
  track->is_video = hdlr.left >= 4 && medley_box_is ((const char *) hdlr.data, "vide");
  track->is_audio = hdlr.left >= 4 && medley_box_is ((const char *) hdlr.data, "soun");
  read_codec (track, stsd);
  return track->id != 0 && track->timescale != 0;
}

static MedleyMp4Track *
find_track (GArray *tracks, guint32 id, guint *index)
{
  for (guint i = 0; i < tracks->len; i++) {
    MedleyMp4Track *track = &g_array_index (tracks, MedleyMp4Track, i);

    if (track->id == id) {
      *index = i;
      return track;
    }
  }
  return NULL;
}

static void
read_defaults (GArray *tracks, MedleySpan mvex)
{
  const char *type;
  MedleySpan box;
  guint index;

  while (medley_span_next_box (&mvex, &box, &type)) {
    MedleyMp4Track *track;

    if (!medley_box_is (type, "trex"))
      continue;
    box = medley_box_content (box);
    medley_span_skip (&box, 4);
    track = find_track (tracks, medley_span_take (&box), &index);
    if (track == NULL)
      continue;
    medley_span_take (&box); /* default_sample_description_index */
    track->default_duration = medley_span_take (&box);
    medley_span_take (&box); /* default_sample_size */
    track->default_flags = medley_span_take (&box);
  }
}

GArray *
medley_mp4_read_tracks (const guint8 *moov, gsize length, GError **error)
{
  g_autoptr (GArray) tracks = g_array_new (FALSE, TRUE, sizeof (MedleyMp4Track));
  MedleySpan span = medley_box_content ((MedleySpan){ moov, length });
  MedleySpan mvex, box;
  const char *type;
  gboolean any = FALSE;

  if (!medley_span_find_box (span, "mvex", &mvex)) {
    refuse ("it has no fragments", error);
    return NULL;
  }
  while (medley_span_next_box (&span, &box, &type)) {
    MedleyMp4Track track = { 0 };
    guint index;

    if (!medley_box_is (type, "trak"))
      continue;
    if (tracks->len == MEDLEY_MP4_TRACKS || !read_track (medley_box_content (box), &track)
        || find_track (tracks, track.id, &index) != NULL) {
      refuse ("its tracks are not understood", error);
      return NULL;
    }
    any = any || track.is_video || track.is_audio;
    g_array_append_val (tracks, track);
  }
  if (!any) {
    refuse ("it has neither picture nor sound", error);
    return NULL;
  }
  read_defaults (tracks, mvex);
  return g_steal_pointer (&tracks);
}

/* Returns: whether it is within what can be summed up */
static gboolean
to_microseconds (guint64 time, guint32 timescale, guint64 *result)
{
  if (time / timescale > LONGEST_SECONDS)
    return FALSE;
  *result = time / timescale * SECOND + time % timescale * SECOND / timescale;
  return TRUE;
}

typedef struct {
  guint32 duration;
  guint32 flags;
  guint64 total; /* of the samples' durations */
  gboolean any;
  gboolean is_key;
} Samples;

static gboolean
read_trun (MedleySpan trun, Samples *samples)
{
  guint32 flags = medley_span_take (&trun) & 0xffffff;
  guint32 n = medley_span_take (&trun);
  guint32 first_flags = samples->flags;
  gsize before = flags & MEDLEY_TRUN_DURATION ? 4 : 0;
  gsize size = before + (flags & MEDLEY_TRUN_SIZE ? 4 : 0) + (flags & MEDLEY_TRUN_FLAGS ? 4 : 0)
               + (flags & MEDLEY_TRUN_COMPOSITION ? 4 : 0);

  if (n == 0)
    return TRUE;
  if (flags & MEDLEY_TRUN_OFFSET)
    medley_span_take (&trun);
  if (flags & MEDLEY_TRUN_FIRST_FLAGS)
    first_flags = medley_span_take (&trun);
  if (size > 0 && trun.left / size < n)
    return FALSE;
  if (flags & MEDLEY_TRUN_FLAGS) {
    MedleySpan first = trun;

    medley_span_skip (&first, before + (flags & MEDLEY_TRUN_SIZE ? 4 : 0));
    first_flags = medley_span_take (&first);
  }
  if (!samples->any)
    samples->is_key = !(first_flags & MEDLEY_SAMPLE_IS_NOT_SYNC);
  samples->any = TRUE;
  if (!(flags & MEDLEY_TRUN_DURATION)) {
    guint64 all = (guint64) n * samples->duration;

    if (all > G_MAXINT64)
      return FALSE;
    samples->total += all;
  }
  for (guint32 i = 0; (flags & MEDLEY_TRUN_DURATION) && i < n; i++) {
    samples->total += medley_span_take (&trun);
    medley_span_skip (&trun, size - 4);
  }
  /* Each run adds 2^63 at most: a sum that is too long is seen before it wraps. */
  return samples->total <= G_MAXINT64;
}

static gboolean
read_traf (GArray *tracks, MedleySpan traf, MedleyMp4Fragment *fragment, gboolean *any)
{
  MedleySpan tfhd, tfdt, box;
  Samples samples = { 0 };
  MedleyMp4Track *track;
  const char *type;
  guint64 start;
  guint32 flags;

  if (!medley_span_find_box (traf, "tfhd", &tfhd) || !medley_span_find_box (traf, "tfdt", &tfdt))
    return FALSE;
  flags = medley_span_take (&tfhd) & 0xffffff;
  track = find_track (tracks, medley_span_take (&tfhd), &fragment->track);
  /* Places in the whole file would be wrong within a segment. */
  if (track == NULL || flags & MEDLEY_TFHD_BASE_OFFSET)
    return FALSE;
  samples.duration = track->default_duration;
  samples.flags = track->default_flags;
  if (flags & MEDLEY_TFHD_DESCRIPTION)
    medley_span_take (&tfhd);
  if (flags & MEDLEY_TFHD_DURATION)
    samples.duration = medley_span_take (&tfhd);
  if (flags & MEDLEY_TFHD_SIZE)
    medley_span_take (&tfhd);
  if (flags & MEDLEY_TFHD_FLAGS)
    samples.flags = medley_span_take (&tfhd);
  start = medley_span_take (&tfdt) >> 24 == 1 ? medley_span_take_long (&tfdt)
                                              : medley_span_take (&tfdt);
  while (medley_span_next_box (&traf, &box, &type))
    if (medley_box_is (type, "trun") && !read_trun (medley_box_content (box), &samples))
      return FALSE;
  *any = samples.any;
  fragment->is_key = samples.is_key;
  return start <= G_MAXINT64 && to_microseconds (start, track->timescale, &fragment->start)
         && to_microseconds (start + samples.total, track->timescale, &fragment->end);
}

gboolean
medley_mp4_read_fragments (GArray *tracks, const guint8 *moof, gsize length,
                           MedleyMp4Fragment *fragments, guint *n_fragments, GError **error)
{
  MedleySpan span = medley_box_content ((MedleySpan){ moof, length });
  const char *type;
  MedleySpan box;

  *n_fragments = 0;
  while (medley_span_next_box (&span, &box, &type)) {
    gboolean any;

    if (!medley_box_is (type, "traf"))
      continue;
    if (*n_fragments == MEDLEY_MP4_TRACKS
        || !read_traf (tracks, medley_box_content (box), &fragments[*n_fragments], &any))
      return refuse ("a fragment's header is not understood", error);
    if (any)
      (*n_fragments)++;
  }
  return TRUE;
}
