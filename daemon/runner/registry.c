/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/registry.h"

#include <errno.h>
#include <gst/gst.h>
#include <unistd.h>

/* Set in the second process: a registry that cannot be written would be built for ever. */
#define RESTARTED "MEDLEY_WORKER_RESTARTED"

static gboolean
has_loaded_plugins (void)
{
  GList *plugins = gst_registry_get_plugin_list (gst_registry_get ());
  gboolean found = FALSE;

  for (GList *l = plugins; l != NULL && !found; l = l->next)
    found = gst_plugin_get_filename (l->data) != NULL && gst_plugin_is_loaded (l->data);
  gst_plugin_list_free (plugins);
  return found;
}

void
medley_registry_restart_if_built (char **argv)
{
  if (g_getenv (RESTARTED) != NULL || !has_loaded_plugins ())
    return;
  g_setenv (RESTARTED, "1", TRUE);
  execv ("/proc/self/exe", argv);
  g_printerr ("medley-worker: cannot execute itself anew: %s\n", g_strerror (errno));
}
