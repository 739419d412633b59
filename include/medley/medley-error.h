/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MEDLEY_ERROR:
 *
 * The one error domain of Medley: engines, worker, daemon and shell all use it. An engine's errors
 * arrive on the GStreamer bus in this domain and keep their code up to D-Bus, HTTP and exit status.
 */
#define MEDLEY_ERROR (g_quark_from_static_string ("medley-error"))

/**
 * MedleyError:
 * @MEDLEY_ERROR_FAILED: something went wrong that has no code of its own
 * @MEDLEY_ERROR_CANCELLED: the work was cancelled, flushed or stopped
 * @MEDLEY_ERROR_INVALID_ARGUMENT: a request or an option is malformed
 * @MEDLEY_ERROR_NOT_FOUND: no job, pipeline or engine of that name, or a job has no such input or
 * output
 * @MEDLEY_ERROR_BAD_INPUT: an input cannot be decoded: corrupt, truncated or of another type
 * @MEDLEY_ERROR_BAD_ENCODING: text that is not UTF-8
 * @MEDLEY_ERROR_NUL_IN_TEXT: text with a NUL character
 * @MEDLEY_ERROR_EMPTY_INPUT: an input without content
 * @MEDLEY_ERROR_TOO_LARGE: an input or a request is larger than its limit
 * @MEDLEY_ERROR_IMAGE_TOO_LARGE: an image has more pixels than the limit
 * @MEDLEY_ERROR_UNSUPPORTED_TYPE: a media type that nothing here reads or writes
 * @MEDLEY_ERROR_UNKNOWN_VOICE: the engine has no such voice
 * @MEDLEY_ERROR_UNKNOWN_LANGUAGE: the engine has no such language
 * @MEDLEY_ERROR_INVALID_PIPELINE: a pipeline has faults; they are listed apart
 * @MEDLEY_ERROR_INVALID_PARAMETER: a parameter is unknown, of a wrong type or out of range
 * @MEDLEY_ERROR_INVALID_PROPERTY: a stage property is unknown, of a wrong type or out of range
 * @MEDLEY_ERROR_INVALID_JSON: text that is not JSON, or JSON past its limits
 * @MEDLEY_ERROR_UNKNOWN_ENGINE: none of the engines that were asked for is present
 * @MEDLEY_ERROR_ENGINE_FAILED: an engine reported a failure of its own
 * @MEDLEY_ERROR_WORKER_CRASHED: the worker process died of a signal or an unexpected exit
 * @MEDLEY_ERROR_WORKER_HUNG: a stage made no progress for longer than its limit
 * @MEDLEY_ERROR_MEMORY_LIMIT: the worker used more memory than its limit
 * @MEDLEY_ERROR_TIME_LIMIT: the job ran longer than its limit
 * @MEDLEY_ERROR_OUTPUT_TOO_LARGE: an output grew past its limit
 * @MEDLEY_ERROR_NO_SPACE: the disk is full
 * @MEDLEY_ERROR_QUEUE_FULL: the queue takes no more jobs now; try again later
 * @MEDLEY_ERROR_WRONG_STATE: the job is in a state that does not allow this
 * @MEDLEY_ERROR_NOT_ALLOWED: the caller or the pipeline may not do this
 * @MEDLEY_ERROR_UNAUTHORIZED: a token is required and missing or wrong
 * @MEDLEY_ERROR_UNAVAILABLE: the daemon cannot be reached or takes no work
 * @MEDLEY_ERROR_INVALID_CONFIG: the configuration has an unknown key or a bad value
 * @MEDLEY_ERROR_IO: reading or writing failed
 * @MEDLEY_ERROR_MISSING_INPUT: a pipeline needs an input that was not given
 * @MEDLEY_ERROR_UNKNOWN_OUTPUT: a pipeline has no output of that name
 * @MEDLEY_ERROR_UNKNOWN_INPUT: a pipeline has no input of that name
 * @MEDLEY_ERROR_TIMED_OUT: a request paused for too long
 * @MEDLEY_ERROR_INTERRUPTED: the daemon stopped while the job ran, and no attempts remain
 * @MEDLEY_ERROR_POISONED: the job killed its worker too often and is not started again
 * @MEDLEY_ERROR_DEADLINE: the job's deadline passed before it was done
 * @MEDLEY_ERROR_KEY_REUSED: an idempotency key came again with another request
 * @MEDLEY_ERROR_BAD_STORE: the store of jobs is damaged, or of a newer version
 * @MEDLEY_ERROR_SANDBOX_MISSING: a part of the workers' sandbox cannot be had on this system
 * @MEDLEY_ERROR_FORBIDDEN: the token is valid, but its scope does not allow this
 * @MEDLEY_ERROR_PRECONDITION_FAILED: what a change depends on is not, or no longer, so
 *
 * Codes of %MEDLEY_ERROR. Numbers are stable within one ABI; the names on the wire are stable for
 * good and are made in `daemon/base/error.c`.
 */
