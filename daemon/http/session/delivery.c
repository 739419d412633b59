/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a turn's job makes, on its way to the client: at the client's pace, and in one order. */

#include <medley/medley-error.h>
#include <string.h>

#include "base/utf8.h"
#include "http/session/private.h"

/* A piece of media: what is on its way when somebody flushes is at most one of these. */
#define PIECE (16 * 1024)
/* A line of captions, or a message of text. */
#define MAX_LINE (256 * 1024)
/* Captions are sent so long before what they say. */
#define CAPTION_LEAD (2 * G_USEC_PER_SEC)

static void
read_more (MedleyTurnOutput *self);

static MedleyTurnOutput *
output_ref (MedleyTurnOutput *self)
{
  g_ref_count_inc (&self->ref_count);
  return self;
}

static void
output_unref (MedleyTurnOutput *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  g_object_unref (self->reader);
  g_object_unref (self->cancellable);
  g_byte_array_unref (self->ready);
  g_free (self);
}

MedleyTurnOutput *
medley_turn_output_new (MedleyTurn *turn, const MedleySessionOutput *what, GError **error)
{
  MedleyOutputReader *reader = medley_output_reader_new (turn->job, what->name, 0, error);
  MedleyTurnOutput *self;
  const char *type;

  if (reader == NULL)
    return NULL;
  type = medley_output_reader_get_media_type (reader);
  self = g_new0 (MedleyTurnOutput, 1);
  g_ref_count_init (&self->ref_count);
  self->turn = turn;
  self->what = what;
  self->reader = reader;
  self->cancellable = g_cancellable_new ();
  self->ready = g_byte_array_new ();
  if (turn->clock == NULL && g_str_has_prefix (type, "audio/")) {
    turn->clock = medley_session_clock_new (type);
    turn->clocked = self;
  }
  return self;
}

void
medley_turn_output_end (MedleyTurnOutput *self)
{
  self->turn = NULL;
  g_cancellable_cancel (self->cancellable);
  output_unref (self);
}

/* The job's own error is told at the turn's end. What else breaks an output off, such as an attempt
 * that begins it anew, cannot be mended for who has heard half of it. */
static void
note_failure (MedleyTurn *turn, const GError *error)
{
  if (medley_job_get_error (turn->job) != NULL || medley_job_is_adjourned (turn->job)
      || turn->failure != NULL)
    return;
  turn->failure = g_error_copy (error);
  medley_turn_cancel (turn);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyTurnOutput *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes
      = medley_output_reader_read_finish (MEDLEY_OUTPUT_READER (source), result, &error);
  gsize size = bytes != NULL ? g_bytes_get_size (bytes) : 0;

  self->reading = FALSE;
  if (self->turn != NULL) {
    self->ended = size == 0;
    if (error != NULL)
      note_failure (self->turn, error);
    if (size > 0)
      g_byte_array_append (self->ready, g_bytes_get_data (bytes, NULL), (guint) size);
    medley_session_deliver_later (self->turn->session);
  }
  output_unref (self);
}

static void
read_more (MedleyTurnOutput *self)
{
  if (self->reading || self->ended)
    return;
  self->reading = TRUE;
  medley_output_reader_read_async (self->reader, PIECE, self->cancellable, on_read,
                                   output_ref (self));
}

/* Sending */

static gint64
delivered_time (MedleyTurn *turn)
{
  return turn->clock != NULL ? medley_session_clock_get_time (turn->clock) : -1;
}

/* What a job tells of an output of bare samples. */
static gboolean
find_samples (MedleyTurn *turn, const char *name, int *rate, int *channels)
{
  g_autoptr (GPtrArray) events = medley_job_get_events (turn->job, 0);

  for (guint i = 0; i < events->len; i++) {
    const char *kind = "", *output = "";

    g_variant_lookup (events->pdata[i], "kind", "&s", &kind);
    g_variant_lookup (events->pdata[i], "output", "&s", &output);
    if (g_str_equal (kind, "output-started") && g_str_equal (output, name)
        && g_variant_lookup (events->pdata[i], "rate", "i", rate)
        && g_variant_lookup (events->pdata[i], "channels", "i", channels))
      return TRUE;
  }
  return FALSE;
}

