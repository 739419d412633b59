/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/environment.h"

#include <unistd.h>

char *
medley_environment_find_worker (MedleyConfig *config)
{
  const char *configured = medley_config_get_path (config, "paths.worker");
  g_autofree char *self_path = NULL;
  g_autofree char *folder = NULL;
  char *beside;

  if (configured[0] != '\0')
    return g_strdup (configured);
  self_path = g_file_read_link ("/proc/self/exe", NULL);
  if (self_path != NULL) {
    folder = g_path_get_dirname (self_path);
    beside = g_build_filename (folder, "medley-worker", NULL);
    if (g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
      return beside;
    g_free (beside);
  }
  return g_build_filename (MEDLEY_LIBEXECDIR, "medley-worker", NULL);
}

static char *
number_text (MedleyConfig *config, const char *key)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT, medley_config_get_number (config, key));
}

char *
medley_environment_get_registry (MedleyConfig *config)
{
  const char *registry = medley_config_get_path (config, "paths.registry");

  if (registry[0] != '\0')
    return g_strdup (registry);
  return g_build_filename (g_get_user_cache_dir (), "gstreamer-1.0", "registry.medley.bin", NULL);
}

/* Libraries that engines link to keep files in the home, start services of the desktop or connect
 * to them; PulseAudio's does all of it when a speech engine is opened, though nothing is played.
 * Below /dev/null nothing can be made, not even by root. Fonts of the user's own stay to be found;
 * what is known of them is kept in the folder of the registry. To the service manager only the
 * daemon speaks. */
static char **
leave_desktop (char **environment, const char *registry)
{
  static const char *const gone[] = { "DISPLAY",
                                      "WAYLAND_DISPLAY",
                                      "XAUTHORITY",
                                      "DBUS_SESSION_BUS_ADDRESS",
                                      "DBUS_SYSTEM_BUS_ADDRESS",
                                      "PULSE_COOKIE",
                                      "PULSE_CLIENTCONFIG",
                                      "NOTIFY_SOCKET",
                                      "WATCHDOG_PID",
                                      "WATCHDOG_USEC" };
  static const char *const nowhere[]
      = { "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR" };
  g_autofree char *cache = g_path_get_dirname (registry);

  environment = g_environ_setenv (environment, "XDG_DATA_HOME", g_get_user_data_dir (), TRUE);
  environment = g_environ_setenv (environment, "XDG_CACHE_HOME", cache, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (gone); i++)
    environment = g_environ_unsetenv (environment, gone[i]);
  for (guint i = 0; i < G_N_ELEMENTS (nowhere); i++)
    environment = g_environ_setenv (environment, nowhere[i], "/dev/null", TRUE);
  /* One that is named is neither looked for nor started, and that of another host is not even
   * called. */
  return g_environ_setenv (environment, "PULSE_SERVER", "{none}unix:/dev/null/none", TRUE);
}

char **
medley_environment_make (MedleyConfig *config)
{
  char **environment = g_get_environ ();
  const char *const *folders = medley_config_get_list (config, "paths.plugins");
  g_autofree char *registry = medley_environment_get_registry (config);
  const char *inherited = g_environ_getenv (environment, "GST_PLUGIN_PATH");
  g_autofree char *joined = g_strjoinv (":", (char **) folders);
  g_autofree char *plugins = inherited != NULL && inherited[0] != '\0'
                                 ? g_strconcat (joined, ":", inherited, NULL)
                                 : g_strdup (joined);
  g_autofree char *threads = number_text (config, "workers.threads");

  environment = g_environ_setenv (environment, "GST_PLUGIN_PATH", plugins, TRUE);
  environment = leave_desktop (environment, registry);
  environment = g_environ_setenv (environment, "GST_REGISTRY", registry, TRUE);
  environment = g_environ_unsetenv (environment, "GST_REGISTRY_1_0");
  environment = g_environ_setenv (environment, "OMP_THREAD_LIMIT", threads, TRUE);
  environment = g_environ_setenv (environment, "OMP_NUM_THREADS", threads, TRUE);
  return environment;
}

char **
medley_environment_make_arguments (MedleyConfig *config, const char *temporary)
{
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  const char *const *models = medley_config_get_list (config, "paths.models");
  g_autofree char *descriptors = number_text (config, "workers.file-descriptors");
  g_autofree char *file_bytes = number_text (config, "limits.output-bytes");
  g_autofree char *threads = number_text (config, "workers.threads");
  g_autofree char *parent = g_strdup_printf ("%d", (int) getpid ());

  g_strv_builder_add_many (list, "--sandbox", medley_config_get_string (config, "workers.sandbox"),
                           "--parent", parent, "--max-fds", descriptors, "--max-file", file_bytes,
                           "--threads", threads, NULL);
  for (guint i = 0; models[i] != NULL; i++)
    g_strv_builder_add_many (list, "--read", models[i], NULL);
  if (temporary != NULL)
    g_strv_builder_add_many (list, "--temporary", temporary, NULL);
  return g_strv_builder_end (list);
}
