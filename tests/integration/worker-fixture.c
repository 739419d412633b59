/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/names.h"

static void
got_signal (GDBusConnection *connection, const char *sender, const char *path,
            const char *interface, const char *signal, GVariant *parameters, gpointer data)
{
  TestWorker *self = data;

  if (g_str_equal (signal, "Event")) {
    g_ptr_array_add (self->events, g_variant_ref (parameters));
  } else if (g_str_equal (signal, "Finished")) {
    g_assert_false (self->finished);
    self->finished = TRUE;
    g_clear_pointer (&self->error, g_variant_unref);
    g_variant_get (parameters, "(sb@a{sv})", NULL, &self->ok, &self->error);
  } else if (g_str_equal (signal, "Heartbeat")) {
    self->n_heartbeats++;
    g_free (self->heartbeat_stage);
    g_free (self->heartbeat_engine);
    g_variant_get (parameters, "(tss)", &self->activity, &self->heartbeat_stage,
                   &self->heartbeat_engine);
  }
}

TestWorker *
test_worker_adopt (GPid pid, int fd)
{
  TestWorker *self = g_new0 (TestWorker, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);
  g_autoptr (GSocketConnection) stream = NULL;
  g_autofree char *guid = g_dbus_generate_guid ();

  g_assert_no_error (error);
  medley_error_register_dbus ();
  self->pid = pid;
  self->errors = -1;
  self->pidfd = (int) syscall (SYS_pidfd_open, pid, 0);
  g_assert_cmpint (self->pidfd, >=, 0);
  self->events = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  self->folder = g_dir_make_tmp ("medley-test-XXXXXX", &error);
  g_assert_no_error (error);
  stream = g_socket_connection_factory_create_connection (socket);
  self->connection = g_dbus_connection_new_sync (G_IO_STREAM (stream), guid,
                                                 G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER,
                                                 NULL, NULL, &error);
  g_assert_no_error (error);
  self->subscription
      = g_dbus_connection_signal_subscribe (self->connection, NULL, "org.medley.Worker1", NULL,
                                            MEDLEY_WORKER_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                            got_signal, self, NULL);
  return self;
}

/* What medleyd does before it starts a worker. */
void
test_worker_build_registry (void)
{
  static gsize done;
  g_autofree char *folder = NULL;
  g_autofree char *fresh = NULL;
  g_autofree char *program = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  if (!g_once_init_enter (&done))
    return;
  folder = g_strconcat (g_getenv ("GST_REGISTRY"), ".new-XXXXXX", NULL);
  g_assert_nonnull (g_mkdtemp (folder));
  fresh = g_build_filename (folder, MEDLEY_REGISTRY_NAME, NULL);
  g_spawn_sync (NULL,
                (char *[]){ (char *) g_getenv ("MEDLEY_WORKER"), "--build-registry", folder,
                            "--sandbox", TEST_SANDBOX, NULL },
                NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  g_assert_cmpint (g_rename (fresh, g_getenv ("GST_REGISTRY")), ==, 0);
  g_rmdir (folder);
  g_once_init_leave (&done, 1);
}

TestWorker *
test_worker_start (const char *const *arguments)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  g_autofree char *number = NULL;
  g_autoptr (GError) error = NULL;
  TestWorker *self;
  int pair[2], errors;
  GPid pid;

  test_worker_build_registry ();
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  number = g_strdup_printf ("%d", 3);
  g_strv_builder_add_many (builder, g_getenv ("MEDLEY_WORKER"), "--fd", number, "--sandbox",
                           TEST_SANDBOX, NULL);
  if (arguments != NULL)
    g_strv_builder_addv (builder, (const char **) arguments);
  argv = g_strv_builder_end (builder);
  g_assert_nonnull (argv[0]);
  g_spawn_async_with_pipes_and_fds (NULL, (const char *const *) argv, NULL,
                                    G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, -1,
                                    (const int[]){ pair[1] }, (const int[]){ 3 }, 1, &pid, NULL,
                                    NULL, &errors, &error);
  g_assert_no_error (error);
  close (pair[1]);
  self = test_worker_adopt (pid, pair[0]);
  self->errors = errors;
  return self;
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (folder);
}

void
test_worker_free (TestWorker *self)
{
  g_dbus_connection_signal_unsubscribe (self->connection, self->subscription);
  g_dbus_connection_close_sync (self->connection, NULL, NULL);
  g_object_unref (self->connection);
  if (self->pid > 0) {
    syscall (SYS_pidfd_send_signal, self->pidfd, SIGKILL, NULL, 0);
    waitpid (self->pid, NULL, 0);
  }
  close (self->pidfd);
  if (self->errors >= 0)
    close (self->errors);
  g_ptr_array_unref (self->events);
  g_clear_pointer (&self->error, g_variant_unref);
  g_free (self->heartbeat_stage);
  g_free (self->heartbeat_engine);
  remove_folder (self->folder);
  g_free (self->folder);
  g_free (self);
}

