/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/session/clock.h"

#include <string.h>

#define MAX_HEADER 4096
#define OGG_HEAD 27
#define OPUS_RATE 48000

typedef enum { FORMAT_UNKNOWN, FORMAT_SAMPLES, FORMAT_WAV, FORMAT_OGG } Format;

struct _MedleySessionClock {
  Format format;
  guint64 bytes_per_second; /* 0 while unknown */
  guint64 bytes;            /* of samples */

  GByteArray *header; /* of the file, of a chunk, of a page with the beginning of its body */
  guint64 skip;       /* bytes to come that tell nothing */

  guint64 rate; /* of granules */
  guint64 pre_skip;
  guint64 granule;
};

MedleySessionClock *
medley_session_clock_new (const char *type)
{
  MedleySessionClock *self = g_new0 (MedleySessionClock, 1);

  self->header = g_byte_array_new ();
  if (g_str_equal (type, "audio/pcm"))
    self->format = FORMAT_SAMPLES;
  else if (g_str_equal (type, "audio/wav"))
    self->format = FORMAT_WAV;
  else if (g_str_equal (type, "audio/ogg"))
    self->format = FORMAT_OGG;
  return self;
}

void
medley_session_clock_free (MedleySessionClock *self)
{
  g_byte_array_unref (self->header);
  g_free (self);
}

void
medley_session_clock_set_samples (MedleySessionClock *self, guint rate, guint channels)
{
  if (self->format == FORMAT_SAMPLES)
    self->bytes_per_second = (guint64) rate * channels * 2;
}

static guint32
read_le (const guint8 *data, guint size)
{
  guint32 number = 0;

  for (guint i = size; i > 0; i--)
    number = number << 8 | data[i - 1];
  return number;
}

/* What is read does not make sense: there is no time from here on. */
static void
give_up (MedleySessionClock *self)
{
  self->format = FORMAT_UNKNOWN;
  g_byte_array_set_size (self->header, 0);
}

/* Fills the header up to @wanted bytes. Returns: whether it has them */
static gboolean
collect (MedleySessionClock *self, const guint8 **data, gsize *length, gsize wanted)
{
  gsize n = MIN (*length, wanted - MIN (wanted, self->header->len));

  g_byte_array_append (self->header, *data, (guint) n);
  *data += n;
  *length -= n;
  return self->header->len >= wanted;
}

/* RIFF, size, WAVE; then chunks: a name, a size, the content padded to an even size. */
static void
feed_wav (MedleySessionClock *self, const guint8 *data, gsize length)
{
  while (length > 0 && self->format == FORMAT_WAV) {
    const guint8 *head;
    guint32 size;

    if (self->skip > 0) {
      gsize n = (gsize) MIN (self->skip, length);

      self->skip -= n;
      data += n;
      length -= n;
      continue;
    }
    if (!collect (self, &data, &length, 12))
      return;
    head = self->header->data;
    if (memcmp (head, "RIFF", 4) != 0 || memcmp (head + 8, "WAVE", 4) != 0) {
      give_up (self);
      return;
    }
    if (!collect (self, &data, &length, 20))
      return;
    head = self->header->data + 12;
    size = read_le (head + 4, 4);
    if (memcmp (head, "data", 4) == 0) {
      if (self->bytes_per_second == 0) {
        give_up (self);
        return;
      }
      self->format = FORMAT_SAMPLES;
      self->bytes = length;
      return;
    }
    if (memcmp (head, "fmt ", 4) == 0) {
      if (size < 16 || size > MAX_HEADER) {
        give_up (self);
        return;
      }
      if (!collect (self, &data, &length, 20 + 16))
        return;
      self->bytes_per_second = read_le (self->header->data + 20 + 8, 4);
      size -= 16;
    }
    self->skip = (guint64) size + (size & 1);
    g_byte_array_set_size (self->header, 12);
  }
}

/* The first packet of a stream says what it is. */
static void
look_at_packet (MedleySessionClock *self, const guint8 *packet, gsize length)
{
  if (length >= 19 && memcmp (packet, "OpusHead", 8) == 0) {
    self->rate = OPUS_RATE;
    self->pre_skip = read_le (packet + 10, 2);
  } else if (length >= 16 && memcmp (packet, "\001vorbis", 7) == 0) {
    self->rate = read_le (packet + 12, 4);
  }
}

static void
feed_ogg (MedleySessionClock *self, const guint8 *data, gsize length)
{
  while (length > 0) {
    const guint8 *head;
    gsize head_size, body = 0;
    guint64 granule;

    if (!collect (self, &data, &length, OGG_HEAD))
      return;
    head = self->header->data;
    if (memcmp (head, "OggS", 4) != 0) {
      give_up (self);
      return;
    }
    head_size = OGG_HEAD + head[26];
    if (!collect (self, &data, &length, head_size))
      return;
    for (guint i = 0; i < self->header->data[26]; i++)
      body += self->header->data[OGG_HEAD + i];
    /* At most 64 KiB: a page counts when it is whole, as nobody can play half of one. */
    if (!collect (self, &data, &length, head_size + body))
      return;
    head = self->header->data;
    if (self->rate == 0)
      look_at_packet (self, head + head_size, body);
    granule = read_le (head + 6, 4) | (guint64) read_le (head + 10, 4) << 32;
    if (self->rate == 0) {
      give_up (self);
      return;
    }
    /* All bits set: no packet ends on this page. */
    if (granule != G_MAXUINT64 && granule <= G_MAXINT64 / G_USEC_PER_SEC)
      self->granule = MAX (self->granule, granule);
    g_byte_array_set_size (self->header, 0);
  }
}

void
medley_session_clock_feed (MedleySessionClock *self, const guint8 *data, gsize length)
{
  switch (self->format) {
  case FORMAT_SAMPLES:
    self->bytes += length;
    break;
  case FORMAT_WAV:
    feed_wav (self, data, length);
    break;
  case FORMAT_OGG:
    feed_ogg (self, data, length);
    break;
  case FORMAT_UNKNOWN:
    break;
  }
}

gint64
medley_session_clock_get_time (MedleySessionClock *self)
{
  switch (self->format) {
  case FORMAT_SAMPLES:
    if (self->bytes_per_second == 0)
      return self->bytes == 0 ? 0 : -1;
    /* In two steps: the product of bytes and microseconds would not fit after an hour or so. */
    return (gint64) (self->bytes / self->bytes_per_second * G_USEC_PER_SEC
                     + self->bytes % self->bytes_per_second * G_USEC_PER_SEC
                           / self->bytes_per_second);
  case FORMAT_WAV:
    return 0;
  case FORMAT_OGG:
    if (self->rate == 0 || self->granule <= self->pre_skip)
      return 0;
    return (gint64) ((self->granule - self->pre_skip) * G_USEC_PER_SEC / self->rate);
  case FORMAT_UNKNOWN:
    break;
  }
  return -1;
}
