/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon.h"
#include "job/spool.h"
#include "notify.h"

/* Ending takes no longer than this, besides what is granted to jobs. */
#define STOP_SECONDS 10
#define MAX_FILES 65536

typedef struct {
  GMainLoop *loop;
  int status;
  int ready_fd;
  MedleyDaemon *daemon;
  MedleyNotify *notify; /* NULL for a private daemon: its starter's service is not its own */
  gboolean is_private;
  gboolean ending;
} Main;

static gboolean
asked_to_end (gpointer data)
{
  Main *self = data;

  /* Whoever asks twice does not want to wait, and a private daemon's only client has gone. */
  if (self->ending || self->is_private) {
    medley_daemon_drop_jobs (self->daemon);
    g_main_loop_quit (self->loop);
  } else {
    medley_daemon_drain (self->daemon, (GSourceOnceFunc) g_main_loop_quit, self->loop);
  }
  if (self->notify != NULL && !self->ending)
    medley_notify_stopping (self->notify,
                            medley_daemon_get_drain_time (self->daemon) + STOP_SECONDS);
  self->ending = TRUE;
  return G_SOURCE_CONTINUE;
}

static gboolean
starter_left (int fd, GIOCondition condition, gpointer data)
{
  g_main_loop_quit (((Main *) data)->loop);
  return G_SOURCE_REMOVE;
}

static void
daemon_ready (MedleyDaemon *daemon, gpointer data)
{
  Main *self = data;

  if (self->ready_fd >= 0) {
    if (write (self->ready_fd, "ready\n", 6) < 0)
      g_main_loop_quit (self->loop); /* nobody waits for it any more */
    close (self->ready_fd);
    self->ready_fd = -1;
  }
  if (self->notify != NULL)
    medley_notify_ready (self->notify, medley_daemon_get_jobs (daemon));
}

static void
daemon_failed (MedleyDaemon *daemon, GError *error, gpointer data)
{
  Main *self = data;

  g_printerr ("medleyd: %s: %s\n", medley_error_info (error)->name, error->message);
  self->status = medley_error_info (error)->exit_code;
  g_main_loop_quit (self->loop);
}

static int
run (MedleyConfig *config, gboolean private, int ready_fd, int alive_fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyNotify) notify = private ? NULL : medley_notify_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (MedleyDaemon) daemon = NULL;
  Main self = { .ready_fd = ready_fd, .loop = loop, .notify = notify, .is_private = private };
  guint sources[3] = { 0 };

  /* First: who is asked to end while the store is being opened closes it before. */
  sources[0] = g_unix_signal_add (SIGTERM, asked_to_end, &self);
  sources[1] = g_unix_signal_add (SIGINT, asked_to_end, &self);
  if (alive_fd >= 0)
    sources[2] = g_unix_fd_add (alive_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, starter_left, &self);
  self.daemon = daemon = medley_daemon_new (config, &error);
  if (daemon != NULL) {
    g_signal_connect (daemon, "ready", G_CALLBACK (daemon_ready), &self);
    g_signal_connect (daemon, "failed", G_CALLBACK (daemon_failed), &self);
    medley_daemon_start (daemon);
    g_main_loop_run (loop);
    /* What it waited for may hold it; its files are closed here all the same. */
    g_object_run_dispose (G_OBJECT (daemon));
  } else {
    g_printerr ("medleyd: %s: %s\n", medley_error_info (error)->name, error->message);
    self.status = medley_error_info (error)->exit_code;
  }
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++) {
    if (sources[i] != 0 && g_main_context_find_source_by_id (NULL, sources[i]) != NULL)
      g_source_remove (sources[i]);
  }
  return self.status;
}

/* The socket's lock stays when the socket goes; whoever holds it is another daemon. */
static void
remove_socket_lock (MedleyConfig *config)
{
  const char *socket = medley_config_get_path (config, "http.socket");
  g_autofree char *path = g_strconcat (socket, ".lock", NULL);
  int fd = *socket != '\0' ? open (path, O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;

  if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) == 0)
    g_unlink (path);
  if (fd >= 0)
    close (fd);
}

/* Whoever started a private daemon may be gone and cannot clean up. Only what is known to be the
 * daemon's own goes, and folders that are empty then: options may name any folder, a home too. */
