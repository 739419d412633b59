/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <medley/medley-error.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"
#include "runner/capabilities.h"
#include "runner/landlock.h"
#include "runner/syscalls.h"

struct _MedleySandbox {
  MedleySandboxOptions options;
  char *own;          /* this process's temporary folder */
  GHashTable *loaded; /* of char: files that the process consists of already */
  int proc;           /* keeps /proc/self what the rule for it was made of */
  guint landlock;
  gboolean seccomp;
  gboolean without_capabilities;
  gboolean without_processes;
  GPtrArray *missing; /* of char */
};

static const char *const modes[] = { "strict", "best-effort", "none" };

/* clang-format off */
static const char *const system_readable[] = {
  "/usr", "/lib", "/lib32", "/lib64",
  "/etc/fonts", "/etc/ld.so.cache", "/etc/locale.alias", "/etc/localtime", "/etc/timezone", "/var/cache/fontconfig",
  "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/kernel/mm/transparent_hugepage",
  "/dev/urandom", "/dev/random",
};
/* A zygote sees all of /proc, since it does not know its children's part of it yet. */
static const char *const proc_readable[] = {
  "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/version", "/proc/sys/kernel",
  "/proc/sys/vm",
};
static const char *const system_usable[] = { "/dev/null", "/dev/zero", "/dev/full" };
/* Where libraries look for what they read, as the administrator set it. */
static const char *const variables[] = {
  "GST_PLUGIN_PATH", "GST_PLUGIN_PATH_1_0", "GST_PLUGIN_SYSTEM_PATH", "GST_PLUGIN_SYSTEM_PATH_1_0", "GST_PRESET_PATH",
  "GST_REGISTRY", "GST_REGISTRY_1_0", "LD_LIBRARY_PATH", "TESSDATA_PREFIX", "ESPEAK_DATA_PATH", "FONTCONFIG_PATH",
  "FONTCONFIG_FILE",
};
/* clang-format on */

gboolean
medley_sandbox_parse_mode (const char *word, MedleySandboxMode *mode, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++) {
    if (g_str_equal (word, modes[i])) {
      *mode = (MedleySandboxMode) i;
      return TRUE;
    }
  }
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
               "\"%s\" is no sandbox; choose strict, best-effort or none", word);
  return FALSE;
}

void
medley_sandbox_close_others (int keep)
{
  if (keep > 3)
    close_range (3, (unsigned) keep - 1, 0);
  close_range ((unsigned) MAX (keep + 1, 3), ~0u, 0);
}

void
medley_sandbox_refuse (const GError *error)
{
  g_printerr ("medley-worker[%d]: refused: %s\n", (int) getpid (), error->message);
}

/* A forked process has to do it again: neither is inherited. It stays in its zygote's session. */
static void
adopt (pid_t parent, gboolean forked)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  /* It may have died before that. */
  if (parent != 0 && getppid () != parent)
    _exit (0);
  if (forked || setsid () < 0)
    setpgid (0, 0);
}

static gboolean
limit (int resource, rlim_t value, GError **error)
{
  struct rlimit now;

  if (getrlimit (resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
    value = now.rlim_max;
  if (setrlimit (resource, &(struct rlimit){ value, value }) == 0)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED, "a resource limit cannot be set: %s",
               g_strerror (errno));
  return FALSE;
}

static gboolean
set_limits (const MedleySandboxOptions *options, GError **error)
{
  umask (0077);
  /* A client's text and pictures do not belong into a core file. */
  if (!limit (RLIMIT_CORE, 0, error))
    return FALSE;
  if (options->fds > 0 && !limit (RLIMIT_NOFILE, options->fds, error))
    return FALSE;
  if (options->file_bytes > 0) {
    /* A longer file is an error of the write, not the end of the process. */
    signal (SIGXFSZ, SIG_IGN);
    if (!limit (RLIMIT_FSIZE, options->file_bytes, error))
      return FALSE;
  }
  if (options->threads > 0) {
    g_autofree char *threads = g_strdup_printf ("%u", options->threads);

    /* libgomp reads it when a plugin loads it. */
    g_setenv ("OMP_THREAD_LIMIT", threads, TRUE);
  }
  return TRUE;
}

/* Takes @problem, NULL for none. Without it the process goes on, if it may. */
static gboolean
settle (MedleySandbox *self, const char *part, GError *problem, GError **error)
{
  if (problem == NULL)
    return TRUE;
  if (self->options.mode != MEDLEY_SANDBOX_STRICT) {
    g_ptr_array_add (self->missing, g_strdup_printf ("%s: %s", part, problem->message));
    g_error_free (problem);
    return TRUE;
  }
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_SANDBOX_MISSING,
               "%s is missing (%s), and workers.sandbox is strict; with "
               "workers.sandbox=best-effort workers do without",
               part, problem->message);
  g_error_free (problem);
  return FALSE;
}

