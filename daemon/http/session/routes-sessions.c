/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/routes.h"

#define SESSIONS "/api/v1/sessions"
#define RUN MEDLEY_HTTP_SCOPE_RUN

/* clang-format off */
static const MedleyHttpRoute table[] = {
  { "GET", SESSIONS, RUN, medley_http_open_session, "openSession", "Opens a session: text or sound in, media and events out",
    .details = "A WebSocket; docs/sessions.md says what is spoken over it.",
    MEDLEY_HTTP_HEADERS ({ "Upgrade", "string", "`websocket`, with `Connection: Upgrade`" },
                         { "Sec-WebSocket-Version", "string", "`13`" },
                         { "Sec-WebSocket-Key", "string", "16 random bytes in base64" },
                         { "Sec-WebSocket-Protocol", "string", "`medley.v1`, and `ticket.TICKET` instead of a token" }),
    MEDLEY_HTTP_ANSWERS ({ 101, "The session is open", NULL, NULL }),
    .errors = "invalid-argument:426 unavailable" },
  { "POST", SESSIONS "/tickets", RUN, medley_http_issue_ticket, "issueTicket", "Issues a ticket for one session",
    .details = "For pages: they cannot set `Authorization` when they open a WebSocket.",
    MEDLEY_HTTP_ANSWERS ({ 201, "The ticket", "application/json", "Ticket" }),
    .errors = "unavailable" },
};
/* clang-format on */

const MedleyHttpRouteGroup medley_http_session_routes
    = { "sessions", "Conversations with a pipeline over a WebSocket", table, G_N_ELEMENTS (table) };
