/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/syscalls.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/prctl.h>
#include <medley/medley-error.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* flags of clone(2) */
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#define NEW_NAMESPACES                                                                             \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID      \
   | CLONE_NEWNET)
/* what of the second argument of socketpair(2) is the type */
#define SOCK_TYPES 0xf
/* The kernel looks at so much of an int. */
#define INT_MASK 0xffffffffu

/* clang-format off */
static const char *const allowed[] = {
  /* descriptors: reading, writing, waiting */
  "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2",
  "lseek", "_llseek", "close", "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64",
  "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64",
  "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
  "eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create", "timerfd_settime", "timerfd_settime64",
  "timerfd_gettime", "timerfd_gettime64", "sendfile", "sendfile64", "splice", "tee", "vmsplice", "copy_file_range",
  "flock", "fsync", "fdatasync", "sync_file_range", "sync_file_range2", "ftruncate", "ftruncate64", "fallocate",
  "fadvise64", "fadvise64_64", "readahead",
  /* the inherited socket */
  "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "send", "recv", "shutdown",
  "getsockopt", "setsockopt", "getsockname", "getpeername",
  /* files by name, which Landlock guards */
  "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64", "newfstatat", "fstatat64", "statx", "statfs", "statfs64",
  "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64",
  "getcwd", "chdir", "fchdir", "creat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat",
  "renameat2", "link", "linkat", "symlink", "symlinkat", "umask",
  /* memory */
  "mmap", "mmap2", "munmap", "mprotect", "mremap", "madvise", "msync", "mincore", "mlock", "mlock2", "munlock", "brk",
  "memfd_create", "membarrier", "get_mempolicy", "set_mempolicy", "mbind", "pkey_alloc", "pkey_free", "pkey_mprotect",
  /* threads and itself */
  "futex", "futex_time64", "futex_waitv", "set_robust_list", "rseq", "set_tid_address", "arch_prctl", "set_thread_area",
  "get_thread_area", "set_tls", "cacheflush", "riscv_flush_icache", "exit", "exit_group", "wait4", "waitid", "waitpid",
  "fork", "vfork", "getpid", "getppid", "gettid", "getpgid", "getpgrp", "getsid", "getuid", "getuid32", "geteuid",
  "geteuid32", "getgid", "getgid32", "getegid", "getegid32", "getresuid", "getresuid32", "getresgid", "getresgid32",
  "getgroups", "getgroups32", "setpgid", "setsid", "prctl", "getrlimit", "ugetrlimit", "setrlimit", "getrusage",
  "getcpu", "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_getattr",
  "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval", "getpriority", "capget", "uname",
  "sysinfo", "getrandom",
  /* signals */
  "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "rt_sigaction", "rt_sigprocmask", "rt_sigpending",
  "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "sigaction", "sigprocmask",
  "sigreturn", "sigaltstack", "pause", "restart_syscall", "pidfd_open",
  /* time */
  "alarm", "setitimer", "getitimer", "timer_create", "timer_settime", "timer_settime64", "timer_gettime",
  "timer_gettime64", "timer_getoverrun", "timer_delete", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64",
  "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "gettimeofday", "time", "times",
  /* what takes further rights away */
  "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp",
};

/* "Not allowed" tells more than "no such call", which is what all others get. */
static const char *const forbidden[] = {
  "socket", "socketcall", "connect", "bind", "listen", "accept", "accept4",
  "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp",
  "pidfd_send_signal", "pidfd_getfd", "unshare", "setns",
  "mount", "umount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount",
  "fspick", "mount_setattr", "swapon", "swapoff", "quotactl", "acct",
  "chmod", "fchmod", "fchmodat", "chown", "chown32", "lchown", "lchown32", "fchown", "fchown32", "fchownat", "truncate",
  "truncate64", "utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
  "fremovexattr", "mknod", "mknodat", "open_by_handle_at", "name_to_handle_at", "fanotify_init", "fanotify_mark",
  "inotify_init", "inotify_init1", "inotify_add_watch",
  "add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
  "io_uring_register", "io_setup", "io_submit", "init_module", "finit_module", "delete_module", "kexec_load",
  "kexec_file_load", "reboot", "syslog", "iopl", "ioperm", "modify_ldt", "vm86", "vm86old", "settimeofday",
  "clock_settime", "clock_settime64", "adjtimex", "clock_adjtime", "clock_adjtime64", "sethostname", "setdomainname",
  "setuid", "setuid32", "setgid", "setgid32", "setreuid", "setreuid32", "setregid", "setregid32", "setresuid",
  "setresuid32", "setresgid", "setresgid32", "setgroups", "setgroups32", "setfsuid", "setfsuid32", "setfsgid",
  "setfsgid32", "capset", "shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "semget", "semop", "semtimedop",
  "ipc", "mq_open", "mq_unlink", "move_pages", "migrate_pages", "ioprio_set", "vhangup",
};

