/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/attachments.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <string.h>
#include <unistd.h>

#include "http/spill.h"

#define SCHEME "data:"
#define MARK ";base64,"
/* of a file that was taken out: data:TYPE;spool,NUMBER */
#define TAKEN ";spool,"
#define MAX_HEAD 256
#define MAX_KEY 16
#define MAX_FILES 64
/* What is decoded at once. */
#define CHUNK 4096

typedef enum {
  OUTSIDE, /* of any string */
  STRING,
  HEAD,   /* of a string that may be a data: URI */
  BASE64, /* the content of one */
} State;

typedef struct {
  int fd;
  guint64 size;
} File;

struct _MedleyOpenaiAttachments {
  char *spool;
  gsize max_text;
  guint64 left; /* bytes that files may still have */
  MedleyHttpSpill *text;
  GArray *files; /* File */

  State state;
  gboolean escaped;   /* the byte before was a backslash */
  GString *string;    /* the beginning of the last string */
  gboolean after_key; /* a colon came, and no value yet */
  GString *head;

  char chunk[CHUNK]; /* of base64 */
  gsize n_chunk;
  guint n_digits; /* of the content so far; only modulo 4 counts */
  guint n_padding;
};

static void
clear_file (gpointer data)
{
  File *file = data;

  if (file->fd >= 0)
    g_close (file->fd, NULL);
}

MedleyOpenaiAttachments *
medley_openai_attachments_new (const char *spool, gsize max_text, guint64 max_bytes)
{
  MedleyOpenaiAttachments *self = g_new0 (MedleyOpenaiAttachments, 1);

  self->spool = g_strdup (spool);
  self->max_text = max_text;
  self->left = max_bytes;
  self->text = medley_http_spill_new (spool, MEDLEY_HTTP_SPILL_MEMORY);
  self->string = g_string_new (NULL);
  self->head = g_string_new (NULL);
  self->files = g_array_new (FALSE, FALSE, sizeof (File));
  g_array_set_clear_func (self->files, clear_file);
  return self;
}

void
medley_openai_attachments_free (MedleyOpenaiAttachments *self)
{
  g_array_unref (self->files);
  medley_http_spill_free (self->text);
  g_string_free (self->string, TRUE);
  g_string_free (self->head, TRUE);
  g_free (self->spool);
  g_free (self);
}

static gboolean
fail_errno (GError **error, const char *what)
{
  int code = errno;

  g_set_error (error, MEDLEY_ERROR,
               code == ENOSPC || code == EDQUOT ? MEDLEY_ERROR_NO_SPACE : MEDLEY_ERROR_IO,
               "cannot %s a file for a part of the body: %s", what, g_strerror (code));
  return FALSE;
}

static File *
current (MedleyOpenaiAttachments *self)
{
  return &g_array_index (self->files, File, self->files->len - 1);
}

/* The text that is left */

static gboolean
keep (MedleyOpenaiAttachments *self, const char *text, gsize length, GError **error)
{
  if (medley_http_spill_get_length (self->text) + length > self->max_text) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the request body is longer than %" G_GSIZE_FORMAT
                 " bytes, pictures in data: URIs apart (http.json-bytes)",
                 self->max_text);
    return FALSE;
  }
  return medley_http_spill_append (self->text, text, length, error);
}

/* A file's content */

static gboolean
begin_file (MedleyOpenaiAttachments *self, GError **error)
{
  File file = { -1, 0 };

  if (self->files->len == MAX_FILES) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the request has more than %d data: URIs", MAX_FILES);
    return FALSE;
  }
  file.fd = open (self->spool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file.fd < 0)
    return fail_errno (error, "make");
  g_array_append_val (self->files, file);
  self->n_chunk = 0;
  self->n_digits = 0;
  self->n_padding = 0;
  return TRUE;
}

