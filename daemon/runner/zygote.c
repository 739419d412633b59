/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <medley/medley-engine.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "runner/sandbox.h"
#include "runner/service.h"
#include "runner/threads.h"

#define MAX_MESSAGE 512

typedef struct {
  pid_t pid;
  int pidfd;
} Child;

typedef struct {
  int control;
  MedleySandbox *sandbox;
  GArray *children; /* of Child */
  GArray *polls;    /* of struct pollfd: the control socket, then the children */
} Zygote;

/* What jobs are made of besides engines. Loading them here costs once what it would cost each
 * worker. */
static const char *const usual_factories[] = {
  "queue",         "tee",          "capsfilter", "concat",    "funnel",     "audioconvert",
  "audioresample", "audiorate",    "encodebin2", "oggmux",    "opusenc",    "flacenc",
  "wavenc",        "lamemp3enc",   "webmmux",    "vp8enc",    "mp4mux",     "x264enc",
  "h264parse",     "aacparse",     "voaacenc",   "videorate", "videoscale", "pngenc",
  "jpegenc",       "videoconvert", "decodebin",  "typefind",  "multiqueue", "pngdec",
  "jpegdec",       "fakesink",     "identity",
};

static void
load_factory (const char *name)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (name);
  g_autoptr (GstPluginFeature) loaded = NULL;

  if (factory == NULL)
    return;
  loaded = gst_plugin_feature_load (GST_PLUGIN_FEATURE (factory));
  /* Makes the class, and with it what it looks up or computes once; never undone, as classes stay.
   */
  if (loaded != NULL)
    g_type_class_ref (gst_element_factory_get_element_type (GST_ELEMENT_FACTORY (loaded)));
}

static gboolean
cannot_fork (const char *name)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (name);
  const char *flags
      = factory != NULL ? gst_element_factory_get_metadata (factory, MEDLEY_METADATA_FLAGS) : NULL;
  g_auto (GStrv) list = g_strsplit (flags != NULL ? flags : "", ",", -1);

  for (guint i = 0; list[i] != NULL; i++)
    if (g_str_equal (g_strstrip (list[i]), "no-fork"))
      return TRUE;
  return FALSE;
}

