/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/vtt-scan.h"

#include <medley/medley-error.h>
#include <string.h>

#define MOST_BYTES (2 * 1024 * 1024)
#define SECOND G_GUINT64_CONSTANT (1000000)
#define MOST_TIME (100 * 3600 * SECOND)
#define SEGMENT (MEDLEY_VTT_SEGMENT * SECOND)
#define SIGNATURE "WEBVTT"

typedef struct {
  guint64 start, end; /* microseconds */
  gsize offset, length;
} Cue;

struct _MedleyVttScan {
  GByteArray *text;
  gsize line;  /* where the line begins that is not whole yet */
  gsize block; /* where the block begins that is not whole yet */
  gboolean has_times;
  Cue cue; /* of that block */
  gboolean is_signed;
  gboolean is_finished;
  GArray *cues;
  guint64 last_start, last_end;
};

MedleyVttScan *
medley_vtt_scan_new (void)
{
  MedleyVttScan *self = g_new0 (MedleyVttScan, 1);

  self->text = g_byte_array_new ();
  self->cues = g_array_new (FALSE, FALSE, sizeof (Cue));
  return self;
}

void
medley_vtt_scan_free (MedleyVttScan *self)
{
  g_byte_array_unref (self->text);
  g_array_unref (self->cues);
  g_free (self);
}

guint64
medley_vtt_scan_get_offset (MedleyVttScan *self)
{
  return self->text->len;
}

static gboolean
refuse (const char *what, GError **error)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
               "the captions cannot be divided: %s", what);
  return FALSE;
}

/* "01:02:03.456" or "02:03.456". Returns: what follows, NULL when it is no time */
static const char *
parse_time (const char *text, guint64 *time)
{
  guint64 parts[3] = { 0 };
  guint n = 0;
  const char *p = text;

  for (; n < 3; n++) {
    gsize digits = strspn (p, "0123456789");

    if (digits == 0 || digits > 6)
      return NULL;
    parts[n] = g_ascii_strtoull (p, NULL, 10);
    p += digits;
    if (*p != ':')
      break;
    p++;
  }
  if (n < 1 || n > 2 || *p != '.' || strspn (p + 1, "0123456789") != 3)
    return NULL;
  *time = n == 2 ? parts[0] * 3600 + parts[1] * 60 + parts[2] : parts[0] * 60 + parts[1];
  *time = *time * SECOND + g_ascii_strtoull (p + 1, NULL, 10) * 1000;
  return p + 4;
}

static gboolean
take_times (MedleyVttScan *self, const char *line, GError **error)
{
  const char *rest = parse_time (line + strspn (line, " \t"), &self->cue.start);

  if (rest != NULL) {
    rest += strspn (rest, " \t");
    rest = g_str_has_prefix (rest, "-->") ? rest + 3 : NULL;
  }
  if (rest != NULL)
    rest = parse_time (rest + strspn (rest, " \t"), &self->cue.end);
  if (rest == NULL || self->cue.end < self->cue.start)
    return refuse ("a cue has no proper times", error);
  if (self->cue.end > MOST_TIME)
    return refuse ("they are longer than 100 hours", error);
  self->has_times = TRUE;
  return TRUE;
}

static void
end_block (MedleyVttScan *self, gsize end)
{
  if (self->has_times) {
    self->cue.offset = self->block;
    self->cue.length = end - self->block;
    g_array_append_val (self->cues, self->cue);
    self->last_start = MAX (self->last_start, self->cue.start);
    self->last_end = MAX (self->last_end, self->cue.end);
  }
  self->has_times = FALSE;
  self->block = end;
}

/* @end: behind the line's end */
static gboolean
take_line (MedleyVttScan *self, gsize end, GError **error)
{
  g_autofree char *line
      = g_strndup ((const char *) self->text->data + self->line, end - self->line);

  g_strchomp (line);
  self->line = end;
  if (!self->is_signed) {
    if (!g_str_has_prefix (line, SIGNATURE) && !g_str_has_prefix (line, "\357\273\277" SIGNATURE))
      return refuse ("they are no WebVTT", error);
    self->is_signed = TRUE;
  } else if (*line == '\0') {
    end_block (self, end);
  } else if (!self->has_times && strstr (line, "-->") != NULL) {
    return take_times (self, line, error);
  }
  return TRUE;
}

gboolean
medley_vtt_scan_feed (MedleyVttScan *self, const char *text, gsize length, GError **error)
{
  if (self->text->len + length > MOST_BYTES)
    return refuse ("they are more than 2 MiB", error);
  g_byte_array_append (self->text, (const guint8 *) text, (guint) length);
  for (gsize i = self->text->len - length; i < self->text->len; i++)
    if (self->text->data[i] == '\n' && !take_line (self, i + 1, error))
      return FALSE;
  return TRUE;
}

void
medley_vtt_scan_finish (MedleyVttScan *self)
{
  if (!self->is_finished)
    end_block (self, self->text->len);
  self->is_finished = TRUE;
}

guint
medley_vtt_scan_get_n_segments (MedleyVttScan *self)
{
  if (!self->is_finished)
    return (guint) (self->last_start / SEGMENT);
  return MAX (1, (guint) ((self->last_end + SEGMENT - 1) / SEGMENT));
}

guint64
medley_vtt_scan_get_duration (MedleyVttScan *self, guint n)
{
  guint64 start = n * SEGMENT;

  if (!self->is_finished || start + SEGMENT <= self->last_end || start >= self->last_end)
    return SEGMENT;
  return self->last_end - start;
}

GBytes *
medley_vtt_scan_make_segment (MedleyVttScan *self, guint n)
{
  GByteArray *out = g_byte_array_new ();
  guint64 start = n * SEGMENT;

  g_byte_array_append (out, (const guint8 *) SIGNATURE "\n\n", strlen (SIGNATURE) + 2);
  for (guint i = 0; i < self->cues->len; i++) {
    const Cue *cue = &g_array_index (self->cues, Cue, i);

    if (cue->start < start + SEGMENT && cue->end > start)
      g_byte_array_append (out, self->text->data + cue->offset, (guint) cue->length);
    if (out->data[out->len - 1] != '\n') /* the last cue of the file may not be ended */
      g_byte_array_append (out, (const guint8 *) "\n\n", 2);
  }
  return g_byte_array_free_to_bytes (out);
}
