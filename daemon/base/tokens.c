/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/tokens.h"

#include <string.h>
#include <sys/random.h>

#include <medley/medley-error.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/times.h"

#define VERSION 1
#define MAX_NAME 64
#define MAX_TOKENS 1000
#define MAX_BYTES (1024 * 1024)
/* Says what it is where one is found: in a log, or in a file that was published by mistake. */
#define PREFIX "medley_"
#define RANDOM_BYTES 32

struct _MedleyTokens {
  GPtrArray *tokens;
  GHashTable *by_hash;
};

static const char *const scopes[] = { "none", "read", "run", "admin" };

const char *
medley_scope_to_string (MedleyScope scope)
{
  return scopes[scope];
}

gboolean
medley_scope_from_string (const char *text, MedleyScope *scope)
{
  for (guint i = MEDLEY_SCOPE_READ; i < G_N_ELEMENTS (scopes); i++) {
    if (g_str_equal (text, scopes[i])) {
      *scope = (MedleyScope) i;
      return TRUE;
    }
  }
  return FALSE;
}

static void
token_free (gpointer data)
{
  MedleyToken *token = data;

  g_free (token->name);
  g_free (token);
}

MedleyTokens *
medley_tokens_new (void)
{
  MedleyTokens *self = g_new0 (MedleyTokens, 1);

  self->tokens = g_ptr_array_new_with_free_func (token_free);
  self->by_hash = g_hash_table_new (g_str_hash, g_str_equal);
  return self;
}

void
medley_tokens_free (MedleyTokens *self)
{
  g_hash_table_unref (self->by_hash);
  g_ptr_array_unref (self->tokens);
  g_free (self);
}

guint
medley_tokens_count (MedleyTokens *self)
{
  return self->tokens->len;
}

const MedleyToken *
medley_tokens_get (MedleyTokens *self, guint i)
{
  return g_ptr_array_index (self->tokens, i);
}

const MedleyToken *
medley_tokens_find_name (MedleyTokens *self, const char *name)
{
  for (guint i = 0; i < self->tokens->len; i++) {
    const MedleyToken *token = g_ptr_array_index (self->tokens, i);

    if (g_str_equal (token->name, name))
      return token;
  }
  return NULL;
}

/* A plain SHA-256, neither salted nor slow: those protect secrets that people choose, which can be
 * guessed. Nobody guesses 256 random bits, however fast a guess is checked. */
void
medley_token_hash (const char *secret, char *out)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, secret, -1);

  memcpy (out, hash, MEDLEY_TOKEN_HASH_LENGTH + 1);
}

gboolean
medley_token_hash_equal (const char *a, const char *b)
{
  guint difference = 0;

  for (guint i = 0; i < MEDLEY_TOKEN_HASH_LENGTH; i++)
    difference |= (guint) (a[i] ^ b[i]);
  return difference == 0;
}

char *
medley_token_make_secret (void)
{
  guint8 random[RANDOM_BYTES];
  g_autofree char *text = NULL;

  if (getrandom (random, sizeof random, 0) != sizeof random)
    g_error ("the kernel gives no random bytes");
  text = g_base64_encode (random, sizeof random);
  /* As in RFC 4648, 5: nothing of it has to be quoted anywhere. */
  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  text[strcspn (text, "=")] = '\0';
  return g_strconcat (PREFIX, text, NULL);
}

const MedleyToken *
medley_tokens_find (MedleyTokens *self, const char *secret)
{
  char hash[MEDLEY_TOKEN_HASH_LENGTH + 1];

  medley_token_hash (secret, hash);
  return medley_tokens_find_hash (self, hash);
}

const MedleyToken *
medley_tokens_find_hash (MedleyTokens *self, const char *hash)
{
  return g_hash_table_lookup (self->by_hash, hash);
}

/* Changing */

static int
compare (gconstpointer a, gconstpointer b)
{
  const MedleyToken *const *first = a;
  const MedleyToken *const *second = b;

  return strcmp ((*first)->name, (*second)->name);
}

