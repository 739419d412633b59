/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Races on purpose, each in a way in which Medley's threads could have one, and hand-overs that are
 * none. check-races.py runs each alone: the thread sanitizer must report the first and be silent on
 * the others, with the same libraries, options and suppressions as the tests. */
#include <gio/gio.h>
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

#define TURNS 200

typedef struct {
  int number;
  int arrived; /* relaxed */
  char text[64];
  GMutex lock;
  GCond cond;
  GHashTable *table;
} Shared;

static void
run_beside (GThreadFunc func, gpointer data)
{
  GThread *thread = g_thread_new ("beside", func, data);

  func (data);
  g_thread_join (thread);
}

/* Waits for the other thread in a way that orders nothing between the two. */
static void
meet (Shared *shared)
{
  int all = __atomic_fetch_add (&shared->arrived, 1, __ATOMIC_RELAXED) < 2 ? 2 : 4;

  while (__atomic_load_n (&shared->arrived, __ATOMIC_RELAXED) < all)
    g_usleep (100);
}

static void
count (Shared *shared)
{
  for (guint i = 0; i < TURNS; i++)
    shared->number++;
}

/* Races: both threads are inside before either goes on. */

static gpointer
racy_count (gpointer data)
{
  meet (data);
  count (data);
  meet (data);
  return NULL;
}

static void
plain_field (void)
{
  Shared shared = { 0 };

  run_beside (racy_count, &shared);
}

static gpointer
racy_copy (gpointer data)
{
  Shared *shared = data;
  static const char words[] = "written by two";

  meet (shared);
  memcpy (shared->text, words, sizeof words);
  meet (shared);
  return NULL;
}

static void
copied_bytes (void)
{
  Shared shared = { 0 };

  run_beside (racy_copy, &shared);
}

/* One of two takes the lock. */
static gpointer
locked_racy_count (gpointer data)
{
  Shared *shared = data;

  meet (shared);
  g_mutex_lock (&shared->lock);
  count (shared);
  g_mutex_unlock (&shared->lock);
  meet (shared);
  return NULL;
}

static void
half_locked (void)
{
  Shared shared = { 0 };
  GThread *thread = g_thread_new ("beside", locked_racy_count, &shared);

  racy_count (&shared);
  g_thread_join (thread);
}

/* A container of GLib's, which has no lock of its own. */
static gpointer
racy_insert (gpointer data)
{
  Shared *shared = data;

  meet (shared);
  g_hash_table_insert (shared->table, data, data);
  meet (shared);
  return NULL;
}

static void
container (void)
{
  Shared shared = { .table = g_hash_table_new (NULL, NULL) };

  run_beside (racy_insert, &shared);
  g_hash_table_unref (shared.table);
}

static void
racy_task (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  racy_count (data);
  g_task_return_boolean (task, TRUE);
}

static void
quit_loop (GObject *source, GAsyncResult *result, gpointer data)
{
  g_main_loop_quit (data);
}

/* The main loop goes on with what a task's thread has been given. */
static void
task_data (void)
{
  Shared shared = { 0 };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GTask) task = g_task_new (NULL, NULL, quit_loop, loop);

  g_task_set_task_data (task, &shared, NULL);
  g_task_run_in_thread (task, racy_task);
  racy_count (&shared);
  g_main_loop_run (loop);
}

static GstPadProbeReturn
racy_probe (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  racy_count (data);
  return GST_PAD_PROBE_REMOVE;
}

static void
run_pipeline (const char *description, const char *name, GstPadProbeCallback probe, Shared *shared,
              GThreadFunc meanwhile)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (description, &error);
  g_autoptr (GstElement) element = NULL;
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GstMessage) message = NULL;

  g_assert_no_error (error);
  element = gst_bin_get_by_name (GST_BIN (pipeline), name);
  pad = gst_element_get_static_pad (element, "sink");
  bus = gst_element_get_bus (pipeline);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, probe, shared, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  if (meanwhile != NULL)
    meanwhile (shared);
  message
      = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

/* A streaming thread and the one that started the pipeline. */
static void
streaming_thread (void)
{
  Shared shared = { 0 };

  run_pipeline ("fakesrc num-buffers=2 ! fakesink name=end", "end", racy_probe, &shared,
                racy_count);
}

/* Hand-overs */

static gpointer
locked_count (gpointer data)
{
  Shared *shared = data;

  for (guint i = 0; i < TURNS; i++) {
    g_mutex_lock (&shared->lock);
    shared->number++;
    g_cond_signal (&shared->cond);
    while (shared->number < 0)
      g_cond_wait (&shared->cond, &shared->lock);
    g_mutex_unlock (&shared->lock);
  }
  return NULL;
}

