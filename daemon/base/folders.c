/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/folders.h"

#include <errno.h>
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
  static const char *const words[]
      = { "runtime", "state", "config", "cache", "userdata", "data", "plugins", "sysconf", NULL };

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

void
medley_folder_remove (const char *path)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;
  struct stat st;

  if (lstat (path, &st) == 0 && S_ISDIR (st.st_mode))
    dir = g_dir_open (path, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);

    medley_folder_remove (child);
  }
  g_remove (path);
}
