/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/circuit.h"

#include <string.h>

typedef struct {
  GArray *times;   /* gint64, of the latest crashes: the oldest first, as many as open it at most */
  guint n_crashes; /* since it worked last */
  char *error;
  gboolean suspended; /* open until `until`, half-open from then on */
  gint64 until;
  gint64 time;         /* that it is open for, once it opens again */
  gconstpointer trial; /* the job that tries it */
} Circuit;

struct _MedleyCircuits {
  MedleyCircuitPolicy policy;
  GHashTable *engines; /* name → Circuit */
};

static void
circuit_free (gpointer data)
{
  Circuit *circuit = data;

  g_array_unref (circuit->times);
  g_free (circuit->error);
  g_free (circuit);
}

const char *
medley_circuit_state_to_string (MedleyCircuitState state)
{
  static const char *const names[] = { "closed", "open", "half-open" };

  return names[state];
}

MedleyCircuits *
medley_circuits_new (const MedleyCircuitPolicy *policy)
{
  MedleyCircuits *self = g_new0 (MedleyCircuits, 1);

  self->policy = *policy;
  self->engines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, circuit_free);
  return self;
}

void
medley_circuits_free (MedleyCircuits *self)
{
  g_hash_table_unref (self->engines);
  g_free (self);
}

static MedleyCircuitState
get_state (const Circuit *circuit, gint64 now)
{
  if (circuit == NULL || !circuit->suspended)
    return MEDLEY_CIRCUIT_CLOSED;
  return now < circuit->until ? MEDLEY_CIRCUIT_OPEN : MEDLEY_CIRCUIT_HALF_OPEN;
}

static gboolean
can_start (const Circuit *circuit, gint64 now)
{
  MedleyCircuitState state = get_state (circuit, now);

  return state == MEDLEY_CIRCUIT_CLOSED
         || (state == MEDLEY_CIRCUIT_HALF_OPEN && circuit->trial == NULL);
}

gboolean
medley_circuits_are_closed (MedleyCircuits *self)
{
  return g_hash_table_size (self->engines) == 0;
}

MedleyCircuitState
medley_circuits_get_state (MedleyCircuits *self, const char *engine, gint64 now)
{
  return get_state (g_hash_table_lookup (self->engines, engine), now);
}

gboolean
medley_circuits_can_start (MedleyCircuits *self, const char *engine, gint64 now)
{
  return can_start (g_hash_table_lookup (self->engines, engine), now);
}

/* Forgets crashes that are too long ago to count. */
static void
drop_old (MedleyCircuits *self, Circuit *circuit, gint64 now)
{
  guint n = 0;

  while (n < circuit->times->len
         && now - g_array_index (circuit->times, gint64, n) > self->policy.window)
    n++;
  g_array_remove_range (circuit->times, 0, n);
}

static gboolean
is_forgotten (gpointer key, gpointer value, gpointer data)
{
  const Circuit *circuit = value;

  return !circuit->suspended && circuit->times->len == 0;
}

static void
prune (MedleyCircuits *self, gint64 now)
{
  GHashTableIter iter;
  gpointer circuit;

  g_hash_table_iter_init (&iter, self->engines);
  while (g_hash_table_iter_next (&iter, NULL, &circuit))
    drop_old (self, circuit, now);
  g_hash_table_foreach_remove (self->engines, is_forgotten, NULL);
}

void
medley_circuits_start (MedleyCircuits *self, const char *engine, gconstpointer job, gint64 now)
{
  Circuit *circuit = g_hash_table_lookup (self->engines, engine);

  if (get_state (circuit, now) == MEDLEY_CIRCUIT_HALF_OPEN && circuit->trial == NULL)
    circuit->trial = job;
}

static void
suspend (MedleyCircuits *self, Circuit *circuit, gint64 now)
{
  circuit->suspended = TRUE;
  circuit->until = now + circuit->time;
  circuit->time = MAX (circuit->time, MIN (circuit->time * 2, self->policy.time_maximum));
}

