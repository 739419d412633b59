/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/registry.h"

#include <fcntl.h>
#include <gst/gst.h>
#include <medley/medley-error.h>
#include <unistd.h>

#include "base/names.h"

/* The file that the sandbox allows to read has to be the one that is read, although another may
 * take its name in between. */
static int
hold_registry (void)
{
  const char *file = g_getenv ("GST_REGISTRY");
  int fd = file != NULL ? open (file, O_RDONLY | O_CLOEXEC) : -1;

  if (fd >= 0) {
    g_autofree char *held = g_strdup_printf ("/proc/self/fd/%d", fd);

    g_setenv ("GST_REGISTRY", held, TRUE);
  }
  return fd;
}

int
medley_registry_choose (const char *folder)
{
  g_autofree char *file
      = folder != NULL ? g_build_filename (folder, MEDLEY_REGISTRY_NAME, NULL) : NULL;

  if (file != NULL)
    g_setenv ("GST_REGISTRY", file, TRUE);
  g_unsetenv ("GST_REGISTRY_1_0");
  g_setenv ("GST_REGISTRY_UPDATE", folder != NULL ? "yes" : "no", TRUE);
  /* Plugins are looked at in this process, which is confined for it. */
  g_setenv ("GST_REGISTRY_FORK", "no", TRUE);
  return file != NULL ? -1 : hold_registry ();
}

gboolean
medley_registry_check (int fd, GError **error)
{
  GList *plugins = gst_registry_get_plugin_list (gst_registry_get ());
  gboolean found = FALSE;

  for (GList *l = plugins; l != NULL && !found; l = l->next)
    found = gst_plugin_get_filename (l->data) != NULL && gst_plugin_is_loaded (l->data);
  gst_plugin_list_free (plugins);
  if (fd >= 0) {
    close (fd);
    g_unsetenv ("GST_REGISTRY");
  }
  if (found)
    g_set_error (
        error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
        "GStreamer's registry (paths.registry) is not there or not of this version; remove "
        "it and start medleyd anew");
  return !found;
}
