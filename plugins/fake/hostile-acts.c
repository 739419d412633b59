/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hostile-acts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Enough to be seen, too few to hurt the machine that allows it. */
#define BOMB 64

static int
outcome (long result)
{
  int number = result < 0 ? errno : 0;

  return number;
}

static int
close_outcome (int fd)
{
  int number = outcome (fd);

  if (fd >= 0)
    close (fd);
  return number;
}

/* Files */

static int
read_path (HostileTarget *self, const char *path)
{
  char text[256];
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  int number = outcome (fd);
  ssize_t n;

  if (fd < 0)
    return number;
  n = read (fd, text, sizeof text - 1);
  number = outcome (n);
  close (fd);
  if (n > 0) {
    text[n] = '\0';
    self->more = g_strescape (text, NULL);
  }
  return number;
}

static int
act_read (HostileTarget *self)
{
  return read_path (self, self->path);
}

static int
act_list (HostileTarget *self)
{
  DIR *dir = opendir (self->path);
  g_autoptr (GString) names = g_string_new (NULL);
  struct dirent *entry;

  if (dir == NULL)
    return errno;
  while ((entry = readdir (dir)) != NULL)
    if (entry->d_name[0] != '.')
      g_string_append_printf (names, "%s ", entry->d_name);
  closedir (dir);
  self->more = g_strdup (names->str);
  return 0;
}

