/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/private-daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "base/folders.h"

/* What the daemon sees of the two pipes. */
#define READY_FD 3
#define ALIVE_FD 4
/* A daemon that was told to end and still runs after this many seconds is killed. */
#define STOP_SECONDS 10
#define LOG_BYTES 4096

struct _MedleyPrivateDaemon {
  GSubprocess *process;
  char *folder;
  char *socket;
  int alive; /* closing it ends the daemon */
};

static char *
find_daemon (GError **error)
{
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = self != NULL ? g_path_get_dirname (self) : g_strdup (".");
  g_autofree char *beside = g_build_filename (folder, "medleyd", NULL);
  g_autofree char *in_path = NULL;

  if (g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&beside);
  in_path = g_find_program_in_path ("medleyd");
  if (in_path == NULL)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "medleyd is neither in %s nor in PATH; install it", folder);
  return g_steal_pointer (&in_path);
}

/* Its spool may hold hours of video: /var/tmp is on a disk where /tmp may be memory. */
static char *
make_folder (GError **error)
{
  const char *base = g_getenv ("TMPDIR");
  g_autofree char *path = NULL;

  if (base == NULL || base[0] == '\0')
    base = access ("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : g_get_tmp_dir ();
  path = g_build_filename (base, "medley-XXXXXX", NULL);
  if (g_mkdtemp_full (path, 0700) == NULL) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO,
                 "cannot make a folder for the private daemon in %s: %s; set TMPDIR", base,
                 g_strerror (errno));
    return NULL;
  }
  return g_steal_pointer (&path);
}

/* Ctrl-C at the terminal is for the command: it cancels the job through the daemon, which must live
 * on for that. */
static void
leave_terminal (gpointer data)
{
  setsid ();
}

static GSubprocess *
spawn (MedleyPrivateDaemon *self, const char *program, const char *config_file,
       const char *const *overrides, int ready, int alive, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *runtime = g_strconcat ("paths.runtime=", self->folder, NULL);
  g_autofree char *spool = g_strconcat ("paths.spool=", self->folder, "/spool", NULL);
  g_autofree char *temporary = g_strconcat ("paths.temporary=", self->folder, "/temporary", NULL);
  g_autofree char *socket = g_strconcat ("http.socket=", self->socket, NULL);
  g_autofree char *log = g_build_filename (self->folder, "log", NULL);
  g_auto (GStrv) argv = NULL;

  g_strv_builder_add_many (builder, program, "--private", "--ready-fd", G_STRINGIFY (READY_FD),
                           "--alive-fd", G_STRINGIFY (ALIVE_FD), NULL);
  if (config_file != NULL)
    g_strv_builder_add_many (builder, "--config", config_file, NULL);
  for (guint i = 0; overrides[i] != NULL; i++)
    g_strv_builder_add_many (builder, "--set", overrides[i], NULL);
  g_strv_builder_add_many (builder, "--set", runtime, "--set", spool, "--set", temporary, "--set",
                           socket, "--set", "http.tcp=false", "--set", "dbus.bus=none", NULL);
  argv = g_strv_builder_end (builder);
  g_subprocess_launcher_set_child_setup (launcher, leave_terminal, NULL, NULL);
  g_subprocess_launcher_set_stdout_file_path (launcher, "/dev/null");
  if (g_getenv ("MEDLEY_DEBUG") == NULL)
    g_subprocess_launcher_set_stderr_file_path (launcher, log);
  g_subprocess_launcher_take_fd (launcher, ready, READY_FD);
  g_subprocess_launcher_take_fd (launcher, alive, ALIVE_FD);
  return g_subprocess_launcher_spawnv (launcher, (const char *const *) argv, error);
}

static void
on_result (GObject *object, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

/* One byte says that it listens, an end without one that it gave up. */
static gboolean
wait_until_ready (int fd, GCancellable *cancellable, GError **error)
{
  g_autoptr (GInputStream) stream = g_unix_input_stream_new (fd, TRUE);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) failure = NULL;
  char byte;
  gssize n_read;

  g_input_stream_read_async (stream, &byte, 1, G_PRIORITY_DEFAULT, cancellable, on_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  n_read = g_input_stream_read_finish (stream, result, &failure);
  if (n_read > 0)
    return TRUE;
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "cancelled");
  return FALSE;
}

