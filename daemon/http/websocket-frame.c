/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/websocket-frame.h"

#include <medley/medley-error.h>
#include <string.h>

#define MAX_CONTROL 125
#define MAX_HEAD 14
#define FIN 0x80
#define RESERVED 0x70
#define MASKED 0x80

struct _MedleyWebsocketReader {
  gsize max_text;
  guint64 max_binary;

  guint8 head[MAX_HEAD];
  guint n_head;

  /* The frame that is being read, once its head is whole. */
  gboolean in_frame;
  guint opcode; /* 0 for a continuation */
  gboolean is_last;
  guint64 left;
  guint8 mask[4];
  guint at; /* in the mask */

  guint message; /* what is being continued, 0 for nothing */
  GByteArray *text;
  guint8 control[MAX_CONTROL + 1];
  guint n_control;
};

MedleyWebsocketReader *
medley_websocket_reader_new (gsize max_text, guint64 max_binary)
{
  MedleyWebsocketReader *self = g_new0 (MedleyWebsocketReader, 1);

  self->max_text = max_text;
  self->max_binary = max_binary;
  self->text = g_byte_array_new ();
  return self;
}

void
medley_websocket_reader_free (MedleyWebsocketReader *self)
{
  g_byte_array_unref (self->text);
  g_free (self);
}

static gboolean
refuse (guint *code, GError **error, const char *what)
{
  *code = MEDLEY_WEBSOCKET_PROTOCOL_ERROR;
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, what);
  return FALSE;
}

static gboolean
refuse_length (guint *code, GError **error, const char *what, guint64 limit)
{
  *code = MEDLEY_WEBSOCKET_TOO_LARGE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_TOO_LARGE,
               "%s is longer than %" G_GUINT64_FORMAT " bytes", what, limit);
  return FALSE;
}

static gsize
head_length (const MedleyWebsocketReader *self)
{
  guint size = self->n_head >= 2 ? self->head[1] & 0x7f : 0;

  if (self->n_head < 2)
    return 2;
  return 2 + (size == 126 ? 2 : size == 127 ? 8 : 0) + (self->head[1] & MASKED ? 4 : 0);
}

static guint64
read_number (const guint8 *data, guint size)
{
  guint64 number = 0;

  for (guint i = 0; i < size; i++)
    number = number << 8 | data[i];
  return number;
}

/* What the first two bytes say, so that nobody has to wait for the rest. */
static gboolean
check_start (MedleyWebsocketReader *self, guint *code, GError **error)
{
  guint opcode = self->head[0] & 0x0f;
  gboolean is_control = opcode >= 8;

  if (self->head[0] & RESERVED)
    return refuse (code, error, "a frame has a reserved bit: no extension was agreed on");
  if ((opcode > 2 && opcode < 8) || opcode > 10)
    return refuse (code, error, "a frame has an unknown opcode");
  if (!(self->head[1] & MASKED))
    return refuse (code, error, "a frame of a client is not masked");
  if (is_control && (!(self->head[0] & FIN) || (self->head[1] & 0x7f) > MAX_CONTROL))
    return refuse (code, error, "a control frame is in parts, or longer than 125 bytes");
  if (opcode == 0 && self->message == 0)
    return refuse (code, error, "a continuation has nothing that it continues");
  if ((opcode == 1 || opcode == 2) && self->message != 0)
    return refuse (code, error, "a message begins within another one");
  return TRUE;
}

static gboolean
begin_frame (MedleyWebsocketReader *self, guint *code, GError **error)
{
  guint size = self->head[1] & 0x7f;
  guint extra = size == 126 ? 2 : size == 127 ? 8 : 0;
  guint64 length = extra > 0 ? read_number (self->head + 2, extra) : size;

  if ((extra == 2 && length < 126) || (extra == 8 && (length <= 0xffff || length >> 63)))
    return refuse (code, error, "the length of a frame is not written as it has to be");
  self->opcode = self->head[0] & 0x0f;
  self->is_last = (self->head[0] & FIN) != 0;
  self->left = length;
  memcpy (self->mask, self->head + 2 + extra, 4);
  self->at = 0;
  self->in_frame = TRUE;
  self->n_head = 0;
  self->n_control = 0;
  if (self->opcode >= 8)
    return TRUE;
  if (self->opcode != 0)
    self->message = self->opcode;
  if (self->message == MEDLEY_WEBSOCKET_TEXT && length > self->max_text - self->text->len)
    return refuse_length (code, error, "a text message", self->max_text);
  if (self->message == MEDLEY_WEBSOCKET_BINARY && length > self->max_binary)
    return refuse_length (code, error, "a binary message", self->max_binary);
  return TRUE;
}

static void
unmask (MedleyWebsocketReader *self, guint8 *data, gsize length)
{
  for (gsize i = 0; i < length; i++)
    data[i] ^= self->mask[(self->at + i) & 3];
  self->at = (self->at + length) & 3;
}

static gboolean
is_status (guint code)
{
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
         || (code >= 3000 && code <= 4999);
}

