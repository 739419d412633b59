/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/names.h"
#include "workers/log-reader.h"
#include "workers/scratch.h"

/* As deep as GStreamer looks. */
#define MOST_DEPTH 10
#define MOST_OUTPUT (64 * 1024)
#define MOST_BYTES (256 * 1024 * 1024)
/* A guard against a plugin that never returns; sanitizers and a busy machine are slow. */
#define BUILD_SECONDS 120

/* Which files there are */

static void
add_plugin_file (GPtrArray *lines, const char *path)
{
  struct stat st;

  if (stat (path, &st) == 0)
    g_ptr_array_add (lines,
                     g_strdup_printf ("%s %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT
                                      " %" G_GINT64_FORMAT ".%09ld %" G_GINT64_FORMAT ".%09ld\n",
                                      path, (guint64) st.st_ino, (gint64) st.st_size,
                                      (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                                      (gint64) st.st_ctim.tv_sec, st.st_ctim.tv_nsec));
}

static void
add_plugin_folder (GPtrArray *lines, const char *folder, guint depth)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_str_has_suffix (name, "." G_MODULE_SUFFIX))
      add_plugin_file (lines, path);
    else if (depth < MOST_DEPTH && name[0] != '.' && !g_str_has_suffix (name, ".p")
             && g_file_test (path, G_FILE_TEST_IS_DIR))
      add_plugin_folder (lines, path, depth + 1);
  }
}

static void
add_plugin_folders (GPtrArray *lines, const char *folders)
{
  g_auto (GStrv) list = g_strsplit (folders != NULL ? folders : "", G_SEARCHPATH_SEPARATOR_S, -1);

  for (guint i = 0; list[i] != NULL; i++)
    if (list[i][0] != '\0')
      add_plugin_folder (lines, list[i], 0);
}

static gint
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static const char *
find_variable (const MedleyRegistryOptions *options, const char *name, const char *other)
{
  const char *value = g_environ_getenv ((char **) options->environment, name);

  return value != NULL ? value : g_environ_getenv ((char **) options->environment, other);
}

/* A line that is another one when the registry or a file of a plugin is. */
static char *
make_stamp (const MedleyRegistryOptions *options)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  const char *system
      = find_variable (options, "GST_PLUGIN_SYSTEM_PATH_1_0", "GST_PLUGIN_SYSTEM_PATH");
  const char *data = find_variable (options, "XDG_DATA_HOME", "XDG_DATA_HOME");

  add_plugin_folders (lines, find_variable (options, "GST_PLUGIN_PATH_1_0", "GST_PLUGIN_PATH"));
  if (system != NULL) {
    add_plugin_folders (lines, system);
  } else {
    g_autofree char *users
        = data != NULL ? g_build_filename (data, "gstreamer-1.0", "plugins", NULL) : NULL;

    add_plugin_folders (lines, users);
    add_plugin_folders (lines, MEDLEY_GST_PLUGINDIR);
  }
  add_plugin_file (lines, options->worker);
  add_plugin_file (lines, options->registry);
  g_ptr_array_sort (lines, compare_lines);
  for (guint i = 0; i < lines->len; i++)
    g_checksum_update (sum, lines->pdata[i], -1);
  return g_strconcat (g_checksum_get_string (sum), "\n", NULL);
}

/* The builder */

static void
keep_output (GString *output, int fd)
{
  char buffer[4096];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) > 0)
    if (output->len < MOST_OUTPUT)
      g_string_append_len (output, buffer, n);
}

/* Returns its status as of waitpid(2). It is killed when it takes too long. */
static int
wait_for_builder (GPid pid, int errors, GString *output, gboolean *late)
{
  const gint64 end = g_get_monotonic_time () + BUILD_SECONDS * G_USEC_PER_SEC;
  struct pollfd entries[] = {
    { (int) syscall (SYS_pidfd_open, pid, 0), POLLIN, 0 },
    { errors, POLLIN, 0 },
  };
  int status = 0;

  *late = FALSE;
  g_unix_set_fd_nonblocking (errors, TRUE, NULL);
  while ((entries[0].revents & POLLIN) == 0) {
    gint64 left = (end - g_get_monotonic_time ()) / 1000;

    if (left <= 0) {
      *late = TRUE;
      kill (pid, SIGKILL);
      break;
    }
    poll (entries, G_N_ELEMENTS (entries), (int) left);
    keep_output (output, errors);
    /* Closed: nothing more comes from it. */
    if ((entries[1].revents & (POLLHUP | POLLERR)) != 0)
      entries[1].fd = -1;
  }
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    continue;
  keep_output (output, errors);
  close (entries[0].fd);
  return status;
}

