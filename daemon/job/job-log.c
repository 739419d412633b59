/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the log says of jobs. */

#include "base/log.h"
#include "job/manager-private.h"

/* A message of an engine may be of any length. */
#define MAX_MESSAGE 1000

static void
log_job (MedleyJob *job, GLogLevelFlags level, GVariant *error, const char *what)
{
  const char *code = "", *stage = "", *engine = "", *message = "";
  const char *request = medley_job_get_request_id (job);
  g_autofree char *valid = NULL;

  if (error != NULL) {
    g_variant_lookup (error, "code", "&s", &code);
    g_variant_lookup (error, "stage", "&s", &stage);
    g_variant_lookup (error, "engine", "&s", &engine);
    g_variant_lookup (error, "message", "&s", &message);
  }
  valid = g_utf8_make_valid (message, (gssize) MIN (strlen (message), MAX_MESSAGE));
  medley_log (level,
              (const char *const[]){ "MEDLEY_JOB", medley_job_get_id (job), "MEDLEY_REQUEST",
                                     request != NULL ? request : "", "MEDLEY_PIPELINE",
                                     medley_job_get_pipeline (job), "MEDLEY_STAGE", stage,
                                     "MEDLEY_ENGINE", engine, "CODE", code, NULL },
              "job %s %s%s%s", medley_job_get_id (job), what, *valid != '\0' ? ": " : "", valid);
}

void
medley_job_log_added (MedleyJob *job)
{
  log_job (job, G_LOG_LEVEL_INFO, NULL, "is queued");
}

static void
log_state (MedleyJob *job, GVariant *error)
{
  switch (medley_job_get_state (job)) {
  case MEDLEY_JOB_STARTING:
    log_job (job, G_LOG_LEVEL_DEBUG, NULL, "starts");
    break;
  case MEDLEY_JOB_DONE:
    log_job (job, G_LOG_LEVEL_INFO, NULL, "is done");
    break;
  case MEDLEY_JOB_CANCELLED:
    log_job (job, G_LOG_LEVEL_INFO, error, "was cancelled");
    break;
  case MEDLEY_JOB_FAILED:
    log_job (job, G_LOG_LEVEL_MESSAGE, error, "has failed");
    break;
  default:
    break;
  }
}

void
medley_job_log_event (MedleyJob *job, GVariant *event)
{
  g_autoptr (GVariant) error = g_variant_lookup_value (event, "error", G_VARIANT_TYPE_VARDICT);
  const char *kind = "";

  g_variant_lookup (event, "kind", "&s", &kind);
  if (g_str_equal (kind, "state"))
    log_state (job, error);
  else if (g_str_equal (kind, "retry"))
    log_job (job, G_LOG_LEVEL_MESSAGE, error, "is tried again");
  else if (g_str_equal (kind, "interrupted"))
    log_job (job, G_LOG_LEVEL_INFO, NULL, "was interrupted");
}
