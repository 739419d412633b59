/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstharness.h>
#include <medley/medley.h>

/* What the probe does with an input. */
typedef enum {
  PROBE_ECHO,          /* pushes it on src */
  PROBE_BOTH,          /* pushes it on src and on extra */
  PROBE_COLLECT,       /* keeps it until drain */
  PROBE_BLOCK,         /* waits until it is cancelled; gives up after a minute */
  PROBE_PUSH_AND_WAIT, /* pushes it, then waits for probe_release() */
  PROBE_FAIL,          /* MEDLEY_ERROR_BAD_INPUT */
  PROBE_FAIL_FOREIGN,  /* an error of another domain */
  PROBE_FAIL_SILENTLY, /* no error at all */
  PROBE_NO_CAPS,       /* pushes on extra without caps */
  PROBE_WRONG_PORT,    /* pushes on a port that is not there */
} ProbeMode;

/* An engine from text to text that notes what the base asks of it. Its port "extra" is audio. */
typedef struct {
  MedleyConverter parent_instance;

  GMutex lock;
  GCond cond;
  ProbeMode mode;     /* lock, as all below */
  GString *calls;     /* o)pen c)lose s)tart t)stop p)rocess i)dle d)rain f)lush n)ew caps */
  gboolean inside;    /* in process */
  gboolean released;  /* by probe_release() */
  gboolean cancelled; /* a blocked call was ended by its cancellable */
  gboolean fail_open;
  gboolean fail_start;
  gboolean overlapped; /* two vfuncs ran at once */
  GString *kept;
  GArray *sizes; /* of gsize: the inputs' */
} Probe;

Probe *
probe_new (void);
void
probe_set_mode (Probe *self, ProbeMode mode);
char *
probe_calls (Probe *self);
guint
probe_count (Probe *self, char call);
void
probe_wait_inside (Probe *self);
void
probe_release (Probe *self);
gboolean
probe_was_cancelled (Probe *self);

/* A harness on an element with a bus; @src may be NULL. */
GstHarness *
harness_new (GstElement *element, const char *src);
GstBuffer *
text_buffer (const char *text, gssize size);
GstFlowReturn
push_text (GstHarness *harness, const char *text);
char *
pull_text (GstHarness *harness);
char *
pull_all_text (GstHarness *harness);

/* The next error on the element's bus, or NULL. */
GError *
take_error (GstElement *element);
void
assert_no_message_of (GstElement *element, GstMessageType type);

/* Pushes text in a thread of its own. */
GThread *
push_in_thread (GstHarness *harness, const char *text);
GstFlowReturn
join_push (GThread *thread);