/* Calls on a process that is named by its first argument; 0 is the caller. */
static const char *const on_itself[] = {
  "prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr",
};
/* clang-format on */

/* What is asked of any descriptor. Others change a file's attributes through one that may only
 * read, or type into a terminal. */
static const unsigned questions[]
    = { TCGETS, TIOCGWINSZ, TIOCGPGRP, FIONREAD, TIOCOUTQ, FIONBIO, FIOCLEX, FIONCLEX, FIGETBSZ };

static int
add (scmp_filter_ctx filter, uint32_t action, const char *name, unsigned n,
     const struct scmp_arg_cmp *conditions)
{
  int number = seccomp_syscall_resolve_name (name);

  /* This library or machine does not know it: then it is not allowed either. */
  if (number == __NR_SCMP_ERROR)
    return 0;
  return seccomp_rule_add_array (filter, action, number, n, conditions);
}

static int
add_all (scmp_filter_ctx filter, uint32_t action, const char *const *names, gsize n)
{
  int result = 0;

  for (gsize i = 0; i < n && result == 0; i++)
    result = add (filter, action, names[i], 0, NULL);
  return result;
}

static int
allow_if (scmp_filter_ctx filter, const char *name, struct scmp_arg_cmp condition)
{
  return add (filter, SCMP_ACT_ALLOW, name, 1, &condition);
}

static int
forbid_if (scmp_filter_ctx filter, const char *name, struct scmp_arg_cmp condition)
{
  return add (filter, SCMP_ACT_ERRNO (EPERM), name, 1, &condition);
}

/* O_TRUNC with O_RDONLY empties files that may only be read, where Landlock has no rule for it. */
static int
allow_open (scmp_filter_ctx filter, const char *name, unsigned flags)
{
  int result = allow_if (filter, name, SCMP_CMP (flags, SCMP_CMP_MASKED_EQ, O_TRUNC, 0));

  if (result == 0)
    result = allow_if (filter, name, SCMP_CMP (flags, SCMP_CMP_MASKED_EQ, O_ACCMODE, O_WRONLY));
  if (result == 0)
    result = allow_if (filter, name, SCMP_CMP (flags, SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDWR));
  return result;
}

/* GStreamer wakes itself by a pair of these. One of datagrams could be sent from to any socket that
 * has a name. */
static int
allow_stream_pairs (scmp_filter_ctx filter)
{
  struct scmp_arg_cmp conditions[] = { SCMP_CMP (0, SCMP_CMP_EQ, AF_UNIX),
                                       SCMP_CMP (1, SCMP_CMP_MASKED_EQ, SOCK_TYPES, SOCK_STREAM) };

  return add (filter, SCMP_ACT_ALLOW, "socketpair", G_N_ELEMENTS (conditions), conditions);
}

