/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The part of the manager that keeps engines from being started that keep crashing. */

#include <string.h>

#include "base/error.h"
#include "job/manager-private.h"

/* In the queue a job's engines stand among its classes, as "engines=ONE|OTHER" for each stage: what
 * cannot start for the same reason is then passed over together. */
#define ENGINES "engines="
#define SEPARATOR "|"

typedef void (*StageFunc) (GVariant *stage, const char *const *engines, gpointer data);

static gint64
get_seconds (MedleyConfig *config, const char *key)
{
  return (gint64) medley_config_get_number (config, key) * G_USEC_PER_SEC;
}

void
medley_job_manager_make_circuits (MedleyJobManager *self)
{
  MedleyCircuitPolicy policy = {
    .crashes = (guint) medley_config_get_number (self->config, "workers.circuit-crashes"),
    .window = get_seconds (self->config, "workers.circuit-window"),
    .time = get_seconds (self->config, "workers.circuit-time"),
    .time_maximum = get_seconds (self->config, "workers.circuit-time-maximum"),
  };

  self->circuits = medley_circuits_new (&policy);
}

/* With the engines of a stage in their order, or its element. */
static void
foreach_stage (GVariant *plan, StageFunc func, gpointer data)
{
  g_autoptr (GVariant) stages = g_variant_lookup_value (plan, "stages", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; stages != NULL && i < g_variant_n_children (stages); i++) {
    g_autoptr (GVariant) stage = g_variant_get_child_value (stages, i);
    g_autofree const char **engines = NULL;
    const char *element[] = { NULL, NULL };

    if (g_variant_lookup (stage, "engines", "^a&s", &engines)) {
      func (stage, engines, data);
    } else {
      g_variant_lookup (stage, "element", "&s", &element[0]);
      func (stage, element, data);
    }
  }
}

static void
add_engines (GVariant *stage, const char *const *engines, gpointer data)
{
  g_autofree char *joined = g_strjoinv (SEPARATOR, (char **) engines);

  if (joined[0] != '\0')
    g_ptr_array_add (data, g_strconcat (ENGINES, joined, NULL));
}

char **
medley_job_manager_make_lane (MedleyJobManager *self, MedleyJob *job)
{
  GVariant *plan = medley_job_get_plan (job);
  g_autofree char **classes = medley_classes_of_plan (plan, self->catalog);
  GPtrArray *lane = g_ptr_array_new ();

  for (guint i = 0; classes[i] != NULL; i++)
    g_ptr_array_add (lane, classes[i]);
  foreach_stage (plan, add_engines, lane);
  g_ptr_array_add (lane, NULL);
  return (char **) g_ptr_array_free (lane, FALSE);
}

/* (transfer full) (nullable): the engines of an entry of a lane */
static char **
split_engines (const char *entry)
{
  return g_str_has_prefix (entry, ENGINES) ? g_strsplit (entry + strlen (ENGINES), SEPARATOR, -1)
                                           : NULL;
}

static gboolean
any_can_start (MedleyJobManager *self, const char *const *engines, gint64 now)
{
  gboolean any = engines[0] == NULL;

  for (guint i = 0; !any && engines[i] != NULL; i++)
    any = medley_circuits_can_start (self->circuits, engines[i], now);
  return any;
}

gboolean
medley_job_manager_can_start (const char *client, const char *const *lane, gpointer data)
{
  MedleyJobManager *self = data;
  gint64 now = g_get_monotonic_time ();

  if (!medley_classes_can_start (client, lane, self->classes))
    return FALSE;
  for (guint i = 0; !medley_circuits_are_closed (self->circuits) && lane[i] != NULL; i++) {
    g_auto (GStrv) engines = split_engines (lane[i]);

    if (engines != NULL && !any_can_start (self, (const char *const *) engines, now))
      return FALSE;
  }
  return TRUE;
}

char *
medley_job_manager_explain_wait (MedleyJobManager *self, const char *client,
                                 const char *const *lane)
{
  gint64 now = g_get_monotonic_time ();
  char *reason = medley_classes_explain (self->classes, client, lane);

  for (guint i = 0; reason == NULL && lane[i] != NULL; i++) {
    g_auto (GStrv) engines = split_engines (lane[i]);

    if (engines != NULL && !any_can_start (self, (const char *const *) engines, now))
      reason = medley_circuits_explain (self->circuits, engines[0], now, g_get_real_time ());
  }
  return reason;
}

/* ---- changes ---- */

static void
tell_change (MedleyJobManager *self);

static gboolean
circuit_is_half_open (gpointer data)
{
  MedleyJobManager *self = data;

  self->circuit_source = 0;
  tell_change (self);
  return G_SOURCE_REMOVE;
}

/* ... and again when the next engine may be tried. */
static void
tell_change (MedleyJobManager *self)
{
  gint64 now = g_get_monotonic_time ();
  gint64 next = medley_circuits_next_change (self->circuits, now);

  g_clear_handle_id (&self->circuit_source, g_source_remove);
  if (next >= 0)
    self->circuit_source
        = g_timeout_add ((guint) ((next - now) / 1000 + 1), circuit_is_half_open, self);
  medley_job_manager_schedule (self);
  g_signal_emit_by_name (self, "suspensions-changed");
}

/* ---- a job starts ---- */

typedef struct {
  MedleyJobManager *manager;
  MedleyJob *job;
  gint64 now;
  GVariantBuilder stages;
  gboolean changed;
} Choice;

