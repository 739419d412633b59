/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <medley/medley-error.h>

/* The XDG rules ignore relative values. */
static const char *
absolute_env (const char *name)
{
  const char *value = g_getenv (name);

  return value != NULL && g_path_is_absolute (value) ? value : NULL;
}

static gboolean
is_system (void)
{
  return geteuid () == 0 && absolute_env ("XDG_RUNTIME_DIR") == NULL;
}

static const char *
home (void)
{
  const char *env = absolute_env ("HOME");

  return env != NULL ? env : g_get_home_dir ();
}

static char *
user_folder (const char *variable, const char *below_home)
{
  const char *env = absolute_env (variable);

  return env != NULL ? g_build_filename (env, "medley", NULL)
                     : g_build_filename (home (), below_home, "medley", NULL);
}

static char *
user_or_system_folder (const char *variable, const char *below_home, const char *system)
{
  if (absolute_env (variable) == NULL && is_system ())
    return g_strdup (system);
  return user_folder (variable, below_home);
}

static char *
runtime_folder (void)
{
  const char *env = absolute_env ("XDG_RUNTIME_DIR");
  g_autofree char *session = NULL;
  struct stat st;

  if (env != NULL)
    return g_build_filename (env, "medley", NULL);
  if (geteuid () == 0)
    return g_strdup ("/run/medley");
  /* cron and su leave the variable out, although the session's folder may be there. */
  session = g_strdup_printf ("/run/user/%u", (guint) geteuid ());
  if (lstat (session, &st) == 0 && S_ISDIR (st.st_mode) && st.st_uid == geteuid ())
    return g_build_filename (session, "medley", NULL);
  return g_strdup_printf ("/tmp/medley-%u", (guint) geteuid ());
}

const char *const *
medley_folder_words (void)
{
  static const char *const words[] = { "runtime", "state",   "config",  "cache",       "userdata",
                                       "data",    "plugins", "sysconf", "credentials", NULL };

  return words;
}

char *
medley_folder_get (const char *word)
{
  if (g_str_equal (word, "runtime"))
    return runtime_folder ();
  if (g_str_equal (word, "state"))
    return user_or_system_folder ("XDG_STATE_HOME", ".local/state", "/var/lib/medley");
  if (g_str_equal (word, "cache"))
    return user_or_system_folder ("XDG_CACHE_HOME", ".cache", "/var/cache/medley");
  if (g_str_equal (word, "config"))
    return user_folder ("XDG_CONFIG_HOME", ".config");
  if (g_str_equal (word, "userdata"))
    return user_folder ("XDG_DATA_HOME", ".local/share");
  if (g_str_equal (word, "data"))
    return g_strdup (MEDLEY_PKGDATADIR);
  if (g_str_equal (word, "plugins"))
    return g_strdup (MEDLEY_PLUGINDIR);
  /* Where systemd puts what LoadCredential= names; elsewhere nothing can be there. */
  if (g_str_equal (word, "credentials"))
    return g_strdup (absolute_env ("CREDENTIALS_DIRECTORY") != NULL
                         ? absolute_env ("CREDENTIALS_DIRECTORY")
                         : "/run/credentials/none");
  if (g_str_equal (word, "sysconf"))
    return g_build_filename (MEDLEY_SYSCONFDIR, "medley", NULL);
  return NULL;
}

gboolean
medley_folder_make_private (const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  struct stat st;

  if (g_mkdir_with_parents (parent, 0755) != 0 || (mkdir (path, 0700) != 0 && errno != EEXIST)
      || lstat (path, &st) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot make the folder %s: %s", path,
                 g_strerror (errno));
    return FALSE;
  }
  if (!S_ISDIR (st.st_mode)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                 "%s is not a folder; remove it or set paths.runtime", path);
    return FALSE;
  }
  if (st.st_uid != geteuid ()) {
    g_set_error (
        error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
        "the folder %s belongs to another user (uid %u); set paths.runtime to one of your own",
        path, (guint) st.st_uid);
    return FALSE;
  }
  if ((st.st_mode & 0077) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED,
                 "the folder %s is open to other users (mode %04o); run: chmod 700 %s", path,
                 (guint) (st.st_mode & 07777), path);
    return FALSE;
  }
  return TRUE;
}

/* A folder whose owner's rights were taken away is opened all the same. */
static int
open_folder (int at, const char *name)
{
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat (at, name, flags);

  /* It is a folder and no link: openat() would have said so. */
  if (fd < 0 && errno == EACCES && fchmodat (at, name, 0700, 0) == 0)
    fd = openat (at, name, flags);
  return fd;
}

/* Removes the files and empty folders in @from; other folders move up into @to, -1 for staying
 * where they are. Returns how many of those there were. */
static guint
strip (int from, int to)
{
  int copy = dup (from);
  DIR *dir = copy >= 0 ? fdopendir (copy) : NULL;
  struct dirent *entry;
  guint n = 0;

  if (dir == NULL) {
    if (copy >= 0)
      close (copy);
    return 1;
  }
  fchmod (from, 0700);
  rewinddir (dir);
  while ((entry = readdir (dir)) != NULL) {
    const char *name = entry->d_name;
    char up[32];

    if (g_str_equal (name, ".") || g_str_equal (name, "..") || unlinkat (from, name, 0) == 0
        || unlinkat (from, name, AT_REMOVEDIR) == 0)
      continue;
    n++;
    if (to < 0)
      continue;
    /* Whatever name is there already was made on purpose. */
    g_snprintf (up, sizeof up, ".%08x%08x", g_random_int (), g_random_int ());
    /* Its own entry ".." changes, for which it has to be writable. */
    fchmodat (from, name, 0700, AT_SYMLINK_NOFOLLOW);
    renameat (from, name, to, up);
  }
  closedir (dir);
  return n;
}

/* Folders in @top are stripped one after another, so that neither the stack nor descriptors are
 * spent on depth. Returns whether anything was done. */
static gboolean
strip_each (int top)
{
  int copy = dup (top);
  DIR *dir = copy >= 0 ? fdopendir (copy) : NULL;
  struct dirent *entry;
  gboolean removed = FALSE;

  if (dir == NULL) {
    if (copy >= 0)
      close (copy);
    return FALSE;
  }
  rewinddir (dir);
  while ((entry = readdir (dir)) != NULL) {
    int fd;

    if (g_str_equal (entry->d_name, ".") || g_str_equal (entry->d_name, ".."))
      continue;
    fd = open_folder (top, entry->d_name);
    if (fd < 0)
      continue;
    strip (fd, top);
    close (fd);
    removed = unlinkat (top, entry->d_name, AT_REMOVEDIR) == 0 || removed;
  }
  closedir (dir);
  return removed;
}

gboolean
medley_folder_empty (const char *path)
{
  int top = open_folder (AT_FDCWD, path);
  gboolean empty = FALSE;

  if (top < 0)
    return errno == ENOENT;
  do
    empty = strip (top, -1) == 0;
  while (!empty && strip_each (top));
  close (top);
  return empty;
}

void
medley_folder_remove (const char *path)
{
  struct stat st;

  if (lstat (path, &st) == 0 && S_ISDIR (st.st_mode))
    medley_folder_empty (path);
  g_remove (path);
}