static gboolean
end_control (MedleyWebsocketReader *self, MedleyWebsocketEvent *event, guint *code, GError **error)
{
  event->opcode = (MedleyWebsocketOpcode) self->opcode;
  event->data = self->control;
  event->length = self->n_control;
  event->is_end = TRUE;
  event->code = MEDLEY_WEBSOCKET_NO_STATUS;
  self->control[self->n_control] = '\0';
  if (self->opcode != MEDLEY_WEBSOCKET_CLOSE || self->n_control == 0)
    return TRUE;
  event->code = (guint) read_number (self->control, 2);
  event->data += 2;
  event->length -= 2;
  if (self->n_control < 2 || !is_status (event->code))
    return refuse (code, error, "a close frame has no proper status");
  if (g_utf8_validate_len ((const char *) event->data, event->length, NULL))
    return TRUE;
  *code = MEDLEY_WEBSOCKET_BAD_DATA;
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_ENCODING,
                       "the reason of a close frame is not UTF-8");
  return FALSE;
}

static gboolean
end_text (MedleyWebsocketReader *self, MedleyWebsocketEvent *event, guint *code, GError **error)
{
  event->opcode = MEDLEY_WEBSOCKET_TEXT;
  event->length = self->text->len;
  event->is_end = TRUE;
  g_byte_array_append (self->text, (const guint8 *) "", 1);
  event->data = self->text->data;
  if (g_utf8_validate_len ((const char *) event->data, event->length, NULL))
    return TRUE;
  *code = MEDLEY_WEBSOCKET_BAD_DATA;
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_ENCODING,
                       "a text message is not UTF-8, or has a NUL");
  return FALSE;
}

/* Takes @length bytes of the frame that is being read, maybe none, maybe its last. */
static gboolean
take_payload (MedleyWebsocketReader *self, guint8 *data, gsize length, MedleyWebsocketEvent *event,
              guint *code, GError **error)
{
  gboolean is_end;

  unmask (self, data, length);
  self->left -= length;
  self->in_frame = self->left > 0;
  is_end = !self->in_frame && self->is_last;
  if (self->opcode >= 8) {
    memcpy (self->control + self->n_control, data, length);
    self->n_control += (guint) length;
    return self->in_frame || end_control (self, event, code, error);
  }
  if (self->message == MEDLEY_WEBSOCKET_TEXT) {
    g_byte_array_append (self->text, data, (guint) length);
    if (!is_end)
      return TRUE;
    self->message = 0;
    return end_text (self, event, code, error);
  }
  if (is_end)
    self->message = 0;
  if (length == 0 && !is_end)
    return TRUE;
  event->opcode = MEDLEY_WEBSOCKET_BINARY;
  event->data = data;
  event->length = length;
  event->is_end = is_end;
  return TRUE;
}

gssize
medley_websocket_reader_feed (MedleyWebsocketReader *self, guint8 *data, gsize length,
                              MedleyWebsocketEvent *event, guint *code, GError **error)
{
  gsize used = 0;

  *event = (MedleyWebsocketEvent){ 0 };
  /* The text of the event before is not needed any more. */
  if (self->message != MEDLEY_WEBSOCKET_TEXT)
    g_byte_array_set_size (self->text, 0);
  while (used < length && event->opcode == 0) {
    gsize n;

    if (!self->in_frame) {
      self->head[self->n_head++] = data[used++];
      if (self->n_head == 2 && !check_start (self, code, error))
        return -1;
      if (self->n_head < 2 || self->n_head < head_length (self))
        continue;
      if (!begin_frame (self, code, error))
        return -1;
    }
    n = (gsize) MIN (length - used, self->left);
    if (!take_payload (self, data + used, n, event, code, error))
      return -1;
    used += n;
  }
  return (gssize) used;
}

void
medley_websocket_append (GByteArray *out, MedleyWebsocketOpcode opcode, const void *data,
                         gsize length)
{
  guint8 head[10] = { (guint8) (FIN | opcode) };
  guint size = length < 126 ? 0 : length <= 0xffff ? 2 : 8;

  head[1] = size == 0 ? (guint8) length : size == 2 ? 126 : 127;
  for (guint i = 0; i < size; i++)
    head[2 + i] = (guint8) ((guint64) length >> (8 * (size - 1 - i)));
  g_byte_array_append (out, head, 2 + size);
  if (length > 0)
    g_byte_array_append (out, data, (guint) length);
}

void
medley_websocket_append_close (GByteArray *out, guint code, const char *reason)
{
  guint8 payload[MAX_CONTROL];
  gsize length = reason != NULL ? strlen (reason) : 0;

  if (code == MEDLEY_WEBSOCKET_NO_STATUS) {
    medley_websocket_append (out, MEDLEY_WEBSOCKET_CLOSE, NULL, 0);
    return;
  }
  if (length > MAX_CONTROL - 2) {
    length = MAX_CONTROL - 2;
    while (length > 0 && ((guchar) reason[length] & 0xc0) == 0x80)
      length--;
  }
  payload[0] = (guint8) (code >> 8);
  payload[1] = (guint8) code;
  if (length > 0)
    memcpy (payload + 2, reason, length);
  medley_websocket_append (out, MEDLEY_WEBSOCKET_CLOSE, payload, 2 + length);
}

char *
medley_websocket_accept_key (const char *key)
{
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  g_autoptr (GChecksum) checksum = NULL;
  guint8 digest[20];
  gsize length = sizeof digest;

  if (key == NULL || strspn (key, alphabet) != 22 || strcmp (key + 22, "==") != 0)
    return NULL;
  checksum = g_checksum_new (G_CHECKSUM_SHA1);
  g_checksum_update (checksum, (const guchar *) key, -1);
  g_checksum_update (checksum, (const guchar *) guid, -1);
  g_checksum_get_digest (checksum, digest, &length);
  return g_base64_encode (digest, length);
}
