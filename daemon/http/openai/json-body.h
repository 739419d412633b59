/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/http.h"
#include "http/openai/attachments.h"
#include "http/openai/fields.h"

G_BEGIN_DECLS

/**
 * MedleyOpenaiBodyFunc:
 * @http: the face
 * @exchange: (transfer none): not over; answer it
 * @fields: (transfer full): the body's
 * @attachments: (transfer none): the files that came within it
 */
typedef void (*MedleyOpenaiBodyFunc) (MedleyHttp *http, MedleyHttpExchange *exchange,
                                      MedleyOpenaiFields *fields,
                                      MedleyOpenaiAttachments *attachments);

/**
 * medley_openai_read_json:
 * @http: the face
 * @exchange: an exchange whose body was not read yet
 * @func: called with the body; not called when it is refused, which is answered here
 *
 * Reads a JSON body whose data: URIs are taken out as they arrive: they count for
 * limits.input-bytes, all else for http.json-bytes.
 */
void
medley_openai_read_json (MedleyHttp *http, MedleyHttpExchange *exchange, MedleyOpenaiBodyFunc func);

G_END_DECLS
