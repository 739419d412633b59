/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <medley/medley-error.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/doctor-private.h"
#include "cli/format.h"
#include "cli/reply.h"

#define LOW_SPACE (1024ull * 1024 * 1024)

static const char *const json_names[] = { "ok", "note", "warning", "failure" };

void
medley_doctor_say (MedleyDoctor *doctor, MedleyVerdict verdict, const char *subject,
                   const char *remedy, const char *format, ...)
{
  static const char *const names[] = { "OK", "--", "WARN", "FAIL" };
  static const MedleyStyle styles[]
      = { MEDLEY_STYLE_GOOD, MEDLEY_STYLE_DIM, MEDLEY_STYLE_WARNING, MEDLEY_STYLE_BAD };
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  doctor->worst = MAX (doctor->worst, verdict);
  if (doctor->cli->is_json) {
    g_autoptr (GVariant) line = NULL;
    GVariantDict dict;

    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "verdict", "s", json_names[verdict]);
    g_variant_dict_insert (&dict, "subject", "s", subject);
    g_variant_dict_insert (&dict, "detail", "s", text);
    if (remedy != NULL)
      g_variant_dict_insert (&dict, "remedy", "s", remedy);
    line = g_variant_ref_sink (g_variant_dict_end (&dict));
    medley_cli_print_json (line);
    return;
  }
  if (doctor->cli->is_quiet && verdict < MEDLEY_VERDICT_WARN)
    return;
  g_print ("%s%-4s%s  %-13s %s\n", medley_style_start (1, styles[verdict]), names[verdict],
           medley_style_end (1), subject, text);
  if (remedy != NULL)
    g_print ("                    remedy: %s\n", remedy);
}

/* Configuration and folders */

static void
check_config (MedleyDoctor *doctor, MedleyConfig *config)
{
  g_autoptr (GVariant) list = g_variant_ref_sink (medley_config_describe (config));
  guint n_changed = 0;

  for (gsize i = 0; i < g_variant_n_children (list); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (list, i);
    const char *origin = medley_reply_string (row, "origin", "");

    if (g_str_equal (origin, "built in") && !medley_args_has (doctor->cli->args, "verbose"))
      continue;
    n_changed += g_str_equal (origin, "built in") ? 0 : 1;
    medley_doctor_say (doctor, MEDLEY_VERDICT_NOTE, "configuration", NULL, "%s = %s (%s)",
                       medley_reply_string (row, "name", "?"),
                       medley_reply_string (row, "expanded", ""), origin);
  }
  medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, "configuration", NULL,
                     "valid; %u of %" G_GSIZE_FORMAT " keys are set", n_changed,
                     g_variant_n_children (list));
}

/* The nearest folder above that exists tells whether a path could be made. */
static char *
existing_parent (const char *path)
{
  char *folder = g_strdup (path);

  while (access (folder, F_OK) != 0 && !g_str_equal (folder, "/")) {
    char *parent = g_path_get_dirname (folder);

    g_free (folder);
    folder = parent;
  }
  return folder;
}

static void
check_folder (MedleyDoctor *doctor, MedleyConfig *config, const char *key, const char *what)
{
  const char *path = medley_config_get_path (config, key);
  g_autofree char *folder = existing_parent (path);
  g_autofree char *remedy = g_strdup_printf ("make it writable, or set %s to another folder", key);
  struct statvfs st;

  if (access (folder, W_OK) != 0) {
    medley_doctor_say (doctor, MEDLEY_VERDICT_FAIL, what, remedy, "%s cannot be written: %s", path,
                       g_strerror (errno));
    return;
  }
  if (statvfs (folder, &st) == 0) {
    guint64 free_bytes = (guint64) st.f_bavail * st.f_frsize;
    g_autofree char *size = medley_format_size (free_bytes);

    if (free_bytes < LOW_SPACE && g_str_equal (key, "paths.spool"))
      medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, what,
                         "free some space, or set paths.spool to a larger disk", "%s, only %s free",
                         path, size);
    else
      medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, what, NULL, "%s, %s free", path, size);
  }
}

/* What the daemon says */