GVariant *
test_worker_call (TestWorker *self, const char *method, GVariant *parameters, GError **error)
{
  GVariant *reply = g_dbus_connection_call_sync (self->connection, NULL, MEDLEY_WORKER_PATH,
                                                 "org.medley.Worker1", method, parameters, NULL,
                                                 G_DBUS_CALL_FLAGS_NONE, 60000, NULL, error);

  if (reply == NULL && error != NULL)
    g_dbus_error_strip_remote_error (*error);
  return reply;
}

char *
test_worker_path (TestWorker *self, const char *name)
{
  return g_build_filename (self->folder, name, NULL);
}

char *
test_worker_write (TestWorker *self, const char *name, const char *text, gssize length)
{
  char *path = test_worker_path (self, name);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, length, &error);
  g_assert_no_error (error);
  return path;
}

char *
test_worker_read (TestWorker *self, const char *name, gsize *length)
{
  g_autofree char *path = test_worker_path (self, name);
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, length, &error);
  g_assert_no_error (error);
  return text;
}

static GVariant *
make_inputs (const TestInput *inputs, GUnixFDList *fds)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a{sa{sv}}"));
  for (guint i = 0; inputs != NULL && inputs[i].name != NULL; i++) {
    GVariantDict dict;
    int fd = open (inputs[i].path, O_RDONLY | O_CLOEXEC);

    g_assert_cmpint (fd, >=, 0);
    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "file", "h", g_unix_fd_list_append (fds, fd, NULL));
    g_variant_dict_insert (&dict, "type", "s", "");
    close (fd);
    if (inputs[i].doorbell > 0) {
      g_variant_dict_insert (&dict, "doorbell", "h",
                             g_unix_fd_list_append (fds, inputs[i].doorbell, NULL));
      close (inputs[i].doorbell);
    }
    g_variant_builder_add (&list, "{s@a{sv}}", inputs[i].name, g_variant_dict_end (&dict));
  }
  return g_variant_builder_end (&list);
}

static GVariant *
make_outputs (TestWorker *self, const TestOutput *outputs, GUnixFDList *fds)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a{sa{sv}}"));
  for (guint i = 0; outputs != NULL && outputs[i].name != NULL; i++) {
    g_autofree char *path = test_worker_path (self, outputs[i].file);
    GVariantDict dict;
    int fd = open (path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint (fd, >=, 0);
    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "file", "h", g_unix_fd_list_append (fds, fd, NULL));
    g_variant_dict_insert (&dict, "type", "s", outputs[i].type != NULL ? outputs[i].type : "");
    close (fd);
    g_variant_builder_add (&list, "{s@a{sv}}", outputs[i].name, g_variant_dict_end (&dict));
  }
  return g_variant_builder_end (&list);
}

static GVariant *
make_stages (TestWorker *self, GUnixFDList *fds)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a{sa{sv}}"));
  for (const TestStage *stage = self->stages; stage != NULL && stage->stage != NULL; stage++) {
    GVariantBuilder ports;
    GVariantDict dict;

    g_variant_builder_init (&ports, G_VARIANT_TYPE ("a{sh}"));
    for (guint i = 0; i < G_N_ELEMENTS (stage->ports) && stage->ports[i].file != NULL; i++) {
      g_autofree char *path = test_worker_path (self, stage->ports[i].file);
      int flags = stage->replay ? O_RDONLY : O_RDWR | O_CREAT | O_TRUNC;
      int fd = open (path, flags | O_CLOEXEC, 0600);

      g_assert_cmpint (fd, >=, 0);
      g_variant_builder_add (&ports, "{sh}", stage->ports[i].port,
                             g_unix_fd_list_append (fds, fd, NULL));
      close (fd);
    }
    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "limit", "t", stage->limit > 0 ? stage->limit : 1 << 20);
    g_variant_dict_insert_value (&dict, stage->replay ? "replay" : "record",
                                 g_variant_builder_end (&ports));
    g_variant_builder_add (&list, "{s@a{sv}}", stage->stage, g_variant_dict_end (&dict));
  }
  return g_variant_builder_end (&list);
}

gboolean
test_worker_try_run (TestWorker *self, const char *plan, const TestInput *inputs,
                     const TestOutput *outputs, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) plan_value = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) parse_error = NULL;
  GVariant *parameters[5];

  plan_value = g_variant_parse (G_VARIANT_TYPE_VARDICT, plan, NULL, NULL, &parse_error);
  g_assert_no_error (parse_error);
  self->finished = FALSE;
  self->n_heartbeats = 0;
  g_ptr_array_set_size (self->events, 0);
  parameters[0] = g_variant_new_string ("job");
  parameters[1] = plan_value;
  parameters[2] = make_inputs (inputs, fds);
  parameters[3] = make_outputs (self, outputs, fds);
  parameters[4] = make_stages (self, fds);
  reply = g_dbus_connection_call_with_unix_fd_list_sync (self->connection, NULL, MEDLEY_WORKER_PATH,
                                                         "org.medley.Worker1", "Run",
                                                         g_variant_new_tuple (parameters, 5), NULL,
                                                         G_DBUS_CALL_FLAGS_NONE, 60000, fds, NULL,
                                                         NULL, error);
  return reply != NULL;
}

