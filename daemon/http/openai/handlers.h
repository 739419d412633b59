/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/routes.h"

G_BEGIN_DECLS

/* What answers the routes below /v1; see MedleyHttpHandler. */

void
medley_openai_list_models (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params);
void
medley_openai_show_model (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_openai_speak (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);

G_END_DECLS