static void
check_workers (MedleyDoctor *doctor, GVariant *workers)
{
  gint64 lost = medley_reply_integer (workers, "lost", 0);
  gint64 failures = medley_reply_integer (workers, "failures", 0);
  gint64 idle = medley_reply_integer (workers, "idle", 0);
  gboolean by_kernel = g_str_equal (medley_reply_string (workers, "memoryLimit", ""), "cgroup");

  medley_doctor_say (doctor, lost > 0 ? MEDLEY_VERDICT_WARN : MEDLEY_VERDICT_GOOD, "workers",
                     lost > 0 ? "\"medley jobs --state failed\" shows what they worked on" : NULL,
                     "%s mode, at most %d, %d busy, %d idle, %d ended unasked",
                     medley_reply_string (workers, "mode", "?"),
                     (int) medley_reply_integer (workers, "maximum", 0),
                     (int) medley_reply_integer (workers, "busy", 0), (int) idle, (int) lost);
  if (failures > 0)
    medley_doctor_say (
        doctor, idle > 0 ? MEDLEY_VERDICT_WARN : MEDLEY_VERDICT_FAIL, "workers",
        "the daemon's standard error says more; \"medley config\" shows paths.worker and "
        "workers.preload",
        "%d in a row ended before they had a job: %s", (int) failures,
        medley_reply_string (workers, "lastFailure", "?"));
  medley_doctor_say (doctor, MEDLEY_VERDICT_NOTE, "memory", NULL,
                     "workers are limited by the %s%s%s%s",
                     by_kernel ? "kernel" : "daemon, which watches them", by_kernel ? "" : " (",
                     by_kernel ? "" : medley_reply_string (workers, "noCgroup", "?"),
                     by_kernel ? "" : ")");
}

static void
check_sandbox (MedleyDoctor *doctor, GVariant *status)
{
  g_autoptr (GVariant) sandbox = medley_reply_object (status, "sandbox");
  static const char *const remedy
      = "boot a kernel that has it, or set workers.sandbox=best-effort to do without";
  const char *mode = medley_reply_string (sandbox, "mode", "?");
  g_auto (GStrv) missing = medley_reply_names (sandbox, "missing");
  g_autofree char *list = g_strjoinv ("; ", missing);

  if (sandbox == NULL)
    return;
  if (medley_reply_boolean (sandbox, "refused", FALSE)) {
    medley_doctor_say (doctor, MEDLEY_VERDICT_FAIL, "sandbox", remedy, "workers do not start: %s",
                       list);
    return;
  }
  if (g_str_equal (mode, "none")) {
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "sandbox", "set workers.sandbox=strict",
                       "none: engines may do whatever this user may");
    return;
  }
  medley_doctor_say (doctor, list[0] != '\0' ? MEDLEY_VERDICT_WARN : MEDLEY_VERDICT_GOOD, "sandbox",
                     list[0] != '\0' ? remedy : NULL,
                     "%s: files %s (Landlock %d), network %s, processes %s, capabilities %s%s%s",
                     mode, medley_reply_string (sandbox, "files", "?"),
                     (int) medley_reply_integer (sandbox, "landlock", 0),
                     medley_reply_string (sandbox, "network", "?"),
                     medley_reply_string (sandbox, "processes", "?"),
                     medley_reply_string (sandbox, "capabilities", "?"),
                     list[0] != '\0' ? "; without " : "", list);
}

static void
check_status (MedleyDoctor *doctor, GVariant *status)
{
  g_autoptr (GVariant) faces = medley_reply_object (status, "faces");
  g_autoptr (GVariant) workers = medley_reply_object (status, "workers");
  g_auto (GStrv) names = medley_reply_names (status, "faces");
  const char *version = medley_reply_string (status, "version", "?");

  if (!g_str_equal (version, MEDLEY_VERSION))
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "daemon", "restart it after an update",
                       "version %s, this command has %s", version, MEDLEY_VERSION);
  else
    medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, "daemon", NULL, "version %s", version);
  if (medley_reply_boolean (status, "draining", FALSE))
    medley_doctor_say (
        doctor, MEDLEY_VERDICT_WARN, "daemon", "start it again when it has ended",
        "it is stopping: it takes no new jobs, and gives those that run jobs.drain to finish");
  for (guint i = 0; names[i] != NULL; i++)
    medley_doctor_say (doctor, MEDLEY_VERDICT_NOTE, "face", NULL, "%s: %s", names[i],
                       medley_reply_string (faces, names[i], "?"));
  medley_doctor_check_http (doctor, status);
  if (workers != NULL)
    check_workers (doctor, workers);
}

