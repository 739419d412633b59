/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/http.h"
#include "http/openai/fields.h"
#include "http/openai/sse.h"
#include "pipeline/serves.h"

G_BEGIN_DECLS

/**
 * MedleyOpenaiCall:
 *
 * A request below /v1 that a job answers: from the fields that name its pipeline, over the job, to
 * the answer. Reference-counted; main thread only.
 *
 * A handler makes a call, takes the fields it knows, and runs it. Each step notes its faults with
 * the fields, so that none needs to be looked at before medley_openai_call_run(), which answers the
 * first. A client that leaves cancels the job, unless it gave an idempotency key or the call is
 * detached.
 */
typedef struct _MedleyOpenaiCall MedleyOpenaiCall;

/**
 * medley_openai_call_new:
 * @http: the face
 * @exchange: an exchange whose body was read
 * @route: the route below /v1, as in a pipeline file ("audio/speech")
 * @fields: (transfer full): the fields of its body
 *
 * Takes the field "model", the name of a pipeline that serves the route.
 *
 * Returns: (transfer full): a call; it lives until it is answered, or its client is gone
 */
MedleyOpenaiCall *
medley_openai_call_new (MedleyHttp *http, MedleyHttpExchange *exchange, const char *route,
                        MedleyOpenaiFields *fields);
MedleyOpenaiCall *
medley_openai_call_ref (MedleyOpenaiCall *self);
void
medley_openai_call_unref (MedleyOpenaiCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyOpenaiCall, medley_openai_call_unref)

/* (transfer none) */
MedleyHttp *
medley_openai_call_get_http (MedleyOpenaiCall *self);
MedleyHttpExchange *
medley_openai_call_get_exchange (MedleyOpenaiCall *self);
MedleyOpenaiFields *
medley_openai_call_get_fields (MedleyOpenaiCall *self);
/* (nullable): NULL when no such pipeline serves the route, which is a fault already */
MedleyPipeline *
medley_openai_call_get_pipeline (MedleyOpenaiCall *self);
const MedleyServes *
medley_openai_call_get_serves (MedleyOpenaiCall *self);
/* name of the pipeline, as the client gave it; "" without one */
const char *
medley_openai_call_get_model (MedleyOpenaiCall *self);
/* what is to be run, until medley_openai_call_run() */
MedleyJobRequest *
medley_openai_call_get_request (MedleyOpenaiCall *self);
/* (nullable): the client's idempotency key: it may come back for what it asked for */
const char *
medley_openai_call_get_key (MedleyOpenaiCall *self);
/**
 * medley_openai_call_copy_request:
 * @self: a call that was not run yet
 * @number: of the copy, from 1
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT when its key would be longer than limits.request-key, and
 * those of medley_job_request_copy()
 *
 * Copies what is to be run, for one more job. With an idempotency key the copy's is the call's, "/"
 * and @number, so that a request that is sent again finds all its jobs.
 *
 * Returns: (transfer full) (nullable): the copy
 */
MedleyJobRequest *
medley_openai_call_copy_request (MedleyOpenaiCall *self, guint number, GError **error);
/* (nullable): the job, once it runs */
MedleyJob *
medley_openai_call_get_job (MedleyOpenaiCall *self);

/* An input for a field that carries content; a fault when the pipeline has none for it. */
void
medley_openai_call_add_input (MedleyOpenaiCall *self, const char *field, GBytes *content);
/* Takes @fd over. */
void
medley_openai_call_add_input_fd (MedleyOpenaiCall *self, const char *field, int fd);
/* The same for a field that is a file of @form, which it is taken out of; a fault when that fails.
 * Returns: whether the form has it */
gboolean
medley_openai_call_take_file (MedleyOpenaiCall *self, MedleyHttpForm *form, const char *field);

/**
 * medley_openai_call_take_parameter:
 * @self: a call
 * @field: a field
 * @neutral: (nullable): what changes nothing (floating): given as that, a field is no fault without
 * a parameter
 *
 * Sets the parameter that a field stands for to what the client gave, if it gave it. A fault when
 * there is no such parameter, or it does not take the value.
 */
void
medley_openai_call_take_parameter (MedleyOpenaiCall *self, const char *field, GVariant *neutral);
/* The same for a value that the handler made of a field. @value: floating */
void
medley_openai_call_set_parameter (MedleyOpenaiCall *self, const char *field, GVariant *value,
                                  GVariant *neutral);

