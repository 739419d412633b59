/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/mp4-index.h"

#include <string.h>

#include "base/mp4-box.h"

typedef struct {
  guint32 count;
  guint32 value;
} Run;

typedef struct {
  guint32 duration, size, flags;
} Defaults;

typedef struct {
  guint32 id;
  guint32 timescale;
  GstClockTime start;
  Defaults defaults;
  GArray *sizes;        /* guint32 */
  GArray *durations;    /* Run */
  GArray *compositions; /* Run */
  GArray *syncs;        /* guint32, samples from 1 on */
  GArray *chunks;       /* guint64, places */
  GArray *chunk_sizes;  /* Run: chunks, samples in each */
  guint32 first_composition;
  guint64 duration;
} Track;

struct _MedleyMp4Index {
  GByteArray *moov;
  GPtrArray *tracks;
  guint32 timescale;
  GstClockTime starts[2]; /* picture, sound */
};

static gboolean
is_one_of (const char *type, const char *const *names)
{
  for (; *names != NULL; names++)
    if (medley_box_is (type, *names))
      return TRUE;
  return FALSE;
}

static void
put (GByteArray *out, guint32 value)
{
  guint8 bytes[4];

  medley_write_be32 (bytes, value);
  g_byte_array_append (out, bytes, sizeof bytes);
}

static void
put_long (GByteArray *out, guint64 value)
{
  put (out, (guint32) (value >> 32));
  put (out, (guint32) value);
}

static guint
begin (GByteArray *out, const char *type)
{
  put (out, 0);
  g_byte_array_append (out, (const guint8 *) type, 4);
  return out->len - MEDLEY_BOX_HEADER;
}

static void
end (GByteArray *out, guint at)
{
  medley_write_be32 (out->data + at, out->len - at);
}

static void
track_free (gpointer data)
{
  Track *track = data;

  g_array_unref (track->sizes);
  g_array_unref (track->durations);
  g_array_unref (track->compositions);
  g_array_unref (track->syncs);
  g_array_unref (track->chunks);
  g_array_unref (track->chunk_sizes);
  g_free (track);
}

MedleyMp4Index *
medley_mp4_index_new (void)
{
  MedleyMp4Index *self = g_new0 (MedleyMp4Index, 1);

  self->tracks = g_ptr_array_new_with_free_func (track_free);
  return self;
}

void
medley_mp4_index_free (MedleyMp4Index *self)
{
  g_clear_pointer (&self->moov, g_byte_array_unref);
  g_ptr_array_unref (self->tracks);
  g_free (self);
}

static Track *
find_track (MedleyMp4Index *self, guint32 id)
{
  for (guint i = 0; i < self->tracks->len; i++) {
    Track *track = g_ptr_array_index (self->tracks, i);

    if (track->id == id)
      return track;
  }
  return NULL;
}

/* mvhd and mdhd: version and flags, two times of 4 or 8 bytes, the timescale. */
static guint32
read_timescale (MedleySpan header)
{
  guint32 version = medley_span_take (&header) >> 24;

  medley_span_skip (&header, version == 1 ? 16 : 8);
  return medley_span_take (&header);
}

static gboolean
add_track (MedleyMp4Index *self, MedleySpan trak)
{
  MedleySpan tkhd, mdia, mdhd, hdlr;
  Track *track;
  guint32 kind;

  if (!medley_span_find_box (trak, "tkhd", &tkhd) || !medley_span_find_box (trak, "mdia", &mdia)
      || !medley_span_find_box (mdia, "mdhd", &mdhd) || !medley_span_find_box (mdia, "hdlr", &hdlr))
    return FALSE;
  track = g_new0 (Track, 1);
  track->sizes = g_array_new (FALSE, FALSE, sizeof (guint32));
  track->durations = g_array_new (FALSE, FALSE, sizeof (Run));
  track->compositions = g_array_new (FALSE, FALSE, sizeof (Run));
  track->syncs = g_array_new (FALSE, FALSE, sizeof (guint32));
  track->chunks = g_array_new (FALSE, FALSE, sizeof (guint64));
  track->chunk_sizes = g_array_new (FALSE, FALSE, sizeof (Run));
  g_ptr_array_add (self->tracks, track);
  medley_span_skip (&tkhd, medley_span_take (&tkhd) >> 24 == 1 ? 16 : 8);
  track->id = medley_span_take (&tkhd);
  track->timescale = read_timescale (mdhd);
  medley_span_skip (&hdlr, 8);
  kind = medley_span_take (&hdlr);
  track->start = kind == GST_MAKE_FOURCC ('e', 'd', 'i', 'v')   ? self->starts[0]
                 : kind == GST_MAKE_FOURCC ('n', 'u', 'o', 's') ? self->starts[1]
                                                                : 0;
  return track->id != 0 && track->timescale != 0;
}

