/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bearer tokens of the HTTP face, besides the one that the daemon writes at each start. What is
 * kept of one is its hash: who reads the file cannot use it. */

/**
 * MedleyScope:
 * @MEDLEY_SCOPE_NONE: nothing
 * @MEDLEY_SCOPE_READ: look at everything, and fetch outputs
 * @MEDLEY_SCOPE_RUN: also make, change and remove jobs
 * @MEDLEY_SCOPE_ADMIN: also change what concerns others: installed pipelines, the stage cache
 *
 * What somebody may do; each has what stands before it.
 */
typedef enum {
  MEDLEY_SCOPE_NONE,
  MEDLEY_SCOPE_READ,
  MEDLEY_SCOPE_RUN,
  MEDLEY_SCOPE_ADMIN,
} MedleyScope;

/* "read", "run", "admin", or "none" */
const char *
medley_scope_to_string (MedleyScope scope);
/* Returns: whether it is "read", "run" or "admin" */
gboolean
medley_scope_from_string (const char *text, MedleyScope *scope);

/* Characters of a hash, without the NUL. */
#define MEDLEY_TOKEN_HASH_LENGTH 64

/**
 * MedleyToken:
 * @name: 1 to 64 letters, digits, dots, underscores and hyphens; unique
 * @scope: what it allows
 * @hash: of the token's text, in hexadecimal digits
 * @created: in microseconds since 1970
 * @expires: likewise; 0 for never
 */
typedef struct {
  char *name;
  MedleyScope scope;
  char hash[MEDLEY_TOKEN_HASH_LENGTH + 1];
  gint64 created;
  gint64 expires;
} MedleyToken;

/**
 * MedleyTokens:
 *
 * A list of tokens, in the order of their names.
 */
typedef struct _MedleyTokens MedleyTokens;

MedleyTokens *
medley_tokens_new (void);
void
medley_tokens_free (MedleyTokens *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyTokens, medley_tokens_free)

/**
 * medley_tokens_parse:
 * @text: what the file holds; need not end in NUL
 * @length: in bytes
 * @error: %MEDLEY_ERROR_INVALID_CONFIG that says what is wrong and at which JSON Pointer
 *
 * Returns: (transfer full) (nullable): the tokens
 */
MedleyTokens *
medley_tokens_parse (const char *text, gsize length, GError **error);

/* (transfer full): what medley_tokens_parse() reads back */
char *
medley_tokens_print (MedleyTokens *self);

guint
medley_tokens_count (MedleyTokens *self);
/* (transfer none): @i: below the count */
const MedleyToken *
medley_tokens_get (MedleyTokens *self, guint i);
/* (transfer none) (nullable) */
const MedleyToken *
medley_tokens_find_name (MedleyTokens *self, const char *name);

/**
 * medley_tokens_find:
 * @self: tokens
 * @secret: a token's text, as a client shows it
 *
 * Finds a token by its hash. That looking up takes longer or shorter tells nothing that helps: who
 * shows a text cannot choose the digits of its hash.
 *
 * Returns: (transfer none) (nullable): the token, also one that has expired
 */
const MedleyToken *
medley_tokens_find (MedleyTokens *self, const char *secret);

/* (transfer none) (nullable): likewise; @hash: of medley_token_hash() */
const MedleyToken *
medley_tokens_find_hash (MedleyTokens *self, const char *hash);

/**
 * medley_tokens_add:
 * @self: tokens
 * @name: a name that is not taken
 * @scope: what it shall allow
 * @now: in microseconds since 1970
 * @expires: likewise, later than @now; 0 for never
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT
 *
 * Returns: (transfer full) (nullable): the token's text, which is nowhere kept
 */
char *
medley_tokens_add (MedleyTokens *self, const char *name, MedleyScope scope, gint64 now,
                   gint64 expires, GError **error);

/* @error: %MEDLEY_ERROR_NOT_FOUND with the nearest name */
gboolean
medley_tokens_remove (MedleyTokens *self, const char *name, GError **error);

/* `a{sv}`, floating: all that may be shown of a token: "name", "scope", "created", and "expires"
 * where it does */
GVariant *
medley_token_describe (const MedleyToken *token);

/* @out: of MEDLEY_TOKEN_HASH_LENGTH + 1 bytes */
void
medley_token_hash (const char *secret, char *out);
/* (transfer full): a new text of 256 random bits */
char *
medley_token_make_secret (void);
/* Whether two hashes are the same, in a time that does not depend on where they differ. */
gboolean
medley_token_hash_equal (const char *a, const char *b);

/* The file (http.tokens) */

/**
 * medley_tokens_load:
 * @path: the file; without one there are no tokens
 * @error: %MEDLEY_ERROR_NOT_ALLOWED when others may read or write the file,
 * %MEDLEY_ERROR_INVALID_CONFIG when its text is wrong, %MEDLEY_ERROR_IO
 *
 * Returns: (transfer full) (nullable): the tokens
 */
MedleyTokens *
medley_tokens_load (const char *path, GError **error);

/**
 * medley_tokens_lock:
 * @path: the file
 * @error: %MEDLEY_ERROR_IO
 *
 * Makes the file's folder if it is not there, and keeps others from changing the file until the
 * descriptor is closed. Waits for them.
 *
 * Returns: a descriptor of the folder, -1 with an error
 */
int
medley_tokens_lock (const char *path, GError **error);

/**
 * medley_tokens_save:
 * @self: tokens
 * @path: the file
 * @folder: from medley_tokens_lock()
 * @error: %MEDLEY_ERROR_NO_SPACE, %MEDLEY_ERROR_IO
 *
 * Replaces the file at once by one of mode 0600, and syncs it. Written by root, it belongs to the
 * folder's owner: the daemon that reads it may be another user.
 */
gboolean
medley_tokens_save (MedleyTokens *self, const char *path, int folder, GError **error);

G_END_DECLS