/* Says what the binary messages that follow are. Returns: FALSE when it is not known yet */
static gboolean
announce (MedleyTurnOutput *self)
{
  const char *type = medley_output_reader_get_media_type (self->reader);
  MedleyTurn *turn = self->turn;
  int rate = 0, channels = 0;
  GVariantDict dict;

  if (self->announced)
    return TRUE;
  if (g_str_equal (type, "audio/pcm") && !find_samples (turn, self->what->name, &rate, &channels))
    return FALSE;
  for (guint i = 0; i < turn->outputs->len; i++)
    ((MedleyTurnOutput *) turn->outputs->pdata[i])->announced = FALSE;
  self->announced = TRUE;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "turn", "t", turn->number);
  g_variant_dict_insert (&dict, "output", "s", self->what->name);
  g_variant_dict_insert (&dict, "mediaType", "s", type);
  if (rate > 0) {
    g_variant_dict_insert (&dict, "rate", "i", rate);
    g_variant_dict_insert (&dict, "channels", "i", channels);
    if (turn->clocked == self)
      medley_session_clock_set_samples (turn->clock, (guint) rate, (guint) channels);
  }
  medley_session_send (turn->session, "media", &dict);
  return TRUE;
}

/* Whether what is sent is as far ahead of time as it may be; then there is a timer. */
static gboolean
on_lead (gpointer data);

static gboolean
is_too_early (MedleyTurnOutput *self)
{
  MedleyTurn *turn = self->turn;
  MedleySession *session = turn->session;
  gint64 now = g_get_monotonic_time ();
  gint64 ahead;

  if (session->lead < 0 || turn->clocked != self || turn->began == 0)
    return FALSE;
  /* Who has heard all that was sent waits: that time is not made up for. */
  if (now - turn->began > delivered_time (turn))
    turn->began = now - delivered_time (turn);
  ahead = delivered_time (turn) - (now - turn->began) - session->lead;
  if (ahead <= 0)
    return FALSE;
  if (session->lead_source == 0)
    session->lead_source = g_timeout_add ((guint) (ahead / 1000 + 1), on_lead, session);
  return TRUE;
}

static gboolean
send_binary (MedleyTurnOutput *self)
{
  MedleyTurn *turn = self->turn;
  g_autoptr (GBytes) bytes = NULL;

  if (self->ready->len == 0 || is_too_early (self) || !announce (self))
    return FALSE;
  bytes = g_byte_array_free_to_bytes (g_steal_pointer (&self->ready));
  self->ready = g_byte_array_new ();
  if (turn->clocked == self) {
    gsize size;
    const guint8 *data = g_bytes_get_data (bytes, &size);

    if (turn->began == 0)
      turn->began = g_get_monotonic_time ();
    medley_session_clock_feed (turn->clock, data, size);
  }
  turn->session->last_active = g_get_monotonic_time ();
  medley_websocket_send_binary (turn->session->socket, bytes);
  return TRUE;
}

/* Whole characters only. */
static gboolean
send_text (MedleyTurnOutput *self)
{
  g_autofree char *text = NULL;
  GVariantDict dict;
  gsize length;

  if (self->ready->len <= self->held && !(self->ended && self->ready->len > 0))
    return FALSE;
  length = self->ended ? self->ready->len : medley_utf8_whole (self->ready->data, self->ready->len);
  self->held = self->ready->len - length;
  if (length == 0)
    return FALSE;
  text = g_utf8_make_valid ((const char *) self->ready->data, (gssize) length);
  g_byte_array_remove_range (self->ready, 0, (guint) length);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "turn", "t", self->turn->number);
  g_variant_dict_insert (&dict, "output", "s", self->what->name);
  g_variant_dict_insert (&dict, "text", "s", text);
  medley_session_send (self->turn->session, "text", &dict);
  return TRUE;
}

static GVariant *
describe_words (const MedleySessionCaption *caption)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < caption->words->len; i++) {
    const MedleySessionWord *word = &g_array_index (caption->words, MedleySessionWord, i);
    g_autofree char *text = g_strndup (caption->text + word->offset, word->length);
    GVariantDict dict;

    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "text", "s", text);
    g_variant_dict_insert (&dict, "milliseconds", "x", word->start / 1000);
    g_variant_builder_add_value (&builder, g_variant_dict_end (&dict));
  }
  return g_variant_builder_end (&builder);
}