static void
mutex (void)
{
  Shared shared = { 0 };

  run_beside (locked_count, &shared);
  g_assert_cmpint (shared.number, ==, 2 * TURNS);
}

static gpointer
pop_all (gpointer data)
{
  int sum = 0;

  for (guint i = 0; i < TURNS; i++) {
    g_autofree Shared *shared = g_async_queue_pop (data);

    sum += shared->number;
  }
  return GINT_TO_POINTER (sum);
}

static void
async_queue (void)
{
  g_autoptr (GAsyncQueue) queue = g_async_queue_new ();
  GThread *thread = g_thread_new ("beside", pop_all, queue);

  for (guint i = 0; i < TURNS; i++) {
    Shared *shared = g_new0 (Shared, 1);

    shared->number = 1;
    g_async_queue_push (queue, shared);
  }
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, TURNS);
}

static void
answered (GObject *source, GAsyncResult *result, gpointer data)
{
  Shared *shared = g_task_get_task_data (G_TASK (result));

  shared->number++;
  g_assert_cmpint (shared->number, ==, TURNS + 1);
  g_main_loop_quit (data);
}

static void
count_task (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  count (data);
  g_task_return_boolean (task, TRUE);
}

static void
task_result (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GTask) task = g_task_new (NULL, NULL, answered, loop);

  g_task_set_task_data (task, g_new0 (Shared, 1), g_free);
  g_task_run_in_thread (task, count_task);
  g_main_loop_run (loop);
}

typedef struct {
  GMainLoop *loop;
  Shared *shared;
} Invocation;

static gboolean
invoked (gpointer data)
{
  Invocation *invocation = data;

  invocation->shared->number++;
  g_main_loop_quit (invocation->loop);
  return G_SOURCE_REMOVE;
}

static gpointer
count_and_add_idle (gpointer data)
{
  Invocation *invocation = data;

  count (invocation->shared);
  g_idle_add (invoked, invocation);
  return NULL;
}

static void
main_context (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Shared shared = { 0 };
  Invocation invocation = { loop, &shared };
  GThread *thread = g_thread_new ("beside", count_and_add_idle, &invocation);

  g_main_loop_run (loop);
  g_assert_cmpint (shared.number, ==, TURNS + 1);
  g_thread_join (thread);
}

/* Who drops the last reference frees what the other has written. */
static gpointer
write_and_unref (gpointer data)
{
  g_autoptr (GObject) object = data;
  Shared *shared = g_object_get_data (object, "shared");

  locked_count (shared);
  return NULL;
}

static void
last_reference (void)
{
  for (guint i = 0; i < TURNS; i++) {
    GObject *object = g_object_new (G_TYPE_OBJECT, NULL);
    GThread *thread;

    g_object_set_data_full (object, "shared", g_new0 (Shared, 1), g_free);
    thread = g_thread_new ("beside", write_and_unref, g_object_ref (object));
    write_and_unref (object);
    g_thread_join (thread);
  }
}

static GstPadProbeReturn
read_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstMapInfo map;
  Shared *shared = data;

  g_assert_true (gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ));
  for (gsize i = 0; i < map.size; i++)
    shared->number += map.data[i];
  gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  return GST_PAD_PROBE_OK;
}

/* From streaming thread to streaming thread, and to the main thread with the end of the stream. */
static void
buffers (void)
{
  Shared shared = { 0 };

  run_pipeline ("fakesrc num-buffers=200 sizetype=fixed sizemax=64 filltype=pattern ! queue ! "
                "fakesink name=end",
                "end", read_buffer, &shared, NULL);
  g_assert_cmpint (shared.number, >, 0);
}

static const struct {
  const char *name;
  gboolean race;
  void (*func) (void);
} cases[] = {
  { "plain-field", TRUE, plain_field },
  { "copied-bytes", TRUE, copied_bytes },
  { "half-locked", TRUE, half_locked },
  { "container", TRUE, container },
  { "task-data", TRUE, task_data },
  { "streaming-thread", TRUE, streaming_thread },
  { "mutex", FALSE, mutex },
  { "async-queue", FALSE, async_queue },
  { "task-result", FALSE, task_result },
  { "main-context", FALSE, main_context },
  { "last-reference", FALSE, last_reference },
  { "buffers", FALSE, buffers },
};

/* Without an argument: the names of the cases. */
int
main (int argc, char **argv)
{
  gst_init (NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    if (argc < 2) {
      printf ("%s %s\n", cases[i].race ? "race" : "none", cases[i].name);
    } else if (g_str_equal (argv[1], cases[i].name)) {
      cases[i].func ();
      return 0;
    }
  }
  return argc < 2 ? 0 : 2;
}
