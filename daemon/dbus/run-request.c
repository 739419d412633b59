/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/run-request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "dbus/values.h"
#include "job/options.h"

G_GNUC_PRINTF (3, 4)
static gboolean
refuse_input (GError **error, const char *name, const char *format, ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT, "input \"%s\" %s", name, reason);
  return FALSE;
}

/* ---- descriptors ---- */

static gboolean
check_descriptor (int fd, const char *name, GError **error)
{
  struct stat info;
  int flags = fcntl (fd, F_GETFL);

  if (flags < 0 || fstat (fd, &info) < 0)
    return refuse_input (error, name, "is no usable descriptor: %s", g_strerror (errno));
  if (S_ISDIR (info.st_mode))
    return refuse_input (error, name, "is a folder; pass a file, pipe or socket");
  if (!S_ISREG (info.st_mode) && !S_ISFIFO (info.st_mode) && !S_ISSOCK (info.st_mode)
      && !S_ISCHR (info.st_mode))
    return refuse_input (error, name, "is neither a file nor a pipe or socket");
  if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY)
    return refuse_input (error, name, "is not open for reading; pass the end that is read from");
  return TRUE;
}

static gboolean
add_descriptor (MedleyJobRequest *request, const char *name, GVariant *value, GUnixFDList *fds,
                GError **error)
{
  gint32 index = g_variant_get_handle (value);
  int n_fds = fds != NULL ? g_unix_fd_list_get_length (fds) : 0;
  g_autoptr (GError) reason = NULL;
  int fd;

  if (index < 0 || index >= n_fds)
    return refuse_input (error, name, "refers to descriptor %d of a message that has %d", index,
                         n_fds);
  fd = g_unix_fd_list_get (fds, index, &reason);
  if (fd < 0)
    return refuse_input (error, name, "cannot be taken over: %s", reason->message);
  if (!check_descriptor (fd, name, error)) {
    close (fd);
    return FALSE;
  }
  medley_job_request_add_input_fd (request, name, fd);
  return TRUE;
}

/* ---- inputs ---- */

static gboolean
add_input (MedleyJobRequest *request, const char *name, GVariant *value, GUnixFDList *fds,
           GError **error)
{
  g_autoptr (GBytes) bytes = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_HANDLE))
    return add_descriptor (request, name, value, fds, error);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
    gsize length;
    const char *text = g_variant_get_string (value, &length);

    bytes = g_bytes_new (text, length);
  } else if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING)) {
    bytes = g_variant_get_data_as_bytes (value);
  } else {
    return refuse_input (error, name,
                         "has D-Bus type %s; it must be h (a descriptor), s (text) or ay (bytes)",
                         g_variant_get_type_string (value));
  }
  medley_job_request_add_input_bytes (request, name, bytes);
  return TRUE;
}

static gboolean
add_inputs (MedleyJobRequest *request, GVariant *inputs, GUnixFDList *fds, GError **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, inputs);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
    g_autoptr (GVariant) owned = value;

    if (!add_input (request, name, owned, fds, error))
      return FALSE;
  }
  return TRUE;
}

/* ---- options ---- */

/* Whole numbers of all sizes are one type to a pipeline. */
static GVariant *
widen (GVariant *value)
{
  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_BYTE:
    return g_variant_new_int64 (g_variant_get_byte (value));
  case G_VARIANT_CLASS_INT16:
    return g_variant_new_int64 (g_variant_get_int16 (value));
  case G_VARIANT_CLASS_UINT16:
    return g_variant_new_int64 (g_variant_get_uint16 (value));
  case G_VARIANT_CLASS_INT32:
    return g_variant_new_int64 (g_variant_get_int32 (value));
  case G_VARIANT_CLASS_UINT32:
    return g_variant_new_int64 (g_variant_get_uint32 (value));
  case G_VARIANT_CLASS_UINT64:
    if (g_variant_get_uint64 (value) <= G_MAXINT64)
      return g_variant_new_int64 ((gint64) g_variant_get_uint64 (value));
    return NULL;
  case G_VARIANT_CLASS_INT64:
  case G_VARIANT_CLASS_STRING:
  case G_VARIANT_CLASS_BOOLEAN:
  case G_VARIANT_CLASS_DOUBLE:
    return value;
  default:
    return NULL;
  }
}

