/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/gst.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "runner/registry.h"
#include "runner/sandbox.h"
#include "runner/service.h"
#include "runner/work.h"
#include "runner/zygote.h"

typedef struct {
  int fd;
  gboolean exec;
  gboolean zygote;
  char *preload;
  MedleySandbox sandbox;
} Options;

static gboolean
parse_options (int *argc, char ***argv, Options *options)
{
  int fds = 0, threads = 1;
  const GOptionEntry entries[] = {
    { "fd", 0, 0, G_OPTION_ARG_INT, &options->fd, "The inherited socket to the daemon", "N" },
    { "exec", 0, 0, G_OPTION_ARG_NONE, &options->exec, "Be one worker (the default)", NULL },
    { "zygote", 0, 0, G_OPTION_ARG_NONE, &options->zygote,
      "Be the process that workers are forked from", NULL },
    { "preload", 0, 0, G_OPTION_ARG_STRING, &options->preload, "Engines to open ahead in a zygote",
      "NAMES" },
    { "max-fds", 0, 0, G_OPTION_ARG_INT, &fds, "Most open files", "N" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "OpenMP threads", "N" },
    { NULL },
  };
  g_autoptr (GOptionContext) context
      = g_option_context_new ("- does the work of medleyd; not for use by hand");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, &error)) {
    g_printerr ("medley-worker: %s\n", error->message);
    return FALSE;
  }
  if (options->fd < 3) {
    g_printerr (
        "medley-worker: --fd must name an inherited socket; medleyd starts workers by itself\n");
    return FALSE;
  }
  options->sandbox.fds = (guint) MAX (fds, 0);
  options->sandbox.threads = (guint) MAX (threads, 0);
  return TRUE;
}

/* A worker stays for long, and each of a job's many threads would keep what it once had for its
 * frames: without this 300 MB after twenty short videos, of which 7 MB are in use. */
static void
tune_malloc (void)
{
  mallopt (M_MMAP_THRESHOLD, 256 * 1024);
  mallopt (M_TRIM_THRESHOLD, 1024 * 1024);
  mallopt (M_ARENA_MAX, 4);
}

int
main (int argc, char **argv)
{
  Options options = { .fd = -1 };
  g_autoptr (GError) error = NULL;
  MedleyEngineCache *cache;
  g_auto (GStrv) command_line = g_strdupv (argv);

  tune_malloc ();
  if (!parse_options (&argc, &argv, &options))
    return MEDLEY_EXIT_USAGE;
  medley_sandbox_close_others (options.fd);
  signal (SIGPIPE, SIG_IGN);
  if (!medley_sandbox_enter (&options.sandbox, &error) || !gst_init_check (NULL, NULL, &error)) {
    g_printerr ("medley-worker: %s\n", error->message);
    return MEDLEY_EXIT_FAILED;
  }
  medley_registry_restart_if_built (command_line);
  medley_work_install_crash_handler ();
  cache = medley_engine_cache_new ();
  if (options.zygote) {
    g_auto (GStrv) preload = g_strsplit (options.preload != NULL ? options.preload : "", ";", -1);

    medley_zygote_prepare (preload, cache);
    _exit (medley_zygote_serve (options.fd, cache));
  }
  _exit (medley_service_run (options.fd, cache));
}
