/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/trace.h"

#include <string.h>

#define HEX "0123456789abcdef"
#define LENGTH (MEDLEY_TRACEPARENT_SIZE - 1)
#define MAX_MEMBERS 32
#define MAX_KEY 256
#define MAX_VALUE 256

/* Takes hexadecimal digits that are not all 0. */
static gboolean
take_id (const char *text, gsize length, char *id)
{
  if (strspn (text, HEX) < length || strspn (text, "0") >= length)
    return FALSE;
  memcpy (id, text, length);
  id[length] = '\0';
  return TRUE;
}

gboolean
medley_trace_parse (const char *text, MedleyTrace *trace)
{
  gsize length = text != NULL ? strlen (text) : 0;
  gboolean is_first;

  memset (trace, 0, sizeof *trace);
  if (length < LENGTH || strspn (text, HEX) != 2 || strncmp (text, "ff", 2) == 0 || text[2] != '-'
      || text[35] != '-' || text[52] != '-' || strspn (text + 53, HEX) != 2)
    return FALSE;
  is_first = strncmp (text, "00", 2) == 0;
  if (length > LENGTH && (is_first || text[LENGTH] != '-'))
    return FALSE;
  if (!take_id (text + 3, MEDLEY_TRACE_ID_LENGTH, trace->trace_id)
      || !take_id (text + 36, MEDLEY_SPAN_ID_LENGTH, trace->span_id)) {
    memset (trace, 0, sizeof *trace);
    return FALSE;
  }
  trace->flags = (guint) g_ascii_xdigit_value (text[54]) & MEDLEY_TRACE_SAMPLED;
  return TRUE;
}

void
medley_trace_print (const MedleyTrace *trace, char *text)
{
  g_snprintf (text, MEDLEY_TRACEPARENT_SIZE, "00-%s-%s-%02x", trace->trace_id, trace->span_id,
              trace->flags & MEDLEY_TRACE_SAMPLED);
}

static gboolean
is_key (const char *text, gsize length)
{
  gsize rest = 0;

  if (length == 0 || length > MAX_KEY || !(g_ascii_islower (text[0]) || g_ascii_isdigit (text[0])))
    return FALSE;
  while (rest < length
         && (g_ascii_islower (text[rest]) || g_ascii_isdigit (text[rest])
             || strchr ("_-*/@", text[rest]) != NULL))
    rest++;
  return rest == length;
}

static gboolean
is_value (const char *text, gsize length)
{
  if (length == 0 || length > MAX_VALUE || text[length - 1] == ' ')
    return FALSE;
  for (gsize i = 0; i < length; i++) {
    if (text[i] < ' ' || text[i] > '~' || text[i] == '=' || text[i] == ',')
      return FALSE;
  }
  return TRUE;
}

gboolean
medley_tracestate_is_valid (const char *text)
{
  g_auto (GStrv) members = NULL;
  guint n = 0;

  if (text == NULL || *text == '\0' || strlen (text) > MEDLEY_TRACESTATE_MAX)
    return FALSE;
  members = g_strsplit (text, ",", -1);
  for (guint i = 0; members[i] != NULL; i++) {
    const char *member = members[i] + strspn (members[i], " \t");
    gsize length = strlen (member);
    gsize key = strcspn (member, "=");

    while (length > 0 && (member[length - 1] == ' ' || member[length - 1] == '\t'))
      length--;
    if (length == 0)
      continue; /* empty members are allowed */
    if (++n > MAX_MEMBERS || key >= length || !is_key (member, key)
        || !is_value (member + key + 1, length - key - 1))
      return FALSE;
  }
  return n > 0;
}

gboolean
medley_trace_is_empty (const MedleyTrace *trace)
{
  return trace->trace_id[0] == '\0';
}

gboolean
medley_trace_is_sampled (const MedleyTrace *trace)
{
  return !medley_trace_is_empty (trace) && (trace->flags & MEDLEY_TRACE_SAMPLED) != 0;
}

void
medley_span_id_make (char *id)
{
  do
    g_snprintf (id, MEDLEY_SPAN_ID_LENGTH + 1, "%08x%08x", g_random_int (), g_random_int ());
  while (strspn (id, "0") == MEDLEY_SPAN_ID_LENGTH);
}

void
medley_trace_begin (MedleyTrace *trace, gboolean sampled)
{
  char second[MEDLEY_SPAN_ID_LENGTH + 1];

  medley_span_id_make (trace->trace_id);
  medley_span_id_make (second);
  g_strlcat (trace->trace_id, second, sizeof trace->trace_id);
  medley_span_id_make (trace->span_id);
  trace->flags = sampled ? MEDLEY_TRACE_SAMPLED : 0;
}