static gboolean
read_parameters (GVariant *value, gpointer data, GError **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *child;

  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &child)) {
    g_autoptr (GVariant) owned = child;
    GVariant *wide = widen (owned);

    if (wide == NULL) {
      g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PARAMETER,
                   "parameter \"%s\" has D-Bus type %s or a number out of range; it must be a "
                   "string, boolean or number",
                   name, g_variant_get_type_string (owned));
      return FALSE;
    }
    medley_job_request_set_parameter (data, name, wide);
  }
  return TRUE;
}

static gboolean
read_outputs (GVariant *value, gpointer data, GError **error)
{
  gboolean has_types = g_variant_is_of_type (value, G_VARIANT_TYPE ("a{ss}"));
  GVariantIter iter;
  const char *name, *type = "";

  g_variant_iter_init (&iter, value);
  while (has_types ? g_variant_iter_next (&iter, "{&s&s}", &name, &type)
                   : g_variant_iter_next (&iter, "&s", &name))
    medley_job_request_add_output (data, *name != '\0' ? name : NULL, type);
  return TRUE;
}

static gboolean
read_text (GVariant *value, gpointer data, GError **error)
{
  gsize length;
  const char *text = g_variant_get_string (value, &length);

  medley_job_request_set_pipeline_text (data, text, length);
  return TRUE;
}

static gboolean
read_traceparent (GVariant *value, gpointer data, GError **error)
{
  return medley_job_request_set_traceparent (data, g_variant_get_string (value, NULL), error);
}

static gboolean
read_tracestate (GVariant *value, gpointer data, GError **error)
{
  return medley_job_request_set_tracestate (data, g_variant_get_string (value, NULL), error);
}

static const MedleyDBusOption options_table[] = {
  { "parameters", "a{sv}", read_parameters },
  { "outputs", "as a{ss}", read_outputs },
  { "pipeline-text", "s", read_text },
  { "traceparent", "s", read_traceparent },
  { "tracestate", "s", read_tracestate },
  /* These are read by name, below. */
  { "priority", "i", NULL },
  { "startAt", "x s", NULL },
  { "deadline", "x s", NULL },
  { "runTime", "t", NULL },
  { "attempts", "u", NULL },
  { "cache", "b", NULL },
  { "idempotencyKey", "s", NULL },
  { NULL },
};

static gboolean
read_job_options (MedleyJobRequest *request, GVariant *options, guint max_key, GError **error)
{
  const char *const *names = medley_job_option_names ();

  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (options, names[i], NULL);
    g_autofree char *label = g_strdup_printf ("option \"%s\"", names[i]);

    if (value != NULL
        && !medley_job_request_set_option (request, names[i], label, value, FALSE, max_key, error))
      return FALSE;
  }
  return medley_job_request_check_options (request, error);
}

MedleyJobRequest *
medley_dbus_read_run (const char *client, const char *pipeline, GVariant *inputs, GVariant *options,
                      GUnixFDList *fds, guint max_key, GError **error)
{
  g_autoptr (MedleyJobRequest) request = medley_job_request_new (client);
  g_autoptr (GVariant) text = g_variant_lookup_value (options, "pipeline-text", NULL);

  if ((*pipeline == '\0') == (text == NULL)) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT,
                 text == NULL
                     ? "no pipeline is named; give a name, or the option \"pipeline-text\""
                     : "a pipeline is named, and the option \"pipeline-text\" has another; "
                       "leave the name empty");
    return NULL;
  }
  if (*pipeline != '\0')
    medley_job_request_set_pipeline (request, pipeline);
  if (!medley_dbus_read_options ("option", options, options_table, request, error)
      || !read_job_options (request, options, max_key, error)
      || !add_inputs (request, inputs, fds, error))
    return NULL;
  return g_steal_pointer (&request);
}
