/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>

G_BEGIN_DECLS

/* The storyboard element alone, with captions pushed in and frames taken out. */

#define STORYBOARD_CAPS "text/x-raw, format=utf8"
#define MS(n) ((n) *GST_MSECOND)

/* @first: (nullable): properties and their values, and NULL */
GstHarness *
storyboard_harness_new (const char *first, ...);
void
storyboard_push (GstHarness *h, const char *text, GstClockTime pts, GstClockTime duration);
void
storyboard_push_eos (GstHarness *h);
/* Takes all frames, which must follow one another from 0 on; returns them. */
GPtrArray *
storyboard_take_frames (GstHarness *h);
GstMemory *
storyboard_memory_of (GPtrArray *frames, guint i);
GstClockTime
storyboard_pts_of (GPtrArray *frames, guint i);
/* How many of the frames hold another picture than the one before. */
guint
storyboard_count_pictures (GPtrArray *frames);
GError *
storyboard_pop_error (GstBus *bus);
/* Loads the module and runs the tests that were added. */
int
storyboard_run_tests (int argc, char **argv, void (*add) (void));

G_END_DECLS
