/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <medley/medley-error.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What Debian 12's headers do not know yet. */
#define FS_TRUNCATE (1ull << 14)
#define FS_IOCTL_DEV (1ull << 15)
#define NET_BIND_TCP (1ull << 0)
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ull << 0)
#define SCOPE_SIGNAL (1ull << 1)

#define NEWEST 6

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                                                      \
  (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE  \
   | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_FIFO      \
   | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE)
#define USE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
/* A rule for something else than a folder may hold these only. */
#define OF_FILES                                                                                   \
  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE       \
   | FS_TRUNCATE | FS_IOCTL_DEV)

struct _MedleyLandlock {
  int ruleset;
  guint64 handled;
};

/* As version 6 knows it; earlier ones take a shorter one. */
typedef struct {
  guint64 handled_access_fs;
  guint64 handled_access_net;
  guint64 scoped;
} Attributes;

guint
medley_landlock_version (guint most)
{
  long version = syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

  return version > 0 ? MIN ((guint) version, MIN (most, NEWEST)) : 0;
}

static guint64
file_accesses (guint version)
{
  guint64 all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

  if (version >= 2)
    all |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3)
    all |= FS_TRUNCATE;
  if (version >= 5)
    all |= FS_IOCTL_DEV;
  return all;
}

MedleyLandlock *
medley_landlock_new (guint version, GError **error)
{
  Attributes attributes = { .handled_access_fs = file_accesses (version) };
  gsize size = sizeof attributes.handled_access_fs;
  MedleyLandlock *self;
  int ruleset;

  if (version >= 4) {
    attributes.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
    size += sizeof attributes.handled_access_net;
  }
  if (version >= 6) {
    attributes.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    size += sizeof attributes.scoped;
  }
  ruleset = (int) syscall (SYS_landlock_create_ruleset, &attributes, size, 0);
  if (ruleset < 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_SANDBOX_MISSING, "Landlock makes no ruleset: %s",
                 g_strerror (errno));
    return NULL;
  }
  self = g_new (MedleyLandlock, 1);
  self->ruleset = ruleset;
  self->handled = attributes.handled_access_fs;
  return self;
}

void
medley_landlock_free (MedleyLandlock *self)
{
  close (self->ruleset);
  g_free (self);
}

static void
allow (MedleyLandlock *self, const char *path, guint64 access)
{
  struct landlock_path_beneath_attr rule = { .allowed_access = access & self->handled };
  struct stat st;

  rule.parent_fd = open (path, O_PATH | O_CLOEXEC);
  if (rule.parent_fd < 0)
    return;
  if (fstat (rule.parent_fd, &st) == 0) {
    if (!S_ISDIR (st.st_mode))
      rule.allowed_access &= OF_FILES;
    /* One that is refused leaves more forbidden, never less. */
    syscall (SYS_landlock_add_rule, self->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  }
  close (rule.parent_fd);
}

void
medley_landlock_allow_read (MedleyLandlock *self, const char *path)
{
  allow (self, path, READ);
}

void
medley_landlock_allow_use (MedleyLandlock *self, const char *path)
{
  allow (self, path, USE);
}

void
medley_landlock_allow_write (MedleyLandlock *self, const char *folder)
{
  allow (self, folder, READ | WRITE);
}

gboolean
medley_landlock_enforce (MedleyLandlock *self, GError **error)
{
  if (syscall (SYS_landlock_restrict_self, self->ruleset, 0) == 0)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_SANDBOX_MISSING, "Landlock is not enforced: %s",
               g_strerror (errno));
  return FALSE;
}
