/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "cli/reply.h"

static int
print_in_force (MedleyCli *cli, MedleyConfig *config)
{
  static const char *const headers[] = { "KEY", "VALUE", "FROM", NULL };
  g_autoptr (GVariant) list = g_variant_ref_sink (medley_config_describe (config));
  g_autoptr (MedleyTable) table = medley_table_new (headers);

  for (gsize i = 0; i < g_variant_n_children (list); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (list, i);
    const char *cells[]
        = { medley_reply_string (row, "name", "?"), medley_reply_string (row, "expanded", ""),
            medley_reply_string (row, "origin", ""), NULL };

    if (cli->is_json)
      medley_cli_print_json (row);
    else if (!medley_args_has (cli->args, "changed") || !g_str_equal (cells[2], "built in"))
      medley_table_add (table, cells);
  }
  medley_table_print (table);
  return 0;
}

int
medley_cmd_config (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  g_autoptr (MedleyConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  if (!medley_cli_check_words (cli, 0, 2, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  if (words[0] != NULL && g_str_equal (words[0], "template")) {
    g_autofree char *text = medley_config_print_template ();

    g_print ("%s", text);
    return 0;
  }
  if (words[0] != NULL && !g_str_equal (words[0], "check")) {
    medley_cli_set_usage_error (&error, "\"%s\" is neither \"template\" nor \"check\"", words[0]);
    return medley_cli_fail (cli, error, NULL, NULL);
  }
  config = medley_config_load (words[0] != NULL && words[1] != NULL
                                   ? words[1]
                                   : medley_args_get (cli->args, "config"),
                               medley_args_list (cli->args, "conf"), &error);
  if (config == NULL)
    return medley_cli_fail (cli, error, NULL, NULL);
  if (words[0] == NULL)
    return print_in_force (cli, config);
  if (!cli->is_quiet)
    g_print ("the configuration is valid\n");
  return 0;
}
