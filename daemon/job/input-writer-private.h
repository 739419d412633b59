/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/feeder.h"
#include "job/input-writer.h"

G_BEGIN_DECLS

/* @done: told when the input is whole or given up */
MedleyInputWriter *
medley_input_writer_new (MedleyJob *job, MedleyInput *input, MedleyFeederDone done, gpointer data);

G_END_DECLS