static void
send_caption_message (MedleyTurnOutput *self, const MedleySessionCaption *caption)
{
  MedleyTurn *turn = self->turn;
  MedleySessionPlace place;
  gboolean found = turn->heard != NULL && caption->start >= 0
                   && medley_session_heard_add (turn->heard, caption, G_MAXINT64 / 2, &place);
  GVariantDict dict;

  if (self->what->is_hidden)
    return;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "turn", "t", turn->number);
  g_variant_dict_insert (&dict, "output", "s", self->what->name);
  g_variant_dict_insert (&dict, "text", "s", caption->text);
  if (caption->start >= 0) {
    g_variant_dict_insert (&dict, "milliseconds", "x", caption->start / 1000);
    g_variant_dict_insert (&dict, "duration", "x", caption->end / 1000 - caption->start / 1000);
    g_variant_dict_insert_value (&dict, "words", describe_words (caption));
  }
  if (found) {
    g_variant_dict_insert (&dict, "character", "t", place.first_character);
    g_variant_dict_insert (&dict, "characters", "t", place.characters - place.first_character);
  }
  medley_session_send (turn->session, "caption", &dict);
}

/* One caption, when its time has come. */
static gboolean
send_caption (MedleyTurnOutput *self)
{
  g_autoptr (MedleySessionCaption) caption = NULL;
  const char *line = (const char *) self->ready->data;
  const char *end = self->ready->len > self->held ? memchr (line, '\n', self->ready->len) : NULL;
  gint64 time = delivered_time (self->turn);
  gsize length;

  if (self->ready->len > MAX_LINE && end == NULL) {
    g_byte_array_set_size (self->ready, 0);
    self->ended = TRUE;
  }
  if (self->ready->len == 0)
    return FALSE;
  if (end == NULL) {
    self->held = self->ready->len;
    return FALSE;
  }
  length = (gsize) (end - line);
  caption = medley_session_caption_parse (line, length);
  if (caption != NULL && time >= 0 && !self->turn->clocked->ended
      && caption->start > time + CAPTION_LEAD)
    return FALSE;
  g_byte_array_remove_range (self->ready, 0, (guint) length + 1);
  self->held = 0;
  if (caption != NULL)
    send_caption_message (self, caption);
  return TRUE;
}

/* Returns: whether something was sent */
static gboolean
send_output (MedleyTurnOutput *self)
{
  gboolean sent = FALSE;

  switch (self->what->form) {
  case MEDLEY_SESSION_BINARY:
    sent = send_binary (self);
    break;
  case MEDLEY_SESSION_TEXTUAL:
    sent = send_text (self);
    break;
  case MEDLEY_SESSION_CAPTIONS:
    sent = send_caption (self);
    break;
  }
  if (self->ready->len <= self->held)
    read_more (self);
  return sent;
}

static gboolean
send_outputs (MedleyTurn *turn)
{
  /* Captions come before what they say. */
  for (int captions = 1; captions >= 0; captions--) {
    for (guint i = 0; i < turn->outputs->len; i++) {
      MedleyTurnOutput *output = turn->outputs->pdata[i];

      if ((output->what->form == MEDLEY_SESSION_CAPTIONS) == captions && send_output (output))
        return TRUE;
    }
  }
  return FALSE;
}

static gboolean
is_delivered (MedleyTurn *turn)
{
  for (guint i = 0; i < turn->outputs->len; i++) {
    MedleyTurnOutput *output = turn->outputs->pdata[i];

    /* A caption without its end is none. */
    if (!output->ended || (output->ready->len > output->held))
      return FALSE;
  }
  return medley_job_state_is_final (medley_job_get_state (turn->job))
         || medley_job_is_adjourned (turn->job);
}