/* Decodes and writes whole groups of four. */
static gboolean
flush_chunk (MedleyOpenaiAttachments *self, GError **error)
{
  guchar bytes[CHUNK];
  const guchar *at = bytes;
  gint state = 0;
  guint save = 0;
  gsize n = g_base64_decode_step (self->chunk, self->n_chunk, bytes, &state, &save);
  File *file = current (self);

  self->n_chunk = 0;
  if (n > self->left) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
                 "the data: URIs of the request hold more than limits.input-bytes");
    return FALSE;
  }
  self->left -= n;
  file->size += n;
  while (n > 0) {
    gssize written = write (file->fd, at, n);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return fail_errno (error, "write");
    at += written;
    n -= (gsize) written;
  }
  return TRUE;
}

static gboolean
refuse_base64 (GError **error, const char *what)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "a data: URI is no proper base64: %s", what);
  return FALSE;
}

static gboolean
take_digit (MedleyOpenaiAttachments *self, char digit, GError **error)
{
  if (digit == '=')
    self->n_padding++;
  else if (!g_ascii_isalnum (digit) && digit != '+' && digit != '/')
    return refuse_base64 (error, "it has other characters than A-Z, a-z, 0-9, + and /");
  else if (self->n_padding > 0)
    return refuse_base64 (error, "something follows its padding");
  self->n_digits++;
  if (self->n_padding > 2 || (self->n_padding > 0 && self->n_digits % 4 == 1))
    return refuse_base64 (error, "its padding does not fit");
  self->chunk[self->n_chunk++] = digit;
  return self->n_chunk < CHUNK || flush_chunk (self, error);
}

static gboolean
end_file (MedleyOpenaiAttachments *self, GError **error)
{
  g_autofree char *number = g_strdup_printf (TAKEN "%u\"", self->files->len - 1);

  if (self->n_digits % 4 != 0)
    return refuse_base64 (error, "it is cut off");
  if (!flush_chunk (self, error))
    return FALSE;
  if (lseek (current (self)->fd, 0, SEEK_SET) != 0)
    return fail_errno (error, "rewind");
  g_string_truncate (self->head, self->head->len - strlen (MARK));
  return keep (self, self->head->str, self->head->len, error)
         && keep (self, number, strlen (number), error);
}

static gboolean
take_base64 (MedleyOpenaiAttachments *self, char byte, GError **error)
{
  /* The one escape that writers of JSON use in base64 is "\/". */
  if (self->escaped) {
    self->escaped = FALSE;
    return byte == '/' ? take_digit (self, byte, error)
                       : refuse_base64 (error, "it has an escape other than \\/");
  }
  if (byte == '\\') {
    self->escaped = TRUE;
    return TRUE;
  }
  if (byte != '"')
    return take_digit (self, byte, error);
  self->state = OUTSIDE;
  return end_file (self, error);
}

/* Strings */

static gboolean
is_key_of_url (const GString *string)
{
  return g_str_equal (string->str, "url") || g_str_equal (string->str, "image_url");
}

static gboolean
take_outside (MedleyOpenaiAttachments *self, char byte, GError **error)
{
  if (byte == '"') {
    gboolean may_be_file = self->after_key && is_key_of_url (self->string);

    self->state = may_be_file ? HEAD : STRING;
    self->after_key = FALSE;
    g_string_truncate (self->head, 0);
    g_string_truncate (self->string, 0);
  } else if (byte == ':') {
    self->after_key = TRUE;
  } else if (!g_ascii_isspace (byte)) {
    self->after_key = FALSE;
  }
  return keep (self, &byte, 1, error);
}

static gboolean
take_string (MedleyOpenaiAttachments *self, char byte, GError **error)
{
  if (self->escaped)
    self->escaped = FALSE;
  else if (byte == '\\')
    self->escaped = TRUE;
  else if (byte == '"')
    self->state = OUTSIDE;
  if (self->state == STRING && self->string->len < MAX_KEY)
    g_string_append_c (self->string, byte);
  return keep (self, &byte, 1, error);
}

/* It was an ordinary string. */
static gboolean
give_head_up (MedleyOpenaiAttachments *self, GError **error)
{
  self->state = STRING;
  for (gsize i = 0; i < self->head->len; i++)
    if (!take_string (self, self->head->str[i], error))
      return FALSE;
  return TRUE;
}