static gboolean
wait_for_exit (MedleyPrivateDaemon *self, guint seconds)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  guint timer
      = g_timeout_add_once (seconds * 1000, (GSourceOnceFunc) g_cancellable_cancel, cancellable);
  gboolean ok;

  g_subprocess_wait_async (self->process, cancellable, on_result, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  ok = g_subprocess_wait_finish (self->process, result, NULL);
  if (ok)
    g_source_remove (timer);
  return ok;
}

static void
set_start_error (MedleyPrivateDaemon *self, GError **error)
{
  g_autofree char *log = medley_private_daemon_read_log (self);
  gboolean is_config;

  wait_for_exit (self, STOP_SECONDS);
  is_config = g_subprocess_get_if_exited (self->process)
              && g_subprocess_get_exit_status (self->process) == MEDLEY_EXIT_CONFIG;
  g_set_error (error, MEDLEY_ERROR,
               is_config ? MEDLEY_ERROR_INVALID_CONFIG : MEDLEY_ERROR_UNAVAILABLE,
               "the private daemon did not start%s%s", log[0] != '\0' ? ":\n" : "", log);
}

MedleyPrivateDaemon *
medley_private_daemon_start (const char *config_file, const char *const *overrides,
                             GCancellable *cancellable, GError **error)
{
  g_autofree char *program = find_daemon (error);
  MedleyPrivateDaemon *self;
  g_autoptr (GError) failure = NULL;
  int ready[2];
  int alive[2];

  if (program == NULL)
    return NULL;
  self = g_new0 (MedleyPrivateDaemon, 1);
  self->alive = -1;
  self->folder = make_folder (error);
  if (self->folder == NULL || !g_unix_open_pipe (ready, FD_CLOEXEC, error)) {
    medley_private_daemon_stop (self);
    return NULL;
  }
  if (!g_unix_open_pipe (alive, FD_CLOEXEC, error)) {
    close (ready[0]);
    close (ready[1]);
    medley_private_daemon_stop (self);
    return NULL;
  }
  self->socket = g_build_filename (self->folder, "http.sock", NULL);
  self->alive = alive[1];
  self->process = spawn (self, program, config_file, overrides, ready[1], alive[0], &failure);
  if (self->process == NULL) {
    close (ready[0]);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, "cannot start %s: %s", program,
                 failure->message);
    medley_private_daemon_stop (self);
    return NULL;
  }
  if (!wait_until_ready (ready[0], cancellable, &failure)) {
    if (failure != NULL)
      g_propagate_error (error, g_steal_pointer (&failure));
    else
      set_start_error (self, error);
    medley_private_daemon_stop (self);
    return NULL;
  }
  return self;
}

const char *
medley_private_daemon_get_socket (MedleyPrivateDaemon *self)
{
  return self->socket;
}

char *
medley_private_daemon_read_log (MedleyPrivateDaemon *self)
{
  g_autofree char *path = g_build_filename (self->folder, "log", NULL);
  g_autofree char *text = NULL;
  const char *tail;
  gsize length;

  if (!g_file_get_contents (path, &text, &length, NULL))
    return g_strdup ("");
  tail = text;
  if (length > LOG_BYTES) {
    const char *newline = strchr (text + length - LOG_BYTES, '\n');

    tail = newline != NULL ? newline + 1 : text + length - LOG_BYTES;
  }
  return g_strchomp (g_utf8_make_valid (tail, -1));
}

void
medley_private_daemon_stop (MedleyPrivateDaemon *self)
{
  if (self->alive >= 0)
    close (self->alive);
  if (self->process != NULL && !wait_for_exit (self, STOP_SECONDS)) {
    g_subprocess_force_exit (self->process);
    wait_for_exit (self, STOP_SECONDS);
  }
  g_clear_object (&self->process);
  if (self->folder != NULL)
    medley_folder_remove (self->folder);
  g_free (self->folder);
  g_free (self->socket);
  g_free (self);
}
