/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/routes.h"

G_BEGIN_DECLS

/**
 * medley_http_openapi:
 *
 * Describes all routes as an OpenAPI 3.1 document: their rows, and the schemas in the folder
 * schemas/, whose "x-medley-codes" under an answer lists the codes of errors that come with it.
 *
 * Returns: (transfer floating): `a{sv}`, the same on each call
 */
GVariant *
medley_http_openapi (void);

/**
 * medley_http_openapi_add_parameters:
 * @operation: an operation that is being built
 * @route: its row
 *
 * Adds the member "parameters": those of the path, the query and the header.
 */
void
medley_http_openapi_add_parameters (GVariantBuilder *operation, const MedleyHttpRoute *route);

/**
 * medley_http_openapi_schema:
 * @type: as in #MedleyHttpParameter
 *
 * Returns: (transfer floating): `a{sv}`, the schema, or a reference to it
 */
GVariant *
medley_http_openapi_schema (const char *type);

/* (transfer floating): `a{sv}`: all schemas by their names, from schemas/ and from tables */
GVariant *
medley_http_openapi_schemas (void);

G_END_DECLS
