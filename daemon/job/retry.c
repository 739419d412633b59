/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/retry.h"

#include "base/error.h"

gboolean
medley_retry_is_kill (const char *code)
{
  MedleyError found;

  return medley_error_code_from_name (code, &found)
         && (found == MEDLEY_ERROR_WORKER_CRASHED || found == MEDLEY_ERROR_WORKER_HUNG
             || found == MEDLEY_ERROR_MEMORY_LIMIT);
}

static gboolean
is_transient (const char *code)
{
  MedleyError found;

  return medley_error_code_from_name (code, &found)
         && medley_error_info_for_code (found)->transient;
}

/* The whole delay after an attempt; it stops doubling long before it could overflow. */
static guint64
back_off (const MedleyRetryPolicy *policy, guint attempt)
{
  guint64 delay = policy->delay;

  for (guint i = 1; i < attempt && delay > 0 && delay < policy->delay_maximum; i++)
    delay = delay > policy->delay_maximum / 2 ? policy->delay_maximum : delay * 2;
  return MIN (delay, policy->delay_maximum);
}

MedleyRetryVerdict
medley_retry_decide (const MedleyRetryPolicy *policy, const char *code, guint attempt, guint kills,
                     MedleyRetryRandom random, gpointer data, guint64 *delay)
{
  guint64 whole;

  *delay = 0;
  if (policy->poison != 0 && kills >= policy->poison && medley_retry_is_kill (code))
    return MEDLEY_RETRY_POISONED;
  if (!is_transient (code) || attempt >= policy->attempts)
    return MEDLEY_RETRY_GIVE_UP;
  whole = back_off (policy, attempt);
  *delay = whole / 2 + (guint64) (random (data) * (double) (whole - whole / 2));
  return MEDLEY_RETRY_AGAIN;
}
