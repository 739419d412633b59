/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What an engine must not do, and a little that it may. */

typedef struct {
  char *path;
  int pid;
  char *more; /* what else to say of it */
} HostileTarget;

/* Returns 0 when it was allowed, else the errno. */
typedef int (*HostileAct) (HostileTarget *target);

/* (nullable) */
HostileAct
hostile_find_act (const char *name);
