/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"
#include "job/output-reader.h"

G_BEGIN_DECLS

/**
 * MedleyHttpDownload:
 *
 * Carries an output of a job to a client at the client's pace, also while it grows.
 */
typedef struct _MedleyHttpDownload MedleyHttpDownload;

/**
 * MedleyHttpDownloadFunc:
 * @data: as given
 *
 * The answer has ended, well or not. May free the download.
 */
typedef void (*MedleyHttpDownloadFunc) (gpointer data);

/**
 * medley_http_download_new:
 * @exchange: an exchange that has not begun
 * @job: the job
 * @output: (nullable): name of the output, %NULL for the default
 * @reader: (transfer full): reads it from its start
 * @func: called at the end, unless the exchange is over before
 * @data: for @func
 *
 * The answer begins with the first byte, or with the error of a job that fails before there is one.
 *
 * Returns: (transfer full): a download that has not begun
 */
MedleyHttpDownload *
medley_http_download_new (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
                          MedleyOutputReader *reader, MedleyHttpDownloadFunc func, gpointer data);

/* Begins to read; does not call the function before it returns. */
void
medley_http_download_begin (MedleyHttpDownload *self);

void
medley_http_download_free (MedleyHttpDownload *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpDownload, medley_http_download_free)

/**
 * medley_http_download_serve:
 * @exchange: an exchange; it has begun when @length is known
 * @job: the job
 * @output: name of the output
 * @reader: reads it from the first byte to send
 * @length: how many bytes to send, %G_MAXUINT64 for all that will come
 * @only_growing: whether to break off when the output is completed meanwhile: its headers may be
 * rewritten then
 *
 * As medley_http_download_new() and _begin(), but looks after itself.
 */
void
medley_http_download_serve (MedleyHttpExchange *exchange, MedleyJob *job, const char *output,
                            MedleyOutputReader *reader, guint64 length, gboolean only_growing);

/**
 * MedleyHttpRange:
 *
 * What `Range` asks for.
 */
typedef enum {
  MEDLEY_HTTP_RANGE_NONE, /* nothing that we serve: the whole */
  MEDLEY_HTTP_RANGE_PART,
  MEDLEY_HTTP_RANGE_UNSATISFIABLE,
} MedleyHttpRange;

/**
 * medley_http_range_parse:
 * @text: (nullable): the header Range
 * @size: bytes there are
 * @first: (out): offset of the first byte
 * @last: (out): offset of the last byte
 *
 * Several ranges at once are served as the whole, which RFC 9110 allows.
 *
 * Returns: what is asked for
 */
MedleyHttpRange
medley_http_range_parse (const char *text, guint64 size, guint64 *first, guint64 *last);

/**
 * medley_http_range_parse_closed:
 * @text: (nullable): the header Range
 * @first: (out): offset of the first byte
 * @last: (out): offset of the last byte
 *
 * Returns: whether it is one range with both ends
 */
gboolean
medley_http_range_parse_closed (const char *text, guint64 *first, guint64 *last);

G_END_DECLS
