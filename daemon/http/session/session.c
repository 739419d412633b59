/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a session's client says, and what becomes of it. */

#include "http/session/session.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/error.h"
#include "http/session/private.h"

/* Turns that are not delivered yet; each is a job. */
#define MAX_TURNS 8
#define IDLE_LOOKS 4
/* A text message waits in memory until it is whole, in each of http.sessions. Long text comes in
 * several. */
#define MAX_MESSAGE (128 * 1024)

void
medley_session_send (MedleySession *self, const char *type, GVariantDict *members)
{
  g_autofree char *text = medley_session_frame (type, members);

  self->last_active = g_get_monotonic_time ();
  medley_websocket_send_text (self->socket, text);
}

void
medley_session_send_error (MedleySession *self, MedleyTurn *turn, const GError *error,
                           GVariant *details)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, details);
  g_variant_dict_remove (&dict, "message");
  g_variant_dict_insert (&dict, "code", "s", medley_error_info (error)->name);
  g_variant_dict_insert (&dict, "detail", "s", error->message);
  if (turn != NULL) {
    g_variant_dict_insert (&dict, "turn", "t", turn->number);
    g_variant_dict_insert (&dict, "job", "s", medley_job_get_id (turn->job));
  }
  medley_session_send (self, "error", &dict);
}

static void
refuse (MedleySession *self, int code, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
refuse (MedleySession *self, int code, const char *format, ...)
{
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, format);
  error = g_error_new_valist (MEDLEY_ERROR, code, format, args);
  va_end (args);
  medley_session_send_error (self, NULL, error, NULL);
}

/* The turn that gets what is sent; NULL when that begins a new one. */
static MedleyTurn *
find_open_turn (MedleySession *self)
{
  MedleyTurn *turn = g_queue_peek_tail (&self->turns);

  return turn != NULL && (!turn->has_input || turn->writer != NULL) ? turn : NULL;
}

void
medley_session_update (MedleySession *self)
{
  MedleyTurn *turn = find_open_turn (self);
  guint64 limit
      = medley_config_get_number (medley_http_get_config (self->http), "http.ahead-bytes");
  gboolean is_ahead = turn != NULL && turn->writer != NULL && limit > 0
                      && medley_input_writer_get_ahead (turn->writer) > limit;

  medley_websocket_set_reading (self->socket,
                                !is_ahead && self->creation == NULL && self->search == NULL);
}

/* What is sent */

static void
drop_writer (MedleySession *self, MedleyTurn *turn)
{
  g_clear_object (&turn->writer);
  self->dropping = TRUE;
}

static void
feed (MedleySession *self, MedleyTurn *turn, const void *data, gsize length)
{
  g_autoptr (GError) error = NULL;

  /* The job has the error as well, and tells it when its turn ends. */
  if ((!turn->has_input && !medley_turn_open (turn, &error))
      || !medley_input_writer_write (turn->writer, data, length, &error))
    drop_writer (self, turn);
  medley_session_deliver_later (self);
}

static void
feed_end (MedleySession *self, MedleyTurn *turn)
{
  medley_input_writer_complete (turn->writer, NULL);
  g_clear_object (&turn->writer);
  medley_session_deliver_later (self);
}

static void
take_data (MedleySession *self, const void *data, gsize length)
{
  MedleyTurn *turn = find_open_turn (self);

  if (self->dropping || length == 0)
    return;
  if (turn != NULL) {
    feed (self, turn, data, length);
  } else if (g_queue_get_length (&self->turns) >= MAX_TURNS) {
    refuse (self, MEDLEY_ERROR_QUEUE_FULL,
            "%d turns wait to be delivered; take what comes, or flush", MAX_TURNS);
    self->dropping = TRUE;
  } else {
    g_byte_array_append (self->pending, data, (guint) length);
    if (self->creation == NULL)
      medley_session_create_turn (self);
  }
  medley_session_update (self);
}

static void
take_end (MedleySession *self)
{
  MedleyTurn *turn = find_open_turn (self);

  if (self->dropping)
    self->dropping = FALSE;
  else if (turn != NULL && turn->writer != NULL)
    feed_end (self, turn);
  else
    refuse (self, MEDLEY_ERROR_WRONG_STATE, "nothing was sent that could end");
}

/* Turns */

static void
tell_started (MedleySession *self, MedleyTurn *turn)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "session", "s", self->id);
  g_variant_dict_insert (&dict, "turn", "t", turn->number);
  g_variant_dict_insert (&dict, "job", "s", medley_job_get_id (turn->job));
  g_variant_dict_insert (&dict, "input", "s", self->ends->input);
  g_variant_dict_insert_value (&dict, "outputs", medley_turn_describe_outputs (turn));
  medley_session_send (self, "started", &dict);
}

