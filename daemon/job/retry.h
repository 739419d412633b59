/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether a job whose attempt has failed is started again, and when. Pure: the same arguments give
 * the same answer. */

typedef enum {
  MEDLEY_RETRY_GIVE_UP,  /* the job fails with this attempt's error */
  MEDLEY_RETRY_POISONED, /* the job fails with %MEDLEY_ERROR_POISONED */
  MEDLEY_RETRY_AGAIN,    /* it is queued again after the delay */
} MedleyRetryVerdict;

/**
 * MedleyRetryPolicy:
 * @attempts: most starts of a job, at least 1 (`jobs.attempts`, or what its request says)
 * @poison: so many killed workers, and it is poisoned; 0 for never (`jobs.poison`)
 * @delay: wait before the second attempt, ms (`jobs.retry-delay`)
 * @delay_maximum: longest wait, ms (`jobs.retry-delay-maximum`)
 */
typedef struct {
  guint attempts;
  guint poison;
  guint64 delay;
  guint64 delay_maximum;
} MedleyRetryPolicy;

/**
 * MedleyRetryRandom:
 * @data: as given to medley_retry_decide()
 *
 * Returns: a number from 0 to below 1
 */
typedef double (*MedleyRetryRandom) (gpointer data);

/**
 * medley_retry_is_kill:
 * @code: name of an error
 *
 * Returns: whether an attempt that ends so has cost its worker through what the job made it do: a
 * crash, a hang, or too much memory; but not when the daemon stopped
 */
gboolean
medley_retry_is_kill (const char *code);

/**
 * medley_retry_decide:
 * @policy: what is allowed
 * @code: name of the attempt's error ("worker-crashed")
 * @attempt: which attempt it was, from 1
 * @kills: how many attempts so far, this one included, were medley_retry_is_kill()
 * @random: where the jitter comes from; asked only for %MEDLEY_RETRY_AGAIN
 * @data: for @random
 * @delay: (out): ms to wait, for %MEDLEY_RETRY_AGAIN: between half and the whole of the first delay
 * doubled for each attempt before this one, the whole being the maximum at most; else 0
 *
 * Returns: what to do
 */
MedleyRetryVerdict
medley_retry_decide (const MedleyRetryPolicy *policy, const char *code, guint attempt, guint kills,
                     MedleyRetryRandom random, gpointer data, guint64 *delay);

G_END_DECLS
