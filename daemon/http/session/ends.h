/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/http.h"

G_BEGIN_DECLS

typedef enum {
  MEDLEY_SESSION_BINARY,   /* in binary messages */
  MEDLEY_SESSION_TEXTUAL,  /* in messages of the type "text" */
  MEDLEY_SESSION_CAPTIONS, /* in messages of the type "caption" */
} MedleySessionForm;

/**
 * MedleySessionOutput:
 * @name: of an output of the pipeline
 * @type: (nullable): media type to ask for; %NULL for the pipeline's own
 * @form: how the client gets it
 * @is_hidden: only for ourselves: to know what was heard
 */
typedef struct {
  char *name;
  char *type;
  MedleySessionForm form;
  gboolean is_hidden;
} MedleySessionOutput;

/**
 * MedleySessionEnds:
 * @request: `a{sv}`: what each turn's job is made of, but for the input that is sent
 * @input: name of the input that is sent
 * @is_text: whether it takes text
 * @outputs: (element-type MedleySessionOutput): in the pipeline's order
 *
 * What goes into a session's pipeline and what comes out, as its start says.
 */
typedef struct {
  GVariant *request;
  char *input;
  gboolean is_text;
  GPtrArray *outputs;
} MedleySessionEnds;

/**
 * medley_session_ends_new:
 * @http: the face
 * @request: as of a start
 * @input: (nullable): as of a start
 * @error: %MEDLEY_ERROR_NOT_FOUND (pipeline), %MEDLEY_ERROR_UNKNOWN_INPUT,
 * %MEDLEY_ERROR_MISSING_INPUT, %MEDLEY_ERROR_UNKNOWN_OUTPUT, %MEDLEY_ERROR_INVALID_ARGUMENT; what
 * else is wrong with it, the creation of the job tells
 *
 * Returns: (transfer full) (nullable): the ends
 */
MedleySessionEnds *
medley_session_ends_new (MedleyHttp *http, GVariant *request, const char *input, GError **error);
void
medley_session_ends_free (MedleySessionEnds *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySessionEnds, medley_session_ends_free)

G_END_DECLS
