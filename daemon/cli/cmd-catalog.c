/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/format.h"
#include "cli/reply.h"

static void
print_json_list (GPtrArray *list)
{
  for (guint i = 0; i < list->len; i++)
    medley_cli_print_json (g_ptr_array_index (list, i));
}

/* "image/png + text/plain": the types of all inputs or outputs */
static char *
join_types (GVariant *pipeline, const char *member)
{
  g_autoptr (GVariant) ports = medley_reply_object (pipeline, member);
  g_auto (GStrv) names = medley_reply_names (pipeline, member);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GVariant) port = medley_reply_object (ports, names[i]);

    g_string_append_printf (text, "%s%s", i > 0 ? " + " : "",
                            medley_reply_string (port, "type", "?"));
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static int
list_pipelines (MedleyCli *cli)
{
  static const char *const headers[] = { "NAME", "FROM", "TO", "TITLE", NULL };
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = medley_cli_get (cli, "pipelines", &problem, &error);
  g_autoptr (MedleyTable) table = medley_table_new (headers);
  g_autoptr (GPtrArray) list = NULL;
  guint n_invalid = 0;

  if (reply == NULL)
    return medley_cli_fail (cli, error, problem, NULL);
  list = medley_reply_list (reply, "pipelines");
  if (cli->is_json) {
    print_json_list (list);
    return 0;
  }
  for (guint i = 0; i < list->len; i++) {
    GVariant *pipeline = g_ptr_array_index (list, i);
    gboolean valid = medley_reply_boolean (pipeline, "valid", TRUE);
    g_autofree char *from = join_types (pipeline, "inputs");
    g_autofree char *to = join_types (pipeline, "outputs");
    g_autofree char *title = g_strconcat (valid ? "" : "(has faults) ",
                                          medley_reply_string (pipeline, "title", ""), NULL);
    const char *row[] = { medley_reply_string (pipeline, "name", "?"), from, to, title, NULL };

    n_invalid += valid ? 0 : 1;
    medley_table_add (table, row);
  }
  medley_table_print (table);
  if (list->len == 0)
    g_printerr ("there are no pipelines; \"medley doctor\" says where they are looked for\n");
  if (n_invalid > 0)
    g_printerr ("\"medley validate NAME\" shows the faults of a pipeline\n");
  return 0;
}

