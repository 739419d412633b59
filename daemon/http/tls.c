/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gnutls/x509.h>
#include <medley/medley-error.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/tls-private.h"

#define MAX_FILE (1024 * 1024)
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct _MedleyHttpTls {
  char *certificate_path;
  char *key_path;
  MedleyTlsCredentials *credentials;
  gnutls_priority_t priorities;
  gnutls_datum_t tickets; /* clients that come back need no private key's work */
  struct stat seen[2];
  gint64 looked;
  char *trouble;
};

void
medley_tls_credentials_unref (MedleyTlsCredentials *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  gnutls_certificate_free_credentials (self->certificate);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyTlsCredentials, medley_tls_credentials_unref)

static gboolean
fail_errno (GError **error, const char *row, const char *path)
{
  int code = errno;

  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "%s: cannot read %s: %s", row, path,
               g_strerror (code));
  return FALSE;
}

/* @text: (out): to be cleared with clear_text() */
static gboolean
read_pem (const char *row, const char *path, gboolean is_secret, gnutls_datum_t *text,
          GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat st;
  gssize n;

  if (fd < 0 || fstat (fd, &st) != 0) {
    fail_errno (error, row, path);
    if (fd >= 0)
      close (fd);
    return FALSE;
  }
  /* A group may have it: that is how machines share keys between their services. */
  if (is_secret && (st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                 "%s: the private key %s is open to other users (mode %04o); run: chmod 600 %s",
                 row, path, (guint) (st.st_mode & 07777), path);
    close (fd);
    return FALSE;
  }
  if (!S_ISREG (st.st_mode) || st.st_size > MAX_FILE) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG, "%s: %s is no PEM file", row,
                 path);
    close (fd);
    return FALSE;
  }
  text->data = g_malloc0 ((gsize) st.st_size + 1);
  text->size = 0;
  do {
    n = read (fd, text->data + text->size, (gsize) st.st_size - text->size);
    text->size += (guint) MAX (n, 0);
  } while (n > 0 || (n < 0 && errno == EINTR));
  close (fd);
  return n == 0 || fail_errno (error, row, path);
}

static void
clear_text (gnutls_datum_t *text)
{
  if (text->data != NULL)
    explicit_bzero (text->data, text->size);
  g_clear_pointer (&text->data, g_free);
}

/* Of the first certificate, by itself: where it is none, GnuTLS loses memory when it is given a key
 * as well. Returns: a code of GnuTLS */
static int
find_expiry (const gnutls_datum_t *text, gint64 *expires)
{
  gnutls_x509_crt_t certificate = NULL;
  int code = gnutls_x509_crt_init (&certificate);

  if (code < 0)
    return code;
  code = gnutls_x509_crt_import (certificate, text, GNUTLS_X509_FMT_PEM);
  if (code >= 0)
    *expires = (gint64) gnutls_x509_crt_get_expiration_time (certificate) * G_USEC_PER_SEC;
  gnutls_x509_crt_deinit (certificate);
  return code;
}

static MedleyTlsCredentials *
load (MedleyHttpTls *self, GError **error)
{
  g_autoptr (MedleyTlsCredentials) credentials = g_new0 (MedleyTlsCredentials, 1);
  gnutls_datum_t certificate = { 0 };
  gnutls_datum_t key = { 0 };
  gboolean good;
  int code;

  g_ref_count_init (&credentials->ref_count);
  if (gnutls_certificate_allocate_credentials (&credentials->certificate) < 0)
    g_error ("no memory for a certificate");
  good = read_pem ("http.tls-certificate", self->certificate_path, FALSE, &certificate, error)
         && read_pem ("http.tls-key", self->key_path, TRUE, &key, error);
  if (good) {
    code = find_expiry (&certificate, &credentials->expires);
    if (code >= 0)
      code = gnutls_certificate_set_x509_key_mem2 (credentials->certificate, &certificate, &key,
                                                   GNUTLS_X509_FMT_PEM, NULL, 0);
    good = code >= 0;
    if (!good)
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                   "http.tls-certificate %s and http.tls-key %s are no certificate with its "
                   "private key in PEM: %s",
                   self->certificate_path, self->key_path, gnutls_strerror (code));
  }
  clear_text (&certificate);
  clear_text (&key);
  return good ? g_steal_pointer (&credentials) : NULL;
}

