/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/stage-cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/folders.h"
#include "base/stage-entry.h"

#define NEW_PREFIX "new-"
#define NEW_DIGITS 16
#define HEX "0123456789abcdef"
#define BLOCK 4096

struct _MedleyStageCache {
  GObject parent_instance;

  char *folder;
  int fd;
  guint64 maximum;
  guint64 entry_maximum;
  guint64 free_space; /* that has to be left for others */
  GThreadPool *pool;  /* one thread */

  GMutex making;   /* held until a new file has its lock */
  GMutex files;    /* held over changes of the folder, which may take long */
  GMutex lock;     /* of the counts: never held for long */
  guint64 entries; /* as far as this daemon knows, as bytes */
  guint64 bytes;
  guint64 hits;
  guint64 misses;
};

G_DEFINE_FINAL_TYPE (MedleyStageCache, medley_stage_cache, G_TYPE_OBJECT)

typedef struct {
  void (*func) (MedleyStageCache *self, gpointer data);
  gpointer data;
  MedleyStageCache *cache; /* a weak hold: the pool is waited for before the cache goes */
} Chore;

static gboolean
is_key (const char *name)
{
  return strspn (name, HEX) == MEDLEY_STAGE_ENTRY_KEY && name[MEDLEY_STAGE_ENTRY_KEY] == '\0';
}

static gboolean
is_new (const char *name)
{
  return g_str_has_prefix (name, NEW_PREFIX)
         && strspn (name + strlen (NEW_PREFIX), HEX) == NEW_DIGITS
         && name[strlen (NEW_PREFIX) + NEW_DIGITS] == '\0';
}

