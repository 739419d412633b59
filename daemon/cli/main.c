/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"

/* The first signal asks for an end, the second one takes it. */
static gboolean
on_signal (gpointer data)
{
  MedleyCli *cli = data;

  if (g_cancellable_is_cancelled (cli->cancellable)) {
    if (cli->on_kill != NULL)
      cli->on_kill (cli->on_kill_data);
    _exit (MEDLEY_EXIT_CANCELLED);
  }
  g_cancellable_cancel (cli->cancellable);
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  MedleyCli cli = { 0 };
  int status;

  setlocale (LC_ALL, "");
  /* A reader that goes away is an error of writing, not a death. */
  signal (SIGPIPE, SIG_IGN);
  cli.cancellable = g_cancellable_new ();
  g_unix_signal_add (SIGINT, on_signal, &cli);
  g_unix_signal_add (SIGTERM, on_signal, &cli);

  status = medley_cli_main (&cli, argv + 1);

  g_clear_object (&cli.client);
  g_clear_pointer (&cli.private_daemon, medley_private_daemon_stop);
  g_clear_object (&cli.config);
  g_clear_pointer (&cli.args, medley_args_free);
  g_object_unref (cli.cancellable);
  return status;
}