static void
note_crash (MedleyCircuits *self, const char *engine, gboolean was_trial, const char *error,
            gint64 now)
{
  Circuit *circuit = g_hash_table_lookup (self->engines, engine);

  if (circuit == NULL) {
    circuit = g_new0 (Circuit, 1);
    circuit->times = g_array_new (FALSE, FALSE, sizeof (gint64));
    circuit->time = self->policy.time;
    g_hash_table_insert (self->engines, g_strdup (engine), circuit);
  }
  circuit->n_crashes++;
  g_free (circuit->error);
  circuit->error = g_strdup (error);
  g_array_append_val (circuit->times, now);
  if (circuit->times->len > self->policy.crashes)
    g_array_remove_index (circuit->times, 0);
  drop_old (self, circuit, now);
  /* What ran on when the circuit opened may crash later, and changes nothing. */
  if (was_trial || (!circuit->suspended && circuit->times->len >= self->policy.crashes))
    suspend (self, circuit, now);
}

gboolean
medley_circuits_end (MedleyCircuits *self, const char *engine, gconstpointer job,
                     MedleyCircuitOutcome outcome, const char *error, gint64 now)
{
  Circuit *circuit;
  gboolean could_start, was_trial;

  if (self->policy.crashes == 0)
    return FALSE;
  prune (self, now);
  circuit = g_hash_table_lookup (self->engines, engine);
  could_start = can_start (circuit, now);
  was_trial = circuit != NULL && circuit->trial != NULL && circuit->trial == job;
  if (was_trial)
    circuit->trial = NULL;
  if (outcome == MEDLEY_CIRCUIT_CRASH)
    note_crash (self, engine, was_trial, error, now);
  else if (outcome == MEDLEY_CIRCUIT_SUCCESS && circuit != NULL
           && (was_trial || !circuit->suspended))
    g_hash_table_remove (self->engines, engine);
  return medley_circuits_can_start (self, engine, now) != could_start;
}

gint64
medley_circuits_next_change (MedleyCircuits *self, gint64 now)
{
  gint64 next = -1;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->engines);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Circuit *circuit = value;

    if (get_state (circuit, now) == MEDLEY_CIRCUIT_OPEN && (next < 0 || circuit->until < next))
      next = circuit->until;
  }
  return next;
}

static const char *
plural (const Circuit *circuit)
{
  return circuit->n_crashes == 1 ? "" : "es";
}

char *
medley_circuits_explain (MedleyCircuits *self, const char *engine, gint64 now, gint64 wall_clock)
{
  const Circuit *circuit = g_hash_table_lookup (self->engines, engine);
  g_autoptr (GDateTime) until = NULL;
  g_autoptr (GDateTime) local = NULL;
  g_autofree char *time = NULL;

  if (can_start (circuit, now))
    return NULL;
  if (get_state (circuit, now) == MEDLEY_CIRCUIT_HALF_OPEN)
    return g_strdup_printf ("engine \"%s\" is being tried by one job after %u crash%s", engine,
                            circuit->n_crashes, plural (circuit));
  until = g_date_time_new_from_unix_utc ((wall_clock + circuit->until - now) / G_USEC_PER_SEC);
  local = g_date_time_to_local (until);
  time = g_date_time_format (local, "%H:%M:%S");
  return g_strdup_printf ("engine \"%s\" is suspended after %u crash%s until %s", engine,
                          circuit->n_crashes, plural (circuit), time);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (a, b);
}

GVariant *
medley_circuits_describe (MedleyCircuits *self, gint64 now, gint64 wall_clock)
{
  g_autoptr (GList) names = NULL;
  GVariantBuilder list;

  prune (self, now);
  names = g_list_sort (g_hash_table_get_keys (self->engines), compare_names);
  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (GList *l = names; l != NULL; l = l->next) {
    const Circuit *circuit = g_hash_table_lookup (self->engines, l->data);
    MedleyCircuitState state = get_state (circuit, now);

    g_variant_builder_open (&list, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (&list, "{sv}", "engine", g_variant_new_string (l->data));
    g_variant_builder_add (&list, "{sv}", "state",
                           g_variant_new_string (medley_circuit_state_to_string (state)));
    g_variant_builder_add (&list, "{sv}", "crashes", g_variant_new_uint32 (circuit->n_crashes));
    g_variant_builder_add (&list, "{sv}", "error",
                           g_variant_new_string (circuit->error != NULL ? circuit->error : ""));
    if (state == MEDLEY_CIRCUIT_OPEN)
      g_variant_builder_add (&list, "{sv}", "until",
                             g_variant_new_int64 (wall_clock + circuit->until - now));
    g_variant_builder_close (&list);
  }
  return g_variant_builder_end (&list);
}
