/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/http.h"
#include "http/exchange.h"

G_BEGIN_DECLS

/* 201 with Location and the job. @is_replayed: it is that of an earlier request with the same key
 */
void
medley_http_respond_created (MedleyHttpExchange *exchange, MedleyJob *job, gboolean is_replayed);

/* A problem document. @faults: (nullable): `aa{sv}`, those of a pipeline */
void
medley_http_respond_refused (MedleyHttpExchange *exchange, const GError *error, GVariant *faults);

/**
 * medley_http_create_job_from_body:
 * @http: the face
 * @exchange: a POST whose body is a form with a pipeline's inputs, or one input as it is
 * @name: of the pipeline
 *
 * Creates a job and answers it when its inputs are whole.
 */
void
medley_http_create_job_from_body (MedleyHttp *http, MedleyHttpExchange *exchange, const char *name);

G_END_DECLS
