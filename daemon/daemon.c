/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon.h"

#include "base/error.h"
#include "catalog/catalog.h"
#include "dbus/dbus.h"
#include "http/http.h"
#include "job/manager.h"
#include "pipeline/library.h"
#include "telemetry/job-spans.h"
#include "workers/pool.h"

/* Files of a plugin are copied in several writes. */
#define PLUGINS_SETTLE_MS 500
/* How long the last spans may take to be sent. */
#define TELEMETRY_SECONDS 3
/* How long clients get to read the last answers. */
#define SETTLE_SECONDS 5

struct _MedleyDaemon {
  GObject parent_instance;

  MedleyConfig *config;
  MedleyPool *pool;
  MedleyCatalog *catalog;
  MedleyLibrary *library;
  MedleyJobManager *jobs;
  MedleyTelemetry *telemetry;
  MedleyJobSpans *spans; /* NULL where none are sent */
  MedleyHttp *http;
  MedleyDBus *dbus;
  GPtrArray *plugin_monitors;
  guint settle_source;
  gboolean started;

  GSourceOnceFunc drained; /* NULL unless it drains */
  gpointer drained_data;
  guint n_settling; /* faces that still answer */
};

G_DEFINE_FINAL_TYPE (MedleyDaemon, medley_daemon, G_TYPE_OBJECT)

