/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/form.h"

#include <medley/medley-error.h>
#include <string.h>

#include "http/multipart.h"
#include "http/spill.h"

#define MAX_PARAMETER (64 * 1024)
/* Parts whose content waits in a file: each costs a descriptor. */
#define MAX_FILES 32
/* What the contents of the others may be together, and the names of all. */
#define MAX_MEMORY (64 * 1024)
#define MAX_NAMES (16 * 1024)
/* What may come besides contents: boundaries and heads. */
#define MAX_AROUND (1024 * 1024)

typedef struct {
  char *name;
  MedleyHttpSpill *content;
  gboolean is_file; /* counted as one */
} Part;

struct _MedleyHttpForm {
  MedleyHttpExchange *exchange;
  MedleyHttpMultipart *parser;
  const char *spool;
  guint64 limit;    /* for all contents together */
  guint64 size;     /* of the contents so far */
  guint64 received; /* with all around them */
  guint n_files;
  gsize memory; /* of parts that have ended and need no file */
  gsize names;
  GArray *parts;
  MedleyHttpFormFunc func;
  gpointer data;
};

static void
part_clear (gpointer data)
{
  Part *part = data;

  g_free (part->name);
  g_clear_pointer (&part->content, medley_http_spill_free);
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
fail_size (MedleyHttpForm *self, GError **error)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
               "the form is larger than %" G_GUINT64_FORMAT " bytes (limits.input-bytes)",
               self->limit);
  return FALSE;
}

static gboolean
count_file (MedleyHttpForm *self, Part *part, GError **error)
{
  if (part->is_file)
    return TRUE;
  if (self->n_files == MAX_FILES) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the form has more than %d parts that are inputs or wait in files", MAX_FILES);
    return FALSE;
  }
  part->is_file = TRUE;
  self->n_files++;
  return TRUE;
}

static gboolean
on_part (const char *name, gpointer data, GError **error)
{
  MedleyHttpForm *self = data;
  Part part = { NULL, NULL, FALSE };

  self->names += strlen (name) + 1;
  if (self->names > MAX_NAMES) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the names in the form are longer than %d bytes together", MAX_NAMES);
    return FALSE;
  }
  part.name = g_strdup (name);
  part.content = medley_http_spill_new (self->spool,
                                        MIN (MEDLEY_HTTP_SPILL_MEMORY, MAX_MEMORY - self->memory));
  g_array_append_val (self->parts, part);
  return TRUE;
}

static gboolean
on_data (const guint8 *bytes, gsize length, gpointer data, GError **error)
{
  MedleyHttpForm *self = data;
  Part *part = &g_array_index (self->parts, Part, self->parts->len - 1);

  if (length > self->limit - self->size)
    return fail_size (self, error);
  self->size += length;
  return medley_http_spill_append (part->content, bytes, length, error)
         && (!medley_http_spill_has_file (part->content) || count_file (self, part, error));
}

static gboolean
on_end (gpointer data, GError **error)
{
  MedleyHttpForm *self = data;
  Part *part = &g_array_index (self->parts, Part, self->parts->len - 1);

  if (!part->is_file)
    self->memory += medley_http_spill_get_length (part->content);
  return medley_http_spill_flush (part->content, error);
}

static const MedleyMultipartFuncs funcs = { on_part, on_data, on_end };

static void
on_read (MedleyHttpExchange *exchange, GBytes *bytes, const GError *error, gpointer data)
{
  MedleyHttpForm *self = data;
  g_autoptr (GError) failure = NULL;
  gsize length = 0;
  const void *text = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;

  self->received += length;
  if (error != NULL) {
    end (self, FALSE, error);
  } else if (length > 0) {
    if (self->received > self->limit && self->received - self->limit > MAX_AROUND
        && !fail_size (self, &failure))
      end (self, FALSE, failure);
    else if (medley_http_multipart_feed (self->parser, text, length, &failure))
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
  if (request->framing == MEDLEY_HTTP_BODY_LENGTH && request->length > self->limit
      && request->length - self->limit > MAX_AROUND) {
    fail_size (self, &error);
    end (self, FALSE, error);
    return;
  }
  medley_http_exchange_set_gone_func (exchange, on_gone, self);
  medley_http_exchange_read (exchange, on_read, self);
}

static char *
read_text (Part *part, GError **error)
{
  g_autoptr (GBytes) content = NULL;
  gboolean is_short = medley_http_spill_get_length (part->content) <= MAX_PARAMETER;
  const char *text = NULL;
  gsize n = 0;

  if (is_short) {
    content = medley_http_spill_get_bytes (part->content, error);
    if (content == NULL)
      return NULL;
    text = g_bytes_get_data (content, &n);
  }
  if (!is_short || (n > 0 && !g_utf8_validate_len (text, n, NULL))) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PARAMETER,
                 "\"%s\" is no input, and as a parameter it is too long or no text", part->name);
    return NULL;
  }
  return n > 0 ? g_strndup (text, n) : g_strdup ("");
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
      int fd = medley_http_form_steal_fd (form, i, error);

      if (fd < 0)
        return FALSE;
      medley_job_request_add_input_fd (request, part->name, fd);
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
medley_http_form_steal_fd (MedleyHttpForm *form, guint part, GError **error)
{
  Part *one = &g_array_index (form->parts, Part, part);

  return count_file (form, one, error) ? medley_http_spill_steal_fd (one->content, error) : -1;
}
