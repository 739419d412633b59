/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/http.h"

G_BEGIN_DECLS

/* MedleySessions: the sessions of one HTTP face. Main thread only. */

/* @http: (transfer none): outlives it */
MedleySessions *
medley_sessions_new (MedleyHttp *http);
/* Breaks off all that are open. */
void
medley_sessions_free (MedleySessions *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleySessions, medley_sessions_free)

/* The daemon ends: each closes when what it has is delivered. */
void
medley_sessions_settle (MedleySessions *self);

guint
medley_sessions_count (MedleySessions *self);

G_END_DECLS
