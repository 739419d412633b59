/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <glib/gstdio.h>
#include <medley/medley-error.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "http/openai/attachments.h"
#include "http/openai/messages.h"
#include "http/openai/vectors.h"

#include "fuzz.h"

#define MAX_TEXT 10000
#define MAX_BYTES 6000

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static MedleyOpenaiAttachments *
feed (const guint8 *data, gsize size, gsize step, GError **error)
{
  g_autoptr (MedleyOpenaiAttachments) self
      = medley_openai_attachments_new (g_get_tmp_dir (), MAX_TEXT, MAX_BYTES);

  for (gsize at = 0; at < size; at += step)
    if (!medley_openai_attachments_feed (self, data + at, MIN (step, size - at), error))
      return NULL;
  return g_steal_pointer (&self);
}

/* What an address stands for; can be had once. */
static void
take (MedleyOpenaiAttachments *attachments, const char *url)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *type = NULL;
  int fd = medley_openai_attachments_take (attachments, url, &type, &error);
  off_t size;

  if (fd < 0) {
    g_assert_nonnull (error);
    return;
  }
  size = lseek (fd, 0, SEEK_END);
  g_assert_cmpint (size, >, 0);
  g_assert_cmpint (size, <=, MAX_BYTES);
  g_close (fd, NULL);
  g_assert_cmpint (medley_openai_attachments_take (attachments, url, &type, NULL), ==, -1);
}

static void
fuzz_messages (MedleyOpenaiAttachments *attachments)
{
  g_autoptr (GBytes) text = medley_openai_attachments_get_text (attachments, NULL);
  gsize length;
  const char *json = g_bytes_get_data (text, &length);
  g_autoptr (GVariant) value
      = medley_json_parse (json != NULL ? json : "", length, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *param = NULL;
  g_autoptr (MedleyOpenaiMessages) messages = NULL;
  g_autoptr (GVariant) again = NULL;

  if (value == NULL)
    return;
  messages = medley_openai_messages_parse (value, &param, &error);
  if (messages == NULL) {
    g_assert_nonnull (error);
    g_assert_true (g_str_has_prefix (param, "messages"));
    return;
  }
  again = medley_json_parse (messages->json, strlen (messages->json), NULL, NULL, NULL);
  g_assert_nonnull (again);
  g_assert_cmpuint (g_variant_n_children (again), >=, messages->n_turns);
  g_assert_true (g_utf8_validate (messages->system_text, -1, NULL));
  g_assert_true (g_str_has_suffix (messages->system_text, messages->text)
                 || messages->n_turns == 1);
  for (guint i = 0; i < messages->images->len; i++)
    take (attachments, messages->images->pdata[i]);
}

/* Whole or in pieces, the same bytes must mean the same; the JSON is hardly longer for it. */
static void
fuzz_body (const guint8 *data, gsize size)
{
  g_autoptr (GError) first = NULL;
  g_autoptr (GError) second = NULL;
  g_autoptr (MedleyOpenaiAttachments) whole = feed (data, size, MAX (size, 1), &first);
  g_autoptr (MedleyOpenaiAttachments) pieces = feed (data, size, 3, &second);
  g_autoptr (GBytes) text = NULL;
  g_autoptr (GBytes) same = NULL;

  g_assert_cmpint (whole == NULL, ==, pieces == NULL);
  if (whole == NULL) {
    g_assert_error (second, first->domain, first->code);
    return;
  }
  text = medley_openai_attachments_get_text (whole, NULL);
  same = medley_openai_attachments_get_text (pieces, NULL);
  g_assert_true (g_bytes_equal (text, same));
  g_assert_cmpuint (g_bytes_get_size (text), <=, size + 64);
  fuzz_messages (whole);
  take (pieces, "data:image/png;spool,0");
  take (pieces, "data:;spool,63");
}

/* What is printed is JSON. */
static void
fuzz_vectors (const guint8 *data, gsize size)
{
  for (guint as_base64 = 0; as_base64 < 2; as_base64++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GString) text = g_string_new ("[");
    g_autoptr (GVariant) value = NULL;

    if (!medley_openai_vectors_print (text, (const char *) data, size, 0, 2, as_base64 != 0,
                                      &error)) {
      g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED);
      continue;
    }
    g_string_append_c (text, ']');
    /* Numbers stand as they came, also those that the reader of JSON has no type for. */
    value = medley_json_parse (text->str, text->len, NULL, NULL, &error);
    if (as_base64 || value != NULL) {
      g_assert_no_error (error);
      g_assert_cmpuint (g_variant_n_children (value), ==, 2);
    }
  }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  if (size > 0 && data[0] == 'v')
    fuzz_vectors (data + 1, size - 1);
  else
    fuzz_body (data, size);
  return 0;
}
