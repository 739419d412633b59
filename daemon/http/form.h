/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"
#include "job/manager.h"

G_BEGIN_DECLS

/**
 * MedleyHttpForm:
 *
 * A body of multipart/form-data that was received. Small parts are in memory, at most 64 KiB
 * together; at most 32 larger ones are in unnamed files of the spool.
 */
typedef struct _MedleyHttpForm MedleyHttpForm;

/**
 * MedleyHttpFormFunc:
 * @form: (nullable) (transfer none): the form, %NULL when there is none
 * @error: (nullable): why there is none (%MEDLEY_ERROR_UNSUPPORTED_TYPE for a body of another
 * type); %NULL without a form when the client is gone
 * @data: as given
 */
typedef void (*MedleyHttpFormFunc) (MedleyHttpForm *form, const GError *error, gpointer data);

/**
 * medley_http_form_read:
 * @exchange: an exchange whose body was not read yet
 * @config: where the spool is, and how large all parts together may be
 * (limits.input-bytes)
 * @func: called once, maybe before this returns
 * @data: for @func
 *
 * Reads the body to its end.
 */
void
medley_http_form_read (MedleyHttpExchange *exchange, MedleyConfig *config, MedleyHttpFormFunc func,
                       gpointer data);

/**
 * medley_http_form_fill:
 * @form: a form
 * @request: gets the parts: as an input if there is one of that name, else as a parameter
 * @inputs: (array zero-terminated=1): the pipeline's inputs
 * @error: %MEDLEY_ERROR_INVALID_PARAMETER when a parameter is no short text; as of
 * medley_http_form_steal_fd()
 *
 * Returns: whether all parts had their place
 */
gboolean
medley_http_form_fill (MedleyHttpForm *form, MedleyJobRequest *request, const char *const *inputs,
                       GError **error);

/* For handlers that look at the parts themselves. */

guint
medley_http_form_get_n_parts (MedleyHttpForm *form);
/* (transfer none): name of a part; several may have the same */
const char *
medley_http_form_get_name (MedleyHttpForm *form, guint part);

/**
 * medley_http_form_read_text:
 * @form: a form
 * @part: number of a part
 * @error: %MEDLEY_ERROR_INVALID_PARAMETER when it is no short text
 *
 * Returns: (transfer full) (nullable): the part's content
 */
char *
medley_http_form_read_text (MedleyHttpForm *form, guint part, GError **error);

/**
 * medley_http_form_steal_fd:
 * @form: a form
 * @part: number of a part that was not taken yet
 * @error: %MEDLEY_ERROR_TOO_LARGE when more parts than 32 would be files, %MEDLEY_ERROR_NO_SPACE,
 * %MEDLEY_ERROR_IO
 *
 * Returns: a descriptor of the part's content, at its beginning, that the caller closes; -1 with an
 * error
 */
int
medley_http_form_steal_fd (MedleyHttpForm *form, guint part, GError **error);

G_END_DECLS
