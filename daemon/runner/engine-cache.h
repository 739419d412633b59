/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * MedleyEngineCache:
 *
 * Keeps engines in READY, with their models loaded, between jobs. All calls from one thread at a
 * time.
 */
typedef struct _MedleyEngineCache MedleyEngineCache;

MedleyEngineCache *
medley_engine_cache_new (void);
void
medley_engine_cache_free (MedleyEngineCache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyEngineCache, medley_engine_cache_free)

/**
 * medley_engine_cache_take:
 * @self: a cache
 * @factory: name of an element factory
 *
 * Returns: (transfer full) (nullable): an element of its own, with all properties at their first
 * values: one that was kept, in READY, else a new one; %NULL when there is no such factory or its
 * plugin does not load
 */
GstElement *
medley_engine_cache_take (MedleyEngineCache *self, const char *factory);

/**
 * medley_engine_cache_give:
 * @self: a cache
 * @element: (transfer full): an element without parent, in READY
 *
 * Keeps an engine for the next job. An element that is no engine goes to NULL.
 */
void
medley_engine_cache_give (MedleyEngineCache *self, GstElement *element);

G_END_DECLS
