/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>
#include <medley/medley.h>

#define RATE 22050

/* What left the element, in the order it left. */
typedef struct {
  gboolean is_caption;
  GstClockTime start, end;
  guint64 offset, offset_end; /* audio */
  char *text;
  GArray *words;
} Item;

typedef struct {
  GstElement *element;
  GstHarness *audio;
  GstHarness *captions;
  GPtrArray *log;
  gint audio_buffers; /* atomic */
  gulong probes[2];
} Fixture;

GstElement *
make_element (const char *property, ...);

void
fixture_start (Fixture *fixture, GstElement *element, gboolean captions);

void
fixture_stop (Fixture *fixture);

GstFlowReturn
push_text (Fixture *fixture, const char *text, gsize length);

void
speak (Fixture *fixture, const char *text);

/* Audio runs from 0 without a hole, captions tile it and go before it. Returns its length in
 * samples. */
guint64
check_timeline (const Fixture *fixture);

guint64
samples_of (GstElement *element, const char *text);

void
assert_about (guint64 a, guint64 b);

char *
captions_of (const Fixture *fixture);

/* The words of all captions, with checks on each mark. */
char *
words_of (const Fixture *fixture);
