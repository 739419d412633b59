/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/trace.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define GOOD "00-" TRACE "-" SPAN "-01"

static void
test_well_formed (void)
{
  static const struct {
    const char *text;
    gboolean sampled;
  } rows[] = {
    { GOOD, TRUE },
    { "00-" TRACE "-" SPAN "-00", FALSE },
    { "00-" TRACE "-" SPAN "-ff", TRUE },
    { "00-" TRACE "-" SPAN "-02", FALSE },
    { "cc-" TRACE "-" SPAN "-01", TRUE },
    { "01-" TRACE "-" SPAN "-01-what-the-future-brings", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    MedleyTrace trace;
    char text[MEDLEY_TRACEPARENT_SIZE];

    g_assert_true (medley_trace_parse (rows[i].text, &trace));
    g_assert_cmpstr (trace.trace_id, ==, TRACE);
    g_assert_cmpstr (trace.span_id, ==, SPAN);
    g_assert_cmpint (medley_trace_is_sampled (&trace), ==, rows[i].sampled);
    medley_trace_print (&trace, text);
    g_assert_cmpstr (text, ==, rows[i].sampled ? GOOD : "00-" TRACE "-" SPAN "-00");
  }
}

static void
test_malformed (void)
{
  static const char *const rows[] = {
    NULL,
    "",
    "00",
    "00-" TRACE "-" SPAN,
    "00-" TRACE "-" SPAN "-",
    "00-" TRACE "-" SPAN "-1",
    GOOD "0",
    GOOD "-more",
    "01-" TRACE "-" SPAN "-01more",
    "ff-" TRACE "-" SPAN "-01",
    "0-" TRACE "-" SPAN "-011",
    "0g-" TRACE "-" SPAN "-01",
    "00_" TRACE "-" SPAN "-01",
    " " GOOD,
    GOOD " ",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
    "00-00000000000000000000000000000000-" SPAN "-01",
    "00-" TRACE "-0000000000000000-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473-" SPAN "7-01",
    "00-" TRACE "-" SPAN "-0x",
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    MedleyTrace trace;

    memset (&trace, 'x', sizeof trace);
    g_assert_false (medley_trace_parse (rows[i], &trace));
    g_assert_true (medley_trace_is_empty (&trace));
    g_assert_false (medley_trace_is_sampled (&trace));
  }
}

static void
test_any_cut_or_change_is_survived (void)
{
  for (gsize length = 0; length < strlen (GOOD); length++) {
    g_autofree char *cut = g_strndup (GOOD, length);
    MedleyTrace trace;

    g_assert_false (medley_trace_parse (cut, &trace));
    for (int byte = 1; byte < 256; byte++) {
      g_autofree char *changed = g_strdup (GOOD);

      changed[length] = (char) byte;
      if (medley_trace_parse (changed, &trace))
        g_assert_cmpuint (strlen (trace.trace_id), ==, MEDLEY_TRACE_ID_LENGTH);
    }
  }
}

static void
test_tracestate (void)
{
  static const char *const good[] = {
    "a=1",      "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "fw529a3039@dt=FfAx,  b_-*/c=x y\t",
    "a=1,,b=2", "0=!\"#$%&'()*+-./:;<>?@[]^_`{|}~",
  };
  static const char *const bad[] = {
    NULL, "", " ", "a", "a=", "=1", "A=1", "a=1=2", "a=\x01", "a=ü", "-a=1", "a=1;b=2,c", "a b=1",
  };
  g_autofree char *long_value = g_strnfill (MEDLEY_TRACESTATE_MAX, 'x');
  g_autofree char *too_long = g_strconcat ("a=", long_value, NULL);
  g_autoptr (GString) many = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (medley_tracestate_is_valid (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (medley_tracestate_is_valid (bad[i]));
  g_assert_false (medley_tracestate_is_valid (too_long));
  for (guint i = 0; i < 32; i++)
    g_string_append_printf (many, "%sk%u=v", i > 0 ? "," : "", i);
  g_assert_true (medley_tracestate_is_valid (many->str));
  g_string_append (many, ",k=v");
  g_assert_false (medley_tracestate_is_valid (many->str));
}

static void
test_ids (void)
{
  char one[MEDLEY_SPAN_ID_LENGTH + 1], two[MEDLEY_SPAN_ID_LENGTH + 1];
  char text[MEDLEY_TRACEPARENT_SIZE];
  MedleyTrace made, read;

  medley_trace_begin (&made, TRUE);
  medley_trace_print (&made, text);
  g_assert_true (medley_trace_parse (text, &read));
  g_assert_cmpstr (made.trace_id, ==, read.trace_id);
  g_assert_true (medley_trace_is_sampled (&read));
  medley_trace_begin (&made, FALSE);
  g_assert_false (medley_trace_is_sampled (&made));
  g_assert_cmpstr (made.trace_id, !=, read.trace_id);
  medley_span_id_make (one);
  medley_span_id_make (two);
  g_assert_cmpstr (one, !=, two);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/trace/well-formed", test_well_formed);
  g_test_add_func ("/trace/malformed", test_malformed);
  g_test_add_func ("/trace/any-cut-or-change-is-survived", test_any_cut_or_change_is_survived);
  g_test_add_func ("/trace/tracestate", test_tracestate);
  g_test_add_func ("/trace/ids", test_ids);
  return g_test_run ();
}
