/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/session/clock.h"
#include "http/session/ends.h"
#include "http/session/heard.h"
#include "http/session/message.h"
#include "http/session/session.h"
#include "job/output-reader.h"

G_BEGIN_DECLS

typedef struct _MedleyTurn MedleyTurn;

/* An output of a turn on its way to the client: never more than one piece of it is in memory. */
typedef struct {
  grefcount ref_count; /* a read that was cancelled still calls back */
  MedleyTurn *turn;    /* NULL when it is over */
  const MedleySessionOutput *what;
  MedleyOutputReader *reader;
  GCancellable *cancellable;
  gboolean reading;
  gboolean ended;
  gboolean announced;
  GByteArray
      *ready; /* what was read and not sent; of captions and text maybe the beginning of more */
  gsize held; /* of it, bytes that have to wait for more */
} MedleyTurnOutput;

/* One job of a session. */
struct _MedleyTurn {
  MedleySession *session;
  guint64 number;
  MedleyJob *job;
  MedleyInputWriter *writer; /* while the client sends */
  gboolean has_input;        /* something was sent, or the end of it */
  int text;                  /* descriptor of what was sent, -1 for none */

  gboolean announced;
  guint64 last_event;
  gulong event_handler;
  gulong changed_handler;
  GPtrArray *outputs;        /* MedleyTurnOutput; empty once it is over */
  MedleySessionClock *clock; /* of the first output with sound */
  MedleyTurnOutput *clocked;
  MedleySessionHeard *heard; /* where captions stand, NULL without text */
  gint64 began;              /* when its first sound was sent, monotonic; 0 before */
  gint64 played;             /* µs, as the client says; -1 when it does not */
  GError *failure;           /* why an output could not be read on, NULL while it can */
};

typedef struct _MedleySessionSearch MedleySessionSearch;
typedef struct _MedleySessionCreation MedleySessionCreation;

struct _MedleySession {
  MedleyHttp *http;
  MedleyHttpExchange *exchange; /* that became it */
  MedleyWebsocket *socket;
  GSourceOnceFunc ended;
  gpointer data;
  char *id;
  char *client;

  MedleySessionEnds *ends; /* NULL before the start */
  gboolean detach;
  gint64 lead; /* µs, -1 for no limit */

  GQueue turns;     /* MedleyTurn: the first is being delivered, the last gets what is sent */
  MedleyTurn *last; /* delivered already: the listener may still be at it */
  guint64 n_turns;
  MedleySessionCreation *creation; /* of the next one, NULL for none */
  GByteArray *pending;             /* sent for it meanwhile */
  gboolean pending_end;
  gboolean dropping;           /* what is sent, up to its end: its turn has failed */
  MedleySessionSearch *search; /* for what was heard, NULL for none */

  gboolean settling;
  gboolean delivering;
  guint deliver_source;
  guint lead_source;
  guint idle_source;
  gint64 last_active;
};

/* session.c */
void
medley_session_send (MedleySession *self, const char *type, GVariantDict *members);
/* @turn: (nullable): the one that it is about; @details: (nullable): further members */
void
medley_session_send_error (MedleySession *self, MedleyTurn *turn, const GError *error,
                           GVariant *details);
/* Considers whether to read on. */
void
medley_session_update (MedleySession *self);

/* turn.c */
/* Begins the next turn; medley_session_on_turn() tells what came of it. */
void
medley_session_create_turn (MedleySession *self);
void
medley_session_drop_creation (MedleySession *self);
void
medley_turn_free (MedleyTurn *self);
/* Opens the input. */
gboolean
medley_turn_open (MedleyTurn *self, GError **error);
/* Nothing more of it is delivered. */
void
medley_turn_end (MedleyTurn *self);
void
medley_turn_cancel (MedleyTurn *self);
/* @turn: (transfer full) (nullable); @faults: (nullable) */
void
medley_session_on_turn (MedleySession *self, MedleyTurn *turn, const GError *error,
                        GVariant *faults);

/* delivery.c */
MedleyTurnOutput *
medley_turn_output_new (MedleyTurn *turn, const MedleySessionOutput *what, GError **error);
void
medley_turn_output_end (MedleyTurnOutput *self);
/* Sends what there is and what the client can take. */
void
medley_session_deliver (MedleySession *self);
void
medley_session_deliver_later (MedleySession *self);
/* A line of captions without its end. */
GVariant *
medley_turn_describe_outputs (MedleyTurn *self);

/* search.c */
/* Finds out what was heard of a turn (NULL: of none) and answers a flush. */
void
medley_session_search (MedleySession *self, MedleyTurn *turn, gint64 played, guint dropped);
void
medley_session_drop_search (MedleySession *self);

G_END_DECLS