static void
append_words (GString *text, GVariant *value, guint depth)
{
  GVariantIter iter;
  GVariant *child;
  const char *name;
  const char *separator = "";

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT)) {
    g_string_append (text, depth > 0 ? "(" : "");
    g_variant_iter_init (&iter, value);
    while (g_variant_iter_next (&iter, "{&sv}", &name, &child)) {
      g_string_append_printf (text, "%s%s ", separator, name);
      append_words (text, child, depth + 1);
      g_variant_unref (child);
      separator = ", ";
    }
    g_string_append (text, depth > 0 ? ")" : "");
  } else if (g_variant_is_of_type (value, G_VARIANT_TYPE ("av"))) {
    g_variant_iter_init (&iter, value);
    while (g_variant_iter_next (&iter, "v", &child)) {
      g_string_append (text, separator);
      append_words (text, child, depth + 1);
      g_variant_unref (child);
      separator = "; ";
    }
  } else if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN)) {
    g_string_append (text, g_variant_get_boolean (value) ? "yes" : "no");
  } else {
    g_autofree char *plain = medley_reply_text (value);

    g_string_append (text, plain);
  }
}

static void
check_store (MedleyDoctor *doctor, GVariant *status)
{
  g_autoptr (GVariant) store = medley_reply_object (status, "store");
  const char *trouble = medley_reply_string (store, "lastError", NULL);
  g_autofree char *size
      = medley_format_size ((guint64) MAX (medley_reply_integer (store, "bytes", 0), 0));

  if (store == NULL)
    return;
  if (trouble != NULL)
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "store",
                       "free some space, and look at the folder's permissions", "%s: %s",
                       medley_reply_string (store, "file", "?"), trouble);
  else if (!medley_reply_boolean (store, "durable", TRUE))
    medley_doctor_say (doctor, MEDLEY_VERDICT_NOTE, "store", NULL,
                       "jobs do not outlive the daemon (jobs.durable)");
  else
    medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, "store", NULL, "%s, %s, version %d",
                       medley_reply_string (store, "file", "?"), size,
                       (int) medley_reply_integer (store, "version", 0));
}

static void
check_circuits (MedleyDoctor *doctor, GVariant *status)
{
  g_autoptr (GPtrArray) circuits = medley_reply_list (status, "circuits");

  for (guint i = 0; i < circuits->len; i++) {
    GVariant *circuit = circuits->pdata[i];
    const char *state = medley_reply_string (circuit, "state", "?");
    gint64 until = medley_reply_integer (circuit, "until", 0);
    g_autofree char *time = until != 0 ? medley_format_time (until) : NULL;
    gboolean is_closed = g_str_equal (state, "closed");

    medley_doctor_say (
        doctor, is_closed ? MEDLEY_VERDICT_NOTE : MEDLEY_VERDICT_WARN, "engine",
        is_closed ? NULL
                  : "look at the last jobs that failed with it; it is tried again by itself, "
                    "workers.circuit-* says when",
        "%s: %s after %d crashes%s%s, the last: %s", medley_reply_string (circuit, "engine", "?"),
        is_closed                     ? "not suspended"
        : g_str_equal (state, "open") ? "suspended"
                                      : "to be tried by one job",
        (int) medley_reply_integer (circuit, "crashes", 0), time != NULL ? " until " : "",
        time != NULL ? time : "", medley_reply_string (circuit, "error", "?"));
  }
}

static void
check_cache (MedleyDoctor *doctor, GVariant *status)
{
  g_autoptr (GVariant) cache = medley_reply_object (status, "cache");
  g_autofree char *text = NULL;

  if (cache == NULL)
    return;
  text = medley_describe_cache (cache);
  if (medley_reply_string (cache, "off", NULL) != NULL)
    medley_doctor_say (doctor, MEDLEY_VERDICT_NOTE, "cache", NULL, "%s", text);
  else
    medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, "cache", NULL,
                       "%s; %" G_GINT64_FORMAT " stages were not run again, %" G_GINT64_FORMAT
                       " were not found",
                       text, medley_reply_integer (cache, "hits", 0),
                       medley_reply_integer (cache, "misses", 0));
}

