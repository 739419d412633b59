/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyCircuits:
 *
 * Which engines are suspended because they keep crashing. Each engine has a circuit:
 *
 * - closed: its jobs start. So many crashes within a window, with no success between them, open it;
 * - open: none of its jobs starts, for a time;
 * - half-open, after that time: one job may try it. If that crashes the circuit is open again, for
 * twice the time; if it succeeds it is closed, and all is forgotten.
 *
 * That a success wipes out the crashes before it keeps one client's bad files from suspending an
 * engine that serves everybody else well.
 *
 * Pure: times are passed in, as g_get_monotonic_time() gives them. Nothing is kept of engines that
 * did not crash within the window. One thread only.
 */
typedef struct _MedleyCircuits MedleyCircuits;

typedef enum {
  MEDLEY_CIRCUIT_CLOSED,
  MEDLEY_CIRCUIT_OPEN,
  MEDLEY_CIRCUIT_HALF_OPEN,
} MedleyCircuitState;

/* "closed", "open", "half-open" */
const char *
medley_circuit_state_to_string (MedleyCircuitState state);

/* How a job that used an engine ended, as far as the engine is concerned. */
typedef enum {
  MEDLEY_CIRCUIT_SUCCESS, /* it did its work */
  MEDLEY_CIRCUIT_CRASH,   /* it crashed or hung */
  MEDLEY_CIRCUIT_NEITHER, /* cancelled, a bad input, another engine's failure: says nothing */
} MedleyCircuitOutcome;

/**
 * MedleyCircuitPolicy:
 * @crashes: so many open a circuit; 0 for never (`workers.circuit-crashes`)
 * @window: within this time, µs (`workers.circuit-window`)
 * @time: how long a circuit is open the first time, µs (`workers.circuit-time`)
 * @time_maximum: the longest it is ever open at once, µs (`workers.circuit-time-maximum`)
 */
typedef struct {
  guint crashes;
  gint64 window;
  gint64 time;
  gint64 time_maximum;
} MedleyCircuitPolicy;

/* (transfer full): all circuits closed; the policy is copied */
MedleyCircuits *
medley_circuits_new (const MedleyCircuitPolicy *policy);
void
medley_circuits_free (MedleyCircuits *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyCircuits, medley_circuits_free)

/* Whether nothing is known against any engine, so that nobody need be asked about. */
gboolean
medley_circuits_are_closed (MedleyCircuits *self);

MedleyCircuitState
medley_circuits_get_state (MedleyCircuits *self, const char *engine, gint64 now);

/* Whether a job that needs the engine may start: not while its circuit is open, nor while another
 * job tries it. */
gboolean
medley_circuits_can_start (MedleyCircuits *self, const char *engine, gint64 now);

/**
 * medley_circuits_start:
 * @self: the circuits
 * @engine: an engine that a job uses
 * @job: the job; only compared
 * @now: time
 *
 * Notes that a job has started that uses an engine: on a half-open circuit it is the one that
 * tries.
 */
void
medley_circuits_start (MedleyCircuits *self, const char *engine, gconstpointer job, gint64 now);

/**
 * medley_circuits_end:
 * @self: the circuits
 * @engine: an engine that the job used
 * @job: the job, as for medley_circuits_start()
 * @outcome: how it ended
 * @error: (nullable): the message of a crash
 * @now: time
 *
 * Notes how a job has ended that used an engine. While a circuit is open or half-open only the job
 * that tries it can close it; one that started earlier cannot.
 *
 * Returns: whether jobs may start now that could not, or the other way round
 */
gboolean
medley_circuits_end (MedleyCircuits *self, const char *engine, gconstpointer job,
                     MedleyCircuitOutcome outcome, const char *error, gint64 now);

/**
 * medley_circuits_next_change:
 * @self: the circuits
 * @now: time
 *
 * Returns: when the next open circuit becomes half-open, so that waiting jobs are looked at again;
 * -1 when none will
 */
gint64
medley_circuits_next_change (MedleyCircuits *self, gint64 now);

/**
 * medley_circuits_explain:
 * @self: the circuits
 * @engine: an engine
 * @now: time
 * @wall_clock: the same moment as g_get_real_time() gives it
 *
 * Returns: (transfer full) (nullable): why no job may start that needs the engine, for people, with
 * the local time; %NULL when one may
 */
char *
medley_circuits_explain (MedleyCircuits *self, const char *engine, gint64 now, gint64 wall_clock);

/**
 * medley_circuits_describe:
 * @self: the circuits
 * @now: time
 * @wall_clock: the same moment as g_get_real_time() gives it
 *
 * Returns: (transfer floating): `aa{sv}`, by name, each engine that crashed lately: "engine" s,
 * "state" s, "crashes" u (since it worked last), "error" s (of the last crash) and, while it is
 * open, "until" x (µs since 1970)
 */
GVariant *
medley_circuits_describe (MedleyCircuits *self, gint64 now, gint64 wall_clock);

G_END_DECLS
