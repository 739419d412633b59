/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#define DBUS(Name) "org.medley.Error." Name

/* clang-format off */
/* Indexed by code; a unit test holds it against the enum.
 *
 * An error is transient when the same attempt may well succeed a little later: a process died or
 * hung, or something could not be reached. Not so the others: limits of memory, time and size are
 * met again by the same input; a full disk would only be filled once more; an engine's own failure
 * and io-error mostly come from the input or from this machine's state; and where the client is at
 * fault, or has gone (timed-out, queue-full), it is for the client to ask again. */
static const MedleyErrorInfo table[] = {
  { MEDLEY_ERROR_FAILED, "failed", DBUS ("Failed"), 500, MEDLEY_EXIT_FAILED, FALSE, "Something went wrong" },
  { MEDLEY_ERROR_CANCELLED, "cancelled", DBUS ("Cancelled"), 409, MEDLEY_EXIT_CANCELLED, FALSE, "The job was cancelled" },
  { MEDLEY_ERROR_INVALID_ARGUMENT, "invalid-argument", DBUS ("InvalidArgument"), 400, MEDLEY_EXIT_USAGE, FALSE, "The request is malformed" },
  { MEDLEY_ERROR_NOT_FOUND, "not-found", DBUS ("NotFound"), 404, MEDLEY_EXIT_USAGE, FALSE, "There is nothing of that name" },
  { MEDLEY_ERROR_BAD_INPUT, "bad-input", DBUS ("BadInput"), 422, MEDLEY_EXIT_BAD_INPUT, FALSE, "An input cannot be decoded" },
  { MEDLEY_ERROR_BAD_ENCODING, "bad-encoding", DBUS ("BadEncoding"), 422, MEDLEY_EXIT_BAD_INPUT, FALSE, "A text is not UTF-8" },
  { MEDLEY_ERROR_NUL_IN_TEXT, "nul-in-text", DBUS ("NulInText"), 422, MEDLEY_EXIT_BAD_INPUT, FALSE, "A text has a NUL character" },
  { MEDLEY_ERROR_EMPTY_INPUT, "empty-input", DBUS ("EmptyInput"), 422, MEDLEY_EXIT_BAD_INPUT, FALSE, "An input is empty" },
  { MEDLEY_ERROR_TOO_LARGE, "too-large", DBUS ("TooLarge"), 413, MEDLEY_EXIT_BAD_INPUT, FALSE, "An input or request is too large" },
  { MEDLEY_ERROR_IMAGE_TOO_LARGE, "image-too-large", DBUS ("ImageTooLarge"), 413, MEDLEY_EXIT_BAD_INPUT, FALSE, "An image has too many pixels" },
  { MEDLEY_ERROR_UNSUPPORTED_TYPE, "unsupported-type", DBUS ("UnsupportedType"), 415, MEDLEY_EXIT_USAGE, FALSE, "A media type is not supported" },
  { MEDLEY_ERROR_UNKNOWN_VOICE, "unknown-voice", DBUS ("UnknownVoice"), 422, MEDLEY_EXIT_BAD_PIPELINE, FALSE, "The engine has no such voice" },
  { MEDLEY_ERROR_UNKNOWN_LANGUAGE, "unknown-language", DBUS ("UnknownLanguage"), 422, MEDLEY_EXIT_BAD_PIPELINE, FALSE, "The engine has no such language" },
  { MEDLEY_ERROR_INVALID_PIPELINE, "invalid-pipeline", DBUS ("InvalidPipeline"), 422, MEDLEY_EXIT_BAD_PIPELINE, FALSE, "The pipeline has faults" },
  { MEDLEY_ERROR_INVALID_PARAMETER, "invalid-parameter", DBUS ("InvalidParameter"), 422, MEDLEY_EXIT_BAD_PIPELINE, FALSE, "A parameter is refused" },
  { MEDLEY_ERROR_INVALID_PROPERTY, "invalid-property", DBUS ("InvalidProperty"), 422, MEDLEY_EXIT_BAD_PIPELINE, FALSE, "A stage property is refused" },
  { MEDLEY_ERROR_INVALID_JSON, "invalid-json", DBUS ("InvalidJson"), 400, MEDLEY_EXIT_BAD_PIPELINE, FALSE, "A text is not JSON within the limits" },
  { MEDLEY_ERROR_UNKNOWN_ENGINE, "unknown-engine", DBUS ("UnknownEngine"), 422, MEDLEY_EXIT_BAD_PIPELINE, FALSE, "No such engine is present" },
  { MEDLEY_ERROR_ENGINE_FAILED, "engine-failed", DBUS ("EngineFailed"), 500, MEDLEY_EXIT_FAILED, FALSE, "An engine failed" },
  { MEDLEY_ERROR_WORKER_CRASHED, "worker-crashed", DBUS ("WorkerCrashed"), 500, MEDLEY_EXIT_CRASHED, TRUE, "A worker crashed" },
  { MEDLEY_ERROR_WORKER_HUNG, "worker-hung", DBUS ("WorkerHung"), 500, MEDLEY_EXIT_CRASHED, TRUE, "A stage made no progress" },
  { MEDLEY_ERROR_MEMORY_LIMIT, "memory-limit", DBUS ("MemoryLimit"), 500, MEDLEY_EXIT_CRASHED, FALSE, "A worker used too much memory" },
  { MEDLEY_ERROR_TIME_LIMIT, "time-limit", DBUS ("TimeLimit"), 500, MEDLEY_EXIT_CRASHED, FALSE, "The job ran too long" },
  { MEDLEY_ERROR_OUTPUT_TOO_LARGE, "output-too-large", DBUS ("OutputTooLarge"), 500, MEDLEY_EXIT_CRASHED, FALSE, "An output grew past its limit" },
  { MEDLEY_ERROR_NO_SPACE, "no-space", DBUS ("NoSpace"), 507, MEDLEY_EXIT_UNAVAILABLE, FALSE, "The disk is full" },
  { MEDLEY_ERROR_QUEUE_FULL, "queue-full", DBUS ("QueueFull"), 429, MEDLEY_EXIT_UNAVAILABLE, FALSE, "The queue is full" },
  { MEDLEY_ERROR_WRONG_STATE, "wrong-state", DBUS ("WrongState"), 409, MEDLEY_EXIT_USAGE, FALSE, "The job's state does not allow this" },
  { MEDLEY_ERROR_NOT_ALLOWED, "not-allowed", DBUS ("NotAllowed"), 403, MEDLEY_EXIT_UNAVAILABLE, FALSE, "This is not allowed" },
  { MEDLEY_ERROR_UNAUTHORIZED, "unauthorized", DBUS ("Unauthorized"), 401, MEDLEY_EXIT_UNAVAILABLE, FALSE, "A valid token is required" },
  { MEDLEY_ERROR_UNAVAILABLE, "unavailable", DBUS ("Unavailable"), 503, MEDLEY_EXIT_UNAVAILABLE, TRUE, "The service is not available" },
  { MEDLEY_ERROR_INVALID_CONFIG, "invalid-config", DBUS ("InvalidConfig"), 500, MEDLEY_EXIT_CONFIG, FALSE, "The configuration is wrong" },
  { MEDLEY_ERROR_IO, "io-error", DBUS ("Io"), 500, MEDLEY_EXIT_FAILED, FALSE, "Reading or writing failed" },
  { MEDLEY_ERROR_MISSING_INPUT, "missing-input", DBUS ("MissingInput"), 422, MEDLEY_EXIT_USAGE, FALSE, "An input that is needed was not given" },
  { MEDLEY_ERROR_UNKNOWN_OUTPUT, "unknown-output", DBUS ("UnknownOutput"), 422, MEDLEY_EXIT_USAGE, FALSE, "The pipeline has no such output" },
  { MEDLEY_ERROR_UNKNOWN_INPUT, "unknown-input", DBUS ("UnknownInput"), 422, MEDLEY_EXIT_USAGE, FALSE, "The pipeline has no such input" },
  { MEDLEY_ERROR_TIMED_OUT, "timed-out", DBUS ("TimedOut"), 408, MEDLEY_EXIT_UNAVAILABLE, FALSE, "The request paused for too long" },
  { MEDLEY_ERROR_INTERRUPTED, "interrupted", DBUS ("Interrupted"), 500, MEDLEY_EXIT_CRASHED, TRUE, "The daemon stopped while the job ran" },
  { MEDLEY_ERROR_POISONED, "poisoned", DBUS ("Poisoned"), 500, MEDLEY_EXIT_CRASHED, FALSE, "The job killed its worker too often" },
  { MEDLEY_ERROR_DEADLINE, "deadline", DBUS ("Deadline"), 500, MEDLEY_EXIT_CRASHED, FALSE, "The job's deadline has passed" },
  { MEDLEY_ERROR_KEY_REUSED, "key-reused", DBUS ("KeyReused"), 422, MEDLEY_EXIT_USAGE, FALSE, "The idempotency key belongs to another request" },
  { MEDLEY_ERROR_BAD_STORE, "bad-store", DBUS ("BadStore"), 500, MEDLEY_EXIT_CONFIG, FALSE, "The store of jobs cannot be used" },
  { MEDLEY_ERROR_SANDBOX_MISSING, "sandbox-missing", DBUS ("SandboxMissing"), 503, MEDLEY_EXIT_UNAVAILABLE, FALSE, "A part of the workers' sandbox is missing" },
  { MEDLEY_ERROR_FORBIDDEN, "forbidden", DBUS ("Forbidden"), 403, MEDLEY_EXIT_UNAVAILABLE, FALSE, "The token does not allow this" },
  { MEDLEY_ERROR_PRECONDITION_FAILED, "precondition-failed", DBUS ("PreconditionFailed"), 412, MEDLEY_EXIT_FAILED, FALSE, "It was changed meanwhile" },
};
/* clang-format on */

