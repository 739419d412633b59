/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/messages.h"

#include <medley/medley-error.h>
#include <string.h>

#include "base/json.h"

#define MAX_NAME 64

/* One message, read. */
typedef struct {
  const char *role;
  const char *title; /* of its turn */
  char *name;        /* of who speaks; NULL when nobody says */
  GString *text;     /* what it says, parts one after the other */
  GVariantBuilder parts;
  guint n_images;
} Message;

typedef struct {
  GPtrArray *messages; /* Message */
  GPtrArray *images;   /* char * */
  guint index;         /* of the message that is being read */
  char **param;
} Reading;

static const struct {
  const char *role;
  const char *title;
} roles[] = {
  { "system", "System" },
  { "developer", "System" },
  { "user", "User" },
  { "assistant", "Assistant" },
};

static void
message_free (gpointer data)
{
  Message *self = data;

  g_string_free (self->text, TRUE);
  g_variant_builder_clear (&self->parts);
  g_free (self->name);
  g_free (self);
}

/* @place: of the message: ".content"; (nullable) */
static gboolean
refuse (Reading *r, GError **error, const char *place, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

static gboolean
refuse (Reading *r, GError **error, const char *place, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  if (r->param != NULL)
    *r->param = g_strdup_printf ("messages[%u]%s", r->index, place != NULL ? place : "");
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

static gboolean
is_object (GVariant *value)
{
  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT);
}

static void
append_text_part (Message *message, const char *text)
{
  g_string_append (message->text, text);
  g_variant_builder_add_parsed (&message->parts, "<{'type': <'text'>, 'text': <%s>}>", text);
}

/* {"type": "image_url", "image_url": {"url": ..., "detail": ...}} */
static gboolean
take_image (Reading *r, Message *message, GVariant *part, GError **error)
{
  g_autoptr (GVariant) image = g_variant_lookup_value (part, "image_url", NULL);
  const char *detail = "auto";
  const char *url;

  if (!is_object (image) || !g_variant_lookup (image, "url", "&s", &url))
    return refuse (r, error, ".content", "a part \"image_url\" is {\"url\": \"data:...\"}");
  g_variant_lookup (image, "detail", "&s", &detail);
  if (!g_str_equal (detail, "auto"))
    return refuse (r, error, ".content",
                   "\"detail\" of a picture can only be \"auto\": pictures are taken as they are");
  g_ptr_array_add (r->images, g_strdup (url));
  g_variant_builder_add_parsed (&message->parts, "<{'type': <'image'>}>");
  message->n_images++;
  return TRUE;
}

static gboolean
take_part (Reading *r, Message *message, GVariant *part, GError **error)
{
  const char *type = "";
  const char *text;

  if (!is_object (part) || !g_variant_lookup (part, "type", "&s", &type))
    return refuse (r, error, ".content", "a part of a message is an object with a \"type\"");
  if (g_str_equal (type, "text")) {
    if (!g_variant_lookup (part, "text", "&s", &text))
      return refuse (r, error, ".content", "a part \"text\" has a member \"text\"");
    append_text_part (message, text);
    return TRUE;
  }
  if (g_str_equal (type, "image_url"))
    return take_image (r, message, part, error);
  return refuse (r, error, ".content",
                 "a part of the type \"%.40s\" cannot be taken: there are \"text\" and "
                 "\"image_url\"",
                 type);
}

static gboolean
take_content (Reading *r, Message *message, GVariant *content, GError **error)
{
  if (content != NULL && g_variant_is_of_type (content, G_VARIANT_TYPE_STRING)) {
    append_text_part (message, g_variant_get_string (content, NULL));
    return TRUE;
  }
  if (content == NULL || !g_variant_is_of_type (content, G_VARIANT_TYPE ("av")))
    return refuse (r, error, ".content", "the content is a string or an array of parts");
  for (gsize i = 0; i < g_variant_n_children (content); i++) {
    g_autoptr (GVariant) part = NULL;

    g_variant_get_child (content, i, "v", &part);
    if (!take_part (r, message, part, error))
      return FALSE;
  }
  return TRUE;
}

/* What a message may have besides: what an answer of ours had, empty. */
static gboolean
check_members (Reading *r, GVariant *value, GError **error)
{
  static const char *const known[] = { "role", "content", "name", NULL };
  GVariantIter iter;
  const char *key;
  GVariant *member;

  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &member)) {
    g_autoptr (GVariant) owned = member;
    g_autofree char *place = g_strconcat (".", key, NULL);

    if (g_strv_contains (known, key) || g_variant_is_of_type (owned, G_VARIANT_TYPE_MAYBE)
        || (g_variant_is_of_type (owned, G_VARIANT_TYPE ("av"))
            && g_variant_n_children (owned) == 0))
      continue;
    return refuse (r, error, place, "\"%.64s\" of a message cannot be taken", key);
  }
  return TRUE;
}

/* It stands in a line of its own where the conversation is text. */
static gboolean
take_name (Reading *r, Message *message, GVariant *value, GError **error)
{
  const char *name = g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
                         ? g_variant_get_string (value, NULL)
                         : "";

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE))
    return TRUE;
  if (*name == '\0' || strlen (name) > MAX_NAME || strpbrk (name, "\r\n:()") != NULL)
    return refuse (r, error, ".name",
                   "a name has 1 to %d bytes, without line breaks, colons and brackets", MAX_NAME);
  message->name = g_strdup (name);
  return TRUE;
}

