/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a listener got of a turn that is flushed: looked up in the turn's captions, from its
 * beginning, when somebody asks; so nothing has to be kept until then. */

#include <string.h>
#include <unistd.h>

#include "http/session/private.h"

#define PIECE (64 * 1024)
#define MAX_LINE (256 * 1024)

struct _MedleySessionSearch {
  MedleySession *session; /* NULL when it has gone */
  MedleyTurn *turn;       /* the session's last */
  gint64 time;            /* µs that were heard */
  guint dropped;
  MedleyOutputReader *reader;
  GCancellable *cancellable;
  MedleySessionHeard *heard;
  GByteArray *lines;
  char *text; /* what was heard of the last caption */
  guint64 characters;
  guint64 bytes;
  gboolean found;
};

static void
search_free (MedleySessionSearch *self)
{
  g_clear_object (&self->reader);
  g_object_unref (self->cancellable);
  g_clear_pointer (&self->heard, medley_session_heard_free);
  g_byte_array_unref (self->lines);
  g_free (self->text);
  g_free (self);
}

static gsize
read_text (guint64 offset, char *buffer, gsize length, gpointer data)
{
  MedleySessionSearch *self = data;
  gssize n = pread (self->turn->text, buffer, length, (off_t) offset);

  return (gsize) MAX (n, 0);
}

static void
answer (MedleySessionSearch *self)
{
  MedleySession *session = self->session;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "turn", "t", self->turn != NULL ? self->turn->number : 0);
  if (self->turn != NULL && self->time >= 0)
    g_variant_dict_insert (&dict, "milliseconds", "x", self->time / 1000);
  if (self->reader != NULL && self->heard != NULL) {
    g_variant_dict_insert (&dict, "character", "t", self->characters);
    g_variant_dict_insert (&dict, "byte", "t", self->bytes);
  }
  if (self->text != NULL)
    g_variant_dict_insert (&dict, "text", "s", self->text);
  g_variant_dict_insert (&dict, "dropped", "u", self->dropped);
  medley_session_drop_search (session);
  medley_session_send (session, "flushed", &dict);
  search_free (self);
  medley_session_deliver_later (session);
  medley_session_update (session);
}

/* Returns: whether what follows may have been heard as well */
static gboolean
take_line (MedleySessionSearch *self, const char *line, gsize length)
{
  g_autoptr (MedleySessionCaption) caption = medley_session_caption_parse (line, length);
  MedleySessionPlace place;

  if (caption == NULL || caption->start < 0)
    return TRUE;
  if (caption->start >= self->time)
    return FALSE;
  if (self->heard != NULL) {
    medley_session_heard_add (self->heard, caption, self->time, &place);
    self->characters = place.characters;
    self->bytes = place.bytes;
  } else {
    place.spoken = 0;
    for (guint i = 0; i < caption->words->len; i++) {
      const MedleySessionWord *word = &g_array_index (caption->words, MedleySessionWord, i);

      if (word->end <= self->time)
        place.spoken = word->offset + word->length;
    }
  }
  g_free (self->text);
  self->text = g_strndup (caption->text, place.spoken);
  return caption->end <= self->time;
}

static gboolean
take_lines (MedleySessionSearch *self)
{
  gsize at = 0;
  gboolean goes_on = TRUE;

  while (goes_on) {
    const char *line = (const char *) self->lines->data + at;
    const char *end = memchr (line, '\n', self->lines->len - at);

    if (end == NULL)
      break;
    goes_on = take_line (self, line, (gsize) (end - line));
    at += (gsize) (end - line) + 1;
  }
  g_byte_array_remove_range (self->lines, 0, (guint) at);
  return goes_on && self->lines->len <= MAX_LINE;
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleySessionSearch *self = data;
  g_autoptr (GBytes) bytes
      = medley_output_reader_read_finish (MEDLEY_OUTPUT_READER (source), result, NULL);
  gsize size = bytes != NULL ? g_bytes_get_size (bytes) : 0;

  if (self->session == NULL) {
    search_free (self);
    return;
  }
  if (size > 0)
    g_byte_array_append (self->lines, g_bytes_get_data (bytes, NULL), (guint) size);
  if (size > 0 && take_lines (self))
    medley_output_reader_read_async (self->reader, PIECE, self->cancellable, on_read, self);
  else
    answer (self);
}

/* The output with the captions, NULL when the pipeline has none. */
static const char *
find_captions (MedleySession *session)
{
  for (guint i = 0; i < session->ends->outputs->len; i++) {
    const MedleySessionOutput *output = session->ends->outputs->pdata[i];

    if (output->form == MEDLEY_SESSION_CAPTIONS)
      return output->name;
  }
  return NULL;
}

void
medley_session_drop_search (MedleySession *self)
{
  MedleySessionSearch *search = g_steal_pointer (&self->search);

  if (search == NULL)
    return;
  search->session = NULL;
  g_cancellable_cancel (search->cancellable);
}

void
medley_session_search (MedleySession *self, MedleyTurn *turn, gint64 played, guint dropped)
{
  MedleySessionSearch *search = g_new0 (MedleySessionSearch, 1);
  const char *captions = find_captions (self);

  search->session = self;
  search->turn = turn;
  search->dropped = dropped;
  search->cancellable = g_cancellable_new ();
  search->lines = g_byte_array_new ();
  /* Nobody has heard more than was sent; where that cannot be told the client has to be believed.
   */
  search->time
      = turn != NULL && turn->clock != NULL ? medley_session_clock_get_time (turn->clock) : -1;
  if (played >= 0 && (search->time < 0 || played < search->time))
    search->time = played;
  if (turn != NULL && turn->text >= 0)
    search->heard = medley_session_heard_new (read_text, search);
  self->search = search;
  if (turn != NULL && captions != NULL && search->time >= 0)
    search->reader = medley_output_reader_new (turn->job, captions, 0, NULL);
  if (search->reader != NULL && search->time > 0)
    medley_output_reader_read_async (search->reader, PIECE, search->cancellable, on_read, search);
  else
    answer (search);
}