static int
add_conditions (scmp_filter_ctx filter)
{
  struct scmp_arg_cmp own_priority[]
      = { SCMP_CMP (0, SCMP_CMP_EQ, 0), SCMP_CMP (1, SCMP_CMP_EQ, 0) };
  int result = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (on_itself) && result == 0; i++)
    result = allow_if (filter, on_itself[i], SCMP_CMP (0, SCMP_CMP_EQ, 0));
  if (result == 0)
    result = add (filter, SCMP_ACT_ALLOW, "setpriority", 2, own_priority);
  if (result == 0)
    result = allow_open (filter, "open", 1);
  if (result == 0)
    result = allow_open (filter, "openat", 2);
  if (result == 0)
    result = allow_stream_pairs (filter);
  for (gsize i = 0; i < G_N_ELEMENTS (questions) && result == 0; i++)
    result = allow_if (filter, "ioctl", SCMP_CMP (1, SCMP_CMP_MASKED_EQ, INT_MASK, questions[i]));
  /* Asked for, not set. */
  if (result == 0)
    result = allow_if (filter, "personality", SCMP_CMP (0, SCMP_CMP_MASKED_EQ, INT_MASK, INT_MASK));
  /* clone3, whose flags no filter can see, fails as unknown, and libc takes this one. */
  if (result == 0)
    result
        = allow_if (filter, "clone", SCMP_CMP (CLONE_FLAGS, SCMP_CMP_MASKED_EQ, NEW_NAMESPACES, 0));
  return result;
}

static gboolean
load (scmp_filter_ctx filter, int result, GError **error)
{
  if (result == 0)
    result = seccomp_load (filter);
  seccomp_release (filter);
  if (result == 0)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_SANDBOX_MISSING,
               "seccomp takes no filter of system calls: %s", g_strerror (-result));
  return FALSE;
}

/* privileges are given up by the caller, and calls of other architectures are unknown ones */
static scmp_filter_ctx
new_filter (uint32_t action)
{
  scmp_filter_ctx filter = seccomp_init (action);

  if (filter != NULL) {
    seccomp_attr_set (filter, SCMP_FLTATR_CTL_NNP, 0);
    seccomp_attr_set (filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO (ENOSYS));
    seccomp_attr_set (filter, SCMP_FLTATR_API_SYSRAWRC, 1);
  }
  return filter;
}

gboolean
medley_syscalls_allow_work (GError **error)
{
  scmp_filter_ctx filter = new_filter (SCMP_ACT_ERRNO (ENOSYS));
  int result;

  if (filter == NULL)
    return load (NULL, -ENOMEM, error);
  /* a binary tree */
  seccomp_attr_set (filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  result = add_all (filter, SCMP_ACT_ALLOW, allowed, G_N_ELEMENTS (allowed));
  if (result == 0)
    result = add_all (filter, SCMP_ACT_ERRNO (EPERM), forbidden, G_N_ELEMENTS (forbidden));
  if (result == 0)
    result = add_conditions (filter);
  return load (filter, result, error);
}

gboolean
medley_syscalls_forbid_others (GError **error)
{
  static const char *const gone[] = { "fork", "vfork", "tkill", "setpgid", "setsid", "pidfd_open" };
  static const char *const to_itself[]
      = { "kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo" };
  static const unsigned settings[]
      = { PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_MM, PR_SET_PTRACER };
  /* Signals to others by way of a descriptor; notes of what happens in a folder; a hold on a file
   * that others open. */
  static const unsigned controls[] = { F_SETOWN, F_SETOWN_EX, F_SETSIG, F_NOTIFY, F_SETLEASE };
  scmp_filter_ctx filter = new_filter (SCMP_ACT_ALLOW);
  int result;

  if (filter == NULL)
    return load (NULL, -ENOMEM, error);
  result = add_all (filter, SCMP_ACT_ERRNO (EPERM), gone, G_N_ELEMENTS (gone));
  if (result == 0)
    result
        = forbid_if (filter, "clone", SCMP_CMP (CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  for (gsize i = 0; i < G_N_ELEMENTS (to_itself) && result == 0; i++)
    result = forbid_if (filter, to_itself[i], SCMP_CMP (0, SCMP_CMP_NE, (uint64_t) getpid ()));
  for (gsize i = 0; i < G_N_ELEMENTS (settings) && result == 0; i++)
    result = forbid_if (filter, "prctl", SCMP_CMP (0, SCMP_CMP_MASKED_EQ, INT_MASK, settings[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (controls) && result == 0; i++)
    result = forbid_if (filter, "fcntl", SCMP_CMP (1, SCMP_CMP_MASKED_EQ, INT_MASK, controls[i]));
  return load (filter, result, error);
}
