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
void
medley_openai_complete_chat (MedleyHttp *http, MedleyHttpExchange *exchange,
                             const char *const *params);
void
medley_openai_generate_image (MedleyHttp *http, MedleyHttpExchange *exchange,
                              const char *const *params);
void
medley_openai_edit_image (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_openai_embed (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);
void
medley_openai_create_video (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params);
void
medley_openai_list_videos (MedleyHttp *http, MedleyHttpExchange *exchange,
                           const char *const *params);
void
medley_openai_show_video (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_openai_get_video_content (MedleyHttp *http, MedleyHttpExchange *exchange,
                                 const char *const *params);
void
medley_openai_delete_video (MedleyHttp *http, MedleyHttpExchange *exchange,
                            const char *const *params);

void
medley_openai_transcribe (MedleyHttp *http, MedleyHttpExchange *exchange,
                          const char *const *params);
void
medley_openai_translate (MedleyHttp *http, MedleyHttpExchange *exchange, const char *const *params);

G_END_DECLS
