/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/stage-reuse.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/variant.h"
#include "job/stage-keys.h"

#define BLOCK (256 * 1024)

/* A port that is given again or recorded. */
typedef struct {
  char *stage;
  char *port;
  int fd;
  char *entry;   /* key of what is given again, NULL for a recording */
  char *written; /* name of a recording */
} PortFile;

typedef struct {
  char *name;
  char *type;
  int fd; /* -1 when it is not whole yet */
} InputFile;

/* Everything that keys are made of; shared with threads, which leave it as it is. */
typedef struct {
  gatomicrefcount refs;
  GVariant *plan;
  GHashTable *builds;
  GHashTable *inputs; /* name → content; those that were whole when the job began */
} Facts;

struct _MedleyStageReuse {
  MedleyStageCache *cache;
  Facts *facts;
  GVariant *plan;
  GPtrArray *work;  /* of MedleyStageWork */
  GPtrArray *files; /* of PortFile */
};

static void
port_file_free (gpointer data)
{
  PortFile *file = data;

  medley_clear_fd (&file->fd);
  g_free (file->stage);
  g_free (file->port);
  g_free (file->entry);
  g_free (file->written);
  g_free (file);
}

static void
input_file_free (gpointer data)
{
  InputFile *file = data;

  medley_clear_fd (&file->fd);
  g_free (file->name);
  g_free (file->type);
  g_free (file);
}

static Facts *
facts_ref (Facts *facts)
{
  g_atomic_ref_count_inc (&facts->refs);
  return facts;
}

static void
facts_unref (Facts *facts)
{
  if (!g_atomic_ref_count_dec (&facts->refs))
    return;
  g_variant_unref (facts->plan);
  g_hash_table_unref (facts->builds);
  g_hash_table_unref (facts->inputs);
  g_free (facts);
}

/* ---- inputs ---- */

/* Content and media type as one string; NULL when it cannot be read. Blocks. */
static char *
read_content (const InputFile *file)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *block = g_malloc (BLOCK);
  off_t at = 0;
  gssize n;

  while ((n = pread (file->fd, block, BLOCK, at)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return NULL;
    g_checksum_update (sum, (const guchar *) block, n);
    at += n;
  }
  return g_strconcat (g_checksum_get_string (sum), " ", file->type, NULL);
}

/* Opens those inputs that keys depend on, and are whole and not known yet. */
static GPtrArray *
open_inputs (const Facts *facts, MedleyJob *job)
{
  GPtrArray *files = g_ptr_array_new_with_free_func (input_file_free);
  g_autoptr (GHashTable) wanted = medley_stage_keys_list_inputs (facts->plan, facts->builds);
  GPtrArray *inputs = medley_job_list_inputs (job);

  for (guint i = 0; i < inputs->len; i++) {
    const MedleyInput *input = inputs->pdata[i];
    InputFile *file;

    if (input->state != MEDLEY_INPUT_READY || !g_hash_table_contains (wanted, input->name)
        || g_hash_table_contains (facts->inputs, input->name))
      continue;
    file = g_new0 (InputFile, 1);
    file->name = g_strdup (input->name);
    file->type = g_strdup (input->type);
    file->fd = medley_job_open_file (job, input->file, input->size, NULL);
    g_ptr_array_add (files, file);
  }
  return files;
}

static void
read_inputs (GPtrArray *files, GHashTable *inputs)
{
  for (guint i = 0; i < files->len; i++) {
    const InputFile *file = files->pdata[i];
    char *content = file->fd >= 0 ? read_content (file) : NULL;

    if (content != NULL)
      g_hash_table_replace (inputs, g_strdup (file->name), content);
  }
}

/* ---- looking up ---- */

typedef struct {
  MedleyStageReuse *reuse;
  GPtrArray *inputs; /* of InputFile */
  MedleyStageReuseReady ready;
  gpointer data;
  guint hits, misses;
} Preparation;

static void
preparation_free (gpointer data)
{
  Preparation *preparation = data;

  if (preparation->reuse != NULL)
    medley_stage_reuse_end (preparation->reuse, NULL);
  g_ptr_array_unref (preparation->inputs);
  g_free (preparation);
}

