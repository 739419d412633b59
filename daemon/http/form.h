/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/exchange.h"
#include "job/manager.h"

G_BEGIN_DECLS

/**
 * MedleyHttpForm:
 *
 * A body of multipart/form-data that was received: each part in an unnamed file of the spool,
 * nothing of it in memory.
 */
typedef struct _MedleyHttpForm MedleyHttpForm;

/**
 * MedleyHttpFormFunc:
 * @form: (nullable) (transfer none): the form, %NULL when there is none
 * @error: (nullable): why there is none; %NULL without a form when the client is gone
 * @data: as given
 */
typedef void (*MedleyHttpFormFunc) (MedleyHttpForm *form, const GError *error, gpointer data);

/**
 * medley_http_form_read:
 * @exchange: an exchange whose body was not read yet
 * @config: where the spool is, and how large a part may be
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
 * @error: %MEDLEY_ERROR_INVALID_PARAMETER when a parameter is no short text
 *
 * Returns: whether all parts had their place
 */
gboolean
medley_http_form_fill (MedleyHttpForm *form, MedleyJobRequest *request, const char *const *inputs,
                       GError **error);

G_END_DECLS