static gboolean
send_event (MedleyTurn *turn)
{
  g_autoptr (GPtrArray) events = medley_job_get_events (turn->job, turn->last_event);

  for (guint i = 0; i < events->len; i++) {
    GVariantDict dict;

    g_variant_lookup (events->pdata[i], "seq", "t", &turn->last_event);
    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "turn", "t", turn->number);
    g_variant_dict_insert_value (&dict, "event", events->pdata[i]);
    medley_session_send (turn->session, "event", &dict);
  }
  return events->len > 0;
}

GVariant *
medley_turn_describe_outputs (MedleyTurn *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < self->outputs->len; i++) {
    MedleyTurnOutput *output = self->outputs->pdata[i];
    GVariantDict dict;

    if (output->what->is_hidden)
      continue;
    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "type", "s",
                           medley_output_reader_get_media_type (output->reader));
    g_variant_builder_add (&builder, "{sv}", output->what->name, g_variant_dict_end (&dict));
  }
  return g_variant_builder_end (&builder);
}

static gboolean
send_turn (MedleyTurn *turn)
{
  GVariantDict dict;

  if (turn->announced || !turn->has_input)
    return FALSE;
  turn->announced = TRUE;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "turn", "t", turn->number);
  g_variant_dict_insert (&dict, "job", "s", medley_job_get_id (turn->job));
  medley_session_send (turn->session, "turn", &dict);
  return TRUE;
}

static void
send_end (MedleyTurn *turn)
{
  MedleySession *session = turn->session;
  const GError *error = turn->failure != NULL ? turn->failure : medley_job_get_error (turn->job);
  MedleyJobState state
      = turn->failure != NULL ? MEDLEY_JOB_FAILED : medley_job_get_state (turn->job);
  g_autoptr (GError) adjourned = NULL;
  gint64 time = delivered_time (turn);
  GVariantDict dict;

  if (medley_job_is_adjourned (turn->job)) {
    adjourned = g_error_new_literal (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                                     "the daemon ends before the turn is over");
    error = adjourned;
  }
  if (error != NULL)
    medley_session_send_error (session, turn, error,
                               turn->failure == NULL ? medley_job_get_error_variant (turn->job)
                                                     : NULL);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "turn", "t", turn->number);
  g_variant_dict_insert (&dict, "state", "s", medley_job_state_to_string (state));
  if (time >= 0)
    g_variant_dict_insert (&dict, "milliseconds", "x", time / 1000);
  medley_session_send (session, "ended", &dict);
}

static void
pop_turn (MedleySession *self)
{
  MedleyTurn *turn = g_queue_pop_head (&self->turns);

  if (turn->writer != NULL)
    self->dropping = TRUE;
  medley_turn_end (turn);
  g_clear_pointer (&self->last, medley_turn_free);
  self->last = turn;
}

void
medley_session_deliver (MedleySession *self)
{
  /* Sending may call back at once. */
  if (self->delivering)
    return;
  self->delivering = TRUE;
  while (medley_websocket_is_idle (self->socket)) {
    MedleyTurn *turn = g_queue_peek_head (&self->turns);

    if (turn == NULL || self->search != NULL)
      break;
    if (!turn->announced && !send_turn (turn))
      break;
    if (send_event (turn) || send_outputs (turn))
      continue;
    if (!is_delivered (turn) || send_event (turn))
      break;
    send_end (turn);
    pop_turn (self);
  }
  self->delivering = FALSE;
  if (self->settling && g_queue_is_empty (&self->turns) && self->creation == NULL)
    medley_websocket_close (self->socket, MEDLEY_WEBSOCKET_GOING_AWAY, "the daemon ends");
  medley_session_update (self);
}

static gboolean
on_deliver (gpointer data)
{
  MedleySession *self = data;

  self->deliver_source = 0;
  medley_session_deliver (self);
  return G_SOURCE_REMOVE;
}

/* Not at once: what belongs together is still being changed. */
void
medley_session_deliver_later (MedleySession *self)
{
  if (self->deliver_source == 0)
    self->deliver_source = g_idle_add_full (G_PRIORITY_DEFAULT, on_deliver, self, NULL);
}

static gboolean
on_lead (gpointer data)
{
  MedleySession *self = data;

  self->lead_source = 0;
  medley_session_deliver (self);
  return G_SOURCE_REMOVE;
}