static void
check_queue (MedleyDoctor *doctor, GVariant *status)
{
  g_autoptr (GPtrArray) classes = medley_reply_list (status, "classes");
  g_autoptr (GString) text = g_string_new (NULL);

  if (medley_reply_boolean (status, "draining", FALSE))
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "draining", "jobs are taken by the next daemon",
                       "it is about to stop, and takes no jobs");
  for (guint i = 0; i < classes->len; i++) {
    GVariant *one = g_ptr_array_index (classes, i);
    gint64 limit = medley_reply_integer (one, "limit", 0);

    g_string_append_printf (text, "%s%s %d running", i > 0 ? ", " : "",
                            medley_reply_string (one, "class", "?"),
                            (int) medley_reply_integer (one, "running", 0));
    if (limit > 0)
      g_string_append_printf (text, " of %d", (int) limit);
  }
  if (text->len > 0)
    medley_doctor_say (doctor, MEDLEY_VERDICT_NOTE, "classes", NULL, "%s", text->str);
}

static void
print_value (const char *subject, const char *detail, GVariant *value)
{
  g_autoptr (GVariant) line = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "verdict", "s", json_names[MEDLEY_VERDICT_NOTE]);
  g_variant_dict_insert (&dict, "subject", "s", subject);
  g_variant_dict_insert (&dict, "detail", "s", detail);
  g_variant_dict_insert_value (&dict, "value", value);
  line = g_variant_ref_sink (g_variant_dict_end (&dict));
  medley_cli_print_json (line);
}

/* A daemon may tell more than this command knows of: nothing of it is left out. */
static void
check_rest (MedleyDoctor *doctor, GVariant *status)
{
  static const char *const known[]
      = { "version",   "jobs",    "workers",  "configuration", "engines", "brokenPlugins",
          "pipelines", "uptime",  "faces",    "sandbox",       "store",   "circuits",
          "cache",     "classes", "draining", "http",          NULL };
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, status);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
    g_autoptr (GVariant) owned = value;
    g_autoptr (GString) text = g_string_new (NULL);

    if (g_strv_contains (known, name))
      continue;
    append_words (text, owned, 0);
    if (doctor->cli->is_json)
      print_value (name, text->str, owned);
    else if (text->len > 0)
      medley_doctor_say (doctor, MEDLEY_VERDICT_NOTE, name, NULL, "%s", text->str);
  }
}

/* What lies in the plugins' folders and cannot be loaded. */
static void
check_broken_plugins (MedleyDoctor *doctor, GVariant *status)
{
  g_autoptr (GVariant) broken = medley_reply_object (status, "brokenPlugins");
  g_auto (GStrv) files = medley_reply_names (status, "brokenPlugins");

  for (guint i = 0; files[i] != NULL; i++)
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "plugin",
                       "build it anew against this machine's libraries, or remove it", "%s: %s",
                       files[i], medley_reply_string (broken, files[i], "cannot be loaded"));
}

static gboolean
has_task (GPtrArray *engines, const char *task)
{
  for (guint i = 0; i < engines->len; i++) {
    g_auto (GStrv) tasks = medley_reply_names (g_ptr_array_index (engines, i), "tasks");

    for (guint j = 0; tasks[j] != NULL; j++) {
      if (g_str_has_prefix (tasks[j], task))
        return TRUE;
    }
  }
  return FALSE;
}

static void
check_engines (MedleyDoctor *doctor)
{
  static const char *const wanted[][2] = {
    { "text-to-audio/speech", "install espeak-ng-data and Medley's espeak plugin" },
    { "image-to-text/ocr", "install tesseract-ocr-eng and Medley's tesseract plugin" },
    { "text-to-video", "install Medley's storyboard plugin" },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = medley_cli_get (doctor->cli, "engines", NULL, &error);
  g_autoptr (GPtrArray) engines = medley_reply_list (reply, "engines");
  g_autoptr (GString) names = g_string_new (NULL);

  if (reply == NULL) {
    medley_doctor_say (doctor, MEDLEY_VERDICT_FAIL, "engines",
                       "\"medleyd --help\" says how to see more of what the daemon does", "%s",
                       error->message);
    return;
  }
  for (guint i = 0; i < engines->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "",
                            medley_reply_string (g_ptr_array_index (engines, i), "name", "?"));
  medley_doctor_say (doctor, engines->len > 0 ? MEDLEY_VERDICT_GOOD : MEDLEY_VERDICT_FAIL,
                     "engines",
                     engines->len > 0 ? NULL
                                      : "paths.plugins must name the folder of Medley's plugins",
                     "%u: %s", engines->len, engines->len > 0 ? names->str : "none");
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    if (!has_task (engines, wanted[i][0]))
      medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "engines", wanted[i][1], "no engine does %s",
                         wanted[i][0]);
  }
}

