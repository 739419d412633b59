/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pidfd-shim.c asks of pidfd-helper.c, in one packet each way, descriptors beside it. */
#pragma once

#include <string.h>
#include <sys/socket.h>

#define HELPER_FD 3

typedef struct {
  long number; /* of the system call; in an answer what it returned, or -errno */
  int pid;     /* pidfd_open */
  int signal;  /* pidfd_send_signal, with a descriptor */
} PidfdCall;

static inline int
pidfd_call_send (int socket, const PidfdCall *call, int fd)
{
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  struct iovec part = { (void *) call, sizeof *call };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

  if (fd >= 0) {
    message.msg_control = control.space;
    message.msg_controllen = sizeof control.space;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN (sizeof (int));
    memcpy (CMSG_DATA (&control.header), &fd, sizeof (int));
  }
  return sendmsg (socket, &message, MSG_NOSIGNAL) == sizeof *call ? 0 : -1;
}

/* Returns 0, or -1 when the other end is gone; @fd is -1 where none came. */
static inline int
pidfd_call_receive (int socket, PidfdCall *call, int *fd)
{
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  struct iovec part = { call, sizeof *call };
  struct msghdr message = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.space,
                            .msg_controllen = sizeof control.space };
  struct cmsghdr *header;

  *fd = -1;
  if (recvmsg (socket, &message, MSG_CMSG_CLOEXEC) != sizeof *call)
    return -1;
  header = CMSG_FIRSTHDR (&message);
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
    memcpy (fd, CMSG_DATA (header), sizeof (int));
  return 0;
}
