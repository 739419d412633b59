/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <medley/medley-error.h>

G_BEGIN_DECLS

/**
 * MedleyErrorInfo:
 * @code: a code of %MEDLEY_ERROR
 * @name: its name in JSON, events and problem documents ("too-large"); stable for good
 * @dbus_name: its D-Bus error name
 * @http_status: the HTTP status that carries it
 * @exit_code: the exit status of `medley` that tells it
 * @transient: whether an attempt of a job that ended so may be repeated by itself
 * @title: a short sentence without particulars, for problem documents
 *
 * What an error is called on each face.
 */
typedef struct {
  MedleyError code;
  const char *name;
  const char *dbus_name;
  guint http_status;
  int exit_code;
  gboolean transient;
  const char *title;
} MedleyErrorInfo;

/* Exit codes of `medley` and `medleyd`, besides 0; documented in medley(1). */
enum {
  MEDLEY_EXIT_FAILED = 1,       /* the job or the request failed */
  MEDLEY_EXIT_USAGE = 2,        /* the command line is wrong */
  MEDLEY_EXIT_BAD_INPUT = 3,    /* an input is refused */
  MEDLEY_EXIT_BAD_PIPELINE = 4, /* a pipeline, parameter, property or engine is refused */
  MEDLEY_EXIT_UNAVAILABLE = 5,  /* no daemon, queue full, not allowed */
  MEDLEY_EXIT_CRASHED = 6,      /* a worker crashed, hung or hit a limit */
  MEDLEY_EXIT_CONFIG = 7,       /* the configuration is wrong */
  MEDLEY_EXIT_CANCELLED = 130,  /* cancelled, by Ctrl-C or by another client */
};

/**
 * medley_error_info:
 * @error: (nullable): an error of any domain
 *
 * Looks an error up in the one table. Errors of other domains are folded into the nearest code
 * (cancelled, not found, no space ...; else %MEDLEY_ERROR_FAILED).
 *
 * Returns: (transfer none): never %NULL
 */
const MedleyErrorInfo *
medley_error_info (const GError *error);

/**
 * medley_error_info_for_code:
 * @code: a code of %MEDLEY_ERROR
 *
 * Returns: (transfer none): never %NULL
 */
const MedleyErrorInfo *
medley_error_info_for_code (MedleyError code);

/**
 * medley_error_code_from_name:
 * @name: a name as in #MedleyErrorInfo.name
 * @code: (out): the code
 *
 * Returns: whether the name is known
 */
gboolean
medley_error_code_from_name (const char *name, MedleyError *code);

/**
 * medley_error_register_dbus:
 *
 * Registers all codes with GDBus, so that a #GError of %MEDLEY_ERROR crosses D-Bus as a typed error
 * in both directions. Call it once from `main`.
 */
void
medley_error_register_dbus (void);

/**
 * medley_error_to_variant:
 * @error: an error
 * @stage: (nullable): the stage it came from
 * @engine: (nullable): the engine it came from
 *
 * Returns: (transfer floating): `a{sv}` with "code" (name), "message", and "stage" and "engine"
 * where known
 */
GVariant *
medley_error_to_variant (const GError *error, const char *stage, const char *engine);

/**
 * medley_error_from_variant:
 * @dict: `a{sv}` as made by medley_error_to_variant()
 *
 * Returns: (transfer full): the error
 */
GError *
medley_error_from_variant (GVariant *dict);

G_END_DECLS