/* Following links: whoever renews certificates often changes only where a link leads. */
static gboolean
have_files_changed (MedleyHttpTls *self)
{
  const char *const paths[] = { self->certificate_path, self->key_path };
  gboolean changed = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    struct stat st = { 0 };

    if (stat (paths[i], &st) != 0)
      memset (&st, 0, sizeof st);
    changed = changed || st.st_ino != self->seen[i].st_ino || st.st_dev != self->seen[i].st_dev
              || st.st_size != self->seen[i].st_size || st.st_mode != self->seen[i].st_mode
              || memcmp (&st.st_mtim, &self->seen[i].st_mtim, sizeof st.st_mtim) != 0;
    self->seen[i] = st;
  }
  return changed;
}

MedleyHttpTls *
medley_http_tls_new (const char *certificate, const char *key, GError **error)
{
  g_autoptr (MedleyHttpTls) self = g_new0 (MedleyHttpTls, 1);

  self->certificate_path = g_strdup (certificate);
  self->key_path = g_strdup (key);
  have_files_changed (self);
  self->looked = g_get_monotonic_time ();
  self->credentials = load (self, error);
  if (self->credentials == NULL)
    return NULL;
  if (gnutls_priority_init (&self->priorities, PRIORITIES, NULL) < 0
      || gnutls_session_ticket_key_generate (&self->tickets) < 0) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED,
                         "http.tls-certificate: GnuTLS does not do TLS 1.2 and 1.3 here");
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
medley_http_tls_free (MedleyHttpTls *self)
{
  g_clear_pointer (&self->credentials, medley_tls_credentials_unref);
  if (self->priorities != NULL)
    gnutls_priority_deinit (self->priorities);
  gnutls_free (self->tickets.data);
  g_free (self->certificate_path);
  g_free (self->key_path);
  g_free (self->trouble);
  g_free (self);
}

void
medley_http_tls_refresh (MedleyHttpTls *self)
{
  gint64 now = g_get_monotonic_time ();
  MedleyTlsCredentials *credentials;
  g_autoptr (GError) error = NULL;

  if (now - self->looked < G_USEC_PER_SEC)
    return;
  self->looked = now;
  if (!have_files_changed (self))
    return;
  credentials = load (self, &error);
  g_clear_pointer (&self->trouble, g_free);
  if (credentials == NULL) {
    g_warning ("The certificate from before stays in use: %s", error->message);
    self->trouble = g_strdup (error->message);
    return;
  }
  medley_tls_credentials_unref (self->credentials);
  self->credentials = credentials;
}

void
medley_http_tls_describe (MedleyHttpTls *self, GVariantDict *dict)
{
  g_variant_dict_insert (dict, "certificate", "s", self->certificate_path);
  g_variant_dict_insert (dict, "expires", "x", self->credentials->expires);
  if (self->trouble != NULL)
    g_variant_dict_insert (dict, "certificateTrouble", "s", self->trouble);
}

gnutls_session_t
medley_http_tls_begin (MedleyHttpTls *self, MedleyTlsCredentials **credentials)
{
  static guchar http[] = "http/1.1";
  const gnutls_datum_t protocol = { http, sizeof http - 1 };
  gnutls_session_t session = NULL;

  *credentials = self->credentials;
  g_ref_count_inc (&self->credentials->ref_count);
  if (gnutls_init (&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
    g_error ("no memory for a TLS session");
  gnutls_priority_set (session, self->priorities);
  gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, self->credentials->certificate);
  gnutls_certificate_server_set_request (session, GNUTLS_CERT_IGNORE);
  gnutls_session_ticket_enable_server (session, &self->tickets);
  gnutls_alpn_set_protocols (session, &protocol, 1, 0);
  return session;
}
