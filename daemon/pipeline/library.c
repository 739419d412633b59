/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/library.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/pipeline-private.h"

/* An editor saves in several steps, a package installs many files: one reload for all of them. */
#define DELAY_MS 100
#define DEFAULT_BYTES (1024 * 1024)

/* A file as it was read last. */
typedef struct {
  char *path;
  GBytes *text; /* NULL when it could not be read */
  MedleySpec *spec;
  gboolean is_checking;
  MedleyPipeline *pipeline; /* NULL before it is checked */
  MedleyPipeline *unchecked;
} Entry;

struct _MedleyLibrary {
  GObject parent_instance;
  char **folders;
  GPtrArray *monitors;
  MedleyCatalog *catalog;
  gulong catalog_handler;
  MedleyLibraryLimits limits;
  MedleyPipelineContext context;
  MedleyPipelineContext client_context;
  char **allowed_elements;
  GHashTable *entries; /* name → Entry */
  GSource *reload_source;
};

G_DEFINE_FINAL_TYPE (MedleyLibrary, medley_library, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->path);
  g_clear_pointer (&entry->text, g_bytes_unref);
  g_clear_pointer (&entry->spec, medley_spec_unref);
  g_clear_pointer (&entry->pipeline, medley_pipeline_unref);
  g_clear_pointer (&entry->unchecked, medley_pipeline_unref);
  g_free (entry);
}

static GBytes *
read_descriptor (int fd, gsize max, char **reason)
{
  g_autofree char *buffer = NULL;
  gsize length = 0;
  struct stat status;

  if (fstat (fd, &status) != 0 || !S_ISREG (status.st_mode)) {
    *reason = g_strdup ("this is no regular file");
    return NULL;
  }
  if ((guint64) status.st_size > max) {
    *reason = g_strdup_printf ("the file is larger than %" G_GSIZE_FORMAT " bytes", max);
    return NULL;
  }
  /* It may grow meanwhile: one byte more than allowed tells. */
  buffer = g_malloc (max + 1);
  while (length <= max) {
    gssize n = read (fd, buffer + length, max + 1 - length);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      *reason = g_strdup_printf ("the file cannot be read: %s", g_strerror (errno));
    if (n <= 0)
      break;
    length += (gsize) n;
  }
  if (*reason == NULL && length > max)
    *reason = g_strdup_printf ("the file is larger than %" G_GSIZE_FORMAT " bytes", max);
  return *reason == NULL ? g_bytes_new (buffer, length) : NULL;
}

/* Never blocks on a FIFO, and reads nothing but regular files. */
static GBytes *
read_file (const char *path, gsize max, char **reason)
{
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  GBytes *text;

  if (fd < 0) {
    *reason = g_strdup_printf ("the file cannot be opened: %s", g_strerror (errno));
    return NULL;
  }
  text = read_descriptor (fd, max, reason);
  close (fd);
  return text;
}

/* The file's name is what the pipeline is looked up by, so the name inside cannot be another. */
static void
check_name (MedleySpec *spec)
{
  g_autofree char *name = medley_spec_name_of_file (spec->file);
  MedleyFaultSink sink = { spec->faults, spec->map, spec->file };

  if (g_str_equal (spec->name, name))
    return;
  medley_fault_add (&sink, "bad-value", "/name", name,
                    "the file is called \"%.64s.json\", and the pipeline \"%.64s\"", name,
                    spec->name);
  g_free (spec->name);
  spec->name = g_steal_pointer (&name);
}

