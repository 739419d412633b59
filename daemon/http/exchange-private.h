/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/chunked.h"
#include "http/exchange.h"

G_BEGIN_DECLS

/* What exchange.c (its life, and what comes in) and exchange-write.c (what goes out) share. */

typedef enum { OUT_NOTHING, OUT_LENGTH, OUT_CHUNKED, OUT_UNTIL_CLOSE } OutFraming;

struct _MedleyHttpExchange {
  grefcount ref_count;
  MedleyHttpConnection *connection; /* NULL when it is over */
  MedleyHttpRequest *request;
  char *client; /* NULL for the connection's */
  MedleyHttpGrant grant;
  gint64 start;
  MedleyHttpBeginFunc begin_func;
  MedleyHttpNotes notes;
  MedleyHttpGoneFunc gone_func;
  gpointer gone_data;

  MedleyHttpChunked chunked;
  guint64 body_left;
  gboolean body_done;
  gboolean end_told;
  gboolean continue_sent;
  gboolean keep_reading;
  gboolean held;
  gboolean upgraded;
  MedleyHttpReadFunc read_func;
  gpointer read_data;

  SoupMessageHeaders *headers;
  gboolean begun;
  gboolean keep;
  gboolean finishing;
  gboolean finished;
  OutFraming framing;
  guint64 out_left;
  GBytes *head;
  GBytes *parts[4]; /* what is being written: head, size of a chunk, data, end of a chunk */
  guint n_parts;
  guint part;
  gsize offset; /* in the current part */
  int file;     /* what is sent after the parts, -1 for none */
  guint64 file_at;
  guint64 file_left;
  MedleyHttpWroteFunc wrote_func;
  gpointer wrote_data;
};

/* Nothing is called back from here on. */
MedleyHttpConnection *
medley_http_exchange_leave (MedleyHttpExchange *self);
/* All was written. */
void
medley_http_exchange_complete (MedleyHttpExchange *self);
/* Forgets what was to be written. */
void
medley_http_exchange_drop_parts (MedleyHttpExchange *self);

G_END_DECLS
