/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/engine-cache.h"

G_BEGIN_DECLS

/**
 * medley_describe_engines:
 * @registry: (out) (transfer full): a string that changes when a plugin does
 *
 * Lists the engines from GStreamer's registry; loads no plugin.
 *
 * Returns: (transfer floating): `aa{sv}` as of Describe in org.medley.Worker1
 */
GVariant *
medley_describe_engines (char **registry);

/**
 * medley_describe_broken:
 *
 * Looks for files in the folders of GST_PLUGIN_PATH that are no plugin, by trying to load them.
 *
 * Returns: (transfer floating): `a{ss}`, file and reason, as of Describe in org.medley.Worker1
 */
GVariant *
medley_describe_broken (void);

/**
 * medley_describe_factory:
 * @cache: where the engine is taken from, and opened to list its voices
 * @factory: an engine or element
 * @error: %MEDLEY_ERROR_UNKNOWN_ENGINE
 *
 * Returns: (transfer floating) (nullable): `a{sv}` as of Inspect in org.medley.Worker1
 */
GVariant *
medley_describe_factory (MedleyEngineCache *cache, const char *factory, GError **error);

G_END_DECLS
