/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/gst.h>
#include <malloc.h>
#include <medley/medley-error.h>
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
  gboolean zygote;
  char *build;
  char *preload;
  MedleySandboxOptions sandbox;
} Options;

static gboolean
check_options (Options *options, const char *mode, GError **error)
{
  if (mode != NULL && !medley_sandbox_parse_mode (mode, &options->sandbox.mode, error))
    return FALSE;
  if (options->build == NULL && options->fd < 3) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 "--fd must name an inherited socket; medleyd starts workers by itself");
    return FALSE;
  }
  if (options->build != NULL) {
    options->sandbox.role = MEDLEY_SANDBOX_BUILDER;
    options->sandbox.temporary = options->build;
  } else {
    options->sandbox.role = options->zygote ? MEDLEY_SANDBOX_ZYGOTE : MEDLEY_SANDBOX_WORKER;
  }
  return TRUE;
}

static gboolean
parse_options (int *argc, char ***argv, Options *options)
{
  int fds = 0, threads = 1, parent = 0, newest_landlock = 0;
  gint64 file_bytes = 0;
  gboolean exec = FALSE;
  g_autofree char *mode = NULL;
  char *temporary = NULL;
  const GOptionEntry entries[] = {
    { "fd", 0, 0, G_OPTION_ARG_INT, &options->fd, "The inherited socket to the daemon", "N" },
    { "exec", 0, 0, G_OPTION_ARG_NONE, &exec, "Be one worker (the default)", NULL },
    { "zygote", 0, 0, G_OPTION_ARG_NONE, &options->zygote,
      "Be the process that workers are forked from", NULL },
    { "build-registry", 0, 0, G_OPTION_ARG_FILENAME, &options->build,
      "Load every plugin, write GStreamer's registry to this folder and end", "FOLDER" },
    { "preload", 0, 0, G_OPTION_ARG_STRING, &options->preload, "Engines to open ahead in a zygote",
      "NAMES" },
    { "sandbox", 0, 0, G_OPTION_ARG_STRING, &mode, "strict (the default), best-effort or none",
      "MODE" },
    { "temporary", 0, 0, G_OPTION_ARG_FILENAME, &temporary,
      "The folder in which each worker makes its own", "FOLDER" },
    { "read", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->sandbox.readable,
      "A file or folder that may be read besides the usual ones", "PATH" },
    { "parent", 0, 0, G_OPTION_ARG_INT, &parent, "The process to die with", "PID" },
    { "landlock", 0, 0, G_OPTION_ARG_INT, &newest_landlock,
      "Use no later version of Landlock (for tests)", "VERSION" },
    { "max-fds", 0, 0, G_OPTION_ARG_INT, &fds, "Most open files", "N" },
    { "max-file", 0, 0, G_OPTION_ARG_INT64, &file_bytes, "Largest file", "BYTES" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "OpenMP threads", "N" },
    { NULL },
  };
  g_autoptr (GOptionContext) context
      = g_option_context_new ("- does the work of medleyd; not for use by hand");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  options->sandbox.mode = MEDLEY_SANDBOX_STRICT;
  if (!g_option_context_parse (context, argc, argv, &error)
      || !check_options (options, mode, &error)) {
    g_printerr ("medley-worker: %s\n", error->message);
    return FALSE;
  }
  if (options->build == NULL)
    options->sandbox.temporary = temporary;
  options->sandbox.fds = (guint) MAX (fds, 0);
  options->sandbox.file_bytes = (guint64) MAX (file_bytes, 0);
  options->sandbox.threads = (guint) MAX (threads, 0);
  options->sandbox.parent = parent;
  options->sandbox.newest_landlock = (guint) MAX (newest_landlock, 0);
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
  MedleySandbox *sandbox;
  int registry;

  tune_malloc ();
  if (!parse_options (&argc, &argv, &options))
    return MEDLEY_EXIT_USAGE;
  medley_sandbox_close_others (options.fd);
  signal (SIGPIPE, SIG_IGN);
  registry = medley_registry_choose (options.build);
  sandbox = medley_sandbox_enter (&options.sandbox, &error);
  if (sandbox == NULL) {
    medley_sandbox_refuse (error);
    _exit (medley_error_info (error)->exit_code);
  }
  if (!gst_init_check (NULL, NULL, &error)
      || (options.build == NULL && !medley_registry_check (registry, &error))) {
    g_printerr ("medley-worker: %s\n", error->message);
    _exit (MEDLEY_EXIT_FAILED);
  }
  if (options.build != NULL)
    _exit (0);
  medley_work_install_crash_handler ();
  cache = medley_engine_cache_new ();
  if (options.zygote) {
    g_auto (GStrv) preload = g_strsplit (options.preload != NULL ? options.preload : "", ";", -1);

    medley_zygote_prepare (preload, cache);
    _exit (medley_zygote_serve (options.fd, cache, sandbox));
  }
  _exit (medley_service_run (options.fd, cache, sandbox));
}
