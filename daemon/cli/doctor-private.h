/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/* What the files of "medley doctor" share. */

typedef enum {
  MEDLEY_VERDICT_GOOD,
  MEDLEY_VERDICT_NOTE,
  MEDLEY_VERDICT_WARN,
  MEDLEY_VERDICT_FAIL,
} MedleyVerdict;

typedef struct {
  MedleyCli *cli;
  MedleyVerdict worst;
} MedleyDoctor;

/* Prints one line. @remedy: (nullable): what helps */
void
medley_doctor_say (MedleyDoctor *self, MedleyVerdict verdict, const char *subject,
                   const char *remedy, const char *format, ...) G_GNUC_PRINTF (5, 6);

/* @status: the daemon's; how the HTTP face is guarded against others than whoever may use its
 * socket */
void
medley_doctor_check_http (MedleyDoctor *self, GVariant *status);

/* fonts and sound of this machine */
void
medley_doctor_check_machine (MedleyDoctor *self);

G_END_DECLS
