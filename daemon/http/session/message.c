/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/session/message.h"

#include <medley/medley-error.h>

#include "base/json.h"
#include "base/nearest.h"

/* Ten days: far beyond any turn, and far from where sums would overflow. */
#define MAX_MILLISECONDS 864000000

/* Of a start the rest is the job's, and checked where that is made. */
static const struct {
  const char *name;
  const char *keys;
} kinds[] = {
  [MEDLEY_SESSION_START] = { "start", NULL },
  [MEDLEY_SESSION_TEXT] = { "text", "text" },
  [MEDLEY_SESSION_END] = { "end", "" },
  [MEDLEY_SESSION_FLUSH] = { "flush", "played turn" },
  [MEDLEY_SESSION_PLAYED] = { "played", "milliseconds turn" },
};

static gboolean
fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
fail (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_clear_error (error);
  if (error != NULL)
    *error = g_error_new_valist (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, format, args);
  va_end (args);
  return FALSE;
}

static gboolean
fail_nearest (GError **error, const char *what, const char *word, const char *const *known)
{
  const char *near = medley_nearest (word, known);
  g_autofree char *list = g_strjoinv (", ", (char **) known);

  return fail (error, "%s \"%s\"%s%s%s; there are: type%s%s", what, word,
               near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
               near != NULL ? "\"?" : "", *list != '\0' ? ", " : "", list);
}

void
medley_session_message_free (MedleySessionMessage *self)
{
  g_clear_pointer (&self->request, g_variant_unref);
  g_free (self->input);
  g_free (self->text);
  g_free (self);
}

static gboolean
take_number (GVariant *value, const char *key, gint64 least, gint64 most, gint64 *number,
             GError **error)
{
  gint64 given = least - 1;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    given = g_variant_get_int64 (value);
  if (given < least || given > most)
    return fail (error, "\"%s\" is a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                 key, least, most);
  *number = given;
  return TRUE;
}

static gboolean
take_string (GVariant *value, const char *key, char **string, GError **error)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return fail (error, "\"%s\" is a string", key);
  *string = g_variant_dup_string (value, NULL);
  return TRUE;
}

/* Returns: whether it was one of a session's own keys of a start, all being well */
static gboolean
take_start (MedleySessionMessage *self, const char *key, GVariant *value, GVariantBuilder *rest,
            GError **error)
{
  if (g_str_equal (key, "input"))
    return take_string (value, key, &self->input, error);
  if (g_str_equal (key, "lead"))
    return take_number (value, key, 0, MAX_MILLISECONDS, &self->lead, error);
  if (g_str_equal (key, "idempotencyKey"))
    return fail (error,
                 "a session has no \"idempotencyKey\": each of its turns is a job of its own");
  if (g_str_equal (key, "detach")) {
    if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
      return fail (error, "\"detach\" is a boolean");
    self->detach = g_variant_get_boolean (value);
    return TRUE;
  }
  g_variant_builder_add (rest, "{sv}", key, value);
  return TRUE;
}

static gboolean
take_member (MedleySessionMessage *self, const char *key, GVariant *value, GError **error)
{
  g_auto (GStrv) known = g_strsplit (kinds[self->kind].keys, " ", -1);
  gint64 turn = 0;

  if (*key == '\0' || !g_strv_contains ((const char *const *) known, key))
    return fail_nearest (error, "unknown key", key, (const char *const *) known);
  if (g_str_equal (key, "text"))
    return take_string (value, key, &self->text, error);
  if (!g_str_equal (key, "turn"))
    return take_number (value, key, 0, MAX_MILLISECONDS, &self->played, error);
  if (!take_number (value, key, 1, G_MAXINT64, &turn, error))
    return FALSE;
  self->turn = (guint64) turn;
  return TRUE;
}

static gboolean
find_kind (MedleySessionMessage *self, GVariant *value, GError **error)
{
  const char *names[G_N_ELEMENTS (kinds) + 1] = { NULL };
  const char *type = NULL;
  const char *near;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)
      || !g_variant_lookup (value, "type", "&s", &type))
    return fail (error, "a message is a JSON object with a \"type\"");
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    names[i] = kinds[i].name;
    if (g_str_equal (kinds[i].name, type)) {
      self->kind = (MedleySessionMessageKind) i;
      return TRUE;
    }
  }
  near = medley_nearest (type, names);
  return fail (error, "there is no message of the type \"%s\"%s%s%s", type,
               near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
               near != NULL ? "\"?" : "");
}

static gboolean
fill (MedleySessionMessage *self, GVariant *value, GVariantBuilder *rest, GError **error)
{
  GVariantIter iter;
  const char *key;
  GVariant *child;

  if (!find_kind (self, value, error))
    return FALSE;
  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &child)) {
    g_autoptr (GVariant) member = child;

    if (g_str_equal (key, "type"))
      continue;
    if (self->kind == MEDLEY_SESSION_START ? !take_start (self, key, member, rest, error)
                                           : !take_member (self, key, member, error))
      return FALSE;
  }
  if (self->kind == MEDLEY_SESSION_TEXT && self->text == NULL)
    return fail (error, "\"text\" is missing");
  if (self->kind == MEDLEY_SESSION_PLAYED && self->played < 0)
    return fail (error, "\"milliseconds\" is missing");
  return TRUE;
}

MedleySessionMessage *
medley_session_message_parse (const char *text, gsize length, MedleyConfig *config, GError **error)
{
  g_autoptr (MedleySessionMessage) self = g_new0 (MedleySessionMessage, 1);
  g_auto (GVariantBuilder) rest = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  MedleyJsonLimits limits = MEDLEY_JSON_LIMITS_DEFAULT;
  g_autoptr (GVariant) value = NULL;

  limits.max_bytes = medley_config_get_number (config, "http.json-bytes");
  limits.max_depth = (guint) medley_config_get_number (config, "limits.json-depth");
  self->lead = self->played = -1;
  value = medley_json_parse (text, length, &limits, NULL, error);
  if (value == NULL || !fill (self, value, &rest, error))
    return NULL;
  if (self->kind == MEDLEY_SESSION_START)
    self->request = g_variant_ref_sink (g_variant_builder_end (&rest));
  return g_steal_pointer (&self);
}

char *
medley_session_frame (const char *type, GVariantDict *members)
{
  GVariantBuilder builder;
  g_autoptr (GVariant) rest = NULL;
  g_autoptr (GVariant) all = NULL;
  GVariantIter iter;
  const char *key;
  GVariant *child;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "type", g_variant_new_string (type));
  if (members != NULL) {
    rest = g_variant_ref_sink (g_variant_dict_end (members));
    g_variant_iter_init (&iter, rest);
    while (g_variant_iter_loop (&iter, "{&sv}", &key, &child))
      g_variant_builder_add (&builder, "{sv}", key, child);
  }
  all = g_variant_ref_sink (g_variant_builder_end (&builder));
  return medley_json_print (all, FALSE);
}