static void
allow_read_each (MedleyLandlock *layer, const char *paths)
{
  g_auto (GStrv) list = g_strsplit (paths, G_SEARCHPATH_SEPARATOR_S, -1);

  for (guint i = 0; list[i] != NULL; i++) {
    /* A list that ends with a separator must not allow everything. */
    if (g_path_is_absolute (list[i]) && !g_str_equal (list[i], "/"))
      medley_landlock_allow_read (layer, list[i]);
  }
}

static void
allow_read_below (MedleyLandlock *layer, const char *variable, const char *name)
{
  const char *folder = g_getenv (variable);
  g_autofree char *path = folder != NULL ? g_build_filename (folder, name, NULL) : NULL;

  if (path != NULL)
    medley_landlock_allow_read (layer, path);
}

/* Sanitizers and backtraces read the programs and libraries that they tell of. */
static GHashTable *
find_loaded (void)
{
  GHashTable *found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *maps = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL))
    return found;
  lines = g_strsplit (maps, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    const char *path = strchr (lines[i], '/');

    if (path != NULL && !g_str_has_prefix (path, "/usr/") && !g_str_has_prefix (path, "/lib"))
      g_hash_table_add (found, g_strdup (path));
  }
  return found;
}

static void
allow_read_loaded (MedleySandbox *self, MedleyLandlock *layer)
{
  GHashTableIter iter;
  gpointer path;

  g_hash_table_iter_init (&iter, self->loaded);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    medley_landlock_allow_read (layer, path);
}

static GError *
restrict_files (MedleySandbox *self, MedleySandboxRole role)
{
  guint most = self->options.newest_landlock;
  guint version = medley_landlock_version (most > 0 ? most : G_MAXUINT);
  const char *writable = role == MEDLEY_SANDBOX_WORKER ? self->own : self->options.temporary;
  g_autoptr (MedleyLandlock) layer = NULL;
  GError *problem = NULL;

  if (version == 0)
    return g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_SANDBOX_MISSING,
                        "it needs Linux 5.13 or later with Landlock switched on: \"landlock\" in "
                        "the boot parameter lsm=");
  layer = medley_landlock_new (version, &problem);
  if (layer == NULL)
    return problem;
  for (guint i = 0; i < G_N_ELEMENTS (system_readable); i++)
    medley_landlock_allow_read (layer, system_readable[i]);
  for (guint i = 0; i < G_N_ELEMENTS (system_usable); i++)
    medley_landlock_allow_use (layer, system_usable[i]);
  if (role == MEDLEY_SANDBOX_ZYGOTE)
    medley_landlock_allow_read (layer, "/proc");
  for (guint i = 0; i < G_N_ELEMENTS (proc_readable); i++)
    medley_landlock_allow_read (layer, proc_readable[i]);
  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    allow_read_each (layer, g_getenv (variables[i]) != NULL ? g_getenv (variables[i]) : "");
  for (guint i = 0; self->options.readable != NULL && self->options.readable[i] != NULL; i++)
    allow_read_each (layer, self->options.readable[i]);
  allow_read_below (layer, "XDG_DATA_HOME", "fonts");
  allow_read_below (layer, "XDG_DATA_HOME", "gstreamer-1.0/plugins");
  allow_read_below (layer, "XDG_CACHE_HOME", "fontconfig");
  allow_read_loaded (self, layer);
  if (writable != NULL)
    medley_landlock_allow_write (layer, writable);
  if (medley_landlock_enforce (layer, &problem))
    self->landlock = version;
  return problem;
}

/* The kernel may forget what it knows of /proc/self and make it anew; the rule was for the old one.
 * An open descriptor keeps it. */
