/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes medley(1) and medley.conf(5) from the tables that the programs themselves use, so that the
 * manual cannot fall behind. Usage: man-pages medley.1 | medley.conf.5 | medley.conf */
#include <stdio.h>
#include <string.h>

#include "base/config-value.h"
#include "base/config.h"
#include "base/error.h"
#include "cli/cli.h"

static void
put (const char *text)
{
  gboolean line_start = TRUE;

  for (; *text != '\0'; text++) {
    if (line_start && (*text == '.' || *text == '\''))
      fputs ("\\&", stdout);
    line_start = *text == '\n';
    if (*text == '-')
      fputs ("\\-", stdout);
    else if (*text == '\\')
      fputs ("\\e", stdout);
    else
      putchar (*text);
  }
}

static void
put_header (const char *name, const char *section, const char *summary)
{
  printf (".TH %s %s \"\" \"Medley %s\" \"Medley\"\n.SH NAME\n", name, section, MEDLEY_VERSION);
  put (name);
  fputs (" \\- ", stdout);
  put (summary);
  putchar ('\n');
}

static void
put_options (const MedleyArgOption *options)
{
  for (; options->name != NULL; options++) {
    fputs (".TP\n\\fB", stdout);
    if (options->letter != 0)
      printf ("\\-%c\\fR, \\fB", options->letter);
    fputs ("\\-\\-", stdout);
    put (options->name);
    fputs ("\\fR", stdout);
    if (options->value_name != NULL) {
      fputs (" \\fI", stdout);
      put (options->value_name);
      fputs ("\\fR", stdout);
    }
    putchar ('\n');
    put (options->help);
    putchar ('\n');
  }
}

static void
put_command (const MedleyCommand *command)
{
  fputs (".SS medley ", stdout);
  put (command->name);
  putchar (' ');
  put (command->synopsis);
  printf ("\n%c", g_ascii_toupper (command->summary[0]));
  put (command->summary + 1);
  fputs (".\n", stdout);
  if (command->description != NULL) {
    put (command->description);
    putchar ('\n');
  }
  if (command->options != NULL)
    put_options (command->options);
  if (command->examples != NULL) {
    fputs (".PP\n.nf\n", stdout);
    put (command->examples);
    fputs ("\n.fi\n", stdout);
  }
}

static void
put_exit_codes (void)
{
  static const int codes[]
      = { MEDLEY_EXIT_FAILED,       MEDLEY_EXIT_USAGE,       MEDLEY_EXIT_BAD_INPUT,
          MEDLEY_EXIT_BAD_PIPELINE, MEDLEY_EXIT_UNAVAILABLE, MEDLEY_EXIT_CRASHED,
          MEDLEY_EXIT_CONFIG,       MEDLEY_EXIT_CANCELLED };

  fputs (".SH EXIT STATUS\n.TP\n\\fB0\\fR\nAll went well.\n", stdout);
  for (guint i = 0; i < G_N_ELEMENTS (codes); i++) {
    const char *separator = "";

    printf (".TP\n\\fB%d\\fR\n", codes[i]);
    for (int code = 0; code <= MEDLEY_ERROR_LAST; code++) {
      const MedleyErrorInfo *info = medley_error_info_for_code ((MedleyError) code);

      if (info->exit_code != codes[i])
        continue;
      fputs (separator, stdout);
      put (info->title);
      fputs (" (\\fI", stdout);
      put (info->name);
      fputs ("\\fR)", stdout);
      separator = ".\n";
    }
    fputs (".\n", stdout);
  }
}