typedef enum {
  MEDLEY_ERROR_FAILED = 0,
  MEDLEY_ERROR_CANCELLED,
  MEDLEY_ERROR_INVALID_ARGUMENT,
  MEDLEY_ERROR_NOT_FOUND,
  MEDLEY_ERROR_BAD_INPUT,
  MEDLEY_ERROR_BAD_ENCODING,
  MEDLEY_ERROR_NUL_IN_TEXT,
  MEDLEY_ERROR_EMPTY_INPUT,
  MEDLEY_ERROR_TOO_LARGE,
  MEDLEY_ERROR_IMAGE_TOO_LARGE,
  MEDLEY_ERROR_UNSUPPORTED_TYPE,
  MEDLEY_ERROR_UNKNOWN_VOICE,
  MEDLEY_ERROR_UNKNOWN_LANGUAGE,
  MEDLEY_ERROR_INVALID_PIPELINE,
  MEDLEY_ERROR_INVALID_PARAMETER,
  MEDLEY_ERROR_INVALID_PROPERTY,
  MEDLEY_ERROR_INVALID_JSON,
  MEDLEY_ERROR_UNKNOWN_ENGINE,
  MEDLEY_ERROR_ENGINE_FAILED,
  MEDLEY_ERROR_WORKER_CRASHED,
  MEDLEY_ERROR_WORKER_HUNG,
  MEDLEY_ERROR_MEMORY_LIMIT,
  MEDLEY_ERROR_TIME_LIMIT,
  MEDLEY_ERROR_OUTPUT_TOO_LARGE,
  MEDLEY_ERROR_NO_SPACE,
  MEDLEY_ERROR_QUEUE_FULL,
  MEDLEY_ERROR_WRONG_STATE,
  MEDLEY_ERROR_NOT_ALLOWED,
  MEDLEY_ERROR_UNAUTHORIZED,
  MEDLEY_ERROR_UNAVAILABLE,
  MEDLEY_ERROR_INVALID_CONFIG,
  MEDLEY_ERROR_IO,
  MEDLEY_ERROR_MISSING_INPUT,
  MEDLEY_ERROR_UNKNOWN_OUTPUT,
  MEDLEY_ERROR_UNKNOWN_INPUT,
  MEDLEY_ERROR_TIMED_OUT,
  MEDLEY_ERROR_INTERRUPTED,
  MEDLEY_ERROR_POISONED,
  MEDLEY_ERROR_DEADLINE,
  MEDLEY_ERROR_KEY_REUSED,
  MEDLEY_ERROR_BAD_STORE,
  MEDLEY_ERROR_SANDBOX_MISSING,
  MEDLEY_ERROR_FORBIDDEN,
  MEDLEY_ERROR_PRECONDITION_FAILED,
} MedleyError;

/**
 * MEDLEY_ERROR_LAST: (skip)
 *
 * The highest code, for tables over all codes.
 */
#define MEDLEY_ERROR_LAST MEDLEY_ERROR_PRECONDITION_FAILED

G_END_DECLS