static void
tell_skipped (Choice *choice, GVariant *stage, const char *skipped, const char *taken)
{
  g_autofree char *reason = medley_circuits_explain (choice->manager->circuits, skipped,
                                                     choice->now, g_get_real_time ());
  const char *name = "";
  GVariantDict details;

  g_variant_lookup (stage, "name", "&s", &name);
  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "stage", "s", name);
  g_variant_dict_insert (&details, "engine", "s", taken);
  g_variant_dict_insert (&details, "message", "s", reason);
  g_variant_dict_insert (&details, "code", "s",
                         medley_error_info_for_code (MEDLEY_ERROR_UNAVAILABLE)->name);
  medley_job_add_event (choice->job, "stage-fallback", &details);
}

/* Leaves suspended engines out of a stage's list. */
static void
choose_for_stage (GVariant *stage, const char *const *engines, gpointer data)
{
  Choice *choice = data;
  g_autoptr (GPtrArray) left = g_ptr_array_new ();
  GVariantDict dict;

  for (guint i = 0; engines[i] != NULL; i++) {
    if (medley_circuits_can_start (choice->manager->circuits, engines[i], choice->now))
      g_ptr_array_add (left, (gpointer) engines[i]);
  }
  if (left->len == 0 || engines[left->len] == NULL) {
    g_variant_builder_add_value (&choice->stages, stage);
    return;
  }
  choice->changed = TRUE;
  if (left->pdata[0] != (gpointer) engines[0])
    tell_skipped (choice, stage, engines[0], left->pdata[0]);
  g_variant_dict_init (&dict, stage);
  g_variant_dict_insert_value (&dict, "engines",
                               g_variant_new_strv ((const char *const *) left->pdata,
                                                   (gssize) left->len));
  g_variant_builder_add_value (&choice->stages, g_variant_dict_end (&dict));
}

static void
note_start (GVariant *stage, const char *const *engines, gpointer data)
{
  Choice *choice = data;

  if (engines[0] != NULL)
    medley_circuits_start (choice->manager->circuits, engines[0], choice->job, choice->now);
}

void
medley_job_manager_choose_engines (MedleyJobManager *self, MedleyJob *job)
{
  Choice choice = { self, job, g_get_monotonic_time () };
  GVariantDict plan;

  medley_job_set_attempt_plan (job, NULL);
  if (medley_circuits_are_closed (self->circuits))
    return;
  g_variant_builder_init (&choice.stages, G_VARIANT_TYPE ("aa{sv}"));
  foreach_stage (medley_job_get_plan (job), choose_for_stage, &choice);
  if (choice.changed) {
    g_variant_dict_init (&plan, medley_job_get_plan (job));
    g_variant_dict_insert_value (&plan, "stages", g_variant_builder_end (&choice.stages));
    medley_job_set_attempt_plan (job, g_variant_dict_end (&plan));
  } else {
    g_variant_builder_clear (&choice.stages);
  }
  foreach_stage (medley_job_get_plan (job), note_start, &choice);
  tell_change (self);
}

/* ---- a run goes on and ends ---- */

/* Not at the end of the job: a stage whose result was kept is not run at all. */
void
medley_job_manager_note_success (MedleyJobManager *self, MedleyJob *job, GVariant *event)
{
  const char *engine = NULL;

  if (!medley_circuits_are_closed (self->circuits)
      && g_variant_lookup (event, "engine", "&s", &engine)
      && medley_circuits_end (self->circuits, engine, job, MEDLEY_CIRCUIT_SUCCESS, NULL,
                              g_get_monotonic_time ()))
    tell_change (self);
}

typedef struct {
  MedleyJobManager *manager;
  MedleyJob *job;
  gint64 now;
  const char *crashed; /* the engine to blame, NULL for none */
  const char *message;
  gboolean is_told;
  gboolean changed;
} Ending;

static void
note_end (GVariant *stage, const char *const *engines, gpointer data)
{
  Ending *ending = data;

  for (guint i = 0; engines[i] != NULL; i++) {
    MedleyCircuitOutcome outcome = MEDLEY_CIRCUIT_NEITHER;

    if (ending->crashed != NULL && g_str_equal (engines[i], ending->crashed)) {
      /* It counts once, however many stages it has. */
      if (ending->is_told)
        continue;
      ending->is_told = TRUE;
      outcome = MEDLEY_CIRCUIT_CRASH;
    }
    ending->changed |= medley_circuits_end (ending->manager->circuits, engines[i], ending->job,
                                            outcome, ending->message, ending->now);
  }
}

void
medley_job_manager_note_engines (MedleyJobManager *self, MedleyJob *job, GVariant *error)
{
  Ending ending = { self, job, g_get_monotonic_time () };
  const char *code = "";

  if (error != NULL) {
    g_variant_lookup (error, "code", "&s", &code);
    g_variant_lookup (error, "message", "&s", &ending.message);
    if (g_str_equal (code, "worker-crashed") || g_str_equal (code, "worker-hung"))
      g_variant_lookup (error, "engine", "&s", &ending.crashed);
  }
  foreach_stage (medley_job_get_plan (job), note_end, &ending);
  medley_job_set_attempt_plan (job, NULL);
  /* Also when it is as closed as before: it may be so for longer. */
  if (ending.changed || !medley_circuits_are_closed (self->circuits))
    tell_change (self);
}

/* ---- the faces ---- */

GVariant *
medley_job_manager_describe_engine (MedleyJobManager *self, const MedleyEngine *engine)
{
  g_autofree char *reason = medley_circuits_explain (self->circuits, engine->name,
                                                     g_get_monotonic_time (), g_get_real_time ());
  GVariantDict dict;

  g_variant_dict_init (&dict, engine->details);
  g_variant_dict_insert (&dict, "suspended", "b", reason != NULL);
  if (reason != NULL)
    g_variant_dict_insert (&dict, "suspension", "s", reason);
  return g_variant_dict_end (&dict);
}