G_STATIC_ASSERT (G_N_ELEMENTS (table) == MEDLEY_ERROR_LAST + 1);

static MedleyError
fold_io_error (int code)
{
  switch (code) {
  case G_IO_ERROR_CANCELLED:
    return MEDLEY_ERROR_CANCELLED;
  case G_IO_ERROR_NOT_FOUND:
    return MEDLEY_ERROR_NOT_FOUND;
  case G_IO_ERROR_NO_SPACE:
    return MEDLEY_ERROR_NO_SPACE;
  case G_IO_ERROR_INVALID_ARGUMENT:
    return MEDLEY_ERROR_INVALID_ARGUMENT;
  case G_IO_ERROR_PERMISSION_DENIED:
    return MEDLEY_ERROR_NOT_ALLOWED;
  case G_IO_ERROR_TIMED_OUT:
    return MEDLEY_ERROR_TIME_LIMIT;
  case G_IO_ERROR_CONNECTION_REFUSED:
  case G_IO_ERROR_CLOSED:
    return MEDLEY_ERROR_UNAVAILABLE;
  default:
    return MEDLEY_ERROR_IO;
  }
}

const MedleyErrorInfo *
medley_error_info_for_code (MedleyError code)
{
  return (guint) code < G_N_ELEMENTS (table) ? &table[code] : &table[MEDLEY_ERROR_FAILED];
}