static Entry *
entry_new (MedleyLibrary *self, const char *path, Entry *before)
{
  gsize max = self->limits.pipeline_bytes > 0 ? self->limits.pipeline_bytes : DEFAULT_BYTES;
  Entry *entry = g_new0 (Entry, 1);
  g_autofree char *reason = NULL;

  entry->path = g_strdup (path);
  entry->text = read_file (path, max, &reason);
  if (entry->text == NULL) {
    entry->spec = medley_spec_new_broken (path, "unreadable", reason);
  } else if (before != NULL && before->text != NULL && g_str_equal (before->path, path)
             && g_bytes_equal (before->text, entry->text)) {
    entry->spec = medley_spec_ref (before->spec);
  } else {
    entry->spec = medley_spec_read (g_bytes_get_data (entry->text, NULL),
                                    g_bytes_get_size (entry->text), path, &self->context);
    check_name (entry->spec);
  }
  entry->unchecked = medley_pipeline_new (entry->spec, NULL);
  return entry;
}

static void
read_folder (MedleyLibrary *self, const char *folder, GHashTable *entries)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *base;

  if (dir == NULL)
    return;
  while ((base = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, base, NULL);
    g_autofree char *name = medley_spec_name_of_file (base);

    /* Editors keep their own files beside, with a dot before the name. */
    if (base[0] == '.' || !g_str_has_suffix (base, ".json"))
      continue;
    Entry *entry = entry_new (self, path, g_hash_table_lookup (self->entries, name));
    g_hash_table_replace (entries, g_steal_pointer (&name), entry);
  }
  g_dir_close (dir);
}

/* A pipeline is checked when it is first asked for: those within it come first in that way. While
 * it is being checked itself it is there unchecked, so that the check can see that it contains
 * itself. */
static MedleyPipeline *
lookup (const char *name, gpointer data)
{
  MedleyLibrary *self = data;
  Entry *entry = g_hash_table_lookup (self->entries, name);

  if (entry == NULL)
    return NULL;
  if (entry->pipeline != NULL)
    return entry->pipeline;
  if (entry->is_checking)
    return entry->unchecked;
  entry->is_checking = TRUE;
  entry->pipeline = medley_pipeline_new (entry->spec, &self->context);
  entry->is_checking = FALSE;
  return entry->pipeline;
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
medley_library_names (MedleyLibrary *self)
{
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, name);
  g_ptr_array_sort (names, compare_strings);
  return names;
}

static GPtrArray *
list_names (gpointer data)
{
  return medley_library_names (data);
}

static void
check_all (MedleyLibrary *self)
{
  g_autoptr (GPtrArray) names = medley_library_names (self);

  for (guint i = 0; i < names->len; i++)
    lookup (names->pdata[i], self);
}

static gboolean
is_same (const Entry *a, const Entry *b)
{
  g_autoptr (GVariant) first = NULL;
  g_autoptr (GVariant) second = NULL;

  if (b == NULL || a->spec != b->spec)
    return FALSE;
  first = g_variant_ref_sink (medley_faults_to_variant (a->pipeline->faults));
  second = g_variant_ref_sink (medley_faults_to_variant (b->pipeline->faults));
  return g_variant_equal (first, second);
}

static gboolean
differs (GHashTable *before, GHashTable *after)
{
  GHashTableIter iter;
  gpointer name;
  gpointer entry;

  if (g_hash_table_size (before) != g_hash_table_size (after))
    return TRUE;
  g_hash_table_iter_init (&iter, after);
  while (g_hash_table_iter_next (&iter, &name, &entry)) {
    if (!is_same (entry, g_hash_table_lookup (before, name)))
      return TRUE;
  }
  return FALSE;
}

static GHashTable *
entries_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
}

