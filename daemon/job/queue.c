/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/queue.h"

#include <string.h>

/* A level holds the jobs of one priority. In it each client with waiting jobs has a turn, and each
 * turn has a lane per set of classes: when the first job of a lane cannot start, none of it can. */

typedef struct {
  int priority;
  guint n_jobs;
  GQueue turns; /* Turn, the next to be served at the head */
  GHashTable *by_client;
} Level;

typedef struct {
  Level *level;
  char *client;
  guint n_jobs;
  GPtrArray *lanes; /* Lane, none empty */
  GList link;       /* in the level's turns */
} Turn;

typedef struct {
  Turn *turn;
  char **classes;     /* sorted, without repetition */
  GSequence *entries; /* Entry, by order */
} Lane;

typedef struct {
  gpointer job;
  guint64 order;
  guint64 serial; /* decides between jobs of the same order */
  Lane *lane;
  GSequenceIter *iter;
} Entry;

struct _MedleyQueue {
  GHashTable *entries; /* job → Entry */
  GHashTable *clients; /* client → number of its jobs */
  GTree *levels;       /* priority → Level, the highest first */
  guint64 serial;
};

static void
lane_free (gpointer data)
{
  Lane *lane = data;

  g_sequence_free (lane->entries);
  g_strfreev (lane->classes);
  g_free (lane);
}

static void
turn_free (gpointer data)
{
  Turn *turn = data;

  g_queue_unlink (&turn->level->turns, &turn->link);
  g_ptr_array_unref (turn->lanes);
  g_free (turn->client);
  g_free (turn);
}

static void
level_free (gpointer data)
{
  Level *level = data;

  g_hash_table_unref (level->by_client);
  g_free (level);
}

static int
compare_priorities (gconstpointer a, gconstpointer b, gpointer data)
{
  int first = GPOINTER_TO_INT (a);
  int second = GPOINTER_TO_INT (b);

  return (first < second) - (first > second);
}

static int
compare_entries (gconstpointer a, gconstpointer b, gpointer data)
{
  const Entry *first = a;
  const Entry *second = b;

  if (first->order != second->order)
    return first->order < second->order ? -1 : 1;
  return (first->serial > second->serial) - (first->serial < second->serial);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static char **
normalise_classes (const char *const *classes)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; classes != NULL && classes[i] != NULL; i++)
    g_ptr_array_add (sorted, (gpointer) classes[i]);
  g_ptr_array_sort (sorted, compare_names);
  for (guint i = 0; i < sorted->len; i++) {
    if (i == 0 || !g_str_equal (sorted->pdata[i], sorted->pdata[i - 1]))
      g_strv_builder_add (builder, sorted->pdata[i]);
  }
  return g_strv_builder_end (builder);
}

MedleyQueue *
medley_queue_new (void)
{
  MedleyQueue *self = g_new0 (MedleyQueue, 1);

  self->entries = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->levels = g_tree_new_full (compare_priorities, NULL, NULL, level_free);
  return self;
}

void
medley_queue_free (MedleyQueue *self)
{
  g_tree_unref (self->levels);
  g_hash_table_unref (self->clients);
  g_hash_table_unref (self->entries);
  g_free (self);
}

static Level *
ensure_level (MedleyQueue *self, int priority)
{
  Level *level = g_tree_lookup (self->levels, GINT_TO_POINTER (priority));

  if (level == NULL) {
    level = g_new0 (Level, 1);
    level->priority = priority;
    g_queue_init (&level->turns);
    level->by_client = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, turn_free);
    g_tree_insert (self->levels, GINT_TO_POINTER (priority), level);
  }
  return level;
}

static Turn *
ensure_turn (Level *level, const char *client)
{
  Turn *turn = g_hash_table_lookup (level->by_client, client);

  if (turn == NULL) {
    turn = g_new0 (Turn, 1);
    turn->level = level;
    turn->client = g_strdup (client);
    turn->lanes = g_ptr_array_new_with_free_func (lane_free);
    turn->link.data = turn;
    g_queue_push_tail_link (&level->turns, &turn->link);
    g_hash_table_insert (level->by_client, turn->client, turn);
  }
  return turn;
}

static Lane *
ensure_lane (Turn *turn, const char *const *classes)
{
  g_auto (GStrv) sorted = normalise_classes (classes);
  Lane *lane;

  for (guint i = 0; i < turn->lanes->len; i++) {
    lane = turn->lanes->pdata[i];
    if (g_strv_equal ((const char *const *) lane->classes, (const char *const *) sorted))
      return lane;
  }
  lane = g_new0 (Lane, 1);
  lane->turn = turn;
  lane->classes = g_steal_pointer (&sorted);
  lane->entries = g_sequence_new (NULL);
  g_ptr_array_add (turn->lanes, lane);
  return lane;
}

static void
add_to_client (MedleyQueue *self, const char *client, int change)
{
  guint n = medley_queue_get_client_length (self, client) + (guint) change;

  if (n == 0)
    g_hash_table_remove (self->clients, client);
  else
    g_hash_table_insert (self->clients, g_strdup (client), GUINT_TO_POINTER (n));
}

