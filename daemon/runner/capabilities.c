/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <medley/medley-error.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

gboolean
medley_capabilities_drop (GError **error)
{
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
  struct __user_cap_data_struct left[_LINUX_CAPABILITY_U32S_3] = { 0 };

  /* An ordinary user may not, and has none to bound. */
  for (int i = 0; prctl (PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
    prctl (PR_CAPBSET_DROP, i, 0, 0, 0);
  prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (syscall (SYS_capset, &header, none) == 0 && syscall (SYS_capget, &header, left) == 0
      && left[0].permitted == 0 && left[1].permitted == 0)
    return TRUE;
  g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_SANDBOX_MISSING,
               "capabilities cannot be given up: %s", g_strerror (errno));
  return FALSE;
}
