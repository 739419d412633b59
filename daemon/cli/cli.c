/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "base/json.h"
#include "base/names.h"
#include "cli/format.h"
#include "cli/reply.h"

/* Finding the daemon */

static gboolean
load_config (MedleyCli *cli, GError **error)
{
  if (cli->config == NULL)
    cli->config = medley_config_load (medley_args_get (cli->args, "config"),
                                      medley_args_list (cli->args, "conf"), error);
  return cli->config != NULL;
}

/* Exactly this machine: the token of the local daemon goes nowhere else. */
static gboolean
is_loopback (const char *url)
{
  g_autofree char *full
      = strstr (url, "://") != NULL ? g_strdup (url) : g_strconcat ("http://", url, NULL);
  g_autoptr (GUri) uri = g_uri_parse (full, G_URI_FLAGS_NONE, NULL);
  const char *host = uri != NULL ? g_uri_get_host (uri) : NULL;

  return host != NULL
         && (g_ascii_strcasecmp (host, "localhost") == 0 || g_str_equal (host, "127.0.0.1")
             || g_str_equal (host, "::1"));
}

/* A token for the daemon of this machine lies in its runtime folder. */
static char *
find_token (MedleyCli *cli, const char *url)
{
  const char *given = medley_args_get (cli->args, "token");
  g_autofree char *path = NULL;
  char *text = NULL;

  if (given == NULL)
    given = g_getenv ("MEDLEY_TOKEN");
  if (given != NULL && given[0] != '\0')
    return g_strdup (given);
  if (!is_loopback (url))
    return NULL;
  path = g_build_filename (medley_config_get_path (cli->config, "paths.runtime"), MEDLEY_TOKEN_NAME,
                           NULL);
  if (g_file_get_contents (path, &text, NULL, NULL))
    g_strstrip (text);
  return text;
}

static gboolean
is_listening (const char *path)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocket) socket
      = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);

  return socket != NULL && g_socket_connect (socket, address, NULL, NULL);
}

static gboolean
connect_private (MedleyCli *cli, GError **error)
{
  cli->private_daemon
      = medley_private_daemon_start (medley_args_get (cli->args, "config"),
                                     medley_args_list (cli->args, "conf"), cli->cancellable, error);
  if (cli->private_daemon == NULL)
    return FALSE;
  cli->client
      = medley_client_new_for_socket (medley_private_daemon_get_socket (cli->private_daemon));
  /* Nobody starts it anew. */
  medley_client_set_patience (cli->client, 0);
  return TRUE;
}

/* SSL_CERT_FILE is what curl, openssl and others heed. */
static gboolean
trust (MedleyCli *cli, GError **error)
{
  const char *file = medley_args_get (cli->args, "ca");

  if (file == NULL)
    file = g_getenv ("SSL_CERT_FILE");
  return file == NULL || file[0] == '\0'
         || medley_client_set_authorities (cli->client, file, error);
}

static gboolean
connect_to_daemon (MedleyCli *cli, MedleyDaemonNeed need, GError **error)
{
  const char *host = medley_args_get (cli->args, "host");
  gboolean wants_private = medley_args_has (cli->args, "private");
  const char *socket;

  if (!load_config (cli, error))
    return FALSE;
  if (host == NULL)
    host = g_getenv ("MEDLEY_HOST");
  if (host != NULL && host[0] != '\0' && !wants_private) {
    g_autofree char *token = find_token (cli, host);

    cli->client = medley_client_new_for_url (host, token, error);
    return cli->client != NULL && trust (cli, error);
  }
  if (wants_private && need == MEDLEY_DAEMON_STANDING)
    return medley_cli_set_usage_error (
        error, "\"medley %s\" is about jobs of a running daemon; a private one has none",
        cli->command->name);
  socket = medley_config_get_path (cli->config, "http.socket");
  if (!wants_private && socket[0] != '\0' && is_listening (socket)) {
    cli->client = medley_client_new_for_socket (socket);
    return TRUE;
  }
  if (need == MEDLEY_DAEMON_ANY)
    return connect_private (cli, error);
  g_set_error (
      error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
      "no daemon listens at %s; start one with \"medleyd\", or name another with --host URL",
      socket);
  return FALSE;
}

gboolean
medley_cli_connect (MedleyCli *cli, MedleyDaemonNeed need, GError **error)
{
  if (!connect_to_daemon (cli, need, error))
    return FALSE;
  /* As tools that trace what a shell starts have it. */
  medley_client_set_trace (cli->client, g_getenv ("TRACEPARENT"), g_getenv ("TRACESTATE"));
  return TRUE;
}

GVariant *
medley_cli_send (MedleyCli *cli, const char *method, const char *path, GVariant *body,
                 GVariant **problem, GError **error)
{
  return medley_client_call_json (cli->client, method, path, body, problem, cli->cancellable,
                                  error);
}

GVariant *
medley_cli_get (MedleyCli *cli, const char *path, GVariant **problem, GError **error)
{
  return medley_cli_send (cli, "GET", path, NULL, problem, error);
}

/* Telling */

