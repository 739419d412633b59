/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/openai/vectors.h"

#include <math.h>
#include <medley/medley-error.h>
#include <string.h>

/* No number that means anything is longer. */
#define MAX_NUMBER 63

typedef struct {
  const char *at;
  const char *end;
  gboolean as_base64;
  GByteArray *floats; /* of one vector */
  GString *out;
} Printing;

static void
skip_space (Printing *p)
{
  while (p->at < p->end && strchr (" \t\r\n", *p->at) != NULL && *p->at != '\0')
    p->at++;
}

/* Takes one character, after white space. */
static gboolean
take (Printing *p, char wanted)
{
  skip_space (p);
  if (p->at == p->end || *p->at != wanted)
    return FALSE;
  p->at++;
  return TRUE;
}

static gboolean
take_digits (Printing *p)
{
  const char *begin = p->at;

  while (p->at < p->end && g_ascii_isdigit (*p->at))
    p->at++;
  return p->at > begin;
}

static gboolean
take_sign (Printing *p, const char *signs)
{
  if (p->at < p->end && *p->at != '\0' && strchr (signs, *p->at) != NULL)
    p->at++;
  return TRUE;
}

/* A number of JSON, which needs no leading zeros. */
static gboolean
take_number (Printing *p)
{
  const char *begin;
  char text[MAX_NUMBER + 1];
  union {
    float number;
    guint32 bits;
  } single;
  double number;

  skip_space (p);
  begin = p->at;
  take_sign (p, "-");
  if (p->at < p->end && *p->at == '0')
    p->at++;
  else if (!take_digits (p))
    return FALSE;
  if (p->at < p->end && *p->at == '.' && (p->at++, !take_digits (p)))
    return FALSE;
  if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')
      && (p->at++, take_sign (p, "+-"), !take_digits (p)))
    return FALSE;
  if (p->at - begin > MAX_NUMBER)
    return FALSE;
  memcpy (text, begin, (gsize) (p->at - begin));
  text[p->at - begin] = '\0';
  number = g_ascii_strtod (text, NULL);
  single.number = (float) number;
  single.bits = GUINT32_TO_LE (single.bits);
  if (p->as_base64)
    g_byte_array_append (p->floats, (const guint8 *) &single.bits, sizeof single.bits);
  return isfinite (number);
}

static gboolean
take_vector (Printing *p)
{
  const char *begin;

  g_byte_array_set_size (p->floats, 0);
  if (!take (p, '['))
    return FALSE;
  begin = p->at - 1;
  do {
    if (!take_number (p))
      return FALSE;
  } while (take (p, ','));
  if (!take (p, ']'))
    return FALSE;
  if (p->as_base64) {
    g_autofree char *text = g_base64_encode (p->floats->data, p->floats->len);

    g_string_append_printf (p->out, "\"%s\"", text);
  } else {
    g_string_append_len (p->out, begin, p->at - begin);
  }
  return TRUE;
}

static gboolean
take_all (Printing *p, gsize first, gsize n)
{
  if (!take (p, '['))
    return FALSE;
  for (gsize i = 0; i < n; i++) {
    g_string_append_printf (p->out,
                            "%s{\"object\":\"embedding\",\"index\":%" G_GSIZE_FORMAT
                            ",\"embedding\":",
                            i > 0 ? "," : "", first + i);
    if ((i > 0 && !take (p, ',')) || !take_vector (p))
      return FALSE;
    g_string_append_c (p->out, '}');
  }
  if (!take (p, ']'))
    return FALSE;
  skip_space (p);
  return p->at == p->end;
}

gboolean
medley_openai_vectors_print (GString *out, const char *json, gsize length, gsize first, gsize n,
                             gboolean as_base64, GError **error)
{
  g_autoptr (GByteArray) floats = g_byte_array_new ();
  Printing p = { json, json + length, as_base64, floats, out };

  if (take_all (&p, first, n))
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
               "the pipeline did not make an array of numbers for each of %" G_GSIZE_FORMAT
               " texts: see byte %" G_GSIZE_FORMAT " of its output",
               n, (gsize) (p.at - json));
  return FALSE;
}