/**
 * medley_openai_call_add_output:
 * @self: a call
 * @role: of an output
 * @media_type: (nullable): what it shall be; %NULL for the pipeline's own
 *
 * Only the outputs that are named are made.
 *
 * Returns: whether the pipeline has an output of that role
 */
gboolean
medley_openai_call_add_output (MedleyOpenaiCall *self, const char *role, const char *media_type);

/* The job outlives the client. */
void
medley_openai_call_detach (MedleyOpenaiCall *self);

/**
 * MedleyOpenaiCallFunc:
 * @self: a call whose job was made
 * @data: as given
 *
 * Answers it, or says what to read.
 */
typedef void (*MedleyOpenaiCallFunc) (MedleyOpenaiCall *self, gpointer data);

/**
 * medley_openai_call_run:
 * @self: (transfer full): a call with all its fields taken
 * @func: called when the job was made
 * @data: for @func and all that follow
 * @destroy: (nullable): frees @data with the call
 *
 * Answers the first fault, or makes the job.
 */
void
medley_openai_call_run (MedleyOpenaiCall *self, MedleyOpenaiCallFunc func, gpointer data,
                        GDestroyNotify destroy);

/**
 * medley_openai_call_send:
 * @self: a call whose job was made
 * @role: of the output
 * @type: value of Content-Type
 *
 * Answers with an output as it is, while it grows. Header fields may be set before.
 */
void
medley_openai_call_send (MedleyOpenaiCall *self, const char *role, const char *type);

/**
 * MedleyOpenaiPieceFunc:
 * @self: a call
 * @bytes: some of an output, in pieces as it grows; empty at its end
 * @data: as given to medley_openai_call_run()
 *
 * Adds events to medley_openai_call_get_sse(), then asks for more, or at the end calls
 * medley_openai_call_finish().
 */
typedef void (*MedleyOpenaiPieceFunc) (MedleyOpenaiCall *self, GBytes *bytes, gpointer data);

/* Reads an output from its beginning. A failure of the job ends the answer: with its status before
 * anything was sent, else as an event. */
void
medley_openai_call_read (MedleyOpenaiCall *self, const char *role, MedleyOpenaiPieceFunc func);
/* Sends the events that were added, then reads on. */
void
medley_openai_call_next (MedleyOpenaiCall *self);
/* (transfer none): the answer as a stream of events */
MedleyOpenaiSse *
medley_openai_call_get_sse (MedleyOpenaiCall *self);
/* Sends the events that were added and ends the answer, @done: closed by "[DONE]". */
void
medley_openai_call_finish (MedleyOpenaiCall *self, gboolean done);

/**
 * MedleyOpenaiContentFunc:
 * @self: a call
 * @contents: (array): what was read, in the order in which it was asked for
 * @data: as given to medley_openai_call_run()
 *
 * Answers with medley_openai_call_respond() or likewise.
 */
typedef void (*MedleyOpenaiContentFunc) (MedleyOpenaiCall *self, GBytes *const *contents,
                                         gpointer data);

/**
 * medley_openai_call_collect:
 * @self: a call whose job was made
 * @roles: (array zero-terminated=1): of the outputs to read
 * @limit: most bytes in all: more is an error, so that no answer fills the memory
 * @func: called with the whole outputs, once the job is done
 *
 * Waits for the end of the job. Its failure is answered here.
 */
void
medley_openai_call_collect (MedleyOpenaiCall *self, const char *const *roles, gsize limit,
                            MedleyOpenaiContentFunc func);

/* Answers with JSON. @value: floating */
void
medley_openai_call_respond (MedleyOpenaiCall *self, GVariant *value);
/* Answers with text. @type: value of Content-Type */
void
medley_openai_call_respond_text (MedleyOpenaiCall *self, const char *type, const char *text);
/* Answers with an error, or sends it as an event where the answer has begun. */
void
medley_openai_call_fail (MedleyOpenaiCall *self, const GError *error);
/* The same for an error of one field; see medley_openai_error(). */
void
medley_openai_call_refuse (MedleyOpenaiCall *self, const GError *error, const char *param,
                           const char *code);

G_END_DECLS