static gboolean
look_up (const char *stage, const char *key, const char *const *ports, gpointer data)
{
  Preparation *preparation = data;
  MedleyStageReuse *self = preparation->reuse;
  guint before = self->files->len;

  for (guint i = 0; ports[i] != NULL; i++) {
    g_autofree char *entry = medley_stage_keys_port (key, ports[i]);
    int fd = medley_stage_cache_open (self->cache, entry);
    PortFile *file;

    if (fd < 0) {
      g_ptr_array_set_size (self->files, (gint) before);
      preparation->misses++;
      return FALSE;
    }
    file = g_new0 (PortFile, 1);
    file->stage = g_strdup (stage);
    file->port = g_strdup (ports[i]);
    file->fd = fd;
    file->entry = g_steal_pointer (&entry);
    g_ptr_array_add (self->files, file);
  }
  preparation->hits++;
  return TRUE;
}

/* A port for which there is no file now is not recorded. */
static void
begin_recording (MedleyStageReuse *self, const MedleyStageWork *work)
{
  for (guint i = 0; work->ports[i] != NULL; i++) {
    PortFile *file = g_new0 (PortFile, 1);

    file->stage = g_strdup (work->name);
    file->port = g_strdup (work->ports[i]);
    file->fd = medley_stage_cache_begin (self->cache, &file->written);
    if (file->fd < 0)
      port_file_free (file);
    else
      g_ptr_array_add (self->files, file);
  }
}

static void
prepare_in_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Preparation *preparation = task_data;
  MedleyStageReuse *self = preparation->reuse;
  g_autoptr (GHashTable) keys = NULL;
  g_autoptr (GVariant) rewritten = NULL;

  read_inputs (preparation->inputs, self->facts->inputs);
  keys = medley_stage_keys_compute (self->facts->plan, self->facts->builds, self->facts->inputs);
  self->work = medley_stage_keys_divide (self->facts->plan, keys, look_up, preparation);
  /* The main thread's, while the facts are read by others. */
  rewritten = medley_stage_keys_rewrite (self->facts->plan, self->work);
  self->plan = medley_variant_detach (rewritten);
  for (guint i = 0; i < self->work->len; i++) {
    const MedleyStageWork *work = self->work->pdata[i];

    if (work->fate == MEDLEY_STAGE_RECORD)
      begin_recording (self, work);
  }
  medley_stage_cache_count (self->cache, preparation->hits, preparation->misses);
  g_task_return_boolean (task, TRUE);
}

static void
prepared (GObject *source, GAsyncResult *result, gpointer data)
{
  Preparation *preparation = g_task_get_task_data (G_TASK (result));

  preparation->ready (MEDLEY_JOB (source), g_steal_pointer (&preparation->reuse),
                      preparation->data);
}

/* What of a plan's engines may be kept. */
static GHashTable *
find_builds (GVariant *plan, MedleyCatalog *catalog)
{
  GHashTable *builds = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GVariant) stages = g_variant_lookup_value (plan, "stages", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; stages != NULL && i < g_variant_n_children (stages); i++) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
    g_autofree const char **engines = NULL;
    const MedleyEngine *engine;

    if (!g_variant_lookup (stage, "engines", "^a&s", &engines) || engines[0] == NULL)
      continue;
    engine = medley_catalog_get (catalog, engines[0]);
    if (engine != NULL && engine->deterministic)
      g_hash_table_replace (builds, g_strdup (engine->name), g_strdup (engine->build));
  }
  return builds;
}