static void
check_voices (MedleyDoctor *doctor)
{
  g_autoptr (GVariant) reply = medley_cli_get (doctor->cli, "engines/espeak/voices", NULL, NULL);
  g_autoptr (GPtrArray) voices = NULL;

  if (reply == NULL)
    return;
  voices = medley_reply_list (reply, "voices");
  if (voices->len > 0)
    medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, "voices", NULL, "espeak has %u", voices->len);
  else
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "voices", "install espeak-ng-data",
                       "espeak has none");
}

static void
check_pipelines (MedleyDoctor *doctor)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = medley_cli_get (doctor->cli, "pipelines", NULL, &error);
  g_autoptr (GPtrArray) pipelines = medley_reply_list (reply, "pipelines");
  guint n_valid = 0;

  if (reply == NULL) {
    medley_doctor_say (doctor, MEDLEY_VERDICT_FAIL, "pipelines", NULL, "%s", error->message);
    return;
  }
  for (guint i = 0; i < pipelines->len; i++) {
    GVariant *pipeline = g_ptr_array_index (pipelines, i);
    const char *name = medley_reply_string (pipeline, "name", "?");
    g_autoptr (GPtrArray) faults = medley_reply_list (pipeline, "faults");
    g_autofree char *remedy = g_strdup_printf ("medley validate %s", name);

    if (medley_reply_boolean (pipeline, "valid", TRUE)) {
      n_valid++;
      continue;
    }
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "pipelines", remedy, "%s has %u faults (%s)",
                       name, faults->len, medley_reply_string (pipeline, "file", ""));
  }
  medley_doctor_say (doctor, n_valid > 0 ? MEDLEY_VERDICT_GOOD : MEDLEY_VERDICT_WARN, "pipelines",
                     n_valid > 0 ? NULL : "paths.pipelines must name the folder of pipeline files",
                     "%u of %u can run", n_valid, pipelines->len);
}

static void
check_daemon (MedleyDoctor *doctor)
{
  MedleyCli *cli = doctor->cli;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) status = NULL;

  if (!medley_cli_connect (cli, MEDLEY_DAEMON_ANY, &error)) {
    medley_doctor_say (doctor, MEDLEY_VERDICT_FAIL, "daemon", NULL, "%s", error->message);
    return;
  }
  if (cli->private_daemon != NULL)
    medley_doctor_say (doctor, MEDLEY_VERDICT_NOTE, "daemon", NULL,
                       "none runs at %s; what follows is said by a private one",
                       medley_config_get_path (cli->config, "http.socket"));
  else
    medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, "daemon", NULL, "it answers at %s",
                       medley_client_get_target (cli->client));
  status = medley_cli_get (cli, "", NULL, &error);
  if (status == NULL) {
    medley_doctor_say (doctor, MEDLEY_VERDICT_FAIL, "daemon", NULL, "%s", error->message);
    return;
  }
  check_status (doctor, status);
  check_broken_plugins (doctor, status);
  check_sandbox (doctor, status);
  check_store (doctor, status);
  check_circuits (doctor, status);
  check_cache (doctor, status);
  check_queue (doctor, status);
  check_rest (doctor, status);
  check_engines (doctor);
  check_voices (doctor);
  check_pipelines (doctor);
}

int
medley_cmd_doctor (MedleyCli *cli)
{
  MedleyDoctor doctor = { cli, MEDLEY_VERDICT_GOOD };
  g_autoptr (GError) error = NULL;

  if (!medley_cli_check_words (cli, 0, 0, &error))
    return medley_cli_fail (cli, error, NULL, NULL);
  cli->config = medley_config_load (medley_args_get (cli->args, "config"),
                                    medley_args_list (cli->args, "conf"), &error);
  if (cli->config == NULL) {
    medley_doctor_say (&doctor, MEDLEY_VERDICT_FAIL, "configuration",
                       "mend what is named; \"medley config template\" shows all keys", "%s",
                       error->message);
    return MEDLEY_EXIT_CONFIG;
  }
  check_config (&doctor, cli->config);
  check_folder (&doctor, cli->config, "paths.runtime", "runtime");
  check_folder (&doctor, cli->config, "paths.spool", "spool");
  check_daemon (&doctor);
  medley_doctor_check_machine (&doctor);
  return doctor.worst == MEDLEY_VERDICT_FAIL ? MEDLEY_EXIT_FAILED : 0;
}
