/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/stage-files.h"

#include <medley/medley-error.h>
#include <unistd.h>

static void
close_file (gpointer file)
{
  close (GPOINTER_TO_INT (file));
}

void
medley_stage_files_free (MedleyStageFiles *self)
{
  g_clear_pointer (&self->record, g_hash_table_unref);
  g_clear_pointer (&self->replay, g_hash_table_unref);
  g_free (self);
}

static GHashTable *
take_ports (GVariant *dict, const char *key, GUnixFDList *fds, GError **error)
{
  g_autoptr (GVariant) ports = g_variant_lookup_value (dict, key, G_VARIANT_TYPE ("a{sh}"));
  g_autoptr (GHashTable) files = NULL;
  GVariantIter iter;
  const char *port;
  gint32 index;

  if (ports == NULL)
    return NULL;
  files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, close_file);
  g_variant_iter_init (&iter, ports);
  while (g_variant_iter_next (&iter, "{&sh}", &port, &index)) {
    int file;

    if (fds == NULL || index < 0 || index >= g_unix_fd_list_get_length (fds)) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                   "\"%s\" of port \"%s\" names no descriptor of the message", key, port);
      return NULL;
    }
    file = g_unix_fd_list_get (fds, index, error);
    if (file < 0)
      return NULL;
    g_hash_table_insert (files, g_strdup (port), GINT_TO_POINTER (file));
  }
  return g_steal_pointer (&files);
}

GHashTable *
medley_stage_files_take (GVariant *given, GUnixFDList *fds, GError **error)
{
  g_autoptr (GHashTable) stages = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                         (GDestroyNotify) medley_stage_files_free);
  GVariantIter iter;
  const char *name;
  GVariant *dict;

  g_variant_iter_init (&iter, given);
  while (g_variant_iter_next (&iter, "{&s@a{sv}}", &name, &dict)) {
    MedleyStageFiles *files = g_new0 (MedleyStageFiles, 1);
    g_autoptr (GVariant) owned = dict;
    GError *failure = NULL;

    g_hash_table_insert (stages, g_strdup (name), files);
    g_variant_lookup (dict, "limit", "t", &files->limit);
    files->record = take_ports (dict, "record", fds, &failure);
    if (failure == NULL)
      files->replay = take_ports (dict, "replay", fds, &failure);
    if (failure != NULL) {
      g_propagate_error (error, failure);
      return NULL;
    }
  }
  return g_steal_pointer (&stages);
}
