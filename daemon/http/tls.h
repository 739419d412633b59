/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* TLS for accepted connections, on GnuTLS itself: GIO's streams would do each handshake in a thread
 * of the pool that GTask shares, where some dozens of clients that do not go on would hold up
 * whatever else the daemon does there, and wait for them when they are closed. */

/**
 * MedleyHttpTls:
 *
 * Certificate and key of the server, read anew when their files change. Main thread only.
 */
typedef struct _MedleyHttpTls MedleyHttpTls;

/**
 * medley_http_tls_new:
 * @certificate: file with the certificate and those that lead to its root, PEM
 * @key: file with its private key, PEM
 * @error: %MEDLEY_ERROR_NOT_ALLOWED when others may read the key, %MEDLEY_ERROR_INVALID_CONFIG when
 * the files hold something else or do not belong together, %MEDLEY_ERROR_IO
 *
 * Returns: (transfer full) (nullable): what connections need
 */
MedleyHttpTls *
medley_http_tls_new (const char *certificate, const char *key, GError **error);
void
medley_http_tls_free (MedleyHttpTls *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyHttpTls, medley_http_tls_free)

/* Looks whether the files have changed, at most once a second. What cannot be used is told in the
 * log, and the certificate from before stays. */
void
medley_http_tls_refresh (MedleyHttpTls *self);

/* Adds "certificate" (the file), "expires" (microseconds since 1970), and "certificateTrouble" when
 * a new one cannot be used. */
void
medley_http_tls_describe (MedleyHttpTls *self, GVariantDict *dict);

/**
 * MedleyTlsStream:
 *
 * A connection under TLS 1.2 or 1.3. Its streams are pollable and never block; what was refused
 * with %G_IO_ERROR_WOULD_BLOCK has to be written again as it was. Closing it says so to the peer.
 */
#define MEDLEY_TYPE_TLS_STREAM (medley_tls_stream_get_type ())
G_DECLARE_FINAL_TYPE (MedleyTlsStream, medley_tls_stream, MEDLEY, TLS_STREAM, GIOStream)

/* @base: a connection whose socket does not block */
MedleyTlsStream *
medley_tls_stream_new (MedleyHttpTls *tls, GSocketConnection *base);

/* (transfer none) */
GSocketConnection *
medley_tls_stream_get_base (MedleyTlsStream *self);

typedef enum {
  MEDLEY_TLS_DONE,
  MEDLEY_TLS_WANTS_READ,
  MEDLEY_TLS_WANTS_WRITE,
  MEDLEY_TLS_FAILED,
  MEDLEY_TLS_IS_PLAIN, /* the client speaks no TLS; nothing was taken from the socket */
} MedleyTlsProgress;

/* Goes on with the handshake, as far as it comes without waiting. */
MedleyTlsProgress
medley_tls_stream_handshake (MedleyTlsStream *self);

/* Says that nothing more will be written, and closes this direction of the socket. */
void
medley_tls_stream_shutdown (MedleyTlsStream *self);

/* When it is closed, the peer shall see that something is missing. */
void
medley_tls_stream_abandon (MedleyTlsStream *self);

G_END_DECLS