void
medley_stage_reuse_prepare (MedleyStageCache *cache, MedleyCatalog *catalog, MedleyJob *job,
                            MedleyStageReuseReady ready, gpointer data)
{
  g_autoptr (GHashTable) builds = find_builds (medley_job_get_plan (job), catalog);
  g_autoptr (GTask) task = NULL;
  Preparation *preparation;
  MedleyStageReuse *self;

  if (g_hash_table_size (builds) == 0) {
    ready (job, NULL, data);
    return;
  }
  self = g_new0 (MedleyStageReuse, 1);
  self->cache = g_object_ref (cache);
  self->facts = g_new0 (Facts, 1);
  g_atomic_ref_count_init (&self->facts->refs);
  self->facts->plan = medley_variant_detach (medley_job_get_plan (job));
  self->facts->builds = g_steal_pointer (&builds);
  self->facts->inputs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->files = g_ptr_array_new_with_free_func (port_file_free);
  preparation = g_new0 (Preparation, 1);
  preparation->reuse = self;
  preparation->inputs = open_inputs (self->facts, job);
  preparation->ready = ready;
  preparation->data = data;
  task = g_task_new (job, NULL, prepared, NULL);
  g_task_set_task_data (task, preparation, preparation_free);
  g_task_run_in_thread (task, prepare_in_thread);
}

/* ---- what is left to be done ---- */

static gboolean
add_ports (MedleyStageReuse *self, const MedleyStageWork *work, GUnixFDList *fds,
           GVariantBuilder *stages, GError **error)
{
  gboolean replay = work->fate == MEDLEY_STAGE_REPLAY;
  g_auto (GVariantBuilder) ports = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sh}"));
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  for (guint i = 0; i < self->files->len; i++) {
    const PortFile *file = self->files->pdata[i];
    g_autoptr (GError) failure = NULL;
    int index;

    if (!g_str_equal (file->stage, work->name))
      continue;
    index = g_unix_fd_list_append (fds, file->fd, &failure);
    if (index < 0) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, "cannot pass a file on: %s",
                   failure->message);
      return FALSE;
    }
    g_variant_builder_add (&ports, "{sh}", file->port, index);
  }
  g_variant_dict_insert_value (&dict, replay ? "replay" : "record", g_variant_builder_end (&ports));
  if (!replay)
    g_variant_dict_insert (&dict, "limit", "t", medley_stage_cache_get_entry_bytes (self->cache));
  g_variant_builder_add (stages, "{s@a{sv}}", work->name, g_variant_dict_end (&dict));
  return TRUE;
}

gboolean
medley_stage_reuse_make_call (MedleyStageReuse *self, GUnixFDList *fds, GVariant **plan,
                              GVariant **stages, GError **error)
{
  g_auto (GVariantBuilder) list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sa{sv}}"));

  for (guint i = 0; self != NULL && i < self->work->len; i++) {
    const MedleyStageWork *work = self->work->pdata[i];

    if ((work->fate == MEDLEY_STAGE_REPLAY || work->fate == MEDLEY_STAGE_RECORD)
        && !add_ports (self, work, fds, &list, error))
      return FALSE;
  }
  if (self != NULL)
    *plan = self->plan;
  *stages = g_variant_ref_sink (g_variant_builder_end (&list));
  return TRUE;
}

void
medley_stage_reuse_tell (MedleyStageReuse *self, MedleyJob *job)
{
  for (guint i = 0; self != NULL && i < self->work->len; i++) {
    const MedleyStageWork *work = self->work->pdata[i];
    GVariantDict details;

    if (work->fate != MEDLEY_STAGE_REPLAY && work->fate != MEDLEY_STAGE_SPARED)
      continue;
    g_variant_dict_init (&details, NULL);
    g_variant_dict_insert (&details, "stage", "s", work->name);
    g_variant_dict_insert (&details, "engine", "s", work->engine);
    medley_job_add_event (job, "stage-reused", &details);
  }
}

/* ---- recordings ---- */

/* What becomes of the recorded ports of a stage; in the cache's thread. */
typedef struct {
  Facts *facts;
  GPtrArray *files;  /* of PortFile */
  GPtrArray *inputs; /* of InputFile: those that were not known when the job began */
  GVariant *plan;    /* not shared: two threads may not read one variant */
} Ending;

static Ending *
ending_new (Facts *facts)
{
  Ending *ending = g_new0 (Ending, 1);

  ending->facts = facts_ref (facts);
  ending->files = g_ptr_array_new_with_free_func (port_file_free);
  ending->inputs = g_ptr_array_new_with_free_func (input_file_free);
  return ending;
}

