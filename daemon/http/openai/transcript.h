/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyOpenaiTranscript:
 *
 * What was heard and when: captions as a job writes them in the media type application/x-ndjson, in
 * the shapes that clients ask for.
 */
typedef struct _MedleyOpenaiTranscript MedleyOpenaiTranscript;

/**
 * medley_openai_transcript_new:
 * @lines: one JSON object in each line: "text", "start", "end" in seconds, "words"
 * @error: %MEDLEY_ERROR_ENGINE_FAILED when they are something else
 *
 * Returns: (transfer full) (nullable): the transcript
 */
MedleyOpenaiTranscript *
medley_openai_transcript_new (GBytes *lines, GError **error);
void
medley_openai_transcript_free (MedleyOpenaiTranscript *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyOpenaiTranscript, medley_openai_transcript_free)

/* when the last caption ends, in seconds */
double
medley_openai_transcript_get_end (MedleyOpenaiTranscript *self);
/* whether the words of what was heard are known, each with its time */
gboolean
medley_openai_transcript_has_words (MedleyOpenaiTranscript *self);

/* (transfer full): SubRip: numbered cues, without the blank lines that would end one */
char *
medley_openai_transcript_to_srt (MedleyOpenaiTranscript *self);

/**
 * medley_openai_transcript_get_segments:
 * @self: a transcript
 * @temperature: that was asked for
 *
 * Returns: (transfer floating): `aa{sv}`: a segment for each caption as in verbose_json. What no
 * pipeline knows (tokens, probabilities) is empty or 0, since clients insist on it.
 */
GVariant *
medley_openai_transcript_get_segments (MedleyOpenaiTranscript *self, double temperature);

/* (transfer floating): `aa{sv}`: "word", "start" and "end" of each word */
GVariant *
medley_openai_transcript_get_words (MedleyOpenaiTranscript *self);

G_END_DECLS
