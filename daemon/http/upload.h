/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"
#include "http/exchange.h"
#include "job/input-writer.h"

G_BEGIN_DECLS

/**
 * MedleyHttpUpload:
 *
 * Carries a request's body into an input of a job, as it arrives. A body whose length is not known
 * may have no end: it waits in the client's socket while it is far ahead of the job that reads it.
 */
typedef struct _MedleyHttpUpload MedleyHttpUpload;

/**
 * MedleyHttpUploadFunc:
 * @error: (nullable): why the input is not whole; it was given up
 * @data: as given
 *
 * The body has ended. May free the upload.
 */
typedef void (*MedleyHttpUploadFunc) (const GError *error, gpointer data);

/**
 * medley_http_upload_new:
 * @exchange: an exchange whose body was not read yet
 * @writer: (transfer full): where it goes
 * @ahead: most bytes by which a body of unknown length may be ahead of the job; 0 for no limit
 * @from_start: whether that counts also before the job reads it, which may be long
 * @func: called at the end, unless the exchange is over before
 * @data: for @func
 *
 * Returns: (transfer full): an upload that has not begun
 */
MedleyHttpUpload *
medley_http_upload_new (MedleyHttpExchange *exchange, MedleyInputWriter *writer, guint64 ahead,
                        gboolean from_start, MedleyHttpUploadFunc func, gpointer data);

/* Begins to read; may call the function before it returns. */
void
medley_http_upload_begin (MedleyHttpUpload *self);

/**
 * medley_http_upload_fits:
 * @request: a request
 * @config: the limits
 * @type: media type of the input
 * @error: %MEDLEY_ERROR_TOO_LARGE
 *
 * A body whose length is told is refused before any of it is read, and before a job makes something
 * of its beginning.
 *
 * Returns: whether the body may come
 */
gboolean
medley_http_upload_fits (const MedleyHttpRequest *request, MedleyConfig *config, const char *type,
                         GError **error);

/* Before its end: gives the input up. */
void
medley_http_upload_free (MedleyHttpUpload *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpUpload, medley_http_upload_free)

G_END_DECLS