static void
ending_free (Ending *ending)
{
  facts_unref (ending->facts);
  g_ptr_array_unref (ending->files);
  g_ptr_array_unref (ending->inputs);
  g_clear_pointer (&ending->plan, g_variant_unref);
  g_free (ending);
}

static GHashTable *
copy_inputs (const Facts *facts)
{
  GHashTable *inputs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  gpointer name, content;
  GHashTableIter iter;

  g_hash_table_iter_init (&iter, facts->inputs);
  while (g_hash_table_iter_next (&iter, &name, &content))
    g_hash_table_insert (inputs, g_strdup (name), g_strdup (content));
  return inputs;
}

static void
commit (MedleyStageCache *cache, gpointer data)
{
  Ending *ending = data;
  g_autoptr (GHashTable) inputs = copy_inputs (ending->facts);
  g_autoptr (GHashTable) keys = NULL;

  read_inputs (ending->inputs, inputs);
  keys = medley_stage_keys_compute (ending->plan, ending->facts->builds, inputs);
  for (guint i = 0; i < ending->files->len; i++) {
    const PortFile *file = ending->files->pdata[i];
    const char *key = g_hash_table_lookup (keys, file->stage);

    if (key != NULL && key[0] != '\0') {
      g_autofree char *entry = medley_stage_keys_port (key, file->port);

      medley_stage_cache_commit (cache, file->written, file->fd, entry);
    } else {
      medley_stage_cache_abandon (cache, file->written);
    }
  }
  ending_free (ending);
}

static void
abandon (MedleyStageCache *cache, gpointer data)
{
  Ending *ending = data;

  for (guint i = 0; i < ending->files->len; i++) {
    const PortFile *file = ending->files->pdata[i];

    if (file->written != NULL)
      medley_stage_cache_abandon (cache, file->written);
  }
  ending_free (ending);
}

static void
discard (MedleyStageCache *cache, gpointer data)
{
  g_autofree char *entry = data;

  medley_stage_cache_remove (cache, entry);
}

void
medley_stage_reuse_recorded (MedleyStageReuse *self, MedleyJob *job, GVariant *details)
{
  Ending *ending = ending_new (self->facts);
  const char *stage = "";

  g_variant_lookup (details, "stage", "&s", &stage);
  g_clear_pointer (&ending->inputs, g_ptr_array_unref);
  ending->inputs = open_inputs (self->facts, job);
  ending->plan = medley_variant_detach (self->facts->plan);
  for (guint i = self->files->len; i > 0; i--) {
    PortFile *file = self->files->pdata[i - 1];

    if (file->written != NULL && g_str_equal (file->stage, stage))
      g_ptr_array_add (ending->files, g_ptr_array_steal_index (self->files, i - 1));
  }
  medley_stage_cache_push (self->cache, commit, ending);
}

static void
discard_stage (MedleyStageReuse *self, const char *stage)
{
  for (guint i = 0; i < self->files->len; i++) {
    const PortFile *file = self->files->pdata[i];

    if (file->entry != NULL && g_str_equal (file->stage, stage))
      medley_stage_cache_push (self->cache, discard, g_strdup (file->entry));
  }
}

void
medley_stage_reuse_end (MedleyStageReuse *self, GVariant *error)
{
  Ending *ending = ending_new (self->facts);
  const char *stage;

  if (error != NULL && g_variant_lookup (error, "stage", "&s", &stage))
    discard_stage (self, stage);
  /* Unfinished recordings; closing what was read as well is a thread's business. */
  for (guint i = self->files->len; i > 0; i--)
    g_ptr_array_add (ending->files, g_ptr_array_steal_index (self->files, i - 1));
  medley_stage_cache_push (self->cache, abandon, ending);
  g_ptr_array_unref (self->files);
  g_clear_pointer (&self->work, g_ptr_array_unref);
  g_clear_pointer (&self->plan, g_variant_unref);
  facts_unref (self->facts);
  g_object_unref (self->cache);
  g_free (self);
}