static gboolean
read_moov (MedleyMp4Index *self, MedleySpan moov)
{
  MedleySpan span = moov, box, mvhd, mvex;
  const char *type;

  if (!medley_span_find_box (moov, "mvhd", &mvhd) || !medley_span_find_box (moov, "mvex", &mvex))
    return FALSE;
  self->timescale = read_timescale (mvhd);
  while (medley_span_next_box (&span, &box, &type))
    if (medley_box_is (type, "trak") && !add_track (self, medley_box_content (box)))
      return FALSE;
  while (medley_span_next_box (&mvex, &box, &type)) {
    Track *track;

    if (!medley_box_is (type, "trex"))
      continue;
    medley_span_skip (&box, MEDLEY_BOX_HEADER + 4);
    track = find_track (self, medley_span_take (&box));
    if (track == NULL)
      return FALSE;
    medley_span_take (&box); /* default_sample_description_index */
    track->defaults.duration = medley_span_take (&box);
    track->defaults.size = medley_span_take (&box);
    track->defaults.flags = medley_span_take (&box);
  }
  return self->timescale != 0 && self->tracks->len > 0;
}

static void
add_to_runs (GArray *runs, guint32 value)
{
  Run *last = runs->len > 0 ? &g_array_index (runs, Run, runs->len - 1) : NULL;

  if (last != NULL && last->value == value) {
    last->count++;
  } else {
    Run run = { 1, value };

    g_array_append_val (runs, run);
  }
}

static gboolean
read_trun (Track *track, const Defaults *defaults, MedleySpan trun, guint64 base, guint64 *at)
{
  guint32 flags = medley_span_take (&trun) & 0xffffff;
  guint32 n = medley_span_take (&trun);
  guint32 first_flags = defaults->flags;

  if (flags & MEDLEY_TRUN_OFFSET)
    *at = base + (guint64) (gint64) (gint32) medley_span_take (&trun);
  if (flags & MEDLEY_TRUN_FIRST_FLAGS)
    first_flags = medley_span_take (&trun);
  if (n == 0)
    return TRUE;
  g_array_append_val (track->chunks, *at);
  add_to_runs (track->chunk_sizes, n);
  for (guint32 i = 0; i < n; i++) {
    gsize fields = (flags & MEDLEY_TRUN_DURATION ? 4 : 0) + (flags & MEDLEY_TRUN_SIZE ? 4 : 0)
                   + (flags & MEDLEY_TRUN_FLAGS ? 4 : 0)
                   + (flags & MEDLEY_TRUN_COMPOSITION ? 4 : 0);
    guint32 duration, size, sample_flags, composition;

    if (trun.left < fields)
      return FALSE;
    duration = flags & MEDLEY_TRUN_DURATION ? medley_span_take (&trun) : defaults->duration;
    size = flags & MEDLEY_TRUN_SIZE ? medley_span_take (&trun) : defaults->size;
    sample_flags = flags & MEDLEY_TRUN_FLAGS ? medley_span_take (&trun)
                   : i == 0                  ? first_flags
                                             : defaults->flags;
    composition = flags & MEDLEY_TRUN_COMPOSITION ? medley_span_take (&trun) : 0;
    if (track->sizes->len == 0)
      track->first_composition = composition;
    g_array_append_val (track->sizes, size);
    add_to_runs (track->durations, duration);
    add_to_runs (track->compositions, composition);
    if (!(sample_flags & MEDLEY_SAMPLE_IS_NOT_SYNC))
      g_array_append_val (track->syncs, track->sizes->len);
    track->duration += duration;
    *at += size;
  }
  return TRUE;
}

/* mp4mux has each track begin at 0. Not all players heed an edit list in a file of fragments. */
static void
move_start (const Track *track, guint8 *tfdt, gsize size)
{
  guint64 shift = gst_util_uint64_scale_round (track->start, track->timescale, GST_SECOND);
  guint8 *time = tfdt + 4;

  if (size >= 12 && tfdt[0] == 1)
    medley_write_be64 (time, medley_read_be64 (time) + shift);
  else if (size >= 8 && tfdt[0] == 0 && medley_read_be32 (time) + shift <= G_MAXUINT32)
    medley_write_be32 (time, (guint32) (medley_read_be32 (time) + shift));
}

