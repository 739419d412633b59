/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * MedleyEngineFlags:
 * @MEDLEY_ENGINE_NONE: nothing special
 * @MEDLEY_ENGINE_NETWORK: the engine talks to a model server
 * @MEDLEY_ENGINE_NO_FORK: the engine's library does not survive a fork once opened: it runs in an
 *   exec'd worker instead of a forked one
 * @MEDLEY_ENGINE_DETERMINISTIC: the same input and properties give the same output, whatever the
 * engine did before, however the input is cut into buffers and whoever reads the output; and the
 * output is small beside the work. Such results are kept, and given again to a later job without
 * running the engine
 *
 * What the daemon must know of an engine before it runs it.
 */
typedef enum {
  MEDLEY_ENGINE_NONE = 0,
  MEDLEY_ENGINE_NETWORK = 1 << 0,
  MEDLEY_ENGINE_NO_FORK = 1 << 1,
  MEDLEY_ENGINE_DETERMINISTIC = 1 << 2,
} MedleyEngineFlags;

/**
 * MEDLEY_METADATA_TASKS:
 *
 * Element metadata key: the engine's tasks, separated by commas ("text-to-audio/speech").
 */
#define MEDLEY_METADATA_TASKS "medley-tasks"

/**
 * MEDLEY_METADATA_COST:
 *
 * Element metadata key: a relative cost in decimal, 100 for an ordinary local engine; among engines
 * of one task the cheapest is taken when a pipeline names none.
 */
#define MEDLEY_METADATA_COST "medley-cost"

/**
 * MEDLEY_METADATA_FLAGS:
 *
 * Element metadata key: any of "network", "no-fork" and "deterministic", separated by commas.
 */
#define MEDLEY_METADATA_FLAGS "medley-flags"

/**
 * MEDLEY_METADATA_CLASS:
 *
 * Element metadata key: the concurrency class ("cpu", "gpu", "net" or a name of its own).
 */
#define MEDLEY_METADATA_CLASS "medley-class"

/**
 * medley_engine_declare:
 * @klass: the class of an element that is an engine
 * @tasks: tasks, separated by commas, each `FROM-to-TO` with an optional `/VARIANT`
 * @cost: relative cost, from 0 to 1,000,000; 100 is an ordinary local engine
 * @flags: what the daemon must know of it
 * @concurrency_class: "cpu", "gpu", "net" or a name of its own
 *
 * Declares an element class to be an engine. Call it in `class_init`: GStreamer keeps the
 * declaration in its registry, so that engines are listed without loading any plugin.
 */
void
medley_engine_declare (GstElementClass *klass, const char *tasks, guint cost,
                       MedleyEngineFlags flags, const char *concurrency_class);

/**
 * medley_query_new_voices:
 *
 * Makes a query for the voices of an engine. Run it with gst_element_query() on an element in
 * READY.
 *
 * Returns: (transfer full): a new query
 */
GstQuery *
medley_query_new_voices (void);

/**
 * medley_query_is_voices:
 * @query: a query
 *
 * Returns: whether @query asks for voices
 */
gboolean
medley_query_is_voices (GstQuery *query);

/**
 * medley_query_get_voices:
 * @query: an answered voices query
 *
 * Returns: (transfer none): a value of %GST_TYPE_LIST whose items are structures named "voice" with
 * the string fields "name", "language" (BCP 47), "gender" ("male", "female" or "") and
 * "description"
 */
const GValue *
medley_query_get_voices (GstQuery *query);

/**
 * medley_voices_append:
 * @voices: a value of %GST_TYPE_LIST
 * @name: what the engine's `voice` property takes
 * @language: (nullable): BCP 47 tag
 * @gender: (nullable): "male", "female", or %NULL when unknown
 * @description: (nullable): a human-readable name
 *
 * Adds a voice to an answer; for #MedleyConverterClass.list_voices.
 */
void
medley_voices_append (GValue *voices, const char *name, const char *language, const char *gender,
                      const char *description);

/**
 * medley_event_new_idle:
 *
 * Makes the serialized downstream event by which a source says that its input has paused: what was
 * received so far is all there is for now. A text engine then works off sentences that look
 * complete, instead of waiting for the next one to begin.
 *
 * Returns: (transfer full): a new event
 */
GstEvent *
medley_event_new_idle (void);

/**
 * medley_event_is_idle:
 * @event: an event
 *
 * Returns: whether @event was made by medley_event_new_idle()
 */
gboolean
medley_event_is_idle (GstEvent *event);

G_END_DECLS
