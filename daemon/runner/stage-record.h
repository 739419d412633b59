/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* What flows out of a port, as a series of records in a file:
 *
 *   kind     u8: a #MedleyRecordKind, then three bytes of 0
 *   meta     u32 length of a serialised GVariant of the kind's type
 *   payload  u64 length of a buffer's bytes, 0 for other kinds
 *   the GVariant, then the bytes
 *
 * Numbers are little-endian. gdppay was tried for this: it loses the word marks of captions.
 */
typedef enum {
  MEDLEY_RECORD_BUFFER = 'b',
  MEDLEY_RECORD_CAPS = 'c',
  MEDLEY_RECORD_SEGMENT = 's',
  MEDLEY_RECORD_TAGS = 't',
  MEDLEY_RECORD_GAP = 'g',
  MEDLEY_RECORD_CUSTOM = 'x',
  MEDLEY_RECORD_END = 'e', /* the stream's end; the last record */
} MedleyRecordKind;

typedef enum {
  MEDLEY_RECORD_DONE,
  MEDLEY_RECORD_NOTHING, /* it needs no record */
  MEDLEY_RECORD_CANNOT,  /* it cannot be told in records: what was recorded is not the whole */
} MedleyRecordResult;

/* Append to @to. Any thread. */
MedleyRecordResult
medley_record_buffer (GByteArray *to, GstBuffer *buffer);
MedleyRecordResult
medley_record_event (GByteArray *to, GstEvent *event);

/**
 * MedleyRecordReader:
 * @fd: the file; not owned
 * @at: where the next record begins
 * @end: where the records end
 *
 * Reads records, which are not believed: whoever wrote them read hostile media.
 */
typedef struct {
  int fd;
  guint64 at;
  guint64 end;
} MedleyRecordReader;

/* Takes the bounds from the file's header and trailer. FALSE when it is too short. */
gboolean
medley_record_reader_init (MedleyRecordReader *self, int fd);

/**
 * medley_record_reader_next:
 * @self: a reader
 * @error: %MEDLEY_ERROR_IO: damaged, or it cannot be read
 *
 * Returns: (transfer full) (nullable): the next buffer or event; EOS is the last one, and nothing
 * comes after it
 */
GstMiniObject *
medley_record_reader_next (MedleyRecordReader *self, GError **error);

/* (transfer full) (nullable): the caps at the beginning, which say what will flow. Does not move
 * the reader. */
GstCaps *
medley_record_reader_peek_caps (const MedleyRecordReader *self);

G_END_DECLS
