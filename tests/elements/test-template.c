/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "probe.h"

#include <string.h>

static void
convert (GstElement *element, const char *text, gsize step, const char *wanted)
{
  GstHarness *h = harness_new (element, "src");
  g_autofree char *got = NULL;
  gsize length = strlen (text);

  for (gsize at = 0; at < length; at += step)
    g_assert_cmpint (gst_harness_push (h,
                                       text_buffer (text + at, (gssize) MIN (step, length - at))),
                     ==, GST_FLOW_OK);
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  got = pull_all_text (h);
  g_assert_cmpstr (got, ==, wanted);
  gst_harness_teardown (h);
}

static void
test_text_in_any_pieces (void)
{
  for (gsize step = 1; step < 30; step++) {
    GstElement *element = gst_object_ref_sink (gst_element_factory_make ("medleytemplate", NULL));

    g_object_set (element, "keep", "NaCl,pH", NULL);
    convert (element, "a grain\nof NaCl, NaCl  straße é", step,
             "A GRAIN\nOF NACL, NaCl  STRASSE É");
    gst_object_unref (element);
  }
}

static void
test_words_leave_before_the_end (void)
{
  GstElement *element = gst_object_ref_sink (gst_element_factory_make ("medleytemplate", NULL));
  GstHarness *h = harness_new (element, "src");
  g_autofree char *first = NULL, *rest = NULL, *solid = g_strnfill (300, 'x'), *long_word = NULL;

  g_assert_cmpint (push_text (h, "one tw"), ==, GST_FLOW_OK);
  first = pull_text (h);
  g_assert_cmpstr (first, ==, "ONE ");
  g_assert_true (gst_harness_push_event (h, medley_event_new_idle ()));
  rest = pull_text (h);
  g_assert_cmpstr (rest, ==, "TW");
  g_assert_cmpint (push_text (h, solid), ==, GST_FLOW_OK);
  long_word = pull_text (h);
  g_assert_cmpuint (strlen (long_word), ==, 300);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static void
test_jobs_do_not_mix (void)
{
  GstElement *element = gst_object_ref_sink (gst_element_factory_make ("medleytemplate", NULL));
  GstHarness *h = harness_new (element, "src");
  g_autoptr (GstPad) src = gst_element_get_static_pad (element, "src");

  g_assert_cmpint (push_text (h, "left"), ==, GST_FLOW_OK);
  gst_element_set_state (element, GST_STATE_READY);
  gst_pad_unlink (src, h->sinkpad);
  gst_harness_teardown (h);
  convert (element, "new", 3, "NEW");
  gst_object_unref (element);
}

static void
test_bad_property_is_a_typed_error (void)
{
  GstElement *element = gst_object_ref_sink (gst_element_factory_make ("medleytemplate", NULL));
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;

  gst_element_set_bus (element, bus);
  g_object_set (element, "keep", "one,two words", NULL);
  g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==, GST_STATE_CHANGE_FAILURE);
  error = take_error (element);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PROPERTY);
  gst_object_unref (element);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/template/text-in-any-pieces", test_text_in_any_pieces);
  g_test_add_func ("/template/words-leave-before-the-end", test_words_leave_before_the_end);
  g_test_add_func ("/template/jobs-do-not-mix", test_jobs_do_not_mix);
  g_test_add_func ("/template/bad-property-is-a-typed-error", test_bad_property_is_a_typed_error);
  return g_test_run ();
}