void
medley_cli_print_json (GVariant *value)
{
  g_autofree char *text = medley_json_print (value, FALSE);

  g_print ("%s\n", text);
}

static void
print_fault (GVariant *fault, const char *file)
{
  const char *its_file = medley_reply_string (fault, "file", NULL);
  gint64 line = medley_reply_integer (fault, "line", 0);
  const char *suggestion = medley_reply_string (fault, "suggestion", "");
  const char *message = medley_reply_string (fault, "message", "?");
  gboolean is_warning = g_str_equal (medley_reply_string (fault, "severity", "error"), "warning");
  MedleyStyle style = is_warning ? MEDLEY_STYLE_WARNING : MEDLEY_STYLE_BAD;
  g_autoptr (GString) place = g_string_new (NULL);

  if (its_file == NULL || its_file[0] == '\0')
    its_file = file != NULL ? file : "pipeline";
  g_string_append (place, its_file);
  if (line > 0)
    g_string_append_printf (place, ":%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT, line,
                            medley_reply_integer (fault, "column", 1));
  g_printerr ("%s%s:%s %s%s:%s %s\n", medley_style_start (2, MEDLEY_STYLE_BOLD), place->str,
              medley_style_end (2), medley_style_start (2, style), is_warning ? "warning" : "error",
              medley_style_end (2), message);
  /* Most messages name what was meant themselves. */
  if (suggestion[0] != '\0' && strstr (message, suggestion) == NULL)
    g_printerr ("  did you mean \"%s\"?\n", suggestion);
}

guint
medley_cli_print_faults (GPtrArray *faults, const char *file)
{
  guint n_errors = 0;

  for (guint i = 0; i < faults->len; i++) {
    GVariant *fault = g_ptr_array_index (faults, i);

    print_fault (fault, file);
    if (!g_str_equal (medley_reply_string (fault, "severity", "error"), "warning"))
      n_errors++;
  }
  return n_errors;
}

static const char *
find_hint (const GError *error)
{
  if (error->domain != MEDLEY_ERROR)
    return NULL;
  switch (error->code) {
  case MEDLEY_ERROR_UNKNOWN_VOICE:
  case MEDLEY_ERROR_UNKNOWN_LANGUAGE:
    return "\"medley voices\" lists the voices there are";
  case MEDLEY_ERROR_UNKNOWN_ENGINE:
    return "\"medley engines\" lists the engines there are";
  case MEDLEY_ERROR_UNAUTHORIZED:
    return "give the token with --token or MEDLEY_TOKEN";
  case MEDLEY_ERROR_QUEUE_FULL:
    return "try again when other jobs are done; \"medley jobs\" lists them";
  default:
    return NULL;
  }
}

int
medley_cli_fail (MedleyCli *cli, const GError *error, GVariant *problem, const char *file)
{
  const MedleyErrorInfo *info = medley_error_info (error);
  g_autoptr (GPtrArray) faults = medley_reply_list (problem, "faults");
  const char *stage = medley_reply_string (problem, "stage", NULL);
  const char *engine = medley_reply_string (problem, "engine", NULL);
  const char *hint = find_hint (error);

  g_printerr ("%smedley: %s%s:%s %s\n", medley_style_start (2, MEDLEY_STYLE_BOLD),
              medley_style_start (2, MEDLEY_STYLE_BAD), info->name, medley_style_end (2),
              error->message);
  if (stage != NULL)
    g_printerr ("  in stage \"%s\"%s%s%s\n", stage, engine != NULL ? " (engine " : "",
                engine != NULL ? engine : "", engine != NULL ? ")" : "");
  medley_cli_print_faults (faults, file);
  if (hint != NULL)
    g_printerr ("  hint: %s\n", hint);
  if (info->exit_code == MEDLEY_EXIT_USAGE && error->code == MEDLEY_ERROR_INVALID_ARGUMENT
      && cli->command != NULL)
    g_printerr ("  see: medley %s --help\n", cli->command->name);
  if (cli->is_json) {
    GVariantDict dict;
    GVariantBuilder builder;
    g_autoptr (GVariant) line = NULL;

    g_variant_dict_init (&dict, problem);
    g_variant_dict_insert (&dict, "code", "s", info->name);
    g_variant_dict_insert (&dict, "message", "s", error->message);
    g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&builder, "{sv}", "error", g_variant_dict_end (&dict));
    line = g_variant_ref_sink (g_variant_builder_end (&builder));
    medley_cli_print_json (line);
  }
  return info->exit_code;
}

gboolean
medley_cli_set_usage_error (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (error != NULL)
    *error = g_error_new_valist (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
medley_cli_check_words (MedleyCli *cli, guint minimum, guint maximum, GError **error)
{
  const char *const *words = medley_args_words (cli->args);
  guint n_words = g_strv_length ((char **) words);

  if (n_words > maximum)
    return medley_cli_set_usage_error (error, "\"%s\" is too much: medley %s %s", words[maximum],
                                       cli->command->name, cli->command->synopsis);
  if (n_words < minimum)
    return medley_cli_set_usage_error (error, "something is missing: medley %s %s",
                                       cli->command->name, cli->command->synopsis);
  return TRUE;
}