/* Tells what ended it by what it said. */
static void
set_builder_error (int status, gboolean late, GPtrArray *lines, GError **error)
{
  for (guint i = 0; i < lines->len; i++) {
    const char *reason = medley_log_parse_refusal (lines->pdata[i]);

    if (reason != NULL) {
      g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_SANDBOX_MISSING, reason);
      return;
    }
  }
  if (late)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "loading GStreamer's plugins took longer than %d s", BUILD_SECONDS);
  else if (WIFSIGNALED (status))
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "a plugin ended the process that loads GStreamer's plugins with signal %d (%s)",
                 WTERMSIG (status), g_strsignal (WTERMSIG (status)));
  else
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "the process that loads GStreamer's plugins ended with status %d: %s",
                 WEXITSTATUS (status),
                 lines->len > 0 ? (const char *) lines->pdata[lines->len - 1] : "it said nothing");
}

static gboolean
run_builder (const MedleyRegistryOptions *options, const char *folder, GPtrArray *lines,
             GError **error)
{
  g_autoptr (GStrvBuilder) arguments = g_strv_builder_new ();
  g_autoptr (GString) output = g_string_new (NULL);
  g_autoptr (GError) problem = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) argv = NULL;
  g_auto (GStrv) said = NULL;
  gboolean late;
  int errors, status;
  GPid pid;

  g_strv_builder_add_many (arguments, options->worker, "--build-registry", folder, NULL);
  g_strv_builder_addv (arguments, (const char **) options->arguments);
  argv = g_strv_builder_end (arguments);
  if (!g_spawn_async_with_pipes (NULL, argv, (char **) options->environment,
                                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                                 &pid, NULL, NULL, &errors, &problem)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "cannot start the worker %s: %s; check paths.worker", options->worker,
                 problem->message);
    return FALSE;
  }
  status = wait_for_builder (pid, errors, output, &late);
  close (errors);
  text = g_utf8_make_valid (output->str, (gssize) output->len);
  said = g_strsplit (text, "\n", -1);
  for (guint i = 0; said[i] != NULL; i++)
    if (said[i][0] != '\0')
      g_ptr_array_add (lines, g_strdup (said[i]));
  if (!late && WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return TRUE;
  set_builder_error (status, late, lines, error);
  return FALSE;
}

/* The file */

/* Plugins had their hands on it: it may be anything. */
static gboolean
check_file (const char *path, GError **error)
{
  static const guchar magic[] = { 0xc0, 0xde, 0xf0, 0x0d };
  guchar begin[sizeof magic] = { 0 };
  const char *fault = NULL;
  struct stat st;
  int fd = open (path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

  if (fd < 0)
    fault = g_strerror (errno);
  else if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode) || st.st_nlink != 1)
    fault = "it is not a plain file";
  else if (st.st_size > MOST_BYTES)
    fault = "it is too large";
  else if (read (fd, begin, sizeof begin) != sizeof begin
           || memcmp (begin, magic, sizeof magic) != 0)
    fault = "it is not a registry";
  if (fd >= 0)
    close (fd);
  if (fault == NULL)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
               "the registry of GStreamer's plugins that was built is of no use: %s", fault);
  return FALSE;
}

static gboolean
build (const MedleyRegistryOptions *options, GPtrArray *lines, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (options->registry);
  g_autofree char *base = g_path_get_basename (options->registry);
  g_autofree char *prefix = g_strconcat (base, ".new-", NULL);
  g_autoptr (MedleyScratch) scratch = medley_scratch_new (parent, prefix, error);
  g_autofree char *fresh = NULL;
  g_autofree char *old = NULL;
  gsize length;

  if (scratch == NULL)
    return FALSE;
  fresh = g_build_filename (medley_scratch_get_path (scratch), MEDLEY_REGISTRY_NAME, NULL);
  /* Only what differs from the old one is loaded. */
  if (check_file (options->registry, NULL)
      && g_file_get_contents (options->registry, &old, &length, NULL))
    g_file_set_contents (fresh, old, (gssize) length, NULL);
  if (!run_builder (options, medley_scratch_get_path (scratch), lines, error)
      || !check_file (fresh, error))
    return FALSE;
  if (g_rename (fresh, options->registry) == 0)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot write %s: %s; set paths.registry",
               options->registry, g_strerror (errno));
  return FALSE;
}

gboolean
medley_registry_prepare (const MedleyRegistryOptions *options, GPtrArray *lines, char **unseen,
                         GError **error)
{
  g_autofree char *stamp_file = g_strconcat (options->registry, ".stamp", NULL);
  g_autofree char *stamp = make_stamp (options);
  g_autofree char *known = NULL;
  g_autofree char *made = NULL;
  GError *problem = NULL;

  if (check_file (options->registry, NULL) && g_file_get_contents (stamp_file, &known, NULL, NULL)
      && g_str_equal (known, stamp))
    return TRUE;
  if (!build (options, lines, &problem)) {
    if (problem->code == MEDLEY_ERROR_SANDBOX_MISSING || !check_file (options->registry, NULL)) {
      g_propagate_error (error, problem);
      return FALSE;
    }
    g_ptr_array_add (lines, g_strdup_printf ("medleyd: plugins that changed are not seen: %s",
                                             problem->message));
    *unseen = g_strdup (problem->message);
    g_error_free (problem);
    return TRUE;
  }
  made = make_stamp (options);
  /* Without it the next start looks again. */
  g_file_set_contents (stamp_file, made, -1, NULL);
  return TRUE;
}