static void
print_medley (void)
{
  guint n_commands;
  const MedleyCommand *commands = medley_cli_commands (&n_commands);

  put_header ("medley", "1", "turn one modality into another by chaining models");
  fputs (".SH SYNOPSIS\n\\fBmedley\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n.SH DESCRIPTION\n",
         stdout);
  put ("medley runs pipelines: a scanned page becomes speech, an article becomes a narrated and "
       "captioned video.\n"
       "It talks to medleyd(8), or starts one for the length of the command when none runs. Text "
       "goes in and\n"
       "media come out while they are being made.\n");
  fputs (".SH COMMANDS\n", stdout);
  for (guint i = 0; i < n_commands; i++)
    put_command (&commands[i]);
  fputs (".SH OPTIONS\nThese go with every command.\n", stdout);
  put_options (medley_cli_global_options);
  put_exit_codes ();
  fputs (
      ".SH ENVIRONMENT\n"
      ".TP\n\\fBMEDLEY_HOST\\fR\nThe daemon to talk to, as \\fB\\-\\-host\\fR.\n"
      ".TP\n\\fBMEDLEY_TOKEN\\fR\nThe token, as \\fB\\-\\-token\\fR.\n"
      ".TP\n\\fBSSL_CERT_FILE\\fR\nCertificates to trust, as \\fB\\-\\-ca\\fR.\n"
      ".TP\n\\fBMEDLEY_DEBUG\\fR\nWhen set, a private daemon says what it does on standard error.\n"
      ".TP\n\\fBNO_COLOR\\fR\nWhen set, nothing is coloured.\n"
      ".TP\n\\fBTMPDIR\\fR\nWhere a private daemon keeps its files; else \\fI/var/tmp\\fR.\n"
      ".SH SEE ALSO\n.BR medleyd (8),\n.BR medley.conf (5)\n",
      stdout);
}

static void
print_config (void)
{
  guint n_keys;
  const MedleyConfigKey *keys = medley_config_keys (&n_keys);
  g_autofree char *group = g_strdup ("");

  put_header ("medley.conf", "5", "configuration of Medley");
  fputs (".SH SYNOPSIS\n", stdout);
  put (MEDLEY_SYSCONFDIR "/medley/medley.conf, ~/.config/medley/medley.conf\n");
  fputs (".SH DESCRIPTION\n", stdout);
  put ("Groups in brackets, below them lines of key=value; lines that begin with # are comments. "
       "The user's file wins\n"
       "over the system's, the command line (--set GROUP.KEY=VALUE of medleyd, --conf of medley) "
       "over both. An unknown\n"
       "key or a bad value is an error that names its line. \"medley config\" shows what is in "
       "force and where it\n"
       "comes from, \"medley config template\" prints a commented file.\n");
  fputs (".PP\n", stdout);
  put ("In paths, ${runtime} is $XDG_RUNTIME_DIR/medley (or /run/medley for root without a "
       "session), ${state}\n"
       "$XDG_STATE_HOME/medley, ${cache} $XDG_CACHE_HOME/medley, ${config} "
       "$XDG_CONFIG_HOME/medley, ${userdata}\n"
       "$XDG_DATA_HOME/medley, ${sysconf} " MEDLEY_SYSCONFDIR "/medley, ${data} " MEDLEY_PKGDATADIR
       "\nand ${plugins} the folder where Medley's own plugins were installed.\n");
  for (guint i = 0; i < n_keys; i++) {
    g_auto (GStrv) parts = g_strsplit (keys[i].name, ".", 2);
    g_autofree char *kind = medley_config_kind_describe (&keys[i]);

    if (!g_str_equal (parts[0], group)) {
      printf (".SH [%s]\n", parts[0]);
      g_free (group);
      group = g_strdup (parts[0]);
    }
    fputs (".TP\n\\fB", stdout);
    put (parts[1]);
    fputs ("\\fR = \\fI", stdout);
    put (keys[i].value);
    fputs ("\\fR\n", stdout);
    put (keys[i].description);
    fputs (" (", stdout);
    put (kind);
    fputs (").\n", stdout);
  }
  fputs (".SH SEE ALSO\n.BR medley (1),\n.BR medleyd (8)\n", stdout);
}

int
main (int argc, char **argv)
{
  const char *page = argc == 2 ? argv[1] : "";

  if (g_str_equal (page, "medley.1")) {
    print_medley ();
  } else if (g_str_equal (page, "medley.conf.5")) {
    print_config ();
  } else if (g_str_equal (page, "medley.conf")) {
    g_autofree char *text = medley_config_print_template ();

    fputs (text, stdout);
  } else {
    fprintf (stderr, "usage: man-pages medley.1 | medley.conf.5 | medley.conf\n");
    return 2;
  }
  return 0;
}