static void
open_engine (const char *name, MedleyEngineCache *cache)
{
  GstElement *engine;
  g_autofree char *stranger = NULL;

  if (cannot_fork (name)) {
    g_printerr ("medley-worker: %s cannot be forked and is not opened ahead\n", name);
    return;
  }
  engine = medley_engine_cache_take (cache, name);
  if (engine == NULL) {
    g_printerr ("medley-worker: there is no engine %s to open ahead\n", name);
    return;
  }
  if (gst_element_set_state (engine, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE) {
    g_printerr ("medley-worker: %s does not open\n", name);
    gst_element_set_state (engine, GST_STATE_NULL);
    gst_object_unref (engine);
    return;
  }
  stranger = medley_threads_accept (name);
  if (stranger != NULL) {
    /* Its thread is not in a fork: whether it is missed there nobody has looked at. Closed, it may
     * be gone. */
    gst_element_set_state (engine, GST_STATE_NULL);
    gst_object_unref (engine);
    g_printerr ("medley-worker: %s starts a thread (%s) when it opens and is not opened ahead\n",
                name, stranger);
    return;
  }
  medley_engine_cache_give (cache, engine);
}

#ifdef __SANITIZE_THREAD__
static gpointer
return_at_once (gpointer data)
{
  return data;
}
#endif

void
medley_zygote_prepare (char **preload, MedleyEngineCache *cache)
{
#ifdef __SANITIZE_THREAD__
  g_autofree char *stranger = NULL;

  /* The sanitizer's own thread starts with the first of the program. */
  g_thread_join (g_thread_new ("first", return_at_once, NULL));
  stranger = medley_threads_accept ("thread-sanitizer");
  if (stranger != NULL)
    g_printerr ("medley-worker: a thread (%s) runs before any engine is opened\n", stranger);
#endif

  for (guint i = 0; i < G_N_ELEMENTS (usual_factories); i++)
    load_factory (usual_factories[i]);
  for (guint i = 0; preload != NULL && preload[i] != NULL; i++)
    if (*preload[i] != '\0')
      open_engine (preload[i], cache);
}

static void
say (int socket, int fd, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
say (int socket, int fd, const char *format, ...)
{
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  g_autofree char *text = NULL;
  struct iovec part;
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  part.iov_base = text;
  part.iov_len = MIN (strlen (text), MAX_MESSAGE - 1);
  if (fd >= 0) {
    message.msg_control = control.space;
    message.msg_controllen = sizeof control.space;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN (sizeof (int));
    memcpy (CMSG_DATA (&control.header), &fd, sizeof (int));
  }
  while (sendmsg (socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
    continue;
}

/* One request; its descriptor, or -1. Returns the length, 0 when the daemon is gone. */
static ssize_t
hear (int socket, char *text, int *fd)
{
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  struct iovec part = { text, MAX_MESSAGE - 1 };
  struct msghdr message = { .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.space,
                            .msg_controllen = sizeof control.space };
  struct cmsghdr *header;
  ssize_t n;

  *fd = -1;
  do
    n = recvmsg (socket, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  header = n > 0 ? CMSG_FIRSTHDR (&message) : NULL;
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
    memcpy (fd, CMSG_DATA (header), sizeof (int));
  text[MAX (n, 0)] = '\0';
  return n;
}

/* Two workers must not draw the same random numbers. */
static void
reseed (void)
{
  guint32 seeds[2] = { (guint32) getpid (), (guint32) g_get_monotonic_time () };

  if (getrandom (seeds, sizeof seeds, 0) < 0) {
    /* The two above differ between forks as well. */
  }
  g_random_set_seed (seeds[0]);
  srandom (seeds[1]);
  srand (seeds[1]);
}

static void
become_worker (Zygote *self, int socket, pid_t zygote, MedleyEngineCache *cache)
{
  g_autoptr (GError) error = NULL;

  close (self->control);
  for (guint i = 0; i < self->children->len; i++)
    close (g_array_index (self->children, Child, i).pidfd);
  if (!medley_sandbox_enter_forked (self->sandbox, zygote, &error)) {
    medley_sandbox_refuse (error);
    _exit (medley_error_info (error)->exit_code);
  }
  reseed ();
  _exit (medley_service_run (socket, cache, self->sandbox));
}

static void
fork_worker (Zygote *self, int socket, MedleyEngineCache *cache)
{
  g_autofree char *stranger = medley_threads_find_stranger ();
  pid_t zygote = getpid ();
  Child child;

  if (socket < 0) {
    say (self->control, -1, "failed the request came without a socket");
    return;
  }
  if (stranger != NULL) {
    say (self->control, -1, "failed a thread (%s) runs that a forked worker would miss", stranger);
    return;
  }
  child.pid = fork ();
  if (child.pid == 0)
    become_worker (self, socket, zygote, cache);
  if (child.pid < 0) {
    say (self->control, -1, "failed %s", g_strerror (errno));
    return;
  }
  /* From both sides, so that it holds whoever comes first. */
  setpgid (child.pid, child.pid);
  child.pidfd = (int) syscall (SYS_pidfd_open, child.pid, 0);
  if (child.pidfd < 0) {
    say (self->control, -1, "failed %s", g_strerror (errno));
    kill (child.pid, SIGKILL);
    waitpid (child.pid, NULL, 0);
    return;
  }
  fcntl (child.pidfd, F_SETFD, FD_CLOEXEC);
  say (self->control, child.pidfd, "forked %d", (int) child.pid);
  g_array_append_val (self->children, child);
}

static gboolean
is_worker (Zygote *self, pid_t pid)
{
  for (guint i = 0; i < self->children->len; i++)
    if (g_array_index (self->children, Child, i).pid == pid)
      return TRUE;
  return FALSE;
}

/* What a worker started comes here when the worker has ended, and what that started when it has. */
static void
end_orphans (Zygote *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/children", (int) getpid ());
  gboolean found = TRUE;

  while (found) {
    g_autofree char *text = NULL;
    g_auto (GStrv) numbers = NULL;

    found = FALSE;
    if (!g_file_get_contents (path, &text, NULL, NULL))
      return;
    numbers = g_strsplit (text, " ", -1);
    for (guint i = 0; numbers[i] != NULL; i++) {
      pid_t pid = (pid_t) atoi (numbers[i]);

      if (pid <= 0 || is_worker (self, pid))
        continue;
      found = kill (pid, SIGKILL) == 0 && waitpid (pid, NULL, 0) == pid;
    }
  }
}

/* Not by SIGCHLD: a thread that an engine started would swallow it. */
static void
reap (Zygote *self)
{
  gboolean ended = FALSE;

  for (guint i = self->children->len; i > 0; i--) {
    const Child *child = &g_array_index (self->children, Child, i - 1);
    siginfo_t info = { 0 };
    int status;

    if (waitid (P_PID, (id_t) child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0
        || info.si_pid == 0)
      continue;
    /* What it left in its group, while the number is still its own. */
    kill (-child->pid, SIGKILL);
    if (waitpid (child->pid, &status, WNOHANG) <= 0)
      continue;
    close (child->pidfd);
    say (self->control, -1, "exited %d %d", (int) child->pid, status);
    g_array_remove_index_fast (self->children, i - 1);
    ended = TRUE;
  }
  if (ended)
    end_orphans (self);
}

static gboolean
wait_for_something (Zygote *self, gboolean *asked)
{
  struct pollfd entry = { self->control, POLLIN, 0 };
  int n;

  g_array_set_size (self->polls, 0);
  g_array_append_val (self->polls, entry);
  for (guint i = 0; i < self->children->len; i++) {
    entry.fd = g_array_index (self->children, Child, i).pidfd;
    g_array_append_val (self->polls, entry);
  }
  do
    n = poll ((struct pollfd *) (gpointer) self->polls->data, self->polls->len, -1);
  while (n < 0 && errno == EINTR);
  *asked = n > 0 && g_array_index (self->polls, struct pollfd, 0).revents != 0;
  return n > 0;
}

int
medley_zygote_serve (int control, MedleyEngineCache *cache, MedleySandbox *sandbox)
{
  Zygote self = { control, sandbox, g_array_new (FALSE, FALSE, sizeof (Child)),
                  g_array_new (FALSE, FALSE, sizeof (struct pollfd)) };
  gboolean asked;

  fcntl (control, F_SETFD, FD_CLOEXEC);
  while (wait_for_something (&self, &asked)) {
    char text[MAX_MESSAGE];
    int fd;

    reap (&self);
    if (!asked)
      continue;
    /* Workers go when their parent goes. */
    if (hear (control, text, &fd) <= 0)
      return 0;
    if (g_str_equal (text, "fork"))
      fork_worker (&self, fd, cache);
    else
      say (control, -1, "failed \"%.100s\" is no request", text);
    if (fd >= 0)
      close (fd);
  }
  return MEDLEY_EXIT_FAILED;
}
