/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * MedleyClient:
 *
 * Speaks to a daemon over HTTP. Uses the default main context.
 *
 * Errors are of %MEDLEY_ERROR with the code that the daemon gave; %MEDLEY_ERROR_UNAVAILABLE when it
 * cannot be reached. `problem` in the functions below is (out) (optional) (transfer full)
 * (nullable): the whole problem document, where there is one.
 */
#define MEDLEY_TYPE_CLIENT (medley_client_get_type ())
G_DECLARE_FINAL_TYPE (MedleyClient, medley_client, MEDLEY, CLIENT, GObject)

/* Over a Unix socket. */
MedleyClient *
medley_client_new_for_socket (const char *path);

/**
 * medley_client_new_for_url:
 * @url: "http://127.0.0.1:8490"; without a scheme it is http
 * @token: (nullable): a bearer token
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT when it is no http or https URL; %MEDLEY_ERROR_NOT_ALLOWED
 * when the token would leave this machine without TLS
 *
 * Returns: (transfer full) (nullable): a client
 */
MedleyClient *
medley_client_new_for_url (const char *url, const char *token, GError **error);

/**
 * medley_client_set_authorities:
 * @self: a client
 * @file: certificates, PEM
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT when the file has none
 *
 * For https: a daemon's certificate has to be, or to lead to, one of these, instead of the
 * system's.
 *
 * Returns: whether it is well
 */
gboolean
medley_client_set_authorities (MedleyClient *self, const char *file, GError **error);

/* How many seconds a daemon that went away may take to come back before whoever follows a job gives
 * up; 60 unless set. */
void
medley_client_set_patience (MedleyClient *self, guint seconds);
guint
medley_client_get_patience (MedleyClient *self);

/* Makes what is created part of a trace (W3C Trace Context); what is malformed is ignored.
 * (nullable): both */
void
medley_client_set_trace (MedleyClient *self, const char *traceparent, const char *tracestate);

/* (transfer none): what it speaks to, for messages */
const char *
medley_client_get_target (MedleyClient *self);

/**
 * medley_client_call:
 * @self: a client
 * @method: "GET", "POST", "DELETE"
 * @path: path below "/api/v1", "" for itself; segments are escaped
 * @type: (nullable): media type of @body
 * @body: (nullable): what to send
 * @problem: see above
 * @cancellable: (nullable): gives up
 * @error: see above
 *
 * Calls and waits for the answer, running the main context meanwhile.
 *
 * Returns: (transfer full) (nullable): the JSON answer, an empty object when there is none
 */
GVariant *
medley_client_call (MedleyClient *self, const char *method, const char *path, const char *type,
                    GBytes *body, GVariant **problem, GCancellable *cancellable, GError **error);

/**
 * medley_client_fetch:
 * @self: a client
 * @path: as above
 * @accept: media type to ask for
 * @problem: see above
 * @cancellable: (nullable): gives up
 * @error: see above
 *
 * A GET whose short answer is no JSON; waits for it as medley_client_call() does.
 *
 * Returns: (transfer full) (nullable): the answer
 */
GBytes *
medley_client_fetch (MedleyClient *self, const char *path, const char *accept, GVariant **problem,
                     GCancellable *cancellable, GError **error);

/* medley_client_call() with JSON; consumes a floating @body */
GVariant *
medley_client_call_json (MedleyClient *self, const char *method, const char *path, GVariant *body,
                         GVariant **problem, GCancellable *cancellable, GError **error);

/* A GET whose answer is JSON, without waiting here; @path as above. */
void
medley_client_get_async (MedleyClient *self, const char *path, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data);
/* (transfer full) (nullable) */
GVariant *
medley_client_get_finish (MedleyClient *self, GAsyncResult *result, GVariant **problem,
                          GError **error);

/**
 * medley_client_open_async:
 * @self: a client
 * @path: as above
 * @accept: (nullable): media type to ask for
 * @last_event: (nullable): id of the last event that was seen
 * @cancellable: (nullable): gives up
 * @callback: called when the answer's header is there
 * @data: for @callback
 *
 * Opens an answer that is read bit by bit.
 */
void
medley_client_open_async (MedleyClient *self, const char *path, const char *accept,
                          const char *last_event, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data);
/* (transfer full) (nullable) */
GInputStream *
medley_client_open_finish (MedleyClient *self, GAsyncResult *result, GVariant **problem,
                           GError **error);

/**
 * medley_client_upload_async:
 * @self: a client
 * @path: as above
 * @content: what to send, read as it comes
 * @cancellable: (nullable): gives up
 * @callback: called when the daemon has taken it
 * @data: for @callback
 *
 * Sends a PUT of unknown length.
 */
void
medley_client_upload_async (MedleyClient *self, const char *path, GInputStream *content,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean
medley_client_upload_finish (MedleyClient *self, GAsyncResult *result, GVariant **problem,
                             GError **error);

/* A POST without a body, for a job's verbs. */
void
medley_client_post_async (MedleyClient *self, const char *path, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data);
gboolean
medley_client_post_finish (MedleyClient *self, GAsyncResult *result, GVariant **problem,
                           GError **error);

/* (transfer full): a path of escaped segments, "jobs/ID/outputs/NAME"; ends with %NULL */
char *
medley_client_path (const char *first, ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