enum { SIGNAL_READY, SIGNAL_FAILED, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
open_faces (MedleyDaemon *self)
{
  g_autoptr (GError) error = NULL;

  self->started = TRUE;
  if (medley_telemetry_is_on (self->telemetry))
    self->spans = medley_job_spans_new (self->jobs, self->telemetry);
  medley_job_manager_start (self->jobs);
  self->http = medley_http_new (self->jobs, self->telemetry, &error);
  if (self->http == NULL) {
    g_signal_emit (self, signals[SIGNAL_FAILED], 0, error);
    return;
  }
  self->dbus = medley_dbus_new (self->jobs);
  g_signal_emit (self, signals[SIGNAL_READY], 0);
}

static void
described (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (MedleyDaemon) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = medley_pool_ask_finish (MEDLEY_POOL (source), result, &error);

  if (self->pool == NULL)
    return; /* disposed of */
  if (reply != NULL) {
    g_autoptr (GVariant) engines = g_variant_get_child_value (reply, 0);
    g_autoptr (GVariant) broken = g_variant_get_child_value (reply, 2);
    const char *registry;

    g_variant_get_child (reply, 1, "&s", &registry);
    medley_catalog_set_broken (self->catalog, broken);
    medley_catalog_set (self->catalog, engines, registry);
  } else {
    g_warning ("The engines are not known: %s", error->message);
  }
  if (!self->started && !medley_job_manager_is_draining (self->jobs))
    open_faces (self);
}

static void
describe (MedleyDaemon *self)
{
  medley_pool_ask_async (self->pool, "Describe", NULL, described, g_object_ref (self));
}

static gboolean
plugins_settled (gpointer data)
{
  MedleyDaemon *self = data;

  self->settle_source = 0;
  medley_pool_refresh (self->pool);
  describe (self);
  return G_SOURCE_REMOVE;
}

static void
plugins_changed (GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
                 gpointer data)
{
  MedleyDaemon *self = data;

  if (event == G_FILE_MONITOR_EVENT_CHANGED || event == G_FILE_MONITOR_EVENT_ATTRIBUTE_CHANGED)
    return; /* the hint that the changes are done follows */
  g_clear_handle_id (&self->settle_source, g_source_remove);
  self->settle_source = g_timeout_add (PLUGINS_SETTLE_MS, plugins_settled, self);
}

static void
watch_plugins (MedleyDaemon *self)
{
  const char *const *folders = medley_config_get_list (self->config, "paths.plugins");

  for (guint i = 0; folders[i] != NULL; i++) {
    g_autoptr (GFile) folder = g_file_new_for_path (folders[i]);
    GFileMonitor *monitor
        = g_file_monitor_directory (folder, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);

    if (monitor == NULL)
      continue;
    g_signal_connect (monitor, "changed", G_CALLBACK (plugins_changed), self);
    g_ptr_array_add (self->plugin_monitors, monitor);
  }
}

static GVariant *
plan_limits (MedleyConfig *config)
{
  static const char *const names[]
      = { "text-bytes", "input-bytes", "image-pixels", "output-bytes" };
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *key = g_strconcat ("limits.", names[i], NULL);

    g_variant_dict_insert (&dict, names[i], "t", medley_config_get_number (config, key));
  }
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

MedleyDaemon *
medley_daemon_new (MedleyConfig *config, GError **error)
{
  g_autoptr (MedleyDaemon) self = g_object_new (MEDLEY_TYPE_DAEMON, NULL);
  g_autoptr (GVariant) limits = plan_limits (config);
  MedleyLibraryLimits library_limits = {
    .pipeline_bytes = medley_config_get_number (config, "limits.pipeline-bytes"),
    .json_depth = (guint) medley_config_get_number (config, "limits.json-depth"),
    .stages = (guint) medley_config_get_number (config, "limits.stages"),
    .fan_out = (guint) medley_config_get_number (config, "limits.fan-out"),
    .plan_limits = limits,
  };

  self->config = g_object_ref (config);
  self->catalog = medley_catalog_new ();
  self->pool = medley_pool_new (config);
  self->library = medley_library_new (medley_config_get_list (config, "paths.pipelines"),
                                      self->catalog, &library_limits);
  self->jobs = medley_job_manager_new (config, self->library, self->catalog, self->pool, error);
  if (self->jobs == NULL)
    return NULL;
  self->telemetry
      = medley_telemetry_new (config, medley_job_manager_get_metrics (self->jobs), error);
  if (self->telemetry == NULL)
    return NULL;
  return g_steal_pointer (&self);
}

void
medley_daemon_start (MedleyDaemon *self)
{
  watch_plugins (self);
  describe (self);
  medley_pool_warm (self->pool);
}

static void
telemetry_drained (gpointer data)
{
  MedleyDaemon *self = data;

  if (self->drained != NULL)
    g_steal_pointer (&self->drained) (self->drained_data);
}

static void
face_settled (gpointer data)
{
  MedleyDaemon *self = data;

  /* The last requests are told as well. */
  if (--self->n_settling == 0)
    medley_telemetry_drain (self->telemetry, TELEMETRY_SECONDS, telemetry_drained, self);
}

static void
jobs_drained (gpointer data)
{
  MedleyDaemon *self = data;

  /* One for this function, so that a face that is quick does not end it all. */
  self->n_settling = 1;
  if (self->http != NULL) {
    self->n_settling++;
    medley_http_settle (self->http, SETTLE_SECONDS, face_settled, self);
  }
  if (self->dbus != NULL) {
    self->n_settling++;
    medley_dbus_settle (self->dbus, SETTLE_SECONDS, face_settled, self);
  }
  face_settled (self);
}

void
medley_daemon_drain (MedleyDaemon *self, GSourceOnceFunc drained, gpointer data)
{
  g_return_if_fail (!medley_job_manager_is_draining (self->jobs));
  self->drained = drained;
  self->drained_data = data;
  medley_job_manager_drain (self->jobs, medley_config_get_number (self->config, "jobs.drain"),
                            jobs_drained, self);
}

void
medley_daemon_drop_jobs (MedleyDaemon *self)
{
  self->drained = NULL;
  medley_job_manager_drop_jobs (self->jobs);
}

guint64
medley_daemon_get_drain_time (MedleyDaemon *self)
{
  return medley_config_get_number (self->config, "jobs.drain") + SETTLE_SECONDS + TELEMETRY_SECONDS;
}

MedleyJobManager *
medley_daemon_get_jobs (MedleyDaemon *self)
{
  return self->jobs;
}

static void
medley_daemon_dispose (GObject *object)
{
  MedleyDaemon *self = MEDLEY_DAEMON (object);

  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_ptr_array_set_size (self->plugin_monitors, 0);
  g_clear_object (&self->dbus);
  g_clear_object (&self->http);
  g_clear_pointer (&self->spans, medley_job_spans_free);
  if (self->telemetry != NULL)
    g_object_run_dispose (G_OBJECT (self->telemetry));
  g_clear_object (&self->telemetry);
  /* Requests under way hold it, and what they wait for does not come any more. */
  if (self->jobs != NULL)
    g_object_run_dispose (G_OBJECT (self->jobs));
  g_clear_object (&self->jobs);
  g_clear_object (&self->library);
  if (self->pool != NULL)
    g_object_run_dispose (G_OBJECT (self->pool));
  g_clear_object (&self->pool);
  g_clear_object (&self->catalog);
  g_clear_object (&self->config);
  G_OBJECT_CLASS (medley_daemon_parent_class)->dispose (object);
}

static void
medley_daemon_finalize (GObject *object)
{
  g_ptr_array_unref (MEDLEY_DAEMON (object)->plugin_monitors);
  G_OBJECT_CLASS (medley_daemon_parent_class)->finalize (object);
}

static void
medley_daemon_class_init (MedleyDaemonClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = medley_daemon_dispose;
  object_class->finalize = medley_daemon_finalize;
  signals[SIGNAL_READY]
      = g_signal_new ("ready", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_FAILED] = g_signal_new ("failed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
medley_daemon_init (MedleyDaemon *self)
{
  self->plugin_monitors = g_ptr_array_new_with_free_func (g_object_unref);
}
