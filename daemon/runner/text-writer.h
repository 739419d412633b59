/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * MedleyTextForm:
 * @MEDLEY_TEXT_PLAIN: text as it is; pieces with a time (captions) each on a line of their own
 * @MEDLEY_TEXT_VTT: WebVTT cues, escaped, without the blank lines that would end a cue
 * @MEDLEY_TEXT_JSON: an array, each buffer being one document of it
 * @MEDLEY_TEXT_LINES: JSON lines, an object for each piece: "text", and where it has a time "start"
 * and "end" in seconds and "words" (array of objects with "text", "start", "end", and "offset" into
 * the text in characters)
 *
 * Files of text that are made from a stream of pieces. GStreamer's webvttenc escapes nothing and
 * writes no header for a file without cues, and there is no element for the other two.
 */
typedef enum {
  MEDLEY_TEXT_PLAIN,
  MEDLEY_TEXT_VTT,
  MEDLEY_TEXT_JSON,
  MEDLEY_TEXT_LINES
} MedleyTextForm;

#define MEDLEY_TYPE_TEXT_WRITER (medley_text_writer_get_type ())
G_DECLARE_FINAL_TYPE (MedleyTextWriter, medley_text_writer, MEDLEY, TEXT_WRITER, GstElement)

/**
 * medley_text_writer_new:
 * @form: what to write
 *
 * Returns: (transfer floating): an element with the pads `sink` and `src`
 */
GstElement *
medley_text_writer_new (MedleyTextForm form);

G_END_DECLS
