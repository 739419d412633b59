/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/config.h"

G_BEGIN_DECLS

typedef enum {
  MEDLEY_SESSION_START,
  MEDLEY_SESSION_TEXT,
  MEDLEY_SESSION_END,
  MEDLEY_SESSION_FLUSH,
  MEDLEY_SESSION_PLAYED,
} MedleySessionMessageKind;

/**
 * MedleySessionMessage:
 * @kind: its "type"
 * @request: (nullable): of a start: `a{sv}`: what it says to the job, as the body of `POST
 * /api/v1/jobs` would
 * @input: (nullable): of a start: the input that is sent
 * @detach: of a start: whether jobs outlive the session
 * @lead: of a start: most milliseconds of sound that are sent ahead of time; -1 for no limit
 * @text: (nullable): of a text
 * @played: of a flush or played: milliseconds that the client has played; -1 when it does not say
 * so
 * @turn: likewise: which turn it means; 0 for the latest
 *
 * What a client may say in a text message.
 */
typedef struct {
  MedleySessionMessageKind kind;
  GVariant *request;
  char *input;
  gboolean detach;
  gint64 lead;
  char *text;
  gint64 played;
  guint64 turn;
} MedleySessionMessage;

/**
 * medley_session_message_parse:
 * @text: a text message
 * @length: its length
 * @config: the limits
 * @error: %MEDLEY_ERROR_INVALID_JSON, %MEDLEY_ERROR_INVALID_ARGUMENT with the nearest key
 *
 * Returns: (transfer full) (nullable): the message
 */
MedleySessionMessage *
medley_session_message_parse (const char *text, gsize length, MedleyConfig *config, GError **error);
void
medley_session_message_free (MedleySessionMessage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySessionMessage, medley_session_message_free)

/**
 * medley_session_frame:
 * @type: the "type" of a message to the client
 * @members: (nullable): what else it says; cleared
 *
 * Returns: (transfer full): the message
 */
char *
medley_session_frame (const char *type, GVariantDict *members);

G_END_DECLS
