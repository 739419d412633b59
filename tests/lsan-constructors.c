/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Part of test programs in builds with the address sanitizer.
 *
 * GLib's constructor makes a table of 2,048 quarks, and gives it up without freeing it (readers
 * hold no lock) when a program has more of them, as GStreamer programs do. Nothing on the stack
 * names it, since libraries keep no frame pointers; so what the constructors of libraries allocate
 * is not looked at. Everything after them is. */
#include <sanitizer/lsan_interface.h>

static void
before_libraries (void)
{
  __lsan_disable ();
}

__attribute__ ((section (".preinit_array"), used)) static void (*const preinit) (void)
    = before_libraries;

__attribute__ ((constructor)) static void
after_libraries (void)
{
  __lsan_enable ();
}
