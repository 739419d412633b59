/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyOpenaiMessages:
 * @system: (nullable): text of the "system" and "developer" messages before all others, apart by an
 * empty line
 * @system_text: the whole conversation as plain text: that of a single "user" message as it is,
 * else each message as "User: ...", "Assistant: ..." or "System: ...", with a name as "User (Ann):
 * ...", apart by an empty line
 * @text: the same without @system
 * @json: the whole conversation: an array of {"role", maybe "name", "content"}, the content being a
 * string, or where there are pictures an array of {"type": "text", "text"} and {"type": "image"}
 * @images: (element-type utf8): addresses of the pictures, in their order
 * @has_text: whether any message but those of @system says something
 * @n_turns: how many messages there are but those of @system
 *
 * The messages of a request for a chat.
 */
typedef struct {
  char *system;
  char *system_text;
  char *text;
  char *json;
  GPtrArray *images;
  gboolean has_text;
  guint n_turns;
} MedleyOpenaiMessages;

/**
 * medley_openai_messages_parse:
 * @value: (nullable): the member "messages" of a request
 * @param: (out) (transfer full) (optional): on error, the place in the request:
 * "messages[0].content"
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT
 *
 * Returns: (transfer full) (nullable): the messages
 */
MedleyOpenaiMessages *
medley_openai_messages_parse (GVariant *value, char **param, GError **error);
void
medley_openai_messages_free (MedleyOpenaiMessages *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyOpenaiMessages, medley_openai_messages_free)

G_END_DECLS