static void
clean_up (MedleyConfig *config, gboolean made_spool)
{
  const char *runtime = medley_config_get_path (config, "paths.runtime");
  const char *spool = medley_config_get_path (config, "paths.spool");
  g_autofree char *log = g_build_filename (runtime, "log", NULL);
  struct stat ours, theirs;

  medley_spool_erase (spool);
  if (made_spool)
    g_rmdir (spool);
  remove_socket_lock (config);
  /* The file that this daemon was started to write its messages to. */
  if (fstat (STDERR_FILENO, &ours) == 0 && S_ISREG (ours.st_mode) && lstat (log, &theirs) == 0
      && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
    g_unlink (log);
  g_rmdir (runtime);
}

/* Prints the values in force, each with its origin. */
static int
print_config (MedleyConfig *config)
{
  g_autoptr (GVariant) keys = g_variant_ref_sink (medley_config_describe (config));

  for (gsize i = 0; i < g_variant_n_children (keys); i++) {
    g_autoptr (GVariant) key = g_variant_get_child_value (keys, i);
    const char *name = "", *value = "", *origin = "";

    g_variant_lookup (key, "name", "&s", &name);
    g_variant_lookup (key, "value", "&s", &value);
    g_variant_lookup (key, "origin", "&s", &origin);
    g_print ("%s=%s\t# %s\n", name, value, origin);
  }
  return 0;
}

/* Each connection may take some, and what a login shell allows is meant for programs that use
 * select(). Workers have a limit of their own. */
static void
allow_files (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MAX_FILES) {
    limit.rlim_cur = MIN (limit.rlim_max, MAX_FILES);
    setrlimit (RLIMIT_NOFILE, &limit);
  }
}

int
main (int argc, char **argv)
{
  g_autofree char *file = NULL;
  g_auto (GStrv) overrides = NULL;
  gboolean check = FALSE, version = FALSE, private = FALSE, owns_runtime = FALSE;
  gboolean made_spool;
  int ready_fd = -1, alive_fd = -1, status;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &file,
      "Read this file instead of the system's and the user's", "FILE" },
    { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &overrides, "Set a key of the configuration",
      "GROUP.KEY=VALUE" },
    { "check-config", 0, 0, G_OPTION_ARG_NONE, &check,
      "Print what is in force and where it came from, and exit", NULL },
    { "private", 0, 0, G_OPTION_ARG_NONE, &private,
      "Serve one client: neither TCP nor D-Bus; a folder given by --set paths.runtime is removed "
      "at the end",
      NULL },
    { "ready-fd", 0, 0, G_OPTION_ARG_INT, &ready_fd, "Write a line to this descriptor when ready",
      "FD" },
    { "alive-fd", 0, 0, G_OPTION_ARG_INT, &alive_fd,
      "Exit when this descriptor's other end is closed", "FD" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version and exit", NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("- run chains of models as jobs");
  g_autoptr (MedleyConfig) config = NULL;
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  signal (SIGPIPE, SIG_IGN);
  allow_files ();
  umask (077);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_description (
      context, "Every key of the configuration is explained in medley.conf(5).");
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc > 1) {
    g_printerr ("medleyd: %s\n",
                error != NULL ? error->message : "it takes no arguments, only options");
    return MEDLEY_EXIT_USAGE;
  }
  if (version) {
    g_print ("medleyd %s\n", MEDLEY_VERSION);
    return 0;
  }
  if (private) {
    g_ptr_array_add (all, (char *) "http.tcp=false");
    g_ptr_array_add (all, (char *) "dbus.bus=none");
    g_ptr_array_add (all, (char *) "jobs.durable=false");
    /* Somebody waits for the answer, and may try again. */
    g_ptr_array_add (all, (char *) "jobs.attempts=1");
  }
  for (guint i = 0; overrides != NULL && overrides[i] != NULL; i++) {
    g_ptr_array_add (all, overrides[i]);
    owns_runtime = owns_runtime || g_str_has_prefix (overrides[i], "paths.runtime=");
  }
  g_ptr_array_add (all, NULL);
  medley_error_register_dbus ();
  config = medley_config_load (file, (const char *const *) all->pdata, &error);
  if (config == NULL) {
    g_printerr ("medleyd: %s: %s\n", medley_error_info (error)->name, error->message);
    return medley_error_info (error)->exit_code;
  }
  if (check)
    return print_config (config);
  medley_log_start (config);
  made_spool = !g_file_test (medley_config_get_path (config, "paths.spool"), G_FILE_TEST_EXISTS);
  status = run (config, private, ready_fd, alive_fd);
  if (private && owns_runtime)
    clean_up (config, made_spool);
  return status;
}