static void
hold_proc (MedleySandbox *self)
{
  if (self->proc >= 0)
    close (self->proc);
  self->proc = open ("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The folder is wherever the process is, so that what was read of the environment before a fork
 * stays true in the fork. */
static gboolean
enter_own_folder (MedleySandbox *self, MedleySandboxRole role, GError **error)
{
  const char *folder = self->options.temporary;

  if (folder != NULL && role == MEDLEY_SANDBOX_WORKER) {
    g_free (self->own);
    self->own = g_strdup_printf ("%s/%d", folder, (int) getpid ());
    /* There may be one left by a process of the same number. */
    medley_folder_remove (self->own);
    if (mkdir (self->own, 0700) != 0) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot make the folder %s: %s", self->own,
                   g_strerror (errno));
      return FALSE;
    }
    folder = self->own;
  }
  if (chdir (folder != NULL && role != MEDLEY_SANDBOX_ZYGOTE ? folder : "/") != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO, "cannot enter the folder %s: %s", folder,
                 g_strerror (errno));
    return FALSE;
  }
  return TRUE;
}

static gboolean
forbid_processes (MedleySandbox *self, GError **error)
{
  GError *problem = NULL;

  if (medley_syscalls_forbid_others (&problem))
    self->without_processes = TRUE;
  return settle (self, "seccomp", problem, error);
}

/* Once and for all later forks: what does not depend on which process it is. */
static gboolean
confine (MedleySandbox *self, GError **error)
{
  MedleySandboxRole role = self->options.role;
  GError *problem = NULL;

  self->without_capabilities = medley_capabilities_drop (&problem);
  if (!settle (self, "a process without capabilities", problem, error))
    return FALSE;
  if (!settle (self, "Landlock", restrict_files (self, role), error))
    return FALSE;
  problem = NULL;
  self->seccomp = medley_syscalls_allow_work (&problem);
  if (!settle (self, "seccomp", problem, error))
    return FALSE;
  return role == MEDLEY_SANDBOX_ZYGOTE || !self->seccomp || forbid_processes (self, error);
}

MedleySandbox *
medley_sandbox_enter (const MedleySandboxOptions *options, GError **error)
{
  MedleySandbox *self = g_new0 (MedleySandbox, 1);

  self->options = *options;
  self->proc = -1;
  self->loaded = find_loaded ();
  self->missing = g_ptr_array_new_with_free_func (g_free);
  adopt (options->parent, FALSE);
  g_setenv ("TMPDIR", "/proc/self/cwd", TRUE);
  if (!set_limits (options, error) || !enter_own_folder (self, options->role, error))
    return NULL;
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED, "privileges cannot be given up: %s",
                 g_strerror (errno));
    return NULL;
  }
  /* So that what leaves a worker's group comes to the zygote, which ends it. */
  if (options->role == MEDLEY_SANDBOX_ZYGOTE)
    prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  hold_proc (self);
  if (options->mode != MEDLEY_SANDBOX_NONE && !confine (self, error))
    return NULL;
  return self;
}

gboolean
medley_sandbox_enter_forked (MedleySandbox *self, pid_t zygote, GError **error)
{
  adopt (zygote, TRUE);
  if (!enter_own_folder (self, MEDLEY_SANDBOX_WORKER, error))
    return FALSE;
  hold_proc (self);
  if (self->landlock > 0
      && !settle (self, "Landlock", restrict_files (self, MEDLEY_SANDBOX_WORKER), error))
    return FALSE;
  return !self->seccomp || forbid_processes (self, error);
}

gboolean
medley_sandbox_clean (MedleySandbox *self)
{
  return self->own == NULL || medley_folder_empty (self->own);
}

GVariant *
medley_sandbox_describe (MedleySandbox *self)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "mode", "s", modes[self->options.mode]);
  g_variant_dict_insert (&dict, "landlock", "u", self->landlock);
  g_variant_dict_insert (&dict, "seccomp", "b", self->seccomp);
  g_variant_dict_insert (&dict, "capabilities", "s", self->without_capabilities ? "none" : "kept");
  g_variant_dict_insert (&dict, "noNewPrivileges", "b",
                         prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
  g_variant_dict_insert_value (&dict, "namespaces", g_variant_new_strv (NULL, 0));
  g_variant_dict_insert (&dict, "network", "s", self->seccomp ? "none" : "open");
  g_variant_dict_insert (&dict, "files", "s", self->landlock > 0 ? "listed" : "all of the user's");
  g_variant_dict_insert (&dict, "processes", "s", self->without_processes ? "none" : "any");
  g_variant_dict_insert_value (&dict, "missing",
                               g_variant_new_strv ((const char *const *) self->missing->pdata,
                                                   self->missing->len));
  return g_variant_dict_end (&dict);
}