/* Takes over the entries, none of which is checked yet. */
static void
replace_entries (MedleyLibrary *self, GHashTable *entries)
{
  g_autoptr (GHashTable) before = self->entries;

  self->entries = entries;
  check_all (self);
  if (differs (before, entries))
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
cancel_reload (MedleyLibrary *self)
{
  if (self->reload_source == NULL)
    return;
  g_source_destroy (self->reload_source);
  g_clear_pointer (&self->reload_source, g_source_unref);
}

void
medley_library_reload (MedleyLibrary *self)
{
  GHashTable *entries = entries_new ();

  cancel_reload (self);
  for (guint i = 0; self->folders[i] != NULL; i++)
    read_folder (self, self->folders[i], entries);
  replace_entries (self, entries);
}

/* The files are the same, the world is another. */
static void
on_catalog_changed (MedleyCatalog *catalog, MedleyLibrary *self)
{
  GHashTable *entries = entries_new ();
  GHashTableIter iter;
  gpointer name;
  gpointer data;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &name, &data)) {
    const Entry *before = data;
    Entry *entry = g_new0 (Entry, 1);

    entry->path = g_strdup (before->path);
    entry->text = before->text != NULL ? g_bytes_ref (before->text) : NULL;
    entry->spec = medley_spec_ref (before->spec);
    entry->unchecked = medley_pipeline_ref (before->unchecked);
    g_hash_table_insert (entries, g_strdup (name), entry);
  }
  replace_entries (self, entries);
}

static gboolean
on_reload (gpointer data)
{
  medley_library_reload (data);
  return G_SOURCE_REMOVE;
}

static void
on_file_changed (GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
                 MedleyLibrary *self)
{
  if (self->reload_source != NULL)
    return;
  self->reload_source = g_timeout_source_new (DELAY_MS);
  g_source_set_callback (self->reload_source, on_reload, self, NULL);
  g_source_attach (self->reload_source, g_main_context_get_thread_default ());
}

static void
watch_folders (MedleyLibrary *self)
{
  for (guint i = 0; self->folders[i] != NULL; i++) {
    g_autoptr (GFile) folder = g_file_new_for_path (self->folders[i]);
    GFileMonitor *monitor
        = g_file_monitor_directory (folder, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);

    /* Without inotify left, a reload by hand still works. */
    if (monitor == NULL)
      continue;
    g_signal_connect (monitor, "changed", G_CALLBACK (on_file_changed), self);
    g_ptr_array_add (self->monitors, monitor);
  }
}

static void
medley_library_dispose (GObject *object)
{
  MedleyLibrary *self = MEDLEY_LIBRARY (object);

  for (guint i = 0; i < self->monitors->len; i++) {
    g_signal_handlers_disconnect_by_data (self->monitors->pdata[i], self);
    g_file_monitor_cancel (self->monitors->pdata[i]);
  }
  g_ptr_array_set_size (self->monitors, 0);
  cancel_reload (self);
  g_clear_signal_handler (&self->catalog_handler, self->catalog);
  g_clear_object (&self->catalog);
  G_OBJECT_CLASS (medley_library_parent_class)->dispose (object);
}

static void
medley_library_finalize (GObject *object)
{
  MedleyLibrary *self = MEDLEY_LIBRARY (object);

  g_hash_table_unref (self->entries);
  g_ptr_array_unref (self->monitors);
  g_clear_pointer (&self->limits.plan_limits, g_variant_unref);
  g_strfreev (self->allowed_elements);
  g_strfreev (self->folders);
  G_OBJECT_CLASS (medley_library_parent_class)->finalize (object);
}

