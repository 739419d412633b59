/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/memory.h"

#include <gio/gio.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Faster than a process touches new pages. */
#define BYTES_PER_MS (4ull * 1024 * 1024)
#define SOONEST_MS 20
#define LATEST_MS 500
/* While only shared pages are above the limit nothing happens: they may become its own one by one,
 * which the bound does not show. */
#define SECOND_LOOK_US G_USEC_PER_SEC

struct _MedleyMemoryWatch {
  gint refs; /* the owner's, and that of a thread that reads */
  char *folder;
  guint64 limit;
  MedleyMemoryExceeded exceeded;
  gpointer data;
  MedleyMemory memory;
  guint64 shared; /* of the bound, when its own was read last */
  gint64 own_time;
  guint source;
  gboolean freed;
};

/* Adds up the values, in kB, of lines that begin with one of @names. */
static gboolean
read_sum (const char *folder, const char *file, const char *const *names, guint64 *bytes)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  char text[4096];
  gsize length = 0;
  gssize n = 0;
  guint found = 0;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  *bytes = 0;
  if (fd < 0)
    return FALSE;
  while (length < sizeof text - 1 && (n = read (fd, text + length, sizeof text - 1 - length)) > 0)
    length += (gsize) n;
  close (fd);
  text[length] = '\0';
  for (char *line = text; line != NULL && *line != '\0';) {
    char *next = strchr (line, '\n');

    for (guint i = 0; names[i] != NULL; i++) {
      if (g_str_has_prefix (line, names[i])) {
        *bytes += g_ascii_strtoull (line + strlen (names[i]), NULL, 10) * 1024;
        found++;
      }
    }
    line = next != NULL ? next + 1 : NULL;
  }
  return found > 0;
}

gboolean
medley_memory_read_bound (const char *folder, MedleyMemory *memory)
{
  static const char *const names[] = { "VmRSS:", "VmSwap:", NULL };

  return read_sum (folder, "status", names, &memory->bound);
}

gboolean
medley_memory_read_own (const char *folder, MedleyMemory *memory)
{
  static const char *const names[]
      = { "Private_Clean:", "Private_Dirty:", "Private_Hugetlb:", "Swap:", NULL };
  static const char *const rough[] = { "RssAnon:", "VmSwap:", NULL };

  return read_sum (folder, "smaps_rollup", names, &memory->own)
         || read_sum (folder, "status", rough, &memory->own);
}

guint
medley_memory_next_look (const MedleyMemory *memory, guint64 limit)
{
  guint64 room = memory->bound < limit ? limit - memory->bound : 0;

  return (guint) CLAMP (room / BYTES_PER_MS, SOONEST_MS, LATEST_MS);
}

static void
watch_unref (MedleyMemoryWatch *self)
{
  if (--self->refs > 0)
    return;
  g_free (self->folder);
  g_free (self);
}

static gboolean
look (gpointer data);

static void
schedule (MedleyMemoryWatch *self)
{
  self->source = g_timeout_add (medley_memory_next_look (&self->memory, self->limit), look, self);
}

static void
read_in_thread (GTask *task, gpointer source, gpointer folder, GCancellable *cancellable)
{
  MedleyMemory memory = { 0 };

  medley_memory_read_own (folder, &memory);
  g_task_return_pointer (task, g_memdup2 (&memory.own, sizeof memory.own), g_free);
}

static void
own_read (GObject *source, GAsyncResult *result, gpointer data)
{
  MedleyMemoryWatch *self = data;
  g_autofree guint64 *own = g_task_propagate_pointer (G_TASK (result), NULL);

  if (!self->freed) {
    self->memory.own = *own;
    self->shared = self->memory.bound > *own ? self->memory.bound - *own : 0;
    self->own_time = g_get_monotonic_time ();
    if (*own > self->limit)
      self->exceeded (*own, self->data);
    else
      schedule (self);
  }
  watch_unref (self);
}

static gboolean
look (gpointer data)
{
  MedleyMemoryWatch *self = data;
  g_autoptr (GTask) task = NULL;
  gint64 age = g_get_monotonic_time () - self->own_time;

  self->source = 0;
  if (!medley_memory_read_bound (self->folder, &self->memory) || self->memory.bound <= self->limit
      || (self->own_time != 0
          && self->memory.bound - MIN (self->shared, self->memory.bound) <= self->limit
          && age < SECOND_LOOK_US)) {
    schedule (self);
    return G_SOURCE_REMOVE;
  }
  self->refs++;
  task = g_task_new (NULL, NULL, own_read, self);
  g_task_set_task_data (task, g_strdup (self->folder), g_free);
  g_task_run_in_thread (task, read_in_thread);
  return G_SOURCE_REMOVE;
}

MedleyMemoryWatch *
medley_memory_watch_new (const char *folder, guint64 limit, MedleyMemoryExceeded exceeded,
                         gpointer data)
{
  MedleyMemoryWatch *self = g_new0 (MedleyMemoryWatch, 1);

  self->refs = 1;
  self->folder = g_strdup (folder);
  self->limit = limit;
  self->exceeded = exceeded;
  self->data = data;
  medley_memory_read_bound (folder, &self->memory);
  schedule (self);
  return self;
}

void
medley_memory_watch_free (MedleyMemoryWatch *self)
{
  self->freed = TRUE;
  g_clear_handle_id (&self->source, g_source_remove);
  watch_unref (self);
}
