/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

struct _MedleyCgroup {
  guint refs;
  char *path;
  GPtrArray *leftover; /* folders of groups that were not empty yet */
};

static gboolean
refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, text);
  return FALSE;
}

/* One write per value: each is a command of its own. */
static gboolean
write_file (const char *folder, const char *file, const char *text, GError **error)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  gboolean ok = fd >= 0 && write (fd, text, strlen (text)) == (gssize) strlen (text);
  int reason = errno;

  if (fd >= 0)
    close (fd);
  return ok || refuse (error, "cannot write \"%s\" to %s: %s", text, path, g_strerror (reason));
}

static char *
read_file (const char *folder, const char *file)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

/* (transfer full) (nullable): the own group below the mount; only cgroup v2 has a line "0::" */
static char *
find_own (const char *root, const char *membership, GError **error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (membership, &text, NULL, NULL)) {
    refuse (error, "%s cannot be read", membership);
    return NULL;
  }
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    if (g_str_has_prefix (lines[i], "0::/"))
      return g_build_filename (root, lines[i] + strlen ("0::/"), NULL);
  }
  refuse (error, "%s names no group of cgroup v2", membership);
  return NULL;
}

static gboolean
has_word (const char *text, const char *word)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \n", -1);

  return g_strv_contains ((const char *const *) words, word);
}

/* Whether the group is there for this process alone, with the memory controller. */
static gboolean
is_usable (const char *path, GError **error)
{
  g_autofree char *controllers = read_file (path, "cgroup.controllers");
  g_autofree char *processes = read_file (path, "cgroup.procs");
  g_autofree char *own = g_strdup_printf ("%d", getpid ());

  if (controllers == NULL || processes == NULL)
    return refuse (error, "%s is no group of cgroup v2", path);
  if (!has_word (controllers, "memory"))
    return refuse (error, "the group %s has no memory controller (Delegate=memory)", path);
  if (!g_str_equal (g_strstrip (processes), own))
    return refuse (error, "the group %s has other processes than the daemon", path);
  if (g_access (path, W_OK) != 0)
    return refuse (error, "the group %s is not writable (Delegate=memory)", path);
  return TRUE;
}

MedleyCgroup *
medley_cgroup_open (const char *root, const char *membership, GError **error)
{
  g_autofree char *path = find_own (root, membership, error);
  g_autofree char *daemon_path = NULL;
  MedleyCgroup *self;

  if (path == NULL || !is_usable (path, error))
    return NULL;
  daemon_path = g_build_filename (path, "daemon", NULL);
  if (g_mkdir (daemon_path, 0755) != 0 && errno != EEXIST) {
    refuse (error, "cannot make the group %s: %s", daemon_path, g_strerror (errno));
    return NULL;
  }
  if (!write_file (daemon_path, "cgroup.procs", "0", error))
    return NULL;
  if (!write_file (path, "cgroup.subtree_control", "+memory", error)) {
    /* Back to where it was found. */
    write_file (path, "cgroup.procs", "0", NULL);
    g_rmdir (daemon_path);
    return NULL;
  }
  self = g_new0 (MedleyCgroup, 1);
  self->refs = 1;
  self->path = g_steal_pointer (&path);
  self->leftover = g_ptr_array_new_with_free_func (g_free);
  return self;
}

static void
remove_leftover (MedleyCgroup *self)
{
  for (guint i = self->leftover->len; i > 0; i--) {
    /* A process that has ended leaves its group a little later. */
    if (g_rmdir (self->leftover->pdata[i - 1]) == 0 || errno != EBUSY)
      g_ptr_array_remove_index_fast (self->leftover, i - 1);
  }
}

MedleyCgroup *
medley_cgroup_ref (MedleyCgroup *self)
{
  self->refs++;
  return self;
}

void
medley_cgroup_unref (MedleyCgroup *self)
{
  if (--self->refs > 0)
    return;
  remove_leftover (self);
  g_ptr_array_unref (self->leftover);
  g_free (self->path);
  g_free (self);
}

const char *
medley_cgroup_get_path (MedleyCgroup *self)
{
  return self->path;
}

static char *
worker_path (MedleyCgroup *self, GPid pid)
{
  return g_strdup_printf ("%s/worker-%d", self->path, pid);
}

gboolean
medley_cgroup_add (MedleyCgroup *self, GPid pid, guint64 limit, GError **error)
{
  g_autofree char *path = worker_path (self, pid);
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, limit);
  g_autofree char *process = g_strdup_printf ("%d", pid);

  remove_leftover (self);
  if (g_mkdir (path, 0755) != 0 && errno != EEXIST)
    return refuse (error, "cannot make the group %s: %s", path, g_strerror (errno));
  /* Where swap is not counted the file is missing. */
  write_file (path, "memory.swap.max", "0", NULL);
  if (write_file (path, "memory.max", bytes, error)
      && write_file (path, "memory.oom.group", "1", error)
      && write_file (path, "cgroup.procs", process, error))
    return TRUE;
  g_rmdir (path);
  return FALSE;
}

gboolean
medley_cgroup_was_killed (MedleyCgroup *self, GPid pid)
{
  g_autofree char *path = worker_path (self, pid);
  g_autofree char *events = read_file (path, "memory.events");
  const char *line = events != NULL ? strstr (events, "oom_kill ") : NULL;

  return line != NULL && g_ascii_strtoull (line + strlen ("oom_kill "), NULL, 10) > 0;
}

void
medley_cgroup_remove (MedleyCgroup *self, GPid pid)
{
  g_ptr_array_add (self->leftover, worker_path (self, pid));
  remove_leftover (self);
}