static gboolean
take_message (Reading *r, GVariant *value, GError **error)
{
  g_autoptr (GVariant) content = NULL;
  const char *role = "";
  Message *message;
  guint i = 0;

  if (!is_object (value) || !g_variant_lookup (value, "role", "&s", &role))
    return refuse (r, error, NULL, "a message is an object with \"role\" and \"content\"");
  while (i < G_N_ELEMENTS (roles) && !g_str_equal (roles[i].role, role))
    i++;
  if (i == G_N_ELEMENTS (roles))
    return refuse (r, error, ".role",
                   "\"%.40s\" cannot speak here: there are system, developer, user and assistant",
                   role);
  if (!check_members (r, value, error))
    return FALSE;
  message = g_new0 (Message, 1);
  message->role = roles[i].role;
  message->title = roles[i].title;
  message->text = g_string_new (NULL);
  g_variant_builder_init (&message->parts, G_VARIANT_TYPE ("av"));
  g_ptr_array_add (r->messages, message);
  content = g_variant_lookup_value (value, "name", NULL);
  if (content != NULL && !take_name (r, message, content, error))
    return FALSE;
  g_clear_pointer (&content, g_variant_unref);
  content = g_variant_lookup_value (value, "content", NULL);
  return take_content (r, message, content, error);
}

/* Rendering */

static gboolean
is_system (const Message *message)
{
  return g_str_equal (message->title, "System");
}

/* The messages from @first to before @end, as text. */
static char *
render (GPtrArray *messages, guint first, guint end, gboolean named)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = first; i < end; i++) {
    const Message *message = g_ptr_array_index (messages, i);

    if (i > first)
      g_string_append (text, "\n\n");
    if (named && message->name != NULL)
      g_string_append_printf (text, "%s (%s): ", message->title, message->name);
    else if (named)
      g_string_append_printf (text, "%s: ", message->title);
    g_string_append_len (text, message->text->str, (gssize) message->text->len);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* A question on its own needs nobody's name before it. */
static char *
render_turns (GPtrArray *messages, guint first)
{
  const Message *only = first + 1 == messages->len ? g_ptr_array_index (messages, first) : NULL;

  return render (messages, first, messages->len,
                 only == NULL || !g_str_equal (only->title, "User") || only->name != NULL);
}

static GVariant *
describe (Message *message)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "role", g_variant_new_string (message->role));
  if (message->name != NULL)
    g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (message->name));
  g_variant_builder_add (&builder, "{sv}", "content",
                         message->n_images > 0 ? g_variant_builder_end (&message->parts)
                                               : g_variant_new_string (message->text->str));
  return g_variant_builder_end (&builder);
}

static char *
print_json (GPtrArray *messages)
{
  g_autoptr (GVariant) json = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < messages->len; i++)
    g_variant_builder_add (&builder, "v", describe (g_ptr_array_index (messages, i)));
  json = g_variant_ref_sink (g_variant_builder_end (&builder));
  return medley_json_print (json, FALSE);
}

static gboolean
is_blank (const char *text)
{
  while (*text != '\0' && g_unichar_isspace (g_utf8_get_char (text)))
    text = g_utf8_next_char (text);
  return *text == '\0';
}

static MedleyOpenaiMessages *
make (Reading *r)
{
  MedleyOpenaiMessages *self = g_new0 (MedleyOpenaiMessages, 1);
  guint first = 0;

  while (first < r->messages->len && is_system (g_ptr_array_index (r->messages, first)))
    first++;
  if (first > 0)
    self->system = render (r->messages, 0, first, FALSE);
  self->n_turns = r->messages->len - first;
  for (guint i = first; i < r->messages->len; i++) {
    const Message *message = g_ptr_array_index (r->messages, i);

    self->has_text = self->has_text || !is_blank (message->text->str);
  }
  self->text = render_turns (r->messages, first);
  self->system_text = render_turns (r->messages, 0);
  self->json = print_json (r->messages);
  self->images = g_ptr_array_ref (r->images);
  return self;
}

MedleyOpenaiMessages *
medley_openai_messages_parse (GVariant *value, char **param, GError **error)
{
  g_autoptr (GPtrArray) messages = g_ptr_array_new_with_free_func (message_free);
  g_autoptr (GPtrArray) images = g_ptr_array_new_with_free_func (g_free);
  Reading r = { messages, images, 0, param };
  gsize n = value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE ("av"))
                ? g_variant_n_children (value)
                : 0;

  if (n == 0) {
    if (param != NULL)
      *param = g_strdup ("messages");
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "\"messages\" is an array of at least one message");
    return NULL;
  }
  for (; r.index < n; r.index++) {
    g_autoptr (GVariant) message = NULL;

    g_variant_get_child (value, r.index, "v", &message);
    if (!take_message (&r, message, error))
      return NULL;
  }
  return make (&r);
}

void
medley_openai_messages_free (MedleyOpenaiMessages *self)
{
  g_free (self->system);
  g_free (self->system_text);
  g_free (self->text);
  g_free (self->json);
  g_ptr_array_unref (self->images);
  g_free (self);
}
