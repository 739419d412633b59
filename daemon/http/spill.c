/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <unistd.h>

#include "base/fd.h"

struct _MedleyHttpSpill {
  char *spool;
  gsize memory;
  GByteArray *held;
  int file; /* what came before that, -1 as long as it is nothing */
  guint64 length;
};

MedleyHttpSpill *
medley_http_spill_new (const char *spool, gsize memory)
{
  MedleyHttpSpill *self = g_new0 (MedleyHttpSpill, 1);

  self->spool = g_strdup (spool);
  self->memory = memory;
  self->held = g_byte_array_new ();
  self->file = -1;
  return self;
}

void
medley_http_spill_free (MedleyHttpSpill *self)
{
  g_free (self->spool);
  g_byte_array_unref (self->held);
  medley_clear_fd (&self->file);
  g_free (self);
}

static gboolean
fail_errno (GError **error)
{
  int code = errno;

  g_set_error (error, MEDLEY_ERROR,
               code == ENOSPC || code == EDQUOT ? MEDLEY_ERROR_NO_SPACE : MEDLEY_ERROR_IO,
               "cannot keep the request body in paths.spool: %s", g_strerror (code));
  return FALSE;
}

static gboolean
write_held (MedleyHttpSpill *self, GError **error)
{
  gsize done = 0;

  if (self->file < 0)
    self->file = open (self->spool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (self->file < 0)
    return fail_errno (error);
  while (done < self->held->len) {
    gssize n = write (self->file, self->held->data + done, self->held->len - done);

    if (n < 0 && errno != EINTR)
      return fail_errno (error);
    done += (gsize) MAX (n, 0);
  }
  g_byte_array_unref (self->held);
  self->held = g_byte_array_new ();
  return TRUE;
}

gboolean
medley_http_spill_append (MedleyHttpSpill *self, const void *data, gsize length, GError **error)
{
  gsize most = self->file < 0 ? self->memory : MEDLEY_HTTP_SPILL_MEMORY;

  self->length += length;
  g_byte_array_append (self->held, data, (guint) length);
  return self->held->len <= most || write_held (self, error);
}

gboolean
medley_http_spill_flush (MedleyHttpSpill *self, GError **error)
{
  return self->file < 0 || write_held (self, error);
}

guint64
medley_http_spill_get_length (MedleyHttpSpill *self)
{
  return self->length;
}

gboolean
medley_http_spill_has_file (MedleyHttpSpill *self)
{
  return self->file >= 0;
}

GBytes *
medley_http_spill_get_bytes (MedleyHttpSpill *self, GError **error)
{
  g_autoptr (GMappedFile) map = NULL;

  if (self->file < 0)
    return g_bytes_new (self->held->data, self->held->len);
  if (!write_held (self, error))
    return NULL;
  map = g_mapped_file_new_from_fd (self->file, FALSE, error);
  return map != NULL ? g_mapped_file_get_bytes (map) : NULL;
}

int
medley_http_spill_steal_fd (MedleyHttpSpill *self, GError **error)
{
  if (!write_held (self, error))
    return -1;
  if (lseek (self->file, 0, SEEK_SET) != 0) {
    fail_errno (error);
    return -1;
  }
  return g_steal_fd (&self->file);
}
