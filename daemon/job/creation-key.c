/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Idempotency keys: a request that is sent again gets the job of the first time. */

#include <string.h>

#include "base/error.h"
#include "job/creation-private.h"

char *
medley_creation_dup_owner (const char *client)
{
  const char *slash = strchr (client, '/');

  return slash != NULL ? g_strndup (client, (gsize) (slash - client)) : g_strdup (client);
}

static void
add_text (GChecksum *checksum, const char *text)
{
  g_checksum_update (checksum, (const guchar *) (text != NULL ? text : ""),
                     text != NULL ? (gssize) strlen (text) + 1 : 1);
}

/* What the client asked for, except what it is still sending. */
static char *
digest_request (MedleyJobRequest *request)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GVariant) parameters = g_variant_ref_sink (g_variant_dict_end (&request->parameters));
  g_autofree char *options
      = g_strdup_printf ("%d %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT " %u %d",
                         request->priority, request->start_at, request->deadline, request->run_time,
                         request->attempts, request->no_cache);
  g_autofree char *printed = g_variant_print (parameters, TRUE);

  g_variant_dict_init (&request->parameters, parameters);
  add_text (checksum, request->pipeline);
  add_text (checksum, request->text);
  add_text (checksum, options);
  add_text (checksum, printed);
  for (guint i = 0; i < request->output_names->len; i++) {
    add_text (checksum, request->output_names->pdata[i]);
    add_text (checksum, request->output_types->pdata[i]);
  }
  for (guint i = 0; i < request->inputs->len; i++) {
    MedleyRequestInput *input = request->inputs->pdata[i];
    guint8 kind = (guint8) input->kind;

    add_text (checksum, input->name);
    g_checksum_update (checksum, (const guchar *) &kind, 1);
    if (input->bytes != NULL)
      g_checksum_update (checksum, g_bytes_get_data (input->bytes, NULL),
                         (gssize) g_bytes_get_size (input->bytes));
    add_text (checksum, NULL);
  }
  return g_strdup (g_checksum_get_string (checksum));
}

static void
fail_with_reused_key (GTask *task, const char *key)
{
  g_task_return_new_error (task, MEDLEY_ERROR, MEDLEY_ERROR_KEY_REUSED,
                           "idempotency key \"%s\" belongs to another request; use a new one", key);
}

void
medley_creation_answer_waiting (MedleyJobManager *self, MedleyCreation *creation, MedleyJob *job,
                                const GError *error)
{
  g_autoptr (GPtrArray) waiting = NULL;
  g_autofree char *key = g_steal_pointer (&creation->key);
  g_autofree char *kept = NULL;

  if (key == NULL)
    return;
  g_hash_table_steal_extended (self->keys, key, (gpointer *) &kept, (gpointer *) &waiting);
  for (guint i = 0; waiting != NULL && i < waiting->len; i++) {
    GTask *task = waiting->pdata[i];
    MedleyCreation *other = g_task_get_task_data (task);

    other->replayed = TRUE;
    if (!g_str_equal (other->key_digest, creation->key_digest))
      fail_with_reused_key (task, other->request->idempotency_key);
    else if (job != NULL)
      g_task_return_pointer (task, g_object_ref (job), g_object_unref);
    else
      g_task_return_error (task, g_error_copy (error));
  }
}

gboolean
medley_creation_answer_with_key (MedleyJobManager *self, GTask *task, MedleyCreation *creation)
{
  MedleyJobRequest *request = creation->request;
  g_autofree char *owner = medley_creation_dup_owner (request->client);
  g_autofree char *key = g_strconcat (owner, "\n", request->idempotency_key, NULL);
  g_autofree char *id = NULL, *digest = NULL;
  GPtrArray *waiting = g_hash_table_lookup (self->keys, key);
  MedleyJob *job;
  GError *error = NULL;

  creation->key_digest = digest_request (request);
  if (waiting != NULL) {
    g_ptr_array_add (waiting, g_object_ref (task));
    return TRUE;
  }
  if (!medley_job_store_find_key (self->store, owner, request->idempotency_key, &digest, &id,
                                  &error)) {
    g_task_return_error (task, error);
    return TRUE;
  }
  if (id == NULL) {
    g_hash_table_insert (self->keys, g_strdup (key),
                         g_ptr_array_new_with_free_func (g_object_unref));
    creation->key = g_steal_pointer (&key);
    return FALSE;
  }
  creation->replayed = TRUE;
  if (!g_str_equal (digest, creation->key_digest)) {
    fail_with_reused_key (task, request->idempotency_key);
    return TRUE;
  }
  job = medley_job_manager_get (self, id, &error);
  if (job != NULL)
    g_task_return_pointer (task, job, g_object_unref);
  else
    g_task_return_error (task, error);
  return TRUE;
}
