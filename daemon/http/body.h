/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json.h"
#include "http/exchange.h"
#include "http/http.h"

G_BEGIN_DECLS

/**
 * MedleyHttpJsonFunc:
 * @http: the face
 * @exchange: (transfer none): not over; answer it
 * @text: the body as it came
 * @value: what it says
 * @map: where each value stands
 */
typedef void (*MedleyHttpJsonFunc) (MedleyHttp *http, MedleyHttpExchange *exchange, GBytes *text,
                                    GVariant *value, MedleyJsonMap *map);

/**
 * medley_http_read_json:
 * @http: the face
 * @exchange: an exchange whose body was not read yet
 * @func: called with the body; not called when it is refused, which is answered here
 *
 * Reads a JSON body within http.json-bytes and limits.json-depth; its content type has to be
 * application/json.
 */
void
medley_http_read_json (MedleyHttp *http, MedleyHttpExchange *exchange, MedleyHttpJsonFunc func);

/**
 * MedleyHttpTextFunc:
 * @http: the face
 * @exchange: (transfer none): not over; answer it
 * @text: the body
 */
typedef void (*MedleyHttpTextFunc) (MedleyHttp *http, MedleyHttpExchange *exchange, GBytes *text);

/* As medley_http_read_json(), but leaves the parsing to @func; @limit: most bytes. */
void
medley_http_read_json_text (MedleyHttp *http, MedleyHttpExchange *exchange, gsize limit,
                            MedleyHttpTextFunc func);

G_END_DECLS