/* What a file takes on the disk, roughly: a short one is not free. */
static guint64
charge (guint64 size)
{
  return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* ---- the folder ---- */

typedef struct {
  char name[MEDLEY_STAGE_ENTRY_KEY + 1];
  guint64 size;
  gint64 used; /* ns since 1970 */
} Entry;

/* Whoever still writes it, here or in another daemon, holds its lock. Between its making and its
 * lock another daemon may take it for an orphan: then a recording is lost. */
static void
remove_orphan (MedleyStageCache *self, const char *name)
{
  int fd;

  g_mutex_lock (&self->making);
  fd = openat (self->fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 ? errno != ENOENT : flock (fd, LOCK_EX | LOCK_NB) == 0)
    unlinkat (self->fd, name, 0);
  medley_clear_fd (&fd);
  g_mutex_unlock (&self->making);
}

/* (element-type Entry): all entries. */
static GArray *
scan (MedleyStageCache *self, gboolean remove_orphans)
{
  GArray *entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  int own = openat (self->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = own >= 0 ? fdopendir (own) : NULL;
  struct dirent *found;
  struct stat info;

  if (dir == NULL) {
    medley_clear_fd (&own);
    return entries;
  }
  while ((found = readdir (dir)) != NULL) {
    Entry entry;

    if (remove_orphans && is_new (found->d_name))
      remove_orphan (self, found->d_name);
    if (!is_key (found->d_name)
        || fstatat (self->fd, found->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
      continue;
    memcpy (entry.name, found->d_name, sizeof entry.name);
    entry.size = charge ((guint64) MAX (info.st_size, 1));
    entry.used = (gint64) info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    g_array_append_val (entries, entry);
  }
  closedir (dir);
  return entries;
}

static void
take_counts (MedleyStageCache *self, const GArray *entries)
{
  guint64 bytes = 0;

  for (guint i = 0; i < entries->len; i++)
    bytes += g_array_index (entries, Entry, i).size;
  g_mutex_lock (&self->lock);
  self->entries = entries->len;
  self->bytes = bytes;
  g_mutex_unlock (&self->lock);
}

/* Another daemon may have taken away what is counted here. */
static void
forget (MedleyStageCache *self, guint64 size)
{
  g_mutex_lock (&self->lock);
  self->entries -= MIN (self->entries, 1);
  self->bytes -= MIN (self->bytes, size);
  g_mutex_unlock (&self->lock);
}

static int
compare_use (gconstpointer a, gconstpointer b)
{
  const Entry *first = a, *second = b;

  return first->used < second->used ? -1 : first->used > second->used;
}

/* Removes what was used longest ago until @room more bytes fit. With the folder held, under which
 * alone the counts change. */
static void
make_room (MedleyStageCache *self, guint64 room)
{
  g_autoptr (GArray) entries = NULL;

  if (self->bytes + room <= self->maximum)
    return;
  /* Another daemon may have added, removed or used some. */
  entries = scan (self, FALSE);
  take_counts (self, entries);
  g_array_sort (entries, compare_use);
  for (guint i = 0; i < entries->len && self->bytes + room > self->maximum; i++) {
    const Entry *entry = &g_array_index (entries, Entry, i);

    if (unlinkat (self->fd, entry->name, 0) < 0 && errno != ENOENT)
      continue;
    forget (self, entry->size);
  }
}

static void
count_all (MedleyStageCache *self, gpointer data)
{
  g_autoptr (GArray) entries = NULL;

  g_mutex_lock (&self->files);
  entries = scan (self, TRUE);
  take_counts (self, entries);
  make_room (self, 0);
  g_mutex_unlock (&self->files);
}

/* ---- entries ---- */

void
medley_stage_cache_remove (MedleyStageCache *self, const char *key)
{
  struct stat info;

  if (!is_key (key))
    return;
  g_mutex_lock (&self->files);
  if (fstatat (self->fd, key, &info, AT_SYMLINK_NOFOLLOW) == 0 && unlinkat (self->fd, key, 0) == 0)
    forget (self, charge ((guint64) MAX (info.st_size, 1)));
  g_mutex_unlock (&self->files);
}

int
medley_stage_cache_open (MedleyStageCache *self, const char *key)
{
  int fd;

  if (!is_key (key))
    return -1;
  fd = openat (self->fd, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ELOOP)
      medley_stage_cache_remove (self, key);
    return -1;
  }
  if (medley_stage_entry_check (fd, key, NULL) < 0) {
    medley_clear_fd (&fd);
    medley_stage_cache_remove (self, key);
    return -1;
  }
  /* Its time is when it was used. */
  futimens (fd, (const struct timespec[]){ { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } });
  return fd;
}

static int
make_locked (MedleyStageCache *self, const char *name)
{
  int fd;

  g_mutex_lock (&self->making);
  fd = openat (self->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  /* A worker that gets the descriptor holds the lock as well. */
  if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) < 0) {
    unlinkat (self->fd, name, 0);
    medley_clear_fd (&fd);
  }
  g_mutex_unlock (&self->making);
  return fd;
}

int
medley_stage_cache_begin (MedleyStageCache *self, char **name)
{
  g_autofree char *made = g_strdup_printf (NEW_PREFIX "%08x%08x", g_random_int (), g_random_int ());
  struct statvfs disk;
  int fd;

  if (fstatvfs (self->fd, &disk) == 0
      && (guint64) disk.f_bavail * (guint64) disk.f_frsize < self->free_space)
    return -1;
  fd = make_locked (self, made);
  if (fd >= 0)
    *name = g_steal_pointer (&made);
  return fd;
}

void
medley_stage_cache_abandon (MedleyStageCache *self, const char *name)
{
  if (is_new (name))
    unlinkat (self->fd, name, 0);
}

/* The file is still the one that was begun. */
static gboolean
is_same (MedleyStageCache *self, const char *name, const struct stat *info)
{
  struct stat named;

  return fstatat (self->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_dev == info->st_dev
         && named.st_ino == info->st_ino;
}

static gboolean
put_in_place (MedleyStageCache *self, const char *name, const char *key, guint64 size)
{
  struct stat old;
  gboolean replaces;
  gboolean ok;

  g_mutex_lock (&self->files);
  make_room (self, charge (size));
  replaces = fstatat (self->fd, key, &old, AT_SYMLINK_NOFOLLOW) == 0;
  ok = self->bytes + charge (size) <= self->maximum
       && renameat (self->fd, name, self->fd, key) == 0;
  if (ok && replaces)
    forget (self, charge ((guint64) MAX (old.st_size, 1)));
  if (ok) {
    g_mutex_lock (&self->lock);
    self->bytes += charge (size);
    self->entries++;
    g_mutex_unlock (&self->lock);
  }
  g_mutex_unlock (&self->files);
  return ok;
}

gboolean
medley_stage_cache_commit (MedleyStageCache *self, const char *name, int fd, const char *key)
{
  struct stat info;
  gint64 length;
  guint64 size;

  if (!is_new (name))
    return FALSE;
  length = is_key (key) ? medley_stage_entry_check (fd, NULL, NULL) : -1;
  size = (guint64) MAX (length, 0) + MEDLEY_STAGE_ENTRY_HEADER + MEDLEY_STAGE_ENTRY_TRAILER;
  /* Nothing is synced: what a loss of power leaves of an entry is found to be damaged, and the
   * store has better use for the disk. */
  if (length < 0 || size > self->entry_maximum || charge (size) > self->maximum
      || fstat (fd, &info) < 0 || !is_same (self, name, &info)
      || !medley_stage_entry_write_header (fd, key) || !put_in_place (self, name, key, size)) {
    medley_stage_cache_abandon (self, name);
    return FALSE;
  }
  return TRUE;
}

guint64
medley_stage_cache_clear (MedleyStageCache *self)
{
  g_autoptr (GArray) entries = NULL;
  guint64 n = 0;

  g_mutex_lock (&self->files);
  entries = scan (self, FALSE);
  for (guint i = 0; i < entries->len; i++)
    n += unlinkat (self->fd, g_array_index (entries, Entry, i).name, 0) == 0;
  g_array_set_size (entries, 0);
  take_counts (self, entries);
  g_mutex_unlock (&self->files);
  return n;
}

/* ---- the rest ---- */

static void
do_chore (gpointer data, gpointer user_data)
{
  Chore *chore = data;

  chore->func (chore->cache, chore->data);
  g_free (chore);
}

void
medley_stage_cache_push (MedleyStageCache *self,
                         void (*func) (MedleyStageCache *self, gpointer data), gpointer data)
{
  Chore *chore = g_new0 (Chore, 1);

  chore->func = func;
  chore->data = data;
  chore->cache = self;
  g_thread_pool_push (self->pool, chore, NULL);
}

void
medley_stage_cache_count (MedleyStageCache *self, guint hits, guint misses)
{
  g_mutex_lock (&self->lock);
  self->hits += hits;
  self->misses += misses;
  g_mutex_unlock (&self->lock);
}

guint64
medley_stage_cache_get_entry_bytes (MedleyStageCache *self)
{
  return self->entry_maximum;
}

GVariant *
medley_stage_cache_describe (MedleyStageCache *self)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "folder", "s", self->folder);
  g_variant_dict_insert (&dict, "maximum", "t", self->maximum);
  g_mutex_lock (&self->lock);
  g_variant_dict_insert (&dict, "entries", "t", self->entries);
  g_variant_dict_insert (&dict, "bytes", "t", self->bytes);
  g_variant_dict_insert (&dict, "hits", "t", self->hits);
  g_variant_dict_insert (&dict, "misses", "t", self->misses);
  g_mutex_unlock (&self->lock);
  return g_variant_dict_end (&dict);
}

MedleyStageCache *
medley_stage_cache_new (const char *folder, guint64 bytes, guint64 entry_bytes, GError **error)
{
  g_autoptr (MedleyStageCache) self = g_object_new (MEDLEY_TYPE_STAGE_CACHE, NULL);

  if (!medley_folder_make_private (folder, error))
    return NULL;
  self->folder = g_strdup (folder);
  self->maximum = bytes;
  self->entry_maximum = MIN (entry_bytes, bytes);
  self->fd = open (folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (self->fd < 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IO,
                 "cannot open the folder of the stage cache %s (paths.cache): %s", folder,
                 g_strerror (errno));
    return NULL;
  }
  self->pool = g_thread_pool_new (do_chore, NULL, 1, FALSE, NULL);
  medley_stage_cache_push (self, count_all, NULL);
  return g_steal_pointer (&self);
}

MedleyStageCache *
medley_stage_cache_new_from_config (MedleyConfig *config, GError **error)
{
  guint64 bytes = medley_config_get_number (config, "cache.bytes");
  MedleyStageCache *self;

  if (bytes == 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                 "switched off in the configuration (cache.bytes)");
    return NULL;
  }
  self = medley_stage_cache_new (medley_config_get_path (config, "paths.cache"), bytes,
                                 medley_config_get_number (config, "cache.entry-bytes"), error);
  if (self != NULL)
    self->free_space = medley_config_get_number (config, "limits.free-space");
  return self;
}

static void
medley_stage_cache_finalize (GObject *object)
{
  MedleyStageCache *self = MEDLEY_STAGE_CACHE (object);

  /* What is recorded gets its name, also when the daemon stops right behind the job. */
  if (self->pool != NULL)
    g_thread_pool_free (self->pool, FALSE, TRUE);
  medley_clear_fd (&self->fd);
  g_mutex_clear (&self->files);
  g_mutex_clear (&self->making);
  g_mutex_clear (&self->lock);
  g_free (self->folder);
  G_OBJECT_CLASS (medley_stage_cache_parent_class)->finalize (object);
}

static void
medley_stage_cache_class_init (MedleyStageCacheClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = medley_stage_cache_finalize;
}

static void
medley_stage_cache_init (MedleyStageCache *self)
{
  self->fd = -1;
  g_mutex_init (&self->files);
  g_mutex_init (&self->making);
  g_mutex_init (&self->lock);
}
