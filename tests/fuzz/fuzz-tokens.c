/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file of tokens. What is printed reads back as the same. */

#include <glib.h>
#include <string.h>

#include <medley/medley-error.h>

#include "base/tokens.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MedleyTokens) tokens = medley_tokens_parse ((const char *) data, size, &error);
  g_autoptr (MedleyTokens) again = NULL;
  g_autofree char *printed = NULL;
  g_autofree char *second = NULL;

  if (tokens == NULL) {
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_CONFIG);
    return 0;
  }
  printed = medley_tokens_print (tokens);
  again = medley_tokens_parse (printed, strlen (printed), NULL);
  g_assert_nonnull (again);
  second = medley_tokens_print (again);
  g_assert_cmpstr (printed, ==, second);
  for (guint i = 0; i < medley_tokens_count (tokens); i++)
    g_assert_cmpint (medley_tokens_get (tokens, i)->scope, !=, MEDLEY_SCOPE_NONE);
  return 0;
}
