/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/caller.h"

#include <unistd.h>

#include "base/error.h"

/* Names of connections are never used twice: what was learned stays true, but need not be kept. */
#define MAX_KNOWN 1024

static void
return_name (GTask *task, guint uid, const char *sender)
{
  g_task_return_pointer (task, g_strdup_printf ("uid:%u/%s", uid, sender), g_free);
}

static GHashTable *
get_known (GDBusConnection *connection)
{
  GHashTable *known = g_object_get_data (G_OBJECT (connection), "medley-callers");

  if (known == NULL) {
    known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_object_set_data_full (G_OBJECT (connection), "medley-callers", known,
                            (GDestroyNotify) g_hash_table_unref);
  }
  return known;
}

static void
bus_answered (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply
      = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  const char *sender = g_task_get_task_data (task);
  GHashTable *known = get_known (G_DBUS_CONNECTION (source));
  guint32 uid;

  if (reply == NULL) {
    g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                             "the bus does not know who %s is: %s", sender, error->message);
    return;
  }
  g_variant_get (reply, "(u)", &uid);
  if (g_hash_table_size (known) >= MAX_KNOWN)
    g_hash_table_remove_all (known);
  g_hash_table_insert (known, g_strdup (sender), GUINT_TO_POINTER (uid));
  return_name (task, uid, sender);
}

void
medley_dbus_find_caller_async (GDBusMethodInvocation *invocation, GAsyncReadyCallback callback,
                               gpointer data)
{
  GDBusConnection *connection = g_dbus_method_invocation_get_connection (invocation);
  const char *sender = g_dbus_method_invocation_get_sender (invocation);
  g_autoptr (GTask) task = g_task_new (connection, NULL, callback, data);
  gpointer uid;

  /* A session bus lets in nobody else, unless root; a system bus is everybody's. */
  if (g_object_get_data (G_OBJECT (connection), MEDLEY_DBUS_SHARED) == NULL) {
    return_name (task, (guint) getuid (), sender);
    return;
  }
  if (g_hash_table_lookup_extended (get_known (connection), sender, NULL, &uid)) {
    return_name (task, GPOINTER_TO_UINT (uid), sender);
    return;
  }
  g_task_set_task_data (task, g_strdup (sender), g_free);
  g_dbus_connection_call (connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                          "org.freedesktop.DBus", "GetConnectionUnixUser",
                          g_variant_new ("(s)", sender), G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NONE, -1, NULL, bus_answered, g_steal_pointer (&task));
}

char *
medley_dbus_find_caller_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
