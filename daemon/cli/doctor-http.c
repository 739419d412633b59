/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/doctor-private.h"
#include "cli/format.h"
#include "cli/reply.h"

/* How long before its end a certificate is worth a warning. */
#define EXPIRY_NOTICE (14 * G_TIME_SPAN_DAY)

void
medley_doctor_check_http (MedleyDoctor *doctor, GVariant *status)
{
  g_autoptr (GVariant) http = medley_reply_object (status, "http");
  const char *address = medley_reply_string (http, "address", NULL);
  gboolean is_encrypted = medley_reply_boolean (http, "encrypted", FALSE);
  gboolean asks = g_str_equal (medley_reply_string (http, "authentication", ""), "token");
  const char *tokens = medley_reply_string (http, "tokensTrouble", NULL);
  const char *certificate = medley_reply_string (http, "certificateTrouble", NULL);
  gint64 expires = medley_reply_integer (http, "expires", 0);
  g_autofree char *time = expires != 0 ? medley_format_time (expires) : NULL;
  gboolean is_old = expires != 0 && expires < g_get_real_time () + EXPIRY_NOTICE;

  if (http == NULL)
    return;
  if (address == NULL) {
    medley_doctor_say (doctor, MEDLEY_VERDICT_GOOD, "http", NULL,
                       "no TCP: only who may open the socket is served");
    return;
  }
  if (asks)
    medley_doctor_say (
        doctor, MEDLEY_VERDICT_GOOD, "http", NULL,
        "TCP on %s %s TLS; a token is asked for: the one in the runtime folder, or one of %d made "
        "with \"medley token\"",
        address, is_encrypted ? "under" : "without",
        (int) medley_reply_integer (http, "tokens", 0));
  else
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "http", "set http.authentication=token",
                       "TCP on %s %s TLS; every user and program of this machine may use it",
                       address, is_encrypted ? "under" : "without");
  if (tokens != NULL)
    medley_doctor_say (doctor, MEDLEY_VERDICT_FAIL, "tokens",
                       "mend what is named, or remove the file and make new tokens", "%s", tokens);
  if (certificate != NULL)
    medley_doctor_say (doctor, MEDLEY_VERDICT_WARN, "certificate",
                       "mend what is named; the one from before is in use", "%s", certificate);
  if (time != NULL)
    medley_doctor_say (doctor, is_old ? MEDLEY_VERDICT_WARN : MEDLEY_VERDICT_GOOD, "certificate",
                       is_old ? "replace the files; the daemon takes new ones by itself" : NULL,
                       "%s, until %s", medley_reply_string (http, "certificate", "?"), time);
}
