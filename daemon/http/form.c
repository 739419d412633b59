/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/form.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <string.h>
#include <unistd.h>

#include "http/multipart.h"

#define MAX_PARAMETER (64 * 1024)

typedef struct {
  char *name;
  int fd;
  guint64 size;
} Part;

struct _MedleyHttpForm {
  MedleyHttpExchange *exchange;
  MedleyHttpMultipart *parser;
  const char *spool;
  guint64 limit;
  GArray *parts;
  MedleyHttpFormFunc func;
  gpointer data;
};

static void
part_clear (gpointer data)
{
  Part *part = data;

  g_free (part->name);
  if (part->fd >= 0)
    g_close (part->fd, NULL);
}

static void
end (MedleyHttpForm *self, gboolean good, const GError *error)
{
  medley_http_exchange_set_gone_func (self->exchange, NULL, NULL);
  self->func (good ? self : NULL, error, self->data);
  medley_http_exchange_unref (self->exchange);
  g_clear_pointer (&self->parser, medley_http_multipart_free);
  g_array_unref (self->parts);
  g_free (self);
}

static gboolean
fail_errno (GError **error, const char *what)
{
  int code = errno;

  g_set_error (error, MEDLEY_ERROR,
               code == ENOSPC || code == EDQUOT ? MEDLEY_ERROR_NO_SPACE : MEDLEY_ERROR_IO,
               "cannot %s a part of the form: %s", what, g_strerror (code));
  return FALSE;
}

static gboolean
on_part (const char *name, gpointer data, GError **error)
{
  MedleyHttpForm *self = data;
  Part part = { g_strdup (name), -1, 0 };

  part.fd = open (self->spool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  g_array_append_val (self->parts, part);
  return part.fd >= 0 || fail_errno (error, "make a file for");
}

static gboolean
on_data (const guint8 *bytes, gsize length, gpointer data, GError **error)
{
  MedleyHttpForm *self = data;
  Part *part = &g_array_index (self->parts, Part, self->parts->len - 1);

  part->size += length;
  if (part->size > self->limit) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "\"%s\" is larger than %" G_GUINT64_FORMAT " bytes (limits.input-bytes)",
                 part->name, self->limit);
    return FALSE;
  }
  while (length > 0) {
    gssize n = write (part->fd, bytes, length);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail_errno (error, "write");
    bytes += n;
    length -= (gsize) n;
  }
  return TRUE;
}

static gboolean
on_end (gpointer data, GError **error)
{
  MedleyHttpForm *self = data;
  Part *part = &g_array_index (self->parts, Part, self->parts->len - 1);

  return lseek (part->fd, 0, SEEK_SET) == 0 || fail_errno (error, "rewind");
}

static const MedleyMultipartFuncs funcs = { on_part, on_data, on_end };

static void
on_read (MedleyHttpExchange *exchange, GBytes *bytes, const GError *error, gpointer data)
{
  MedleyHttpForm *self = data;
  g_autoptr (GError) failure = NULL;
  gsize length = 0;
  const void *text = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;

  if (error != NULL) {
    end (self, FALSE, error);
  } else if (length > 0) {
    if (medley_http_multipart_feed (self->parser, text, length, &failure))
      medley_http_exchange_read (exchange, on_read, self);
    else
      end (self, FALSE, failure);
  } else {
    gboolean good = medley_http_multipart_finish (self->parser, &failure);

    end (self, good, failure);
  }
}

static void
on_gone (MedleyHttpExchange *exchange, gpointer data)
{
  end (data, FALSE, NULL);
}

void
medley_http_form_read (MedleyHttpExchange *exchange, MedleyConfig *config, MedleyHttpFormFunc func,
                       gpointer data)
{
  const MedleyHttpRequest *request = medley_http_exchange_get_request (exchange);
  const char *type = soup_message_headers_get_content_type (request->headers, NULL);
  MedleyHttpForm *self = g_new0 (MedleyHttpForm, 1);
  g_autoptr (GError) error = NULL;

  self->exchange = medley_http_exchange_ref (exchange);
  self->spool = medley_config_get_path (config, "paths.spool");
  self->limit = medley_config_get_number (config, "limits.input-bytes");
  self->parts = g_array_new (FALSE, FALSE, sizeof (Part));
  g_array_set_clear_func (self->parts, part_clear);
  self->func = func;
  self->data = data;
  if (type == NULL || g_ascii_strcasecmp (type, "multipart/form-data") != 0) {
    g_set_error (&error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "this takes \"Content-Type: multipart/form-data\", not %s",
                 type != NULL ? type : "a body without a type");
    end (self, FALSE, error);
    return;
  }
  self->parser
      = medley_http_multipart_new (medley_http_request_get_header (request, "Content-Type"), &funcs,
                                   self, &error);
  if (self->parser == NULL) {
    end (self, FALSE, error);
    return;
  }
  medley_http_exchange_set_gone_func (exchange, on_gone, self);
  medley_http_exchange_read (exchange, on_read, self);
}

static char *
read_text (Part *part, GError **error)
{
  g_autofree char *text = g_malloc (MAX_PARAMETER + 1);
  gssize n = pread (part->fd, text, MAX_PARAMETER + 1, 0);

  if (n < 0) {
    fail_errno (error, "read");
    return NULL;
  }
  if (n > MAX_PARAMETER || !g_utf8_validate_len (text, (gsize) n, NULL)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PARAMETER,
                 "\"%s\" is no input, and as a parameter it is too long or no text", part->name);
    return NULL;
  }
  text[n] = '\0';
  return g_steal_pointer (&text);
}

static gboolean
take_parameter (Part *part, MedleyJobRequest *request, GError **error)
{
  g_autofree char *text = read_text (part, error);

  if (text == NULL)
    return FALSE;
  medley_job_request_set_parameter (request, part->name, g_variant_new_string (text));
  return TRUE;
}

gboolean
medley_http_form_fill (MedleyHttpForm *form, MedleyJobRequest *request, const char *const *inputs,
                       GError **error)
{
  for (guint i = 0; i < form->parts->len; i++) {
    Part *part = &g_array_index (form->parts, Part, i);

    if (g_strv_contains (inputs, part->name)) {
      medley_job_request_add_input_fd (request, part->name, part->fd);
      part->fd = -1;
    } else if (!take_parameter (part, request, error)) {
      return FALSE;
    }
  }
  return TRUE;
}

guint
medley_http_form_get_n_parts (MedleyHttpForm *form)
{
  return form->parts->len;
}

const char *
medley_http_form_get_name (MedleyHttpForm *form, guint part)
{
  return g_array_index (form->parts, Part, part).name;
}

char *
medley_http_form_read_text (MedleyHttpForm *form, guint part, GError **error)
{
  return read_text (&g_array_index (form->parts, Part, part), error);
}

int
medley_http_form_steal_fd (MedleyHttpForm *form, guint part, guint64 *size)
{
  Part *one = &g_array_index (form->parts, Part, part);

  if (size != NULL)
    *size = one->size;
  return g_steal_fd (&one->fd);
}
