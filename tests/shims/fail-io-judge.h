/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* @path: gets what a descriptor, or a name in a folder, refers to. Whether that is to be looked at:
 * it lies beneath the folder, and this is the process to be disturbed. */
bool
medley_fail_find_fd (int fd, char *path);
bool
medley_fail_find_path (int folder, const char *name, char *path);

typedef enum {
  VERDICT_PASS,
  VERDICT_FAIL, /* with errno */
  VERDICT_HALVE,
  VERDICT_HALVE_AND_KILL,
} Verdict;

/* Counts a call, and says what becomes of it; may not return. */
Verdict
medley_fail_judge (const char *call, const char *path, bool is_write);
/* Waits while syncs of @path are held; false with errno where they are refused. */
bool
medley_fail_may_sync (const char *path);
void
medley_fail_die (void);

/* Whether the folder is to be a disk of its own; how large that is, and how much of it is free. */
bool
medley_fail_has_small_disk (void);
unsigned long
medley_fail_disk_bytes (void);
unsigned long
medley_fail_free_bytes (void);
/* How many of @length bytes may be written at @offset (-1: where the descriptor stands): 0 for
 * none, with errno. */
size_t
medley_fail_clip (int fd, size_t length, off_t offset);