/* @moof: what @traf is in */
static gboolean
read_traf (MedleyMp4Index *self, guint8 *moof, MedleySpan traf, guint64 base, guint64 *at)
{
  MedleySpan tfhd, tfdt, box;
  Defaults defaults;
  const char *type;
  guint32 flags;
  Track *track;

  if (!medley_span_find_box (traf, "tfhd", &tfhd))
    return FALSE;
  flags = medley_span_take (&tfhd) & 0xffffff;
  track = find_track (self, medley_span_take (&tfhd));
  if (track == NULL || flags & MEDLEY_TFHD_BASE_OFFSET)
    return FALSE;
  defaults = track->defaults;
  if (flags & MEDLEY_TFHD_DESCRIPTION)
    medley_span_take (&tfhd);
  if (flags & MEDLEY_TFHD_DURATION)
    defaults.duration = medley_span_take (&tfhd);
  if (flags & MEDLEY_TFHD_SIZE)
    defaults.size = medley_span_take (&tfhd);
  if (flags & MEDLEY_TFHD_FLAGS)
    defaults.flags = medley_span_take (&tfhd);
  if (medley_span_find_box (traf, "tfdt", &tfdt))
    move_start (track, moof + (tfdt.data - moof), tfdt.left);
  while (medley_span_next_box (&traf, &box, &type))
    if (medley_box_is (type, "trun")
        && !read_trun (track, &defaults, medley_box_content (box), base, at))
      return FALSE;
  return TRUE;
}

gboolean
medley_mp4_index_add_moof (MedleyMp4Index *self, guint8 *moof, gsize size, guint64 offset)
{
  MedleySpan span = medley_box_content ((MedleySpan){ moof, size });
  guint64 at = offset;
  const char *type;
  MedleySpan box;

  while (medley_span_next_box (&span, &box, &type))
    if (medley_box_is (type, "traf")
        && !read_traf (self, moof, medley_box_content (box), offset, &at))
      return FALSE;
  return TRUE;
}

static guint64
to_movie_time (MedleyMp4Index *self, const Track *track)
{
  return gst_util_uint64_scale_round (track->duration, self->timescale, track->timescale);
}

/* Where in the film a track begins, and where in the track. */
static void
put_edits (MedleyMp4Index *self, GByteArray *out, const Track *track)
{
  guint64 start = gst_util_uint64_scale_round (track->start, self->timescale, GST_SECOND);
  guint edts, elst;

  if (start == 0 && track->first_composition == 0)
    return;
  edts = begin (out, "edts");
  elst = begin (out, "elst");
  put (out, 1u << 24);
  put (out, start > 0 ? 2 : 1);
  if (start > 0) {
    put_long (out, start);
    put_long (out, G_MAXUINT64);
    put (out, 0x10000);
  }
  put_long (out, to_movie_time (self, track));
  put_long (out, track->first_composition);
  put (out, 0x10000);
  end (out, elst);
  end (out, edts);
}

static void
put_runs (GByteArray *out, const char *type, const GArray *runs)
{
  guint at = begin (out, type);

  put (out, 0);
  put (out, runs->len);
  for (guint i = 0; i < runs->len; i++) {
    put (out, g_array_index (runs, Run, i).count);
    put (out, g_array_index (runs, Run, i).value);
  }
  end (out, at);
}

static void
put_numbers (GByteArray *out, const char *type, gboolean with_default, const GArray *numbers)
{
  guint at = begin (out, type);

  put (out, 0);
  if (with_default)
    put (out, 0);
  put (out, numbers->len);
  for (guint i = 0; i < numbers->len; i++)
    put (out, g_array_index (numbers, guint32, i));
  end (out, at);
}

static void
put_chunks (GByteArray *out, const Track *track)
{
  gboolean far = track->chunks->len > 0
                 && g_array_index (track->chunks, guint64, track->chunks->len - 1) > G_MAXUINT32;
  guint at = begin (out, "stsc");
  guint32 chunk = 1;

  put (out, 0);
  put (out, track->chunk_sizes->len);
  for (guint i = 0; i < track->chunk_sizes->len; i++) {
    const Run *run = &g_array_index (track->chunk_sizes, Run, i);

    put (out, chunk);
    put (out, run->value);
    put (out, 1);
    chunk += run->count;
  }
  end (out, at);

  at = begin (out, far ? "co64" : "stco");
  put (out, 0);
  put (out, track->chunks->len);
  for (guint i = 0; i < track->chunks->len; i++) {
    guint64 place = g_array_index (track->chunks, guint64, i);

    if (far)
      put_long (out, place);
    else
      put (out, (guint32) place);
  }
  end (out, at);
}