/* The slash of a media type may be written as "\\/". */
static gboolean
take_head (MedleyOpenaiAttachments *self, char byte, GError **error)
{
  gboolean escaped = self->escaped;
  gsize known;

  self->escaped = FALSE;
  if (byte == '\\' && !escaped) {
    self->escaped = TRUE;
    return TRUE;
  }
  if (escaped && byte != '/')
    g_string_append_c (self->head, '\\');
  g_string_append_c (self->head, byte);
  known = MIN (self->head->len, strlen (SCHEME));
  if (byte == '"' || (escaped && byte != '/') || self->head->len > MAX_HEAD
      || g_ascii_strncasecmp (self->head->str, SCHEME, known) != 0)
    return give_head_up (self, error);
  if (byte != ',')
    return TRUE;
  if (!g_str_has_suffix (self->head->str, MARK))
    return give_head_up (self, error);
  self->state = BASE64;
  return begin_file (self, error);
}

/* Nearly all of a body with pictures: plain digits, taken as many at once as there is room for. */
static gsize
take_digits (MedleyOpenaiAttachments *self, const char *bytes, gsize length)
{
  gsize most = MIN (length, CHUNK - 1 - self->n_chunk);
  gsize n = 0;

  if (self->state != BASE64 || self->escaped || self->n_padding > 0)
    return 0;
  while (n < most && (g_ascii_isalnum (bytes[n]) || bytes[n] == '+' || bytes[n] == '/'))
    n++;
  memcpy (self->chunk + self->n_chunk, bytes, n);
  self->n_chunk += n;
  self->n_digits += (guint) n;
  return n;
}

/* Space, and all but the beginning of long strings, which is looked at for a key. */
static gsize
count_plain (MedleyOpenaiAttachments *self, const char *bytes, gsize length)
{
  gsize n = 0;

  if (self->state == OUTSIDE)
    while (n < length && g_ascii_isspace (bytes[n]))
      n++;
  else if (self->state == STRING && !self->escaped && self->string->len == MAX_KEY)
    while (n < length && bytes[n] != '"' && bytes[n] != '\\')
      n++;
  return n;
}

gboolean
medley_openai_attachments_feed (MedleyOpenaiAttachments *self, const void *data, gsize length,
                                GError **error)
{
  static gboolean (*const takers[]) (MedleyOpenaiAttachments *, char, GError **)
      = { take_outside, take_string, take_head, take_base64 };
  const char *bytes = data;

  for (gsize i = 0; i < length; i++) {
    gsize plain = count_plain (self, bytes + i, length - i);

    if (plain > 0 && !keep (self, bytes + i, plain, error))
      return FALSE;
    i += plain;
    i += take_digits (self, bytes + i, length - i);
    if (i < length && !takers[self->state](self, bytes[i], error))
      return FALSE;
  }
  return TRUE;
}

GBytes *
medley_openai_attachments_get_text (MedleyOpenaiAttachments *self, GError **error)
{
  return medley_http_spill_get_bytes (self->text, error);
}

int
medley_openai_attachments_take (MedleyOpenaiAttachments *self, const char *url, char **type,
                                GError **error)
{
  const char *mark
      = g_ascii_strncasecmp (url, SCHEME, strlen (SCHEME)) == 0 ? strstr (url, TAKEN) : NULL;
  guint64 index;
  File *file;
  int fd;

  if (mark == NULL
      || !g_ascii_string_to_unsigned (mark + strlen (TAKEN), 10, 0, MAX_FILES, &index, NULL)
      || index >= self->files->len || g_array_index (self->files, File, index).fd < 0) {
    g_set_error (
        error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
        "a picture is a data: URI in base64 (\"data:image/png;base64,...\"), not \"%.40s\": "
        "nothing is fetched from elsewhere",
        url);
    return -1;
  }
  file = &g_array_index (self->files, File, index);
  if (file->size == 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_EMPTY_INPUT, "a data: URI has no content");
    return -1;
  }
  *type = g_strndup (url + strlen (SCHEME), (gsize) (mark - url) - strlen (SCHEME));
  fd = file->fd;
  file->fd = -1;
  return fd;
}