int
medley_cmd_pipelines (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  if (!medley_cli_check_words (cli, 0, 1, &error)
      || !medley_cli_connect (cli, MEDLEY_DAEMON_ANY, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  if (words[0] == NULL)
    return list_pipelines (cli);
  path = medley_client_path ("pipelines", words[0], NULL);
  reply = medley_cli_get (cli, path, &problem, &error);
  if (reply == NULL)
    return medley_cli_fail (cli, error, problem, NULL);
  medley_describe_pipeline (cli, reply, words[0]);
  return 0;
}

static int
list_engines (MedleyCli *cli)
{
  static const char *const headers[] = { "NAME", "TASKS", "COST", "DESCRIPTION", NULL };
  const char *task = medley_args_get (cli->args, "task");
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = medley_cli_get (cli, "engines", &problem, &error);
  g_autoptr (MedleyTable) table = medley_table_new (headers);
  g_autoptr (GPtrArray) list = NULL;
  guint n_shown = 0;

  if (reply == NULL)
    return medley_cli_fail (cli, error, problem, NULL);
  list = medley_reply_list (reply, "engines");
  for (guint i = 0; i < list->len; i++) {
    GVariant *engine = g_ptr_array_index (list, i);
    g_auto (GStrv) tasks = medley_reply_names (engine, "tasks");
    g_autofree char *all = g_strjoinv (", ", tasks);
    g_autofree char *cost = g_strdup_printf ("%d", (int) medley_reply_integer (engine, "cost", 0));
    const char *row[] = { medley_reply_string (engine, "name", "?"), all, cost,
                          medley_reply_string (engine, "description", ""), NULL };
    gboolean matches = task == NULL;

    for (guint j = 0; task != NULL && tasks[j] != NULL; j++)
      matches = matches || g_str_equal (tasks[j], task)
                || (strchr (task, '/') == NULL && g_str_has_prefix (tasks[j], task)
                    && tasks[j][strlen (task)] == '/');
    if (!matches)
      continue;
    n_shown++;
    if (cli->is_json)
      medley_cli_print_json (engine);
    else
      medley_table_add (table, row);
  }
  medley_table_print (table);
  for (guint i = 0; i < list->len && !cli->is_json; i++) {
    const char *suspension = medley_reply_string (g_ptr_array_index (list, i), "suspension", NULL);

    if (suspension != NULL)
      g_printerr ("%s\n", suspension);
  }
  if (n_shown == 0 && !cli->is_json)
    g_printerr ("there are no engines%s%s\n", task != NULL ? " for " : "",
                task != NULL ? task : "");
  return 0;
}

int
medley_cmd_engines (MedleyCli *cli)
{
  const char *const *words = medley_args_words (cli->args);
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  if (!medley_cli_check_words (cli, 0, 1, &error)
      || !medley_cli_connect (cli, MEDLEY_DAEMON_ANY, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  if (words[0] == NULL)
    return list_engines (cli);
  path = medley_client_path ("engines", words[0], NULL);
  reply = medley_cli_get (cli, path, &problem, &error);
  if (reply == NULL)
    return medley_cli_fail (cli, error, problem, NULL);
  medley_describe_engine (cli, reply);
  return 0;
}

/* "de" means "de", "de-AT" and "de_CH"; an engine may name several languages. */
static gboolean
speaks (GVariant *voice, const char *language)
{
  g_auto (GStrv) its = g_strsplit_set (medley_reply_string (voice, "language", ""), ", ", -1);
  gsize length = strlen (language);

  for (guint i = 0; its[i] != NULL; i++) {
    if (g_ascii_strncasecmp (its[i], language, length) == 0
        && (its[i][length] == '\0' || its[i][length] == '-' || its[i][length] == '_'))
      return TRUE;
  }
  return FALSE;
}

static guint
add_voices (MedleyCli *cli, MedleyTable *table, const char *engine, GPtrArray *voices)
{
  const char *language = medley_args_get (cli->args, "language");
  guint n_shown = 0;

  for (guint i = 0; i < voices->len; i++) {
    GVariant *voice = g_ptr_array_index (voices, i);
    const char *row[] = {
      medley_reply_string (voice, "name", "?"),       medley_reply_string (voice, "language", ""),
      medley_reply_string (voice, "gender", ""),      engine,
      medley_reply_string (voice, "description", ""), NULL
    };

    if (language != NULL && !speaks (voice, language))
      continue;
    n_shown++;
    if (cli->is_json) {
      g_autoptr (GVariant) line = NULL;
      GVariantDict dict;

      g_variant_dict_init (&dict, voice);
      g_variant_dict_insert (&dict, "engine", "s", engine);
      line = g_variant_ref_sink (g_variant_dict_end (&dict));
      medley_cli_print_json (line);
    } else {
      medley_table_add (table, row);
    }
  }
  return n_shown;
}

/* (transfer full): the engine that was named, or all that speak */
static char **
choose_speakers (MedleyCli *cli, GVariant **problem, GError **error)
{
  const char *named = medley_args_words (cli->args)[0];
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GPtrArray) list = NULL;

  if (named != NULL) {
    g_strv_builder_add (builder, named);
    return g_strv_builder_end (builder);
  }
  reply = medley_cli_get (cli, "engines", problem, error);
  if (reply == NULL)
    return NULL;
  list = medley_reply_list (reply, "engines");
  for (guint i = 0; i < list->len; i++) {
    GVariant *engine = g_ptr_array_index (list, i);
    g_auto (GStrv) tasks = medley_reply_names (engine, "tasks");
    gboolean has_voices = FALSE;

    for (guint j = 0; tasks[j] != NULL; j++)
      has_voices = has_voices || g_str_has_prefix (tasks[j], "text-to-audio");
    if (has_voices)
      g_strv_builder_add (builder, medley_reply_string (engine, "name", ""));
  }
  return g_strv_builder_end (builder);
}

int
medley_cmd_voices (MedleyCli *cli)
{
  static const char *const headers[]
      = { "VOICE", "LANGUAGE", "GENDER", "ENGINE", "DESCRIPTION", NULL };
  g_autoptr (MedleyTable) table = medley_table_new (headers);
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) engines = NULL;
  guint n_shown = 0;

  if (!medley_cli_check_words (cli, 0, 1, &error)
      || !medley_cli_connect (cli, MEDLEY_DAEMON_ANY, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  engines = choose_speakers (cli, &problem, &error);
  for (guint i = 0; engines != NULL && engines[i] != NULL; i++) {
    g_autofree char *path = medley_client_path ("engines", engines[i], "voices", NULL);
    g_autoptr (GVariant) reply = medley_cli_get (cli, path, &problem, &error);
    g_autoptr (GPtrArray) voices = NULL;

    if (reply == NULL)
      break;
    voices = medley_reply_list (reply, "voices");
    n_shown += add_voices (cli, table, engines[i], voices);
  }
  if (error != NULL)
    return medley_cli_fail (cli, error, problem, NULL);
  medley_table_print (table);
  if (n_shown == 0 && !cli->is_json)
    g_printerr ("there are no voices%s\n",
                medley_args_has (cli->args, "language") ? " of this language" : "");
  return 0;
}
