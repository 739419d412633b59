/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* (transfer full): an empty list of faults of a plan */
GPtrArray *
medley_run_faults_new (void);

/**
 * medley_run_faults_add:
 * @faults: a list
 * @code: what kind of fault, as in #MedleyFault
 * @stage: (nullable): the stage it concerns
 * @file: (nullable): the file it is in
 * @pointer: JSON Pointer of the stage or output
 * @below: what to append to the pointer ("/set/voice"), already escaped
 * @suggestion: (nullable): the nearest valid name
 * @message: what is wrong
 */
void
medley_run_faults_add (GPtrArray *faults, const char *code, const char *stage, const char *file,
                       const char *pointer, const char *below, const char *suggestion,
                       const char *message);

/* (transfer floating): `aa{sv}` with "code", "pointer", "message", "suggestion", "stage", "file" */
GVariant *
medley_run_faults_to_variant (GPtrArray *faults);

/**
 * medley_run_faults_to_error:
 * @faults: a list, not empty
 *
 * Returns: (transfer full): one error for all: %MEDLEY_ERROR_UNKNOWN_ENGINE,
 * %MEDLEY_ERROR_INVALID_PROPERTY, %MEDLEY_ERROR_UNSUPPORTED_TYPE or %MEDLEY_ERROR_INVALID_PIPELINE
 */
GError *
medley_run_faults_to_error (GPtrArray *faults);

/* (transfer none) (nullable): the stage of the first fault that has one */
const char *
medley_run_faults_get_stage (GPtrArray *faults);

G_END_DECLS
