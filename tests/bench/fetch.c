/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many clients of a file over HTTP that do nothing with it: fetch PORT PATH TOKEN CLIENTS ROUNDS.
 * Each asks ROUNDS times, on one connection. Prints the bytes of all bodies, and the seconds. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  int fd, rounds;
  char head[4096];
  size_t head_length;
  long long left; /* of the body, -1 in the head */
} Client;

static char request[2048];
static long long total;

static void
fail (const char *what)
{
  fprintf (stderr, "fetch: %s: %s\n", what, strerror (errno));
  exit (1);
}

static void
ask (Client *client)
{
  size_t length = strlen (request);

  client->head_length = 0;
  client->left = -1;
  if (send (client->fd, request, length, MSG_NOSIGNAL) != (ssize_t) length)
    fail ("cannot ask");
}

/* Reads the head byte for byte of what is there, so that the body's beginning stays. */
static int
read_head (Client *client)
{
  char *end, *length;
  ssize_t n = recv (client->fd, client->head, sizeof client->head - 1, MSG_PEEK | MSG_DONTWAIT);

  if (n < 0 && errno == EAGAIN)
    return 0;
  if (n <= 0)
    fail ("no answer");
  client->head[n] = '\0';
  end = strstr (client->head, "\r\n\r\n");
  if (end == NULL)
    return 0;
  length = strcasestr (client->head, "\r\nContent-Length:");
  if (strncmp (client->head, "HTTP/1.1 200 ", 13) != 0 || length == NULL || length > end) {
    fprintf (stderr, "fetch: %.*s\n", (int) (end - client->head), client->head);
    exit (1);
  }
  client->left = atoll (length + strlen ("\r\nContent-Length:"));
  total += client->left;
  recv (client->fd, client->head, (size_t) (end + 4 - client->head), 0);
  return 1;
}

/* Whether there is more to come. */
static int
serve (Client *client)
{
  for (;;) {
    ssize_t n;

    if (client->left < 0 && !read_head (client))
      return 1;
    /* The kernel drops what is not wanted, without a copy. */
    n = recv (client->fd, NULL, (size_t) client->left, MSG_TRUNC | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
      return 1;
    if (n <= 0)
      fail ("the body broke off");
    client->left -= n;
    if (client->left > 0)
      continue;
    if (--client->rounds == 0)
      return 0;
    ask (client);
  }
}

int
main (int argc, char **argv)
{
  int n = argc == 6 ? atoi (argv[4]) : 0, left = n, poll = epoll_create1 (0);
  struct sockaddr_in address
      = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) atoi (argv[1])) };
  Client *clients = calloc ((size_t) n + 1, sizeof *clients);
  struct timespec begin, end;

  if (n <= 0)
    return 2;
  inet_pton (AF_INET, "127.0.0.1", &address.sin_addr);
  snprintf (request, sizeof request,
            "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nAuthorization: Bearer %s\r\n\r\n", argv[2],
            argv[1], argv[3]);
  clock_gettime (CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < n; i++) {
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };

    clients[i].rounds = atoi (argv[5]);
    clients[i].fd = socket (AF_INET, SOCK_STREAM, 0);
    if (connect (clients[i].fd, (struct sockaddr *) &address, sizeof address) < 0)
      fail ("cannot connect");
    ask (&clients[i]);
    epoll_ctl (poll, EPOLL_CTL_ADD, clients[i].fd, &event);
  }
  while (left > 0) {
    struct epoll_event events[64];
    int ready = epoll_wait (poll, events, 64, 60000);

    if (ready == 0)
      fail ("nothing comes");
    for (int i = 0; i < ready; i++) {
      Client *client = events[i].data.ptr;

      if (!serve (client)) {
        close (client->fd);
        left--;
      }
    }
  }
  clock_gettime (CLOCK_MONOTONIC, &end);
  printf ("%lld %.6f\n", total,
          (double) (end.tv_sec - begin.tv_sec) + (double) (end.tv_nsec - begin.tv_nsec) / 1e9);
  return 0;
}