static void
medley_library_class_init (MedleyLibraryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = medley_library_dispose;
  object_class->finalize = medley_library_finalize;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
medley_library_init (MedleyLibrary *self)
{
  self->entries = entries_new ();
  self->monitors = g_ptr_array_new_with_free_func (g_object_unref);
}

MedleyLibrary *
medley_library_new (const char *const *folders, MedleyCatalog *catalog,
                    const MedleyLibraryLimits *limits)
{
  MedleyLibrary *self = g_object_new (MEDLEY_TYPE_LIBRARY, NULL);

  self->folders = g_strdupv ((char **) folders);
  if (limits != NULL)
    self->limits = *limits;
  if (self->limits.plan_limits != NULL)
    g_variant_ref_sink (self->limits.plan_limits);
  if (catalog != NULL) {
    self->catalog = g_object_ref (catalog);
    self->catalog_handler
        = g_signal_connect (catalog, "changed", G_CALLBACK (on_catalog_changed), self);
  }
  self->context = (MedleyPipelineContext){
    .catalog = catalog,
    .lookup = lookup,
    .lookup_data = self,
    .names = list_names,
    .max_bytes = self->limits.pipeline_bytes,
    .max_depth = self->limits.json_depth,
    .max_stages = self->limits.stages,
    .max_fan_out = self->limits.fan_out,
    .limits = self->limits.plan_limits,
  };
  watch_folders (self);
  medley_library_reload (self);
  return self;
}

MedleyPipeline *
medley_library_lookup (MedleyLibrary *self, const char *name)
{
  return lookup (name, self);
}

GPtrArray *
medley_library_list (MedleyLibrary *self)
{
  g_autoptr (GPtrArray) names = medley_library_names (self);
  GPtrArray *pipelines = g_ptr_array_new_with_free_func ((GDestroyNotify) medley_pipeline_unref);

  for (guint i = 0; i < names->len; i++)
    g_ptr_array_add (pipelines, medley_pipeline_ref (lookup (names->pdata[i], self)));
  return pipelines;
}

const MedleyPipelineContext *
medley_library_context (MedleyLibrary *self)
{
  return &self->context;
}

const MedleyPipelineContext *
medley_library_client_context (MedleyLibrary *self, const char *const *allowed_elements)
{
  char **allowed = g_strdupv ((char **) allowed_elements);

  g_strfreev (self->allowed_elements);
  self->allowed_elements = allowed;
  self->client_context = self->context;
  self->client_context.allowed_elements = (const char *const *) allowed;
  return &self->client_context;
}

/* A pipeline that is not there yet stands in for the one of its name, so that it can be seen
 * whether it would contain itself. */
typedef struct {
  MedleyLibrary *library;
  const char *name;
  MedleyPipeline *unchecked;
} Candidate;

static MedleyPipeline *
lookup_candidate (const char *name, gpointer data)
{
  Candidate *candidate = data;

  return g_str_equal (name, candidate->name) ? candidate->unchecked
                                             : lookup (name, candidate->library);
}

static GPtrArray *
list_with_candidate (gpointer data)
{
  return medley_library_names (((Candidate *) data)->library);
}

MedleyPipeline *
medley_library_parse (MedleyLibrary *self, const char *name, GBytes *text)
{
  g_autofree char *file = g_strconcat (name, ".json", NULL);
  gsize length;
  const char *json = g_bytes_get_data (text, &length);
  g_autoptr (MedleySpec) spec
      = medley_spec_read (json != NULL ? json : "", length, file, &self->context);
  g_autoptr (MedleyPipeline) unchecked = NULL;
  Candidate candidate = { self, name, NULL };
  MedleyPipelineContext context = self->context;

  check_name (spec);
  candidate.unchecked = unchecked = medley_pipeline_new (spec, NULL);
  context.lookup = lookup_candidate;
  context.lookup_data = &candidate;
  context.names = list_with_candidate;
  return medley_pipeline_new (spec, &context);
}

GBytes *
medley_library_get_text (MedleyLibrary *self, const char *name)
{
  const Entry *entry = g_hash_table_lookup (self->entries, name);

  return entry != NULL ? entry->text : NULL;
}

const char *
medley_library_get_folder (MedleyLibrary *self)
{
  guint n = g_strv_length (self->folders);

  return n > 0 ? self->folders[n - 1] : NULL;
}

char *
medley_library_make_path (MedleyLibrary *self, const char *name)
{
  g_autofree char *base = g_strconcat (name, ".json", NULL);

  return g_build_filename (medley_library_get_folder (self), base, NULL);
}

gboolean
medley_library_is_saved (MedleyLibrary *self, const char *name)
{
  const Entry *entry = g_hash_table_lookup (self->entries, name);
  g_autofree char *path = NULL;

  if (entry == NULL || medley_library_get_folder (self) == NULL)
    return FALSE;
  path = medley_library_make_path (self, name);
  return g_str_equal (entry->path, path);
}
