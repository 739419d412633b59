/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json-scan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json-map-private.h"

typedef struct {
  const char *start;
  const char *at;
  const char *end;
  MedleyJsonPlace place;
  const MedleyJsonLimits *limits;
  MedleyJsonMap *map;
  GArray *open; /* indexes of the nodes of arrays and objects that are not closed yet */
  GString *string;
  gsize comma; /* where the last one between members stands */
  gboolean keep_duplicates;
} Scanner;

#define PEEK(s) ((s)->at < (s)->end ? (guchar) * (s)->at : -1)

static void
step (Scanner *s)
{
  guchar c = (guchar) *s->at++;

  if (c == '\n') {
    s->place.line++;
    s->place.column = 1;
  } else if ((c & 0xc0) != 0x80) {
    s->place.column++;
  }
}

static void
step_by (Scanner *s, gsize n)
{
  while (n-- > 0)
    step (s);
}

static void
skip_space (Scanner *s)
{
  while (s->at < s->end && strchr (" \t\n\r", *s->at) != NULL)
    step (s);
}

G_GNUC_PRINTF (2, 3)
static gboolean
fail (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error,
                     g_error_new_valist (MEDLEY_ERROR, MEDLEY_ERROR_INVALID_JSON, format, args));
  va_end (args);
  return FALSE;
}

static gboolean
fail_unexpected (Scanner *s, const char *wanted, GError **error)
{
  if (s->at >= s->end)
    return fail (error, "the text ends where %s should be", wanted);
  gunichar c = g_utf8_get_char (s->at);
  if (g_unichar_isgraph (c)) {
    g_autofree char *shown = g_ucs4_to_utf8 (&c, 1, NULL, NULL, NULL);
    return fail (error, "found \"%s\" where %s should be", shown, wanted);
  }
  return fail (error, "found character U+%04X where %s should be", c, wanted);
}

