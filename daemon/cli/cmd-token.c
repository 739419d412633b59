/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <medley/medley-error.h>

#include "base/fd.h"
#include "base/tokens.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "cli/job-options.h"

static int
list (MedleyCli *cli, const char *path)
{
  static const char *const headers[] = { "NAME", "SCOPE", "CREATED", "EXPIRES", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyTokens) tokens = medley_tokens_load (path, &error);
  g_autoptr (MedleyTable) table = NULL;
  gint64 now = g_get_real_time ();

  if (tokens == NULL)
    return medley_cli_fail (cli, error, NULL, NULL);
  table = medley_table_new (headers);
  for (guint i = 0; i < medley_tokens_count (tokens); i++) {
    const MedleyToken *token = medley_tokens_get (tokens, i);
    g_autofree char *created = medley_format_time (token->created);
    g_autofree char *expires
        = token->expires != 0 ? medley_format_time (token->expires) : g_strdup ("never");
    g_autofree char *last
        = g_strconcat (token->expires != 0 && token->expires <= now ? "expired " : "", expires,
                       NULL);
    const char *cells[]
        = { token->name, medley_scope_to_string (token->scope), created, last, NULL };

    if (cli->is_json) {
      g_autoptr (GVariant) line = g_variant_ref_sink (medley_token_describe (token));

      medley_cli_print_json (line);
    } else {
      medley_table_add (table, cells);
    }
  }
  medley_table_print (table);
  return 0;
}

static gboolean
read_options (MedleyCli *cli, MedleyScope *scope, gint64 *expires, GError **error)
{
  const char *scope_text = medley_args_get (cli->args, "scope");
  const char *expires_text = medley_args_get (cli->args, "expires");
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();

  *scope = MEDLEY_SCOPE_RUN;
  *expires = 0;
  if (scope_text != NULL && !medley_scope_from_string (scope_text, scope))
    return medley_cli_set_usage_error (error, "--scope \"%s\": expected read, run or admin",
                                       scope_text);
  if (expires_text != NULL && !medley_when_parse (expires_text, now, expires, error)) {
    g_prefix_error (error, "--expires: ");
    return FALSE;
  }
  return TRUE;
}

static void
print_added (MedleyCli *cli, const MedleyToken *token, const char *secret)
{
  if (cli->is_json) {
    g_autoptr (GVariant) description = g_variant_ref_sink (medley_token_describe (token));
    g_autoptr (GVariant) line = NULL;
    GVariantDict dict;

    g_variant_dict_init (&dict, description);
    g_variant_dict_insert (&dict, "token", "s", secret);
    line = g_variant_ref_sink (g_variant_dict_end (&dict));
    medley_cli_print_json (line);
    return;
  }
  g_print ("%s\n", secret);
  if (!cli->is_quiet)
    g_printerr ("the token \"%s\" may %s; it is not shown again\n", token->name,
                token->scope == MEDLEY_SCOPE_READ  ? "read"
                : token->scope == MEDLEY_SCOPE_RUN ? "read and run"
                                                   : "do everything");
}

/* @name: of a token to add or to remove */
static int
change (MedleyCli *cli, const char *path, const char *name, gboolean is_add)
{
  g_autoptr (MedleyTokens) tokens = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *secret = NULL;
  MedleyScope scope;
  gint64 expires;
  gboolean good = FALSE;
  int folder = -1;

  if (read_options (cli, &scope, &expires, &error))
    folder = medley_tokens_lock (path, &error);
  if (folder >= 0)
    tokens = medley_tokens_load (path, &error);
  if (tokens != NULL && is_add) {
    secret = medley_tokens_add (tokens, name, scope, g_get_real_time (), expires, &error);
    good = secret != NULL;
  } else if (tokens != NULL) {
    good = medley_tokens_remove (tokens, name, &error);
  }
  good = good && medley_tokens_save (tokens, path, folder, &error);
  medley_clear_fd (&folder);
  if (!good)
    return medley_cli_fail (cli, error, NULL, NULL);
  if (is_add)
    print_added (cli, medley_tokens_find_name (tokens, name), secret);
  else if (!cli->is_quiet && !cli->is_json)
    g_print ("the token \"%s\" is not valid any more\n", name);
  return 0;
}

int
medley_cmd_token (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  const char *verb = words[0] != NULL ? words[0] : "list";
  gboolean is_add = g_str_equal (verb, "add");
  gboolean is_list = g_str_equal (verb, "list");
  g_autoptr (GError) error = NULL;
  const char *path;

  if (!is_add && !is_list && !g_str_equal (verb, "revoke"))
    medley_cli_set_usage_error (&error, "\"%s\" is neither \"list\" nor \"add\" nor \"revoke\"",
                                verb);
  else if (medley_args_get (cli->args, "host") != NULL)
    medley_cli_set_usage_error (&error, "tokens are made on the machine of the daemon, not with "
                                        "--host");
  else if (medley_cli_check_words (cli, is_list ? 0 : 2, is_list ? 1 : 2, &error))
    cli->config = medley_config_load (medley_args_get (cli->args, "config"),
                                      medley_args_list (cli->args, "conf"), &error);
  if (cli->config == NULL)
    return medley_cli_fail (cli, error, NULL, NULL);
  path = medley_config_get_path (cli->config, "http.tokens");
  if (path[0] == '\0') {
    g_set_error_literal (&error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG,
                         "http.tokens is empty: there is no file for tokens");
    return medley_cli_fail (cli, error, NULL, NULL);
  }
  return is_list ? list (cli, path) : change (cli, path, words[1], is_add);
}