static gboolean
is_busy_daemon (const GError *error)
{
  return g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE)
         || g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_QUEUE_FULL)
         || g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_NO_SPACE);
}

static void
tell_refused (MedleySession *self, const GError *error, GVariant *faults)
{
  g_autoptr (GVariant) details = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (faults != NULL)
    g_variant_dict_insert_value (&dict, "faults", faults);
  details = g_variant_ref_sink (g_variant_dict_end (&dict));
  medley_session_send_error (self, NULL, error, details);
  if (is_busy_daemon (error))
    medley_websocket_close (self->socket, MEDLEY_WEBSOCKET_TRY_LATER, error->message);
}

void
medley_session_on_turn (MedleySession *self, MedleyTurn *turn, const GError *error,
                        GVariant *faults)
{
  if (turn == NULL) {
    tell_refused (self, error, faults);
    self->dropping = self->pending->len > 0;
    /* A start that was refused may be sent again, mended. */
    if (self->n_turns == 0)
      g_clear_pointer (&self->ends, medley_session_ends_free);
  } else {
    g_queue_push_tail (&self->turns, turn);
    if (turn->number == 1)
      tell_started (self, turn);
    if (self->pending->len > 0)
      feed (self, turn, self->pending->data, self->pending->len);
  }
  g_byte_array_set_size (self->pending, 0);
  medley_session_deliver_later (self);
  medley_session_update (self);
}

static void
start (MedleySession *self, const MedleySessionMessage *message)
{
  g_autoptr (GError) error = NULL;

  if (self->ends != NULL) {
    refuse (self, MEDLEY_ERROR_WRONG_STATE, "the session has started already");
    return;
  }
  self->ends = medley_session_ends_new (self->http, message->request, message->input, &error);
  if (self->ends == NULL) {
    medley_session_send_error (self, NULL, error, NULL);
    return;
  }
  self->detach = message->detach;
  self->lead = message->lead >= 0 ? message->lead * 1000 : -1;
  medley_session_create_turn (self);
  medley_session_update (self);
}

/* What was heard */

static MedleyTurn *
find_heard_turn (MedleySession *self, guint64 number)
{
  MedleyTurn *first = g_queue_peek_head (&self->turns);

  if (first != NULL && first->announced && (number == 0 || number == first->number))
    return first;
  return self->last != NULL && (number == 0 || number == self->last->number) ? self->last : NULL;
}

static void
note_played (MedleySession *self, const MedleySessionMessage *message)
{
  MedleyTurn *turn = find_heard_turn (self, message->turn);

  if (turn != NULL)
    turn->played = message->played * 1000;
}

/* Whoever interrupts wants silence: all that is under way goes. */
static void
flush (MedleySession *self, const MedleySessionMessage *message)
{
  MedleyTurn *heard = find_heard_turn (self, message->turn);
  GQueue kept = G_QUEUE_INIT;
  MedleyTurn *turn;
  guint dropped = 0;

  if (heard != NULL && message->played >= 0)
    heard->played = message->played * 1000;
  while ((turn = g_queue_pop_head (&self->turns)) != NULL) {
    if (!turn->has_input) {
      g_queue_push_tail (&kept, turn);
      continue;
    }
    dropped++;
    medley_turn_cancel (turn);
    medley_turn_end (turn);
    if (turn != heard) {
      medley_turn_free (turn);
    } else {
      g_clear_pointer (&self->last, medley_turn_free);
      self->last = turn;
    }
  }
  self->turns = kept;
  self->dropping = FALSE;
  g_clear_handle_id (&self->lead_source, g_source_remove);
  medley_session_search (self, heard, heard != NULL ? heard->played : -1, dropped);
  medley_session_update (self);
}

/* The socket */

static void
on_text (const char *text, gsize length, gpointer data)
{
  MedleySession *self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleySessionMessage) message
      = medley_session_message_parse (text, length, medley_http_get_config (self->http), &error);

  self->last_active = g_get_monotonic_time ();
  if (message == NULL) {
    medley_session_send_error (self, NULL, error, NULL);
    return;
  }
  if (message->kind == MEDLEY_SESSION_START) {
    start (self, message);
    return;
  }
  if (self->ends == NULL) {
    refuse (self, MEDLEY_ERROR_WRONG_STATE, "the first message is a \"start\"");
    return;
  }
  switch (message->kind) {
  case MEDLEY_SESSION_START:
    break;
  case MEDLEY_SESSION_TEXT:
    if (self->ends->is_text)
      take_data (self, message->text, strlen (message->text));
    else
      refuse (self, MEDLEY_ERROR_UNSUPPORTED_TYPE,
              "input \"%s\" takes no text: send it in binary messages", self->ends->input);
    break;
  case MEDLEY_SESSION_END:
    take_end (self);
    break;
  case MEDLEY_SESSION_FLUSH:
    flush (self, message);
    break;
  case MEDLEY_SESSION_PLAYED:
    note_played (self, message);
    break;
  }
}