void
test_worker_run (TestWorker *self, const char *plan, const TestInput *inputs,
                 const TestOutput *outputs)
{
  g_autoptr (GError) error = NULL;

  test_worker_try_run (self, plan, inputs, outputs, &error);
  g_assert_no_error (error);
}

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

void
test_worker_until (TestWorker *self, gboolean (*check) (TestWorker *self, gpointer data),
                   gpointer data, guint seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64) seconds * G_USEC_PER_SEC;
  guint source = g_timeout_add (20, tick, NULL);

  while (!check (self, data)) {
    if (g_get_monotonic_time () > end)
      g_error ("nothing came of it within %u s", seconds);
    g_main_context_iteration (NULL, TRUE);
  }
  g_source_remove (source);
}

static gboolean
is_finished (TestWorker *self, gpointer data)
{
  return self->finished;
}

void
test_worker_wait (TestWorker *self, guint seconds)
{
  test_worker_until (self, is_finished, NULL, seconds);
}

void
test_worker_succeed (TestWorker *self, const char *plan, const TestInput *inputs,
                     const TestOutput *outputs)
{
  test_worker_run (self, plan, inputs, outputs);
  test_worker_wait (self, 120);
  if (!self->ok) {
    g_autofree char *text = g_variant_print (self->error, FALSE);

    g_error ("the job failed: %s", text);
  }
}

void
test_worker_fail (TestWorker *self, const char *plan, const TestInput *inputs,
                  const TestOutput *outputs, const char *code, const char *stage,
                  const char *message)
{
  const char *found_code = NULL, *found_stage = NULL, *found_message = NULL;
  g_autofree char *text = NULL;

  test_worker_run (self, plan, inputs, outputs);
  test_worker_wait (self, 60);
  g_assert_false (self->ok);
  text = g_variant_print (self->error, FALSE);
  g_test_message ("%s", text);
  g_variant_lookup (self->error, "code", "&s", &found_code);
  g_variant_lookup (self->error, "stage", "&s", &found_stage);
  g_variant_lookup (self->error, "message", "&s", &found_message);
  g_assert_cmpstr (found_code, ==, code);
  g_assert_cmpstr (found_stage, ==, stage);
  if (strstr (found_message, message) == NULL)
    g_error ("\"%s\" does not say \"%s\"", found_message, message);
}

GVariant *
test_worker_find_event (TestWorker *self, const char *kind, const char *of)
{
  for (guint i = 0; i < self->events->len; i++) {
    g_autoptr (GVariant) details = NULL;
    const char *found, *name = NULL;

    g_variant_get (g_ptr_array_index (self->events, i), "(&s&s@a{sv})", NULL, &found, &details);
    if (!g_str_equal (found, kind))
      continue;
    if (!g_variant_lookup (details, "stage", "&s", &name))
      g_variant_lookup (details, "output", "&s", &name);
    if (of == NULL || g_strcmp0 (name, of) == 0)
      return g_steal_pointer (&details);
  }
  return NULL;
}

int
test_worker_reap (TestWorker *self, guint seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64) seconds * G_USEC_PER_SEC;
  int status = 0;

  while (waitpid (self->pid, &status, WNOHANG) == 0) {
    if (g_get_monotonic_time () > end)
      g_error ("the worker did not end within %u s", seconds);
    g_usleep (5000);
  }
  self->pid = 0;
  return status;
}

guint64
test_worker_private_kib (TestWorker *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/smaps_rollup", self->pid);
  g_autofree char *text = NULL;
  guint64 sum = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  for (const char *at = text; (at = strstr (at, "Private_")) != NULL; at++)
    sum += g_ascii_strtoull (strchr (at, ':') + 1, NULL, 10);
  return sum;
}

gboolean
test_have (const char *program)
{
  g_autofree char *path = g_find_program_in_path (program);

  return path != NULL;
}

char *
test_probe (const char *path, const char *entries)
{
  const char *argv[] = {
    "ffprobe", "-v", "error", "-show_entries", entries, "-of", "default=noprint_wrappers=1:nokey=1",
    path,      NULL
  };
  g_autoptr (GError) error = NULL;
  g_autofree char *complaints = NULL;
  char *text = NULL;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, &complaints,
                NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (complaints, ==, "");
  return text;
}

double
test_probe_duration (const char *path)
{
  g_autofree char *text = test_probe (path, "format=duration");

  return g_ascii_strtod (text, NULL);
}

void
test_decode (const char *path)
{
  const char *argv[] = { "ffmpeg", "-v", "error", "-i", path, "-f", "null", "-", NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *complaints = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &complaints,
                &status, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (complaints, ==, "");
  g_assert_cmpint (status, ==, 0);
}

char *
test_plan (const char *inputs, const char *stages, const char *outputs, const char *limits)
{
  return g_strdup_printf (
      "{'pipeline': <'test'>, 'inputs': <@aa{sv} [%s]>, 'stages': <@aa{sv} [%s]>, "
      "'outputs': <@aa{sv} [%s]>, 'limits': <@a{sv} {%s}>}",
      inputs, stages, outputs, limits != NULL ? limits : "");
}
