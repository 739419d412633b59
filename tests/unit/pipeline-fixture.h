/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string.h>

#include "pipeline/pipeline.h"
#include "pipeline/plan.h"

/* A small world for tests of pipelines: three engines and a few pipelines. */

typedef struct {
  MedleyCatalog *catalog;
  GHashTable *pipelines; /* name → MedleyPipeline */
  MedleyPipelineContext context;
} Fixture;

static const char fixture_engines[]
    = "[{'name': <'espeak'>, 'tasks': <['text-to-audio/speech']>, 'cost': <uint32 50>,"
      "  'outputs': <['src:audio/x-raw', 'captions:text/x-raw, format=(string)utf8']>},"
      " {'name': <'cloud'>, 'tasks': <['text-to-audio/speech']>, 'cost': <uint32 500>, 'flags': "
      "<['network']>,"
      "  'outputs': <['src:audio/x-raw']>},"
      " {'name': <'tesseract'>, 'tasks': <['image-to-text/ocr']>,"
      "  'outputs': <['src:text/x-raw', 'layout:application/json']>},"
      " {'name': <'storyboard'>, 'tasks': <['text-to-video']>, 'outputs': <['src:video/x-raw']>}]";

static inline MedleyPipeline *
fixture_lookup (const char *name, gpointer data)
{
  return g_hash_table_lookup (((Fixture *) data)->pipelines, name);
}

static inline GPtrArray *
fixture_names (gpointer data)
{
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, ((Fixture *) data)->pipelines);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, name);
  return names;
}

/* Adds a pipeline that others may use. JSON with single quotes is easier on the eye in C. */
static inline MedleyPipeline *
fixture_add (Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *file = g_strconcat (name, ".json", NULL);
  g_autofree char *quoted = g_strdelimit (g_strdup (text), "'", '"');
  MedleyPipeline *pipeline
      = medley_pipeline_parse (quoted, strlen (quoted), file, &fixture->context);

  g_hash_table_insert (fixture->pipelines, g_strdup (name), pipeline);
  return pipeline;
}

static inline void
fixture_init (Fixture *fixture)
{
  fixture->catalog = medley_catalog_new ();
  medley_catalog_set (fixture->catalog,
                      g_variant_parse (G_VARIANT_TYPE ("aa{sv}"), fixture_engines, NULL, NULL,
                                       NULL),
                      "1");
  fixture->pipelines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                              (GDestroyNotify) medley_pipeline_unref);
  fixture->context = (MedleyPipelineContext){
    .catalog = fixture->catalog,
    .lookup = fixture_lookup,
    .lookup_data = fixture,
    .names = fixture_names,
  };
  fixture_add (
      fixture, "speak",
      "{'medley': 1, 'inputs': {'text': {'type': 'text/plain'}},"
      " 'parameters': {'rate': {'type': 'integer', 'default': 175, 'minimum': 80, 'maximum': 450}},"
      " 'stages': {'speech': {'task': 'text-to-audio/speech', 'from': 'text', 'set': {'rate': "
      "'${rate}'}}},"
      " 'outputs': {'speech': {'from': 'speech', 'type': 'audio/ogg'},"
      " 'captions': {'from': 'speech.captions', 'type': 'text/vtt'}}}");
}

static inline void
fixture_clear (Fixture *fixture)
{
  g_hash_table_unref (fixture->pipelines);
  g_object_unref (fixture->catalog);
}
