/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <medley/medley.h>

#include "espeak-core.h"

G_BEGIN_DECLS

/**
 * EspeakJob:
 *
 * Speaks the text of one job: cuts it into sentences, has them spoken, and pushes audio on `src`
 * and captions on `captions` of a converter, on one timeline that begins at 0. A caption goes out
 * before its audio; captions tile the timeline. Not thread-safe; one streaming thread uses it.
 *
 * Functions that return %FALSE without an error follow medley_converter_push().
 */
typedef struct _EspeakJob EspeakJob;

/**
 * espeak_job_new:
 * @converter: (transfer none): pushes; outlives the job
 * @settings: (transfer full): how to speak; the job owns the voice's name
 * @language: BCP 47 tag of the text, for the rules of sentences
 * @ssml: whether the input is one SSML document
 *
 * Returns: (transfer full): a job
 */
EspeakJob *
espeak_job_new (MedleyConverter *converter, EspeakSettings settings, const char *language,
                gboolean ssml);

/**
 * espeak_job_free:
 * @job: (transfer full): a job
 */
void
espeak_job_free (EspeakJob *job);

/**
 * espeak_job_reset:
 * @job: a job
 *
 * Drops pending text and audio; the timeline starts anew.
 */
void
espeak_job_reset (EspeakJob *job);

/**
 * espeak_job_feed:
 * @job: a job
 * @text: valid UTF-8 of whole characters
 * @length: its length in bytes
 * @cancellable: (nullable): ends the speech
 * @error: return location
 *
 * Adds text and speaks the sentences that are complete; a document only grows.
 *
 * Returns: %FALSE on an error (%MEDLEY_ERROR_TOO_LARGE for a document above 1 MiB)
 */
gboolean
espeak_job_feed (EspeakJob *job, const char *text, gsize length, GCancellable *cancellable,
                 GError **error);

/**
 * espeak_job_idle:
 * @job: a job
 * @cancellable: (nullable): ends the speech
 * @error: return location
 *
 * The input paused: speaks what looks complete.
 *
 * Returns: %FALSE on an error
 */
gboolean
espeak_job_idle (EspeakJob *job, GCancellable *cancellable, GError **error);

/**
 * espeak_job_drain:
 * @job: a job
 * @cancellable: (nullable): ends the speech
 * @error: return location
 *
 * The input ended: speaks the rest. Text with nothing to pronounce in it becomes a short silence.
 *
 * Returns: %FALSE on an error: %MEDLEY_ERROR_EMPTY_INPUT for white space alone,
 *   %MEDLEY_ERROR_BAD_INPUT for a document that is not well-formed
 */
gboolean
espeak_job_drain (EspeakJob *job, GCancellable *cancellable, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EspeakJob, espeak_job_free)

G_END_DECLS