/* Four hexadecimal digits after "\u"; the place stays. */
static gint32
read_hex (const char *at, const char *end)
{
  gint32 value = 0;

  if (end - at < 4)
    return -1;
  for (guint i = 0; i < 4; i++) {
    int digit = g_ascii_xdigit_value (at[i]);

    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

static gboolean
scan_unicode_escape (Scanner *s, GError **error)
{
  gint32 c = read_hex (s->at + 2, s->end);
  gsize length = 6;

  if (c < 0)
    return fail (error, "\\u needs four hexadecimal digits");
  if (c == 0)
    return fail (error, "\\u0000 is not allowed in a string");
  if (c >= 0xdc00 && c <= 0xdfff)
    return fail (error, "the escape is the second half of a surrogate pair without its first");
  if (c >= 0xd800 && c <= 0xdbff) {
    gint32 low = -1;

    if (s->end - s->at >= 12 && s->at[6] == '\\' && s->at[7] == 'u')
      low = read_hex (s->at + 8, s->end);
    if (low < 0xdc00 || low > 0xdfff)
      return fail (error, "the escape is the first half of a surrogate pair without its second");
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    length = 12;
  }
  g_string_append_unichar (s->string, (gunichar) c);
  step_by (s, length);
  return TRUE;
}

static gboolean
scan_escape (Scanner *s, GError **error)
{
  static const char names[] = "\"\\/bfnrt";
  static const char values[] = "\"\\/\b\f\n\r\t";
  const char *found;

  if (s->end - s->at < 2)
    return fail (error, "the text ends inside a string");
  if (s->at[1] == 'u')
    return scan_unicode_escape (s, error);
  found = strchr (names, s->at[1]);
  if (found == NULL)
    return fail (error, "a backslash in a string is written \\\\");
  g_string_append_c (s->string, values[found - names]);
  step_by (s, 2);
  return TRUE;
}

/* Leaves the string, unescaped, in s->string. */
static gboolean
scan_string (Scanner *s, GError **error)
{
  g_string_truncate (s->string, 0);
  step (s);
  for (;;) {
    int c = PEEK (s);

    if (c < 0)
      return fail (error, "the text ends inside a string");
    if (c == '"') {
      step (s);
      return TRUE;
    }
    if (c < 0x20)
      return fail (error,
                   "a control character in a string is written as an escape (\\n, \\t, \\u%04x)",
                   c);
    if (c == '\\') {
      if (!scan_escape (s, error))
        return FALSE;
    } else {
      g_string_append_c (s->string, (char) c);
      step (s);
    }
  }
}

static gsize
count_digits (const char *at, const char *end)
{
  const char *start = at;

  while (at < end && g_ascii_isdigit (*at))
    at++;
  return (gsize) (at - start);
}

static gboolean
scan_number (Scanner *s, GError **error)
{
  const char *at = s->at;
  gboolean whole = TRUE;
  gsize digits;

  if (*at == '-')
    at++;
  digits = count_digits (at, s->end);
  if (digits == 0)
    return fail (error, "a minus sign needs a digit after it");
  if (digits > 1 && *at == '0')
    return fail (error, "a number has no leading zero");
  at += digits;
  if (at < s->end && *at == '.') {
    whole = FALSE;
    digits = count_digits (++at, s->end);
    if (digits == 0)
      return fail (error, "a decimal point needs a digit after it");
    at += digits;
  }
  if (at < s->end && (*at == 'e' || *at == 'E')) {
    whole = FALSE;
    at++;
    if (at < s->end && (*at == '+' || *at == '-'))
      at++;
    digits = count_digits (at, s->end);
    if (digits == 0)
      return fail (error, "an exponent needs a digit");
    at += digits;
  }

  g_autofree char *number = g_strndup (s->at, (gsize) (at - s->at));
  if (whole) {
    errno = 0;
    g_ascii_strtoll (number, NULL, 10);
    if (errno == ERANGE)
      return fail (error, "the whole number does not fit 64 bits");
  } else if (!isfinite (g_ascii_strtod (number, NULL))) {
    return fail (error, "the number is too large");
  }
  step_by (s, (gsize) (at - s->at));
  return TRUE;
}

static gboolean
scan_word (Scanner *s, GError **error)
{
  static const char *const words[] = { "true", "false", "null" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    gsize length = strlen (words[i]);

    if ((gsize) (s->end - s->at) >= length && memcmp (s->at, words[i], length) == 0) {
      step_by (s, length);
      return TRUE;
    }
  }
  return fail_unexpected (s, "a value", error);
}

static gboolean
add_node (Scanner *s, const char *key, MedleyJsonPlace place, GError **error)
{
  MedleyJsonMap *map = s->map;
  MedleyJsonNode node = { .place = place, .begin = s->comma };
  guint index = map->nodes->len;

  if (index >= s->limits->max_values)
    return fail (error, "there are more than %u values", s->limits->max_values);
  if (key != NULL)
    node.key = g_string_chunk_insert (map->keys, key);
  g_array_append_val (map->nodes, node);
  if (s->open->len > 0) {
    MedleyJsonNode *parent
        = MEDLEY_JSON_NODE (map, g_array_index (s->open, guint, s->open->len - 1));

    if (parent->n_children++ == 0)
      parent->first_child = index;
    else
      MEDLEY_JSON_NODE (map, parent->last_child)->next = index;
    parent->last_child = index;
    if (parent->is_object && parent->n_children > MEDLEY_JSON_MAX_MEMBERS)
      return fail (error, "an object has more than %d members", MEDLEY_JSON_MAX_MEMBERS);
  }
  return TRUE;
}

static int
compare_nodes (gconstpointer a, gconstpointer b)
{
  const MedleyJsonNode *first = *(const MedleyJsonNode *const *) a;
  const MedleyJsonNode *second = *(const MedleyJsonNode *const *) b;
  int order = strcmp (first->key, second->key);

  if (order != 0)
    return order;
  return (first > second) - (first < second);
}

/* Of a member of the innermost open object. */
static void
record_duplicate (Scanner *s, const MedleyJsonNode *node)
{
  MedleyJsonKept *duplicate;
  g_autofree char *pointer = g_strdup ("");

  if (s->map->duplicates->len >= MEDLEY_JSON_MAX_DUPLICATES)
    return;
  for (guint i = 0; i < s->open->len; i++) {
    const MedleyJsonNode *parent = MEDLEY_JSON_NODE (s->map, g_array_index (s->open, guint, i));
    const MedleyJsonNode *child
        = i + 1 < s->open->len ? MEDLEY_JSON_NODE (s->map, g_array_index (s->open, guint, i + 1))
                               : node;
    g_autofree char *shorter = g_steal_pointer (&pointer);
    char index[16];

    g_snprintf (index, sizeof index, "%u", parent->n_children - 1);
    pointer = medley_json_pointer_append (shorter, parent->is_object ? child->key : index);
  }
  duplicate = g_new (MedleyJsonKept, 1);
  *duplicate = (MedleyJsonKept){
    { g_steal_pointer (&pointer), node->place.line, node->place.column }, node->begin, node->end
  };
  g_ptr_array_add (s->map->duplicates, duplicate);
}

/* The members are sorted rather than hashed: no choice of keys makes it slow. */
static gboolean
check_duplicates (Scanner *s, MedleyJsonNode *object, GError **error)
{
  g_autoptr (GPtrArray) members = g_ptr_array_sized_new (object->n_children);
  const MedleyJsonNode *duplicate = NULL;

  for (guint i = object->first_child; i != 0; i = MEDLEY_JSON_NODE (s->map, i)->next)
    g_ptr_array_add (members, MEDLEY_JSON_NODE (s->map, i));
  g_ptr_array_sort (members, compare_nodes);
  for (guint i = 1; i < members->len; i++) {
    const MedleyJsonNode *node = members->pdata[i];

    if (strcmp (node->key, ((const MedleyJsonNode *) members->pdata[i - 1])->key) != 0)
      continue;
    if (s->keep_duplicates)
      record_duplicate (s, node);
    else if (duplicate == NULL || node < duplicate)
      duplicate = node;
  }
  if (duplicate == NULL)
    return TRUE;
  s->place = duplicate->place;
  return fail (error, "the key \"%.*s\" stands twice in one object",
               (int) (g_utf8_offset_to_pointer (duplicate->key,
                                                MIN (64, g_utf8_strlen (duplicate->key, -1)))
                      - duplicate->key),
               duplicate->key);
}

static gboolean
scan_key (Scanner *s, const char *wanted, GError **error)
{
  MedleyJsonPlace place = s->place;

  if (PEEK (s) != '"')
    return fail_unexpected (s, wanted, error);
  if (!scan_string (s, error) || !add_node (s, s->string->str, place, error))
    return FALSE;
  skip_space (s);
  if (PEEK (s) != ':')
    return fail_unexpected (s, "a colon", error);
  step (s);
  return TRUE;
}

static gboolean
open_container (Scanner *s, guint index, gboolean is_object, GError **error)
{
  if (s->open->len >= s->limits->max_depth)
    return fail (error, "arrays and objects are nested deeper than %u levels",
                 s->limits->max_depth);
  MEDLEY_JSON_NODE (s->map, index)->is_object = is_object;
  g_array_append_val (s->open, index);
  step (s);
  skip_space (s);
  return TRUE;
}

/* One value, of whose node the place is known already; sets @opened when it is a container with
 * content, which is then to be scanned next. */
static gboolean
scan_value (Scanner *s, gboolean *opened, GError **error)
{
  guint index = s->map->nodes->len - 1;
  int c = PEEK (s);

  *opened = FALSE;
  if (c == '{' || c == '[') {
    if (!open_container (s, index, c == '{', error))
      return FALSE;
    if (PEEK (s) != (c == '{' ? '}' : ']')) {
      *opened = TRUE;
      return c == '[' || scan_key (s, "a key in double quotes, or a closing brace,", error);
    }
    g_array_set_size (s->open, s->open->len - 1);
    step (s);
    return TRUE;
  }
  if (c == '"')
    return scan_string (s, error);
  if (c == '-' || g_ascii_isdigit (c))
    return scan_number (s, error);
  return c < 0 ? fail_unexpected (s, "a value", error) : scan_word (s, error);
}

/* After a value: closes what ends here, or moves to the next item or member. */
static gboolean
scan_after_value (Scanner *s, GError **error)
{
  while (s->open->len > 0) {
    MedleyJsonNode *parent
        = MEDLEY_JSON_NODE (s->map, g_array_index (s->open, guint, s->open->len - 1));

    skip_space (s);
    MEDLEY_JSON_NODE (s->map, parent->last_child)->end = (gsize) (s->at - s->start);
    if (PEEK (s) == ',') {
      s->comma = (gsize) (s->at - s->start);
      step (s);
      skip_space (s);
      return !parent->is_object || scan_key (s, "a key in double quotes", error);
    }
    if (PEEK (s) != (parent->is_object ? '}' : ']'))
      return fail_unexpected (s,
                              parent->is_object ? "a comma or a closing brace"
                                                : "a comma or a closing bracket",
                              error);
    if (parent->is_object && !check_duplicates (s, parent, error))
      return FALSE;
    g_array_set_size (s->open, s->open->len - 1);
    step (s);
  }
  return TRUE;
}

static gboolean
scan_text (Scanner *s, GError **error)
{
  gboolean opened = FALSE;

  skip_space (s);
  if (s->at >= s->end)
    return fail (error, "the text is empty");
  if (!add_node (s, NULL, s->place, error))
    return FALSE;
  do {
    skip_space (s);
    if (s->open->len > 0) {
      MedleyJsonNode *parent
          = MEDLEY_JSON_NODE (s->map, g_array_index (s->open, guint, s->open->len - 1));

      if (!parent->is_object && !add_node (s, NULL, s->place, error))
        return FALSE;
    }
    if (!scan_value (s, &opened, error) || (!opened && !scan_after_value (s, error)))
      return FALSE;
  } while (s->open->len > 0);
  skip_space (s);
  if (s->at < s->end)
    return fail (error, "something follows the end of the value");
  return TRUE;
}

static gboolean
check_encoding (Scanner *s, GError **error)
{
  const char *end;

  if ((gsize) (s->end - s->at) > s->limits->max_bytes)
    return fail (error, "the text is longer than %" G_GSIZE_FORMAT " bytes", s->limits->max_bytes);
  if (s->end - s->at >= 3 && memcmp (s->at, "\xef\xbb\xbf", 3) == 0)
    return fail (error, "the text begins with a byte order mark, which JSON does not have");
  if (g_utf8_validate_len (s->at, (gsize) (s->end - s->at), &end))
    return TRUE;
  step_by (s, (gsize) (end - s->at));
  if (*end == '\0')
    return fail (error, "the text has a NUL character");
  return fail (error, "byte 0x%02x is not UTF-8", (guchar) *end);
}

MedleyJsonMap *
medley_json_scan (const char *text, gsize length, const MedleyJsonLimits *limits,
                  gboolean keep_duplicates, MedleyJsonPlace *place, GError **error)
{
  Scanner scanner = { .start = text,
                      .at = text,
                      .end = text + length,
                      .place = { 1, 1 },
                      .limits = limits,
                      .keep_duplicates = keep_duplicates };
  g_autoptr (MedleyJsonMap) map = medley_json_map_new ();
  g_autoptr (GArray) open = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (GString) string = g_string_new (NULL);
  gboolean ok;

  scanner.map = map;
  scanner.open = open;
  scanner.string = string;
  ok = check_encoding (&scanner, error) && scan_text (&scanner, error);
  *place = scanner.place;
  return ok ? g_steal_pointer (&map) : NULL;
}