const MedleyErrorInfo *
medley_error_info (const GError *error)
{
  if (error == NULL)
    return &table[MEDLEY_ERROR_FAILED];
  if (error->domain == MEDLEY_ERROR)
    return medley_error_info_for_code ((MedleyError) error->code);
  if (error->domain == G_IO_ERROR)
    return medley_error_info_for_code (fold_io_error (error->code));
  return &table[MEDLEY_ERROR_FAILED];
}

gboolean
medley_error_code_from_name (const char *name, MedleyError *code)
{
  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    if (g_str_equal (table[i].name, name)) {
      *code = table[i].code;
      return TRUE;
    }
  }
  return FALSE;
}

void
medley_error_register_dbus (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    g_dbus_error_register_error (MEDLEY_ERROR, table[i].code, table[i].dbus_name);
}

GVariant *
medley_error_to_variant (const GError *error, const char *stage, const char *engine)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  /* A message that shows what a client sent may have been cut within a character. */
  g_variant_builder_add (&builder, "{sv}", "code",
                         g_variant_new_string (medley_error_info (error)->name));
  g_variant_builder_add (&builder, "{sv}", "message",
                         g_variant_new_take_string (g_utf8_make_valid (error->message, -1)));
  if (stage != NULL)
    g_variant_builder_add (&builder, "{sv}", "stage", g_variant_new_string (stage));
  if (engine != NULL)
    g_variant_builder_add (&builder, "{sv}", "engine", g_variant_new_string (engine));
  return g_variant_builder_end (&builder);
}

GError *
medley_error_from_variant (GVariant *dict)
{
  MedleyError code = MEDLEY_ERROR_FAILED;
  const char *name = "failed";
  const char *message = "no reason was given";

  g_variant_lookup (dict, "code", "&s", &name);
  g_variant_lookup (dict, "message", "&s", &message);
  medley_error_code_from_name (name, &code);
  return g_error_new_literal (MEDLEY_ERROR, code, message);
}
