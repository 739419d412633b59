/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Beside a process under valgrind: makes the system calls that valgrind 3.19 does not know. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pidfd-calls.h"

int
main (void)
{
  PidfdCall call;
  int fd;

  while (pidfd_call_receive (HELPER_FD, &call, &fd) == 0) {
    int answer = -1;

    if (call.number == SYS_pidfd_open)
      call.number = answer = (int) syscall (SYS_pidfd_open, call.pid, 0);
    else if (call.number == SYS_pidfd_send_signal)
      call.number = syscall (SYS_pidfd_send_signal, fd, call.signal, NULL, 0);
    else
      errno = ENOSYS, call.number = -1;
    if (call.number < 0)
      call.number = -errno;
    if (pidfd_call_send (HELPER_FD, &call, answer) != 0)
      return 1;
    if (answer >= 0)
      close (answer);
    if (fd >= 0)
      close (fd);
  }
  return 0;
}
