/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/zygote.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define MAX_MESSAGE 512

typedef struct {
  MedleyZygoteForked callback;
  gpointer data;
} Request;

struct _MedleyZygote {
  int socket;
  GPid pid;
  int pidfd;
  guint source;
  guint ended_source;
  guint n_children;
  GQueue requests; /* Request, in the order they were sent */
  MedleyZygoteExited exited;
  MedleyZygoteEnded ended;
  gpointer data;
};

static void
answer (MedleyZygote *self, GPid pid, int pidfd, const GError *error)
{
  Request *request = g_queue_pop_head (&self->requests);

  if (request == NULL) {
    if (pidfd >= 0)
      close (pidfd);
    return;
  }
  request->callback (pid, pidfd, error, request->data);
  g_free (request);
}

static void
fail_all (MedleyZygote *self)
{
  g_autoptr (GError) error = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                                          "the process that makes workers has ended");

  while (!g_queue_is_empty (&self->requests))
    answer (self, 0, -1, error);
}

static void
handle_message (MedleyZygote *self, const char *message, int fd)
{
  int pid, status;

  if (sscanf (message, "forked %d", &pid) == 1 && fd >= 0) {
    self->n_children++;
    answer (self, pid, fd, NULL);
    return;
  }
  if (fd >= 0)
    close (fd);
  if (sscanf (message, "exited %d %d", &pid, &status) == 2) {
    self->n_children--;
    self->exited (pid, status, self->data);
  } else {
    g_autoptr (GError) error
        = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE, "cannot fork a worker: %s",
                       g_str_has_prefix (message, "failed ") ? message + strlen ("failed ")
                                                             : message);

    answer (self, 0, -1, error);
  }
}

/* Returns the length, 0 at the end, -1 when there is nothing now. */
static gssize
receive (int socket, char *message, gsize size, int *fd)
{
  char control[CMSG_SPACE (sizeof (int))];
  struct iovec iov = { message, size - 1 };
  struct msghdr header = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
  };
  gssize n = recvmsg (socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

  *fd = -1;
  if (n <= 0)
    return n;
  message[n] = '\0';
  for (struct cmsghdr *c = CMSG_FIRSTHDR (&header); c != NULL; c = CMSG_NXTHDR (&header, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
      memcpy (fd, CMSG_DATA (c), sizeof *fd);
  }
  return n;
}

static gboolean
ended (gpointer data)
{
  MedleyZygote *self = data;

  self->ended_source = 0;
  self->ended (self, self->data);
  return G_SOURCE_REMOVE;
}

static gboolean
readable (int fd, GIOCondition condition, gpointer data)
{
  MedleyZygote *self = data;
  char message[MAX_MESSAGE];
  int passed;
  gssize n;

  while ((n = receive (fd, message, sizeof message, &passed)) > 0)
    handle_message (self, message, passed);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;

  self->source = 0;
  fail_all (self);
  /* From an idle source: whoever is told may free this. */
  self->ended_source = g_idle_add (ended, self);
  return G_SOURCE_REMOVE;
}

MedleyZygote *
medley_zygote_new (int socket, GPid pid, int pidfd, MedleyZygoteExited exited,
                   MedleyZygoteEnded ended_cb, gpointer data)
{
  MedleyZygote *self = g_new0 (MedleyZygote, 1);

  self->socket = socket;
  self->pid = pid;
  self->pidfd = pidfd;
  self->exited = exited;
  self->ended = ended_cb;
  self->data = data;
  g_queue_init (&self->requests);
  self->source = g_unix_fd_add (socket, G_IO_IN | G_IO_HUP, readable, self);
  return self;
}

void
medley_zygote_free (MedleyZygote *self)
{
  g_clear_handle_id (&self->source, g_source_remove);
  g_clear_handle_id (&self->ended_source, g_source_remove);
  close (self->socket);
  syscall (SYS_pidfd_send_signal, self->pidfd, SIGKILL, NULL, 0);
  waitid (P_PIDFD, (id_t) self->pidfd, &(siginfo_t){ 0 }, WEXITED);
  close (self->pidfd);
  fail_all (self);
  g_free (self);
}

void
medley_zygote_fork (MedleyZygote *self, int worker_socket, MedleyZygoteForked callback,
                    gpointer data)
{
  char control[CMSG_SPACE (sizeof (int))] = { 0 };
  struct iovec iov = { (char *) "fork", strlen ("fork") };
  struct msghdr header = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
  };
  struct cmsghdr *c = CMSG_FIRSTHDR (&header);
  Request *request = g_new0 (Request, 1);
  gssize n;

  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (c), &worker_socket, sizeof worker_socket);

  request->callback = callback;
  request->data = data;
  g_queue_push_tail (&self->requests, request);
  /* The socket's buffer takes far more requests than there are workers; a full one is a zygote that
   * hangs. */
  n = sendmsg (self->socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  close (worker_socket);
  if (n < 0) {
    g_autoptr (GError) error
        = g_error_new (MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE,
                       "the process that makes workers does not answer: %s", g_strerror (errno));

    g_queue_pop_tail (&self->requests);
    callback (0, -1, error, data);
    g_free (request);
  }
}

GPid
medley_zygote_get_pid (MedleyZygote *self)
{
  return self->pid;
}

guint
medley_zygote_count_children (MedleyZygote *self)
{
  return self->n_children + g_queue_get_length (&self->requests);
}