static void
on_binary (const guint8 *bytes, gsize length, gboolean is_end, gpointer data)
{
  MedleySession *self = data;

  self->last_active = g_get_monotonic_time ();
  if (self->ends == NULL || self->ends->is_text) {
    refuse (self, self->ends == NULL ? MEDLEY_ERROR_WRONG_STATE : MEDLEY_ERROR_UNSUPPORTED_TYPE,
            self->ends == NULL ? "the first message is a \"start\""
                               : "the input takes text, in messages of the type \"text\"");
    medley_websocket_close (self->socket, MEDLEY_WEBSOCKET_UNSUPPORTED,
                            "no binary message is expected");
    return;
  }
  take_data (self, bytes, length);
}

static void
on_writable (gpointer data)
{
  medley_session_deliver (data);
}

static void
on_closed (guint code, gpointer data)
{
  MedleySession *self = data;

  self->ended (self->data);
}

static const MedleyWebsocketFuncs funcs = { on_text, on_binary, on_writable, on_closed };

static gboolean
on_idle (gpointer data)
{
  MedleySession *self = data;
  MedleyTurn *turn = g_queue_peek_head (&self->turns);
  guint64 seconds
      = medley_config_get_number (medley_http_get_config (self->http), "http.session-idle");

  /* A job that has all it gets may work for as long as it likes; one that waits keeps a worker. */
  if ((turn != NULL && turn->has_input && turn->writer == NULL) || self->creation != NULL
      || g_get_monotonic_time () - self->last_active < (gint64) seconds * G_USEC_PER_SEC)
    return G_SOURCE_CONTINUE;
  self->idle_source = 0;
  medley_websocket_close (self->socket, MEDLEY_WEBSOCKET_POLICY,
                          "nothing was said for too long (http.session-idle)");
  return G_SOURCE_REMOVE;
}

MedleySession *
medley_session_new (MedleyHttp *http, MedleyHttpExchange *exchange, GSourceOnceFunc ended,
                    gpointer data)
{
  MedleySession *self = g_new0 (MedleySession, 1);
  MedleyConfig *config = medley_http_get_config (http);

  self->http = http;
  self->ended = ended;
  self->data = data;
  self->id = g_uuid_string_random ();
  self->client = g_strdup (medley_http_exchange_get_client (exchange));
  self->exchange = medley_http_exchange_ref (exchange);
  self->lead = -1;
  self->pending = g_byte_array_new ();
  g_queue_init (&self->turns);
  self->last_active = g_get_monotonic_time ();
  self->idle_source = g_timeout_add_seconds (
      (guint) MAX (1, medley_config_get_number (config, "http.session-idle") / IDLE_LOOKS), on_idle,
      self);
  self->socket = medley_websocket_open (
      exchange, MIN (MAX_MESSAGE, medley_config_get_number (config, "http.json-bytes")),
      medley_config_get_number (config, "limits.input-bytes"), &funcs, self);
  return self;
}

/* What a client that has gone leaves behind. */
static void
leave_turn (MedleySession *self, MedleyTurn *turn)
{
  gboolean goes_on = self->detach && turn->has_input;

  if (goes_on && turn->writer != NULL)
    medley_input_writer_complete (turn->writer, NULL);
  else if (!goes_on)
    medley_turn_cancel (turn);
  medley_turn_free (turn);
}

void
medley_session_free (MedleySession *self)
{
  MedleyTurn *turn;

  medley_session_drop_creation (self);
  medley_session_drop_search (self);
  while ((turn = g_queue_pop_head (&self->turns)) != NULL)
    leave_turn (self, turn);
  /* After the jobs, which may have had news meanwhile. */
  g_clear_handle_id (&self->deliver_source, g_source_remove);
  g_clear_handle_id (&self->lead_source, g_source_remove);
  g_clear_handle_id (&self->idle_source, g_source_remove);
  g_clear_pointer (&self->last, medley_turn_free);
  medley_websocket_free (self->socket);
  g_clear_pointer (&self->ends, medley_session_ends_free);
  g_byte_array_unref (self->pending);
  g_free (self->id);
  medley_http_exchange_unref (self->exchange);
  g_free (self->client);
  g_free (self);
}

void
medley_session_settle (MedleySession *self)
{
  MedleyTurn *turn = g_queue_peek_head (&self->turns);

  self->settling = TRUE;
  /* One that has no input yet will get none. */
  if (turn != NULL && !turn->has_input) {
    g_queue_pop_head (&self->turns);
    leave_turn (self, turn);
  }
  medley_session_deliver_later (self);
}
