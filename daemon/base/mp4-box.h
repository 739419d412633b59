/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/big-endian.h"

G_BEGIN_DECLS

#define MEDLEY_BOX_HEADER 8
#define MEDLEY_BOX_LONG_HEADER 16

/* Fields of tfhd and trun; their names in ISO/IEC 14496-12 are in the comments of who reads them.
 */
#define MEDLEY_TFHD_BASE_OFFSET 0x1
#define MEDLEY_TFHD_DESCRIPTION 0x2
#define MEDLEY_TFHD_DURATION 0x8
#define MEDLEY_TFHD_SIZE 0x10
#define MEDLEY_TFHD_FLAGS 0x20
#define MEDLEY_TRUN_OFFSET 0x1
#define MEDLEY_TRUN_FIRST_FLAGS 0x4
#define MEDLEY_TRUN_DURATION 0x100
#define MEDLEY_TRUN_SIZE 0x200
#define MEDLEY_TRUN_FLAGS 0x400
#define MEDLEY_TRUN_COMPOSITION 0x800
#define MEDLEY_SAMPLE_IS_NOT_SYNC 0x10000

/* A part of an MP4 box, read from its front; empty once too little is left: then numbers are 0. */
typedef struct {
  const guint8 *data;
  gsize left;
} MedleySpan;

static inline void
medley_span_skip (MedleySpan *span, gsize n)
{
  n = MIN (n, span->left);
  span->data += n;
  span->left -= n;
}

static inline guint32
medley_span_take (MedleySpan *span)
{
  guint32 value;

  if (span->left < 4) {
    span->left = 0;
    return 0;
  }
  value = medley_read_be32 (span->data);
  medley_span_skip (span, 4);
  return value;
}

static inline guint64
medley_span_take_long (MedleySpan *span)
{
  guint64 value;

  if (span->left < 8) {
    span->left = 0;
    return 0;
  }
  value = medley_read_be64 (span->data);
  medley_span_skip (span, 8);
  return value;
}

static inline gboolean
medley_box_is (const char *type, const char *wanted)
{
  return memcmp (type, wanted, 4) == 0;
}

/* The next box within @span; @box gets all of it, header included. */
static inline gboolean
medley_span_next_box (MedleySpan *span, MedleySpan *box, const char **type)
{
  guint32 size;

  if (span->left < MEDLEY_BOX_HEADER)
    return FALSE;
  size = medley_read_be32 (span->data);
  if (size < MEDLEY_BOX_HEADER || size > span->left)
    return FALSE;
  *box = (MedleySpan){ span->data, size };
  *type = (const char *) span->data + 4;
  medley_span_skip (span, size);
  return TRUE;
}

/* What is in a box. */
static inline MedleySpan
medley_box_content (MedleySpan box)
{
  medley_span_skip (&box, MEDLEY_BOX_HEADER);
  return box;
}

/* @found: what is in the first box of a type */
static inline gboolean
medley_span_find_box (MedleySpan span, const char *wanted, MedleySpan *found)
{
  const char *type;

  while (medley_span_next_box (&span, found, &type))
    if (medley_box_is (type, wanted)) {
      *found = medley_box_content (*found);
      return TRUE;
    }
  return FALSE;
}

G_END_DECLS
