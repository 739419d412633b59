/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * MedleyEngine:
 * @name: element factory
 * @title: what it is called for people
 * @description: one sentence
 * @tasks: (array zero-terminated=1): its tasks
 * @cost: relative cost
 * @network: talks to a model server
 * @no_fork: needs an exec'd worker
 * @deterministic: its results may be cached
 * @build: changes when its code does
 * @concurrency_class: "cpu", "gpu", "net" or a name of its own
 * @details: the whole dictionary of the worker's Describe
 *
 * An engine that is present.
 */
typedef struct {
  char *name;
  char *title;
  char *description;
  char **tasks;
  guint cost;
  gboolean network;
  gboolean no_fork;
  gboolean deterministic;
  char *build;
  char *concurrency_class;
  GVariant *details;
} MedleyEngine;

/**
 * MedleyCatalog:
 *
 * The engines that are present, as a worker described them. The daemon's own; main thread only.
 */
#define MEDLEY_TYPE_CATALOG (medley_catalog_get_type ())
G_DECLARE_FINAL_TYPE (MedleyCatalog, medley_catalog, MEDLEY, CATALOG, GObject)

/**
 * MedleyCatalog::changed: emitted when the engines have changed
 */
MedleyCatalog *
medley_catalog_new (void);

/**
 * medley_catalog_set:
 * @self: a catalogue
 * @engines: `aa{sv}` as in the worker's Describe
 * @registry: version of the registry they came from
 *
 * Replaces all engines.
 */
void
medley_catalog_set (MedleyCatalog *self, GVariant *engines, const char *registry);

/**
 * medley_catalog_set_broken:
 * @self: a catalogue
 * @broken: `a{ss}`, file and reason, as in the worker's Describe
 *
 * Notes which files in the folders of plugins could not be loaded.
 */
void
medley_catalog_set_broken (MedleyCatalog *self, GVariant *broken);

/* (transfer none): `a{ss}`, empty before the first medley_catalog_set_broken() */
GVariant *
medley_catalog_get_broken (MedleyCatalog *self);

/* (transfer none): version of the registry, "" before the first medley_catalog_set() */
const char *
medley_catalog_get_registry (MedleyCatalog *self);

/* (transfer none) (nullable) */
const MedleyEngine *
medley_catalog_get (MedleyCatalog *self, const char *name);

/**
 * medley_catalog_find:
 * @self: a catalogue
 * @task: a task; without a variant it matches any variant
 *
 * Returns: (transfer container) (element-type MedleyEngine): engines of a task, cheapest first
 */
GPtrArray *
medley_catalog_find (MedleyCatalog *self, const char *task);

/* (transfer container) (element-type MedleyEngine): all, by name */
GPtrArray *
medley_catalog_list (MedleyCatalog *self);

/* whether an engine does a task (see medley_catalog_find() for variants) */
gboolean
medley_engine_has_task (const MedleyEngine *engine, const char *task);

G_END_DECLS
