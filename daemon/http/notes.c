/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/notes.h"

#include <string.h>

#define MAX_ID 64

gboolean
medley_http_request_id_is_sane (const char *id)
{
  gsize length = strspn (id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-");

  return length > 0 && length <= MAX_ID && id[length] == '\0';
}

void
medley_http_notes_init (MedleyHttpNotes *self, const MedleyHttpRequest *request)
{
  const char *id
      = request != NULL ? medley_http_request_get_header (request, MEDLEY_HTTP_REQUEST_ID) : NULL;
  const char *state
      = request != NULL ? medley_http_request_get_header (request, "tracestate") : NULL;

  memset (self, 0, sizeof *self);
  self->began = g_get_real_time ();
  self->began_at = g_get_monotonic_time ();
  self->id = id != NULL && medley_http_request_id_is_sane (id)
                 ? g_strdup (id)
                 : g_strdup_printf ("%08x%08x", g_random_int (), g_random_int ());
  if (request == NULL
      || !medley_trace_parse (medley_http_request_get_header (request, "traceparent"),
                              &self->parent))
    return;
  self->trace = self->parent;
  if (medley_tracestate_is_valid (state))
    self->tracestate = g_strdup (state);
}

void
medley_http_notes_clear (MedleyHttpNotes *self)
{
  g_free (self->id);
  g_free (self->tracestate);
}
