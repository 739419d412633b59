/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyMultipartFuncs:
 * @begin: a part begins; @name is its name in the form, valid UTF-8
 * @data: some of the current part's content
 * @end: the current part is whole
 *
 * What a #MedleyHttpMultipart finds. Each returns %FALSE with an error to stop.
 */
typedef struct {
  gboolean (*begin) (const char *name, gpointer user_data, GError **error);
  gboolean (*data) (const guint8 *data, gsize length, gpointer user_data, GError **error);
  gboolean (*end) (gpointer user_data, GError **error);
} MedleyMultipartFuncs;

/**
 * MedleyHttpMultipart:
 *
 * Takes a body of multipart/form-data (RFC 7578) apart as it arrives. Holds never more than one
 * piece, a boundary and the head of a part.
 */
typedef struct _MedleyHttpMultipart MedleyHttpMultipart;

/**
 * medley_http_multipart_new:
 * @content_type: the header Content-Type
 * @funcs: what to call
 * @user_data: for @funcs
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT when it has no proper boundary
 *
 * Returns: (transfer full) (nullable): a parser
 */
MedleyHttpMultipart *
medley_http_multipart_new (const char *content_type, const MedleyMultipartFuncs *funcs,
                           gpointer user_data, GError **error);
void
medley_http_multipart_free (MedleyHttpMultipart *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpMultipart, medley_http_multipart_free)

/* @error: %MEDLEY_ERROR_INVALID_ARGUMENT, or what a function returned; the parser is then of no
 * further use */
gboolean
medley_http_multipart_feed (MedleyHttpMultipart *self, const void *data, gsize length,
                            GError **error);

/* The body has ended. @error: %MEDLEY_ERROR_INVALID_ARGUMENT when it ended early */
gboolean
medley_http_multipart_finish (MedleyHttpMultipart *self, GError **error);

G_END_DECLS
