/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded into medleyd under valgrind: Debian 12's valgrind answers pidfd_open and
 * pidfd_send_signal with ENOSYS, and without them the daemon starts no worker. A helper that
 * valgrind does not follow makes them, and passes the descriptors, which are as real as the
 * daemon's own. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pidfd-calls.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int helper = -1;

/* The daemon's children get neither this library nor the helper's socket. */
__attribute__ ((constructor)) static void
start (void)
{
  int pair[2];
  pid_t child;

  if (strcmp (program_invocation_short_name, "medleyd") != 0
      || socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return;
  unsetenv ("LD_PRELOAD");
  child = fork ();
  if (child == 0) {
    /* Not a child of the daemon, which looks after its own. */
    if (fork () != 0)
      _exit (0);
    setsid ();
    if (pair[1] == HELPER_FD)
      fcntl (HELPER_FD, F_SETFD, 0);
    else
      dup2 (pair[1], HELPER_FD);
    /* The pipe that says that the daemon is ready must end with it. */
    for (int fd = HELPER_FD + 1; fd < 256; fd++)
      close (fd);
    execl (PIDFD_HELPER, PIDFD_HELPER, (char *) NULL);
    _exit (127);
  }
  close (pair[1]);
  waitpid (child, NULL, 0);
  helper = pair[0];
}

static long
ask (PidfdCall *call, int fd)
{
  int answer = -1;

  pthread_mutex_lock (&lock);
  if (pidfd_call_send (helper, call, fd) != 0 || pidfd_call_receive (helper, call, &answer) != 0)
    call->number = -EPIPE;
  pthread_mutex_unlock (&lock);
  if (call->number < 0) {
    errno = (int) -call->number;
    return -1;
  }
  return answer >= 0 ? answer : call->number;
}

__attribute__ ((visibility ("default"))) long
syscall (long number, ...);

long
syscall (long number, ...)
{
  static long (*real) (long, ...);
  PidfdCall call = { .number = number };
  long a[6];
  va_list args;

  va_start (args, number);
  for (int i = 0; i < 6; i++)
    a[i] = va_arg (args, long);
  va_end (args);
  if (helper >= 0 && number == SYS_pidfd_open) {
    call.pid = (int) a[0];
    return ask (&call, -1);
  }
  if (helper >= 0 && number == SYS_pidfd_send_signal) {
    call.signal = (int) a[1];
    return ask (&call, (int) a[0]);
  }
  if (real == NULL)
    real = (long (*) (long, ...)) dlsym (RTLD_NEXT, "syscall");
  return real (number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
