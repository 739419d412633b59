/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * medley_memory_give_back:
 *
 * Returns freed memory to the kernel, which the C library would keep where it lies between what is
 * still used. Takes milliseconds; any thread.
 */
void
medley_memory_give_back (void);
