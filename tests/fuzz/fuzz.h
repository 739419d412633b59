/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What libFuzzer (or replay.c) calls with each input. */
int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size);
