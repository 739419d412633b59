/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>

#include "tesseract-pages.h"

#define PNG "image/png"

/* An element under a harness, and the bus on which it reports. */
typedef struct {
  GstHarness *harness;
  GstBus *bus;
} Bench;

Bench
bench_new (const char *launch);
void
bench_clear (Bench *bench);
GstBuffer *
bench_to_buffer (GBytes *bytes);

/* What has come out so far, joined. */
char *
bench_take_text (GstHarness *harness);

/* Pushes a page and takes what comes out. */
char *
bench_recognise (Bench *bench, const char *caps, GBytes *bytes);

/* Expects an error of that code on the bus, whose message has the words. */
void
bench_assert_error (GstBus *bus, int code, const char *mention);

/* A test program's main(): loads the plugin and runs what @add_tests adds. */
int
bench_run (int argc, char **argv, void (*add_tests) (void));