/* @token: (transfer full) */
static void
take (MedleyTokens *self, MedleyToken *token)
{
  g_ptr_array_add (self->tokens, token);
  g_hash_table_insert (self->by_hash, token->hash, token);
  g_ptr_array_sort (self->tokens, compare);
}

static gboolean
check_name (const char *name, int code, GError **error)
{
  gsize length = strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-");

  if (length > 0 && length <= MAX_NAME && name[length] == '\0')
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, code,
               "a token's name has 1 to %d letters, digits, dots, underscores and hyphens",
               MAX_NAME);
  return FALSE;
}

char *
medley_tokens_add (MedleyTokens *self, const char *name, MedleyScope scope, gint64 now,
                   gint64 expires, GError **error)
{
  g_autofree char *secret = NULL;
  MedleyToken *token;

  if (!check_name (name, MEDLEY_ERROR_INVALID_ARGUMENT, error))
    return NULL;
  if (medley_tokens_find_name (self, name) != NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "there is a token \"%s\" already; revoke it, or choose another name", name);
    return NULL;
  }
  if (expires != 0 && expires <= now) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                         "the token would have expired before it was made");
    return NULL;
  }
  if (self->tokens->len >= MAX_TOKENS) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "there are %u tokens already, and no more fit; revoke some", self->tokens->len);
    return NULL;
  }
  secret = medley_token_make_secret ();
  token = g_new0 (MedleyToken, 1);
  token->name = g_strdup (name);
  token->scope = scope;
  /* What is written has no fraction. */
  token->created = now / G_USEC_PER_SEC * G_USEC_PER_SEC;
  token->expires = expires;
  medley_token_hash (secret, token->hash);
  take (self, token);
  return g_steal_pointer (&secret);
}

gboolean
medley_tokens_remove (MedleyTokens *self, const char *name, GError **error)
{
  const MedleyToken *token = medley_tokens_find_name (self, name);
  g_autoptr (GPtrArray) names = NULL;
  const char *nearest;

  if (token != NULL) {
    g_hash_table_remove (self->by_hash, token->hash);
    g_ptr_array_remove (self->tokens, (gpointer) token);
    return TRUE;
  }
  names = g_ptr_array_new ();
  for (guint i = 0; i < self->tokens->len; i++)
    g_ptr_array_add (names, medley_tokens_get (self, i)->name);
  g_ptr_array_add (names, NULL);
  nearest = medley_nearest (name, (const char *const *) names->pdata);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND, "there is no token \"%s\"%s%s%s", name,
               nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "\"?" : "");
  return FALSE;
}

/* Text */

static gboolean
fail (GError **error, guint i, const char *what)
{
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG, "/tokens/%u: %s", i, what);
  return FALSE;
}

static gboolean
is_hash (const char *text)
{
  return strlen (text) == MEDLEY_TOKEN_HASH_LENGTH
         && strspn (text, "0123456789abcdef") == MEDLEY_TOKEN_HASH_LENGTH;
}

static gboolean
take_member (MedleyToken *token, guint i, const char *key, GVariant *value, GError **error)
{
  const char *text;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return fail (error, i, "all members are strings");
  text = g_variant_get_string (value, NULL);
  if (g_str_equal (key, "name")) {
    token->name = g_strdup (text);
    return check_name (text, MEDLEY_ERROR_INVALID_CONFIG, error);
  }
  if (g_str_equal (key, "scope"))
    return medley_scope_from_string (text, &token->scope)
           || fail (error, i, "\"scope\" is read, run or admin");
  if (g_str_equal (key, "hash")) {
    if (!is_hash (text))
      return fail (error, i, "\"hash\" is a SHA-256 in hexadecimal digits");
    memcpy (token->hash, text, sizeof token->hash);
    return TRUE;
  }
  if (g_str_equal (key, "created"))
    return medley_time_parse (text, &token->created, NULL)
           || fail (error, i, "\"created\" is no time as in RFC 3339");
  if (g_str_equal (key, "expires"))
    return medley_time_parse (text, &token->expires, NULL)
           || fail (error, i, "\"expires\" is no time as in RFC 3339");
  /* A member that is not known may be what keeps a token from being valid. */
  return fail (error, i, "it has a member that this version does not know");
}

