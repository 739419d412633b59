/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/reply.h"

static int
show (MedleyCli *cli, GVariant *status)
{
  g_autoptr (GVariant) cache = medley_reply_object (status, "cache");
  g_autofree char *text = medley_describe_cache (cache);

  if (cli->is_json)
    medley_cli_print_json (cache);
  else
    g_print ("%s\n", text);
  return 0;
}

int
medley_cmd_cache (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  gboolean is_clear = words[0] != NULL && g_str_equal (words[0], "clear");
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;

  if (!medley_cli_check_words (cli, 0, 1, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  if (words[0] != NULL && !is_clear) {
    medley_cli_set_usage_error (&error, "\"%s\" is not \"clear\"", words[0]);
    return medley_cli_fail (cli, error, NULL, NULL);
  }
  /* A private daemon has the same cache. */
  if (!medley_cli_connect (cli, MEDLEY_DAEMON_ANY, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  reply = is_clear ? medley_cli_send (cli, "DELETE", "cache", NULL, &problem, &error)
                   : medley_cli_get (cli, "", &problem, &error);
  if (reply == NULL)
    return medley_cli_fail (cli, error, problem, NULL);
  if (!is_clear)
    return show (cli, reply);
  if (cli->is_json)
    medley_cli_print_json (reply);
  else if (!cli->is_quiet)
    g_print ("%" G_GINT64_FORMAT " results removed\n", medley_reply_integer (reply, "removed", 0));
  return 0;
}