static int
act_write (HostileTarget *self)
{
  return close_outcome (open (self->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
act_truncate (HostileTarget *self)
{
  return outcome (truncate (self->path, 0));
}

static int
act_empty (HostileTarget *self)
{
  return close_outcome (open (self->path, O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int
act_chmod (HostileTarget *self)
{
  return outcome (chmod (self->path, 0644));
}

/* The owner needs no more for it than to have opened the file. */
static int
act_mode_of_open (HostileTarget *self)
{
  int fd = open (self->path, O_RDONLY | O_CLOEXEC);
  int number = fd < 0 ? errno : outcome (fchmod (fd, 0640));

  if (fd >= 0)
    close (fd);
  return number;
}

static int
act_time_of_open (HostileTarget *self)
{
  int fd = open (self->path, O_RDONLY | O_CLOEXEC);
  int number = fd < 0 ? errno : outcome (futimens (fd, NULL));

  if (fd >= 0)
    close (fd);
  return number;
}

static int
act_flags_of_open (HostileTarget *self)
{
  int fd = open (self->path, O_RDONLY | O_CLOEXEC);
  int flags = 0;
  int number = fd < 0 ? errno : outcome (ioctl (fd, FS_IOC_SETFLAGS, &flags));

  if (fd >= 0)
    close (fd);
  /* Not every file system has them: it was let through. */
  return number == ENOTTY || number == EOPNOTSUPP ? 0 : number;
}

/* Others that open the file wait. */
static int
act_lease (HostileTarget *self)
{
  int fd = open (self->path, O_RDONLY | O_CLOEXEC);
  int number = fd < 0 ? errno : outcome (fcntl (fd, F_SETLEASE, F_RDLCK));

  if (fd >= 0)
    close (fd);
  return number;
}

static int
act_touch (HostileTarget *self)
{
  return outcome (utimensat (AT_FDCWD, self->path, NULL, 0));
}

static int
act_remove (HostileTarget *self)
{
  return outcome (unlink (self->path));
}

static int
act_mkdir (HostileTarget *self)
{
  return outcome (mkdir (self->path, 0700));
}

static int
act_watch (HostileTarget *self)
{
  int fd = inotify_init1 (IN_CLOEXEC);
  int number = fd < 0 ? errno : outcome (inotify_add_watch (fd, self->path, IN_ALL_EVENTS));

  if (fd >= 0)
    close (fd);
  return number;
}

/* What is allowed: a file in the folder for that, locked and deep, for others to clean up. */
static int
act_temporary (HostileTarget *self)
{
  g_autofree char *deep = g_build_filename (g_get_tmp_dir (), "a", "b", "c", NULL);
  g_autofree char *file = g_build_filename (deep, "file", NULL);

  if (g_mkdir_with_parents (deep, 0700) != 0)
    return errno;
  if (!g_file_set_contents (file, "x", 1, NULL))
    return EIO;
  self->more = g_get_current_dir ();
  return 0;
}

static int
act_list_temporary (HostileTarget *self)
{
  g_free (self->path);
  self->path = g_strdup (g_get_tmp_dir ());
  return act_list (self);
}

static int
act_comm (HostileTarget *self)
{
  return close_outcome (open ("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
}

static int
act_own_memory (HostileTarget *self)
{
  return close_outcome (open ("/proc/self/mem", O_RDWR | O_CLOEXEC));
}

/* The network */

static int
connect_to (int family, int type, const struct sockaddr *address, socklen_t size)
{
  int fd = socket (family, type | SOCK_CLOEXEC, 0);
  int number = outcome (fd);

  if (fd >= 0 && address != NULL)
    number = outcome (connect (fd, address, size));
  if (fd >= 0)
    close (fd);
  return number;
}

static int
act_tcp (HostileTarget *self)
{
  return connect_to (AF_INET, SOCK_STREAM, NULL, 0);
}

static int
act_udp (HostileTarget *self)
{
  return connect_to (AF_INET6, SOCK_DGRAM, NULL, 0);
}

static int
act_netlink (HostileTarget *self)
{
  return connect_to (AF_NETLINK, SOCK_RAW, NULL, 0);
}

static int
act_unix (HostileTarget *self)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_strlcpy (address.sun_path, self->path, sizeof address.sun_path);
  return connect_to (AF_UNIX, SOCK_STREAM, (struct sockaddr *) &address, sizeof address);
}

/* Such a pair can send to any socket that has a name. */
static int
act_pair (HostileTarget *self)
{
  int pair[2];
  int number = outcome (socketpair (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));

  if (number == 0) {
    close (pair[0]);
    close (pair[1]);
  }
  return number;
}

/* Processes */

static int
act_fork (HostileTarget *self)
{
  int n = 0, number = 0;

  while (n < BOMB && number == 0) {
    pid_t pid = fork ();

    number = outcome (pid);
    if (pid == 0) {
      pause ();
      _exit (0);
    }
    n += pid > 0;
  }
  self->more = g_strdup_printf ("%d", n);
  return number;
}

/* A grandchild that leaves the group, and says its number. */
static int
act_daemonize (HostileTarget *self)
{
  int ends[2], number;
  pid_t pid, found = 0;

  if (pipe2 (ends, O_CLOEXEC) != 0)
    return errno;
  pid = fork ();
  number = outcome (pid);
  if (pid == 0) {
    setsid ();
    pid = fork ();
    if (pid == 0) {
      setpgid (0, 0);
      found = getpid ();
      if (write (ends[1], &found, sizeof found) < 0)
        _exit (1);
      signal (SIGTERM, SIG_IGN);
      signal (SIGHUP, SIG_IGN);
      for (;;)
        pause ();
    }
    _exit (0);
  }
  close (ends[1]);
  if (pid > 0 && read (ends[0], &found, sizeof found) == sizeof found)
    self->more = g_strdup_printf ("%d", (int) found);
  close (ends[0]);
  if (pid > 0)
    waitpid (pid, NULL, 0);
  return number;
}

static int
act_vfork (HostileTarget *self)
{
  pid_t pid = (pid_t) syscall (SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);

  if (pid == 0)
    syscall (SYS_exit, 0);
  return outcome (pid);
}

static int
act_clone3 (HostileTarget *self)
{
  struct clone_args arguments = { .exit_signal = SIGCHLD };
  pid_t pid = (pid_t) syscall (SYS_clone3, &arguments, sizeof arguments);

  if (pid == 0)
    _exit (0);
  return outcome (pid);
}

static int
act_exec (HostileTarget *self)
{
  char *const argv[] = { (char *) "true", NULL };

  return outcome (execv ("/usr/bin/true", argv));
}

static int
act_exec_memory (HostileTarget *self)
{
  char *const argv[] = { (char *) "x", NULL };
  g_autofree char *program = NULL;
  gsize length;
  int fd;

  if (!g_file_get_contents ("/usr/bin/true", &program, &length, NULL))
    return EIO;
  fd = memfd_create ("x", MFD_CLOEXEC);
  if (fd < 0 || write (fd, program, length) < 0)
    return errno;
  return outcome (syscall (SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH));
}

static int
act_kill_parent (HostileTarget *self)
{
  return outcome (kill (getppid (), SIGKILL));
}

static int
act_kill (HostileTarget *self)
{
  return outcome (kill (self->pid, SIGKILL));
}

static int
act_signal_all (HostileTarget *self)
{
  return outcome (kill (-1, 0));
}

static int
act_signal_pidfd (HostileTarget *self)
{
  int fd = (int) syscall (SYS_pidfd_open, self->pid, 0);
  int number = fd < 0 ? errno : outcome (syscall (SYS_pidfd_send_signal, fd, 0, NULL, 0));

  if (fd >= 0)
    close (fd);
  return number;
}

/* Has the kernel send signals to a process, as input that can be read. */
static int
act_signal_by_pipe (HostileTarget *self)
{
  int ends[2];
  int number = outcome (pipe2 (ends, O_CLOEXEC));

  if (number != 0)
    return number;
  number = outcome (fcntl (ends[0], F_SETOWN, self->pid));
  close (ends[0]);
  close (ends[1]);
  return number;
}

static int
act_limit (HostileTarget *self)
{
  struct rlimit now;

  return outcome (prlimit (self->pid, RLIMIT_NOFILE, NULL, &now));
}

static int
act_priority (HostileTarget *self)
{
  return outcome (setpriority (PRIO_PROCESS, (id_t) self->pid, 19));
}

static int
act_ptrace (HostileTarget *self)
{
  int number = outcome (ptrace (PTRACE_SEIZE, self->pid, NULL, NULL));

  if (number == 0) {
    ptrace (PTRACE_INTERRUPT, self->pid, NULL, NULL);
    waitpid (self->pid, NULL, __WALL);
    ptrace (PTRACE_DETACH, self->pid, NULL, NULL);
  }
  return number;
}

static int
read_of_process (HostileTarget *self, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", self->pid, name);

  return close_outcome (open (path, O_RDONLY | O_CLOEXEC));
}

static int
act_memory (HostileTarget *self)
{
  return read_of_process (self, "mem");
}

static int
act_environment (HostileTarget *self)
{
  return read_of_process (self, "environ");
}

static int
act_command_line (HostileTarget *self)
{
  return read_of_process (self, "cmdline");
}

static int
act_read_process (HostileTarget *self)
{
  char byte;
  struct iovec local = { &byte, 1 }, remote = { (void *) (gsize) 4096, 1 };
  int number = outcome (process_vm_readv (self->pid, &local, 1, &remote, 1, 0));

  /* It was let to look, and nothing is there. */
  return number == EFAULT ? 0 : number;
}

static int
act_stay (HostileTarget *self)
{
  return outcome (prctl (PR_SET_PDEATHSIG, 0));
}

static int
act_leave_group (HostileTarget *self)
{
  return outcome (setpgid (0, getppid ()) == 0 || errno == EPERM ? setsid () : -1);
}

/* The kernel */

static int
act_mount (HostileTarget *self)
{
  int number = outcome (mount ("none", self->path, "tmpfs", 0, NULL));

  if (number == 0)
    umount2 (self->path, MNT_DETACH);
  return number;
}

static int
act_namespace (HostileTarget *self)
{
  /* It fails with EINVAL where it would be allowed: this process has threads. */
  int number = outcome (unshare (CLONE_NEWUSER));

  return number == EINVAL ? 0 : number;
}

static int
act_keyring (HostileTarget *self)
{
  return outcome (syscall (SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 1));
}

static int
act_io_uring (HostileTarget *self)
{
  guint8 parameters[256] = { 0 };

  return close_outcome ((int) syscall (SYS_io_uring_setup, 1, parameters));
}

static int
act_bpf (HostileTarget *self)
{
  struct {
    guint32 type, key_size, value_size, entries, flags;
  } map = { 2, 4, 4, 1, 0 };

  return close_outcome ((int) syscall (SYS_bpf, 0, &map, sizeof map));
}

static int
act_shared_memory (HostileTarget *self)
{
  int id = shmget (IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  int number = outcome (id);

  if (id >= 0)
    shmctl (id, IPC_RMID, NULL);
  return number;
}

/* clang-format off */
static const struct {
  const char *name;
  HostileAct act;
} acts[] = {
  { "read", act_read }, { "list", act_list }, { "write", act_write }, { "truncate", act_truncate },
  { "empty", act_empty }, { "chmod", act_chmod }, { "touch", act_touch },
  { "mode-of-open", act_mode_of_open }, { "time-of-open", act_time_of_open }, { "flags-of-open", act_flags_of_open },
  { "lease", act_lease }, { "signal-by-pipe", act_signal_by_pipe }, { "remove", act_remove },
  { "mkdir", act_mkdir }, { "watch", act_watch }, { "temporary", act_temporary },
  { "list-temporary", act_list_temporary }, { "oom-score", act_comm }, { "own-memory", act_own_memory },
  { "tcp", act_tcp }, { "udp", act_udp }, { "netlink", act_netlink }, { "unix", act_unix }, { "pair", act_pair },
  { "fork", act_fork }, { "daemonize", act_daemonize }, { "vfork", act_vfork }, { "clone3", act_clone3 },
  { "exec", act_exec }, { "exec-memory", act_exec_memory }, { "kill-parent", act_kill_parent }, { "kill", act_kill },
  { "signal-all", act_signal_all }, { "signal-pidfd", act_signal_pidfd }, { "limit", act_limit },
  { "priority", act_priority }, { "ptrace", act_ptrace }, { "memory", act_memory },
  { "environment", act_environment }, { "command-line", act_command_line }, { "read-process", act_read_process },
  { "stay", act_stay }, { "leave-group", act_leave_group }, { "mount", act_mount }, { "namespace", act_namespace },
  { "keyring", act_keyring }, { "io-uring", act_io_uring }, { "bpf", act_bpf },
  { "shared-memory", act_shared_memory },
};
/* clang-format on */

HostileAct
hostile_find_act (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (acts); i++)
    if (g_str_equal (acts[i].name, name))
      return acts[i].act;
  return NULL;
}