static void
put_tables (GByteArray *out, const Track *track)
{
  put_runs (out, "stts", track->durations);
  if (track->compositions->len > 1 || track->first_composition != 0)
    put_runs (out, "ctts", track->compositions);
  if (track->syncs->len < track->sizes->len)
    put_numbers (out, "stss", FALSE, track->syncs);
  put_numbers (out, "stsz", TRUE, track->sizes);
  put_chunks (out, track);
}

/* A header as it was but for its duration, which is after @skipped bytes of fields besides the
 * times. */
static void
put_header (GByteArray *out, MedleySpan box, guint skipped, guint64 duration)
{
  guint at = out->len;
  gboolean is_long = box.left > MEDLEY_BOX_HEADER && box.data[MEDLEY_BOX_HEADER] == 1;
  guint place = MEDLEY_BOX_HEADER + 4 + (is_long ? 16 : 8) + skipped;

  g_byte_array_append (out, box.data, (guint) box.left);
  if (box.left < place + 8)
    return;
  if (is_long)
    medley_write_be64 (out->data + at + place, duration);
  else /* all ones: unknown */
    medley_write_be32 (out->data + at + place, (guint32) MIN (duration, G_MAXUINT32));
}

static void
put_children (MedleyMp4Index *self, GByteArray *out, MedleySpan span, Track *track, gboolean final)
{
  static const char *const containers[] = { "mdia", "minf", "stbl", NULL };
  static const char *const replaced[]
      = { "stts", "ctts", "stss", "stsz", "stsc", "stco", "co64", "mvex", NULL };
  guint64 longest = 0;
  guint n_track = 0;
  const char *type;
  MedleySpan box;

  for (guint i = 0; i < self->tracks->len; i++) {
    const Track *one = g_ptr_array_index (self->tracks, i);

    longest = MAX (longest,
                   to_movie_time (self, one)
                       + gst_util_uint64_scale_round (one->start, self->timescale, GST_SECOND));
  }
  while (medley_span_next_box (&span, &box, &type)) {
    gboolean is_track = medley_box_is (type, "trak");

    if (is_track)
      track = g_ptr_array_index (self->tracks, n_track++);
    if (is_track || is_one_of (type, containers)) {
      guint at = begin (out, is_track ? "trak" : type);

      put_children (self, out, medley_box_content (box), track, final);
      if (final && medley_box_is (type, "stbl"))
        put_tables (out, track);
      end (out, at);
    } else if (medley_box_is (type, "edts") || (final && is_one_of (type, replaced))) {
      continue;
    } else if (final && medley_box_is (type, "mvhd")) {
      put_header (out, box, 4, longest);
    } else if (final && medley_box_is (type, "mdhd")) {
      put_header (out, box, 4, track->duration);
    } else if (medley_box_is (type, "tkhd")) {
      if (final)
        put_header (out, box, 8,
                    to_movie_time (self, track)
                        + gst_util_uint64_scale_round (track->start, self->timescale, GST_SECOND));
      else
        g_byte_array_append (out, box.data, (guint) box.left);
      if (final)
        put_edits (self, out, track);
    } else {
      g_byte_array_append (out, box.data, (guint) box.left);
    }
  }
}

static GByteArray *
make_moov (MedleyMp4Index *self, gboolean final)
{
  GByteArray *out = g_byte_array_new ();
  guint at = begin (out, "moov");

  put_children (self, out, medley_box_content ((MedleySpan){ self->moov->data, self->moov->len }),
                NULL, final);
  end (out, at);
  return out;
}

GByteArray *
medley_mp4_index_set_moov (MedleyMp4Index *self, const guint8 *moov, gsize size,
                           GstClockTime video_start, GstClockTime audio_start)
{
  g_return_val_if_fail (self->moov == NULL, NULL);
  self->starts[0] = video_start;
  self->starts[1] = audio_start;
  if (!read_moov (self, medley_box_content ((MedleySpan){ moov, size })))
    return NULL;
  self->moov = g_byte_array_append (g_byte_array_new (), moov, (guint) size);
  return make_moov (self, FALSE);
}

GByteArray *
medley_mp4_index_finish (MedleyMp4Index *self)
{
  gboolean any = FALSE;

  for (guint i = 0; i < self->tracks->len; i++)
    any |= ((Track *) g_ptr_array_index (self->tracks, i))->sizes->len > 0;
  return any && self->moov != NULL ? make_moov (self, TRUE) : NULL;
}