static gboolean
take_token (MedleyTokens *self, guint i, GVariant *value, GError **error)
{
  MedleyToken *token = g_new0 (MedleyToken, 1);
  GVariantIter iter;
  const char *key;
  GVariant *child;
  gboolean good = TRUE;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    good = fail (error, i, "a token is an object");
  if (good)
    g_variant_iter_init (&iter, value);
  while (good && g_variant_iter_next (&iter, "{&sv}", &key, &child)) {
    good = take_member (token, i, key, child, error);
    g_variant_unref (child);
  }
  if (good && (token->name == NULL || token->scope == MEDLEY_SCOPE_NONE || token->hash[0] == '\0'))
    good = fail (error, i, "a token has \"name\", \"scope\" and \"hash\"");
  if (good
      && (medley_tokens_find_name (self, token->name) != NULL
          || g_hash_table_contains (self->by_hash, token->hash)))
    good = fail (error, i, "its name or its hash is there twice");
  if (!good) {
    token_free (token);
    return FALSE;
  }
  take (self, token);
  return TRUE;
}

static gboolean
check_version (GVariant *value, GError **error)
{
  g_autoptr (GVariant) version = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    version = g_variant_lookup_value (value, "version", G_VARIANT_TYPE_INT64);
  if (version != NULL && g_variant_get_int64 (version) == VERSION)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
               "this is no object with \"version\": %d and \"tokens\"", VERSION);
  return FALSE;
}

MedleyTokens *
medley_tokens_parse (const char *text, gsize length, GError **error)
{
  const MedleyJsonLimits limits = { MAX_BYTES, 8, 8 * MAX_TOKENS };
  g_autoptr (MedleyTokens) self = medley_tokens_new ();
  g_autoptr (GError) failure = NULL;
  g_autoptr (GVariant) value = medley_json_parse (text, length, &limits, NULL, &failure);
  g_autoptr (GVariant) list = NULL;

  if (value == NULL) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG, failure->message);
    return NULL;
  }
  if (!check_version (value, error))
    return NULL;
  list = g_variant_lookup_value (value, "tokens", G_VARIANT_TYPE ("av"));
  if (list == NULL || g_variant_n_children (list) > MAX_TOKENS) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                 "/tokens is no array of at most %d tokens", MAX_TOKENS);
    return NULL;
  }
  for (guint i = 0; i < g_variant_n_children (list); i++) {
    g_autoptr (GVariant) child = NULL;

    g_variant_get_child (list, i, "v", &child);
    if (!take_token (self, i, child, error))
      return NULL;
  }
  return g_steal_pointer (&self);
}

static void
add_time (GVariantDict *dict, const char *key, gint64 time)
{
  g_autofree char *text = medley_time_print (time);

  g_variant_dict_insert (dict, key, "s", text);
}

static void
fill_dict (GVariantDict *dict, const MedleyToken *token)
{
  g_variant_dict_init (dict, NULL);
  g_variant_dict_insert (dict, "name", "s", token->name);
  g_variant_dict_insert (dict, "scope", "s", medley_scope_to_string (token->scope));
  add_time (dict, "created", token->created);
  if (token->expires != 0)
    add_time (dict, "expires", token->expires);
}

GVariant *
medley_token_describe (const MedleyToken *token)
{
  GVariantDict dict;

  fill_dict (&dict, token);
  return g_variant_dict_end (&dict);
}

char *
medley_tokens_print (MedleyTokens *self)
{
  g_autoptr (GVariant) value = NULL;
  GVariantBuilder list;
  GVariantBuilder builder;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < self->tokens->len; i++) {
    const MedleyToken *token = g_ptr_array_index (self->tokens, i);
    GVariantDict dict;

    fill_dict (&dict, token);
    g_variant_dict_insert (&dict, "hash", "s", token->hash);
    g_variant_builder_add (&list, "v", g_variant_dict_end (&dict));
  }
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "version", g_variant_new_int64 (VERSION));
  g_variant_builder_add (&builder, "{sv}", "tokens", g_variant_builder_end (&list));
  value = g_variant_ref_sink (g_variant_builder_end (&builder));
  return medley_json_print (value, TRUE);
}