void
medley_queue_push (MedleyQueue *self, gpointer job, guint64 order, int priority, const char *client,
                   const char *const *classes)
{
  Entry *entry;
  Turn *turn;

  g_return_if_fail (!g_hash_table_contains (self->entries, job));

  turn = ensure_turn (ensure_level (self, priority), client);
  entry = g_new0 (Entry, 1);
  entry->job = job;
  entry->order = order;
  entry->serial = self->serial++;
  entry->lane = ensure_lane (turn, classes);
  entry->iter = g_sequence_insert_sorted (entry->lane->entries, entry, compare_entries, NULL);
  turn->n_jobs++;
  turn->level->n_jobs++;
  add_to_client (self, client, 1);
  g_hash_table_insert (self->entries, job, entry);
}

/* Frees what has become empty with it. */
static void
take_out (MedleyQueue *self, Entry *entry)
{
  Lane *lane = entry->lane;
  Turn *turn = lane->turn;
  Level *level = turn->level;

  g_sequence_remove (entry->iter);
  g_hash_table_remove (self->entries, entry->job);
  add_to_client (self, turn->client, -1);
  turn->n_jobs--;
  level->n_jobs--;
  if (g_sequence_is_empty (lane->entries))
    g_ptr_array_remove_fast (turn->lanes, lane);
  if (turn->n_jobs == 0)
    g_hash_table_remove (level->by_client, turn->client);
  if (level->n_jobs == 0)
    g_tree_remove (self->levels, GINT_TO_POINTER (level->priority));
}

gboolean
medley_queue_remove (MedleyQueue *self, gpointer job)
{
  Entry *entry = g_hash_table_lookup (self->entries, job);

  if (entry == NULL)
    return FALSE;
  take_out (self, entry);
  return TRUE;
}

gboolean
medley_queue_contains (MedleyQueue *self, gpointer job)
{
  return g_hash_table_contains (self->entries, job);
}

static Entry *
first_of_lane (Lane *lane)
{
  return g_sequence_get (g_sequence_get_begin_iter (lane->entries));
}

/* The oldest job of a client that can start. */
static Entry *
find_startable (Turn *turn, MedleyQueueCanStart can_start, gpointer data)
{
  Entry *found = NULL;

  for (guint i = 0; i < turn->lanes->len; i++) {
    Lane *lane = turn->lanes->pdata[i];
    Entry *first = first_of_lane (lane);

    if ((found == NULL || compare_entries (first, found, NULL) < 0)
        && (can_start == NULL
            || can_start (turn->client, (const char *const *) lane->classes, data)))
      found = first;
  }
  return found;
}

gpointer
medley_queue_pop (MedleyQueue *self, MedleyQueueCanStart can_start, gpointer data)
{
  for (GTreeNode *node = g_tree_node_first (self->levels); node != NULL;
       node = g_tree_node_next (node)) {
    Level *level = g_tree_node_value (node);

    for (GList *l = level->turns.head; l != NULL; l = l->next) {
      Turn *turn = l->data;
      Entry *entry = find_startable (turn, can_start, data);
      gpointer job;

      if (entry == NULL)
        continue;
      job = entry->job;
      g_queue_unlink (&level->turns, &turn->link);
      g_queue_push_tail_link (&level->turns, &turn->link);
      take_out (self, entry);
      return job;
    }
  }
  return NULL;
}

guint
medley_queue_get_length (MedleyQueue *self)
{
  return g_hash_table_size (self->entries);
}

guint
medley_queue_get_client_length (MedleyQueue *self, const char *client)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->clients, client));
}

guint
medley_queue_get_n_clients (MedleyQueue *self)
{
  return g_hash_table_size (self->clients);
}

/* How many older jobs of the same client and priority there are. */
static guint
count_older (Entry *entry)
{
  Turn *turn = entry->lane->turn;
  guint n = 0;

  for (guint i = 0; i < turn->lanes->len; i++) {
    Lane *lane = turn->lanes->pdata[i];
    GSequenceIter *iter = lane == entry->lane
                              ? entry->iter
                              : g_sequence_search (lane->entries, entry, compare_entries, NULL);

    n += (guint) g_sequence_iter_get_position (iter);
  }
  return n;
}

guint
medley_queue_get_position (MedleyQueue *self, gpointer job)
{
  Entry *entry = g_hash_table_lookup (self->entries, job);
  Level *level;
  gboolean before = TRUE;
  guint rounds;
  guint position;

  if (entry == NULL)
    return 0;
  level = entry->lane->turn->level;
  rounds = count_older (entry);
  position = rounds + 1;
  for (GTreeNode *node = g_tree_node_first (self->levels); g_tree_node_value (node) != level;
       node = g_tree_node_next (node))
    position += ((Level *) g_tree_node_value (node))->n_jobs;
  /* Each other client is served as often as its own one, and once more if its turn comes before. */
  for (GList *l = level->turns.head; l != NULL; l = l->next) {
    Turn *turn = l->data;

    if (turn == entry->lane->turn)
      before = FALSE;
    else
      position += MIN (turn->n_jobs, rounds + before);
  }
  return position;
}

const char *const *
medley_queue_get_classes (MedleyQueue *self, gpointer job)
{
  Entry *entry = g_hash_table_lookup (self->entries, job);

  return entry != NULL ? (const char *const *) entry->lane->classes : NULL;
}

void
medley_queue_foreach (MedleyQueue *self, MedleyQueueFunc func, gpointer data)
{
  GHashTableIter iter;
  gpointer job;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &job, NULL))
    func (job, data);
}
