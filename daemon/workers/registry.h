/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyRegistryOptions:
 * @registry: GStreamer's registry, a file
 * @worker: the worker's executable
 * @arguments: (array zero-terminated=1): what to give it about its sandbox
 * @environment: (array zero-terminated=1): what workers get
 */
typedef struct {
  const char *registry;
  const char *worker;
  const char *const *arguments;
  const char *const *environment;
} MedleyRegistryOptions;

/**
 * medley_registry_prepare:
 * @options: what to build and how
 * @lines: (element-type utf8): gets what the builder printed
 * @unseen: (out) (transfer full) (nullable): why the registry stays as it was although plugins
 *   have changed
 * @error: %MEDLEY_ERROR_SANDBOX_MISSING, %MEDLEY_ERROR_UNAVAILABLE, %MEDLEY_ERROR_IO
 *
 * Makes sure that the registry knows the plugins that there are: when a file of theirs has come,
 * gone or changed, a process of its own loads them all, in a sandbox whose only writable folder is
 * a new one beside the registry; what it writes there is looked at and takes the registry's place.
 * A plugin that ends the builder leaves the registry as it was.
 *
 * Blocks, for seconds where there is no registry yet; for any thread.
 */
gboolean
medley_registry_prepare (const MedleyRegistryOptions *options, GPtrArray *lines, char **unseen,
                         GError **error);

G_END_DECLS
