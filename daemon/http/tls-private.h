/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>

#include "http/tls.h"

G_BEGIN_DECLS

/* What sessions hold of a certificate: it stays while they last, also when there is a newer one. */
typedef struct {
  grefcount ref_count;
  gnutls_certificate_credentials_t certificate;
  gint64 expires; /* microseconds since 1970 */
} MedleyTlsCredentials;

void
medley_tls_credentials_unref (MedleyTlsCredentials *self);

/* A new server's session. @credentials: (out) (transfer full): for as long as it lasts */
gnutls_session_t
medley_http_tls_begin (MedleyHttpTls *self, MedleyTlsCredentials **credentials);

G_END_DECLS
