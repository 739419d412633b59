/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/http.h"

G_BEGIN_DECLS

/* A model is a pipeline that serves a route and has no faults. */

/* (transfer none) (nullable): the pipeline of a model; @error: %MEDLEY_ERROR_NOT_FOUND, with the
 * nearest name */
MedleyPipeline *
medley_openai_find_model (MedleyHttp *http, const char *model, GError **error);

/* (transfer full): names of the models that serve a route, joined for a message */
char *
medley_openai_list_able (MedleyHttp *http, const char *route);

G_END_DECLS
