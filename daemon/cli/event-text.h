/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * medley_event_text:
 * @event: `a{sv}`, an event of a job
 *
 * Returns: (transfer full): one line for people, without the time
 */
char *
medley_event_text (GVariant *event);

/* Whether it tells of something that is not part of a plain run. */
gboolean
medley_event_is_notable (GVariant *event);

G_END_DECLS
