/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shell's client against a small server that says exactly what a test wants. */
#include <libsoup/soup.h>
#include <string.h>

#include <medley/medley-error.h>

#include "cli/client.h"
#include "cli/follow.h"
#include "cli/pump.h"
#include "cli/reply.h"

typedef struct {
  SoupServer *server;
  MedleyClient *client;
  GString *seen;              /* what the server was asked */
  guint n_streams;            /* event streams so far */
  guint n_expected;           /* events per stream */
  gboolean is_gone;           /* the job is forgotten */
  const char *const *streams; /* (nullable): what each stream of events says, in turn */
} Fixture;

static void
answer (SoupServerMessage *message, guint status, const char *type, const char *body)
{
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, type, SOUP_MEMORY_COPY, body, strlen (body));
}

/* Events 1 to 5, in streams that break off after two of them. */
static void
send_events (Fixture *fixture, SoupServerMessage *message)
{
  const char *last
      = soup_message_headers_get_one (soup_server_message_get_request_headers (message),
                                      "Last-Event-ID");
  guint64 seq = last != NULL ? g_ascii_strtoull (last, NULL, 10) : 0;
  g_autoptr (GString) text = g_string_new (":\n\n");

  fixture->n_streams++;
  for (guint i = 0; i < 2 && seq < 5; i++) {
    seq++;
    g_string_append_printf (text,
                            "id: %" G_GUINT64_FORMAT "\ndata: {\"seq\":%" G_GUINT64_FORMAT
                            ",\"kind\":\"state\",\"state\":\"%s\"}\n\n",
                            seq, seq, seq == 5 ? "done" : "running");
  }
  answer (message, 200, "text/event-stream", text->str);
}

static void
on_request (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query,
            gpointer data)
{
  Fixture *fixture = data;
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  const char *token = soup_message_headers_get_one (headers, "Authorization");

  g_string_append_printf (fixture->seen, "%s %s %" G_GINT64_FORMAT "%s%s;",
                          soup_server_message_get_method (message), path, (gint64) body->length,
                          token != NULL ? " " : "", token != NULL ? token : "");
  if (g_str_has_suffix (path, "/events") && fixture->is_gone)
    answer (message, 404, "application/problem+json",
            "{\"code\":\"not-found\",\"detail\":\"gone\"}");
  else if (g_str_has_suffix (path, "/events") && fixture->streams != NULL)
    answer (message, 200, "text/event-stream", fixture->streams[fixture->n_streams++]);
  else if (g_str_has_suffix (path, "/events"))
    send_events (fixture, message);
  else if (g_str_has_suffix (path, "/jobs/2"))
    answer (message, 200, "application/json", "{\"state\":\"done\",\"lastEvent\":3}");
  else if (g_str_has_suffix (path, "/refused"))
    answer (
        message, 422, "application/problem+json",
        "{\"code\":\"invalid-pipeline\",\"detail\":\"it has faults\",\"faults\":[{\"line\":3}]}");
  else if (g_str_has_suffix (path, "/plain-404"))
    answer (message, 404, "text/html", "<html>");
  else if (g_str_has_suffix (path, "/garbage"))
    answer (message, 200, "application/json", "{\"a\":");
  else if (g_str_has_suffix (path, "/empty"))
    soup_server_message_set_status (message, 204, NULL);
  else if (g_str_has_suffix (path, "/output"))
    answer (message, 200, "text/plain", "all of it");
  else
    answer (message, 200, "application/json", "{\"ok\":true}");
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  GSList *uris;
  g_autofree char *url = NULL;

  fixture->seen = g_string_new (NULL);
  fixture->server = soup_server_new (NULL, NULL);
  soup_server_add_handler (fixture->server, NULL, on_request, fixture, NULL);
  soup_server_listen_local (fixture->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error);
  g_assert_no_error (error);
  uris = soup_server_get_uris (fixture->server);
  url = g_uri_to_string (uris->data);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  fixture->client = medley_client_new_for_url (url, "secret", &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  soup_server_disconnect (fixture->server);
  g_object_unref (fixture->client);
  g_object_unref (fixture->server);
  g_string_free (fixture->seen, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
on_result (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static void
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_a_call_carries_the_token_and_reads_json (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = medley_client_path ("jobs", "a/b c", NULL);
  g_autoptr (GVariant) reply
      = medley_client_call_json (fixture->client, "GET", path, NULL, NULL, NULL, &error);
  g_autoptr (GVariant) empty
      = medley_client_call_json (fixture->client, "DELETE", "empty", NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (medley_reply_boolean (reply, "ok", FALSE));
  g_assert_cmpuint (g_variant_n_children (empty), ==, 0);
  g_assert_cmpstr (path, ==, "jobs/a%2Fb%20c");
  g_assert_nonnull (strstr (fixture->seen->str, "GET /api/v1/jobs/a"));
  g_assert_nonnull (strstr (fixture->seen->str, " 0 Bearer secret;"));
}

static void
test_a_problem_keeps_its_code_and_faults (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GVariant) reply
      = medley_client_call_json (fixture->client, "POST", "refused", NULL, &problem, NULL, &error);
  g_autoptr (GPtrArray) faults = medley_reply_list (problem, "faults");

  g_assert_null (reply);
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PIPELINE);
  g_assert_cmpstr (error->message, ==, "it has faults");
  g_assert_cmpuint (faults->len, ==, 1);
  g_assert_cmpint (medley_reply_integer (g_ptr_array_index (faults, 0), "line", 0), ==, 3);
}

static void
test_answers_that_are_no_problem_document (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) missing = NULL;
  g_autoptr (GError) garbage = NULL;

  g_assert_null (
      medley_client_call_json (fixture->client, "GET", "plain-404", NULL, NULL, NULL, &missing));
  g_assert_error (missing, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND);
  g_assert_null (
      medley_client_call_json (fixture->client, "GET", "garbage", NULL, NULL, NULL, &garbage));
  g_assert_error (garbage, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_JSON);
}

static void
test_no_daemon_is_unavailable (void)
{
  g_autoptr (MedleyClient) client = medley_client_new_for_socket ("/nonexistent/http.sock");
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) bad = NULL;

  g_assert_null (medley_client_call_json (client, "GET", "", NULL, NULL, NULL, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "/nonexistent/http.sock"));
  g_assert_null (medley_client_new_for_url ("ftp://x", NULL, &bad));
  g_assert_error (bad, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_ARGUMENT);
}

static void
test_a_token_leaves_the_machine_under_tls_only (void)
{
  static const char *const refused[]
      = { "http://medley.example:8490", "medley.example:8490", "HTTP://192.0.2.1",
          "http://localhost.example", "http://[2001:db8::1]:8490" };
  static const char *const taken[] = { "https://medley.example:8490", "http://localhost:1",
                                       "http://LOCALHOST:1", "http://127.0.0.2:1", "[::1]:1" };

  for (guint i = 0; i < G_N_ELEMENTS (refused); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyClient) without = medley_client_new_for_url (refused[i], NULL, NULL);

    g_assert_nonnull (without);
    g_assert_null (medley_client_new_for_url (refused[i], "SECRET", &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_ALLOWED);
    g_assert_nonnull (strstr (error->message, "https://"));
    g_assert_null (strstr (error->message, "SECRET"));
  }
  for (guint i = 0; i < G_N_ELEMENTS (taken); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (MedleyClient) client = medley_client_new_for_url (taken[i], "SECRET", &error);

    g_assert_no_error (error);
    g_assert_nonnull (client);
  }
}

static void
test_a_cancelled_call_says_so (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (
      medley_client_call_json (fixture->client, "GET", "", NULL, NULL, cancellable, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED);
}

static void
test_an_upload_arrives_whole (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = g_strnfill (3000000, 'x');
  g_autoptr (GInputStream) stream = g_memory_input_stream_new_from_data (text, 3000000, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  medley_client_upload_async (fixture->client, "jobs/1/inputs/text", stream, NULL, on_result,
                              &result);
  wait_for (&result);
  g_assert_true (medley_client_upload_finish (fixture->client, result, NULL, &error));
  g_assert_no_error (error);
  g_assert_nonnull (strstr (fixture->seen->str, "PUT /api/v1/jobs/1/inputs/text 3000000"));
}

static void
test_a_refused_upload_tells_why (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GInputStream) stream = g_memory_input_stream_new_from_data ("x", 1, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) problem = NULL;
  g_autoptr (GError) error = NULL;

  medley_client_upload_async (fixture->client, "refused", stream, NULL, on_result, &result);
  wait_for (&result);
  g_assert_false (medley_client_upload_finish (fixture->client, result, &problem, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PIPELINE);
  g_assert_nonnull (problem);
}

static void
test_an_output_is_pumped_to_its_end (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GAsyncResult) opened = NULL;
  g_autoptr (GAsyncResult) pumped = NULL;
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GError) error = NULL;
  gboolean is_write;

  medley_client_open_async (fixture->client, "output", NULL, NULL, NULL, on_result, &opened);
  wait_for (&opened);
  stream = medley_client_open_finish (fixture->client, opened, NULL, &error);
  g_assert_no_error (error);
  medley_pump_async (stream, memory, NULL, NULL, on_result, &pumped);
  wait_for (&pumped);
  g_assert_cmpint (medley_pump_finish (pumped, &is_write, &error), ==, 9);
  g_assert_no_error (error);
  g_assert_cmpmem (g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (memory)), 9,
                   "all of it", 9);
}

static void
note_seq (GVariant *event, gpointer data)
{
  g_string_append_printf (data, "%d ", (int) medley_reply_integer (event, "seq", 0));
}

static const MedleyFollowFuncs follow_funcs = { note_seq, NULL };

static void
test_following_goes_on_where_a_connection_broke (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GString) seqs = g_string_new (NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *state = NULL;

  medley_follow_async (fixture->client, "1", &follow_funcs, seqs, NULL, on_result, &result);
  wait_for (&result);
  state = medley_follow_finish (result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (state, ==, "done");
  g_assert_cmpstr (seqs->str, ==, "1 2 3 4 5 ");
  g_assert_cmpuint (fixture->n_streams, ==, 3);
}

static void
test_following_a_job_that_is_gone_ends (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GString) seqs = g_string_new (NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  fixture->is_gone = TRUE;
  medley_follow_async (fixture->client, "1", &follow_funcs, seqs, NULL, on_result, &result);
  wait_for (&result);
  g_assert_null (medley_follow_finish (result, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_NOT_FOUND);
}

/* A daemon that died counts on from what it had written down. */
static void
test_events_that_are_counted_anew_are_told_once (Fixture *fixture, gconstpointer data)
{
#define EVENT(Seq, Time, More)                                                                     \
  "id: " Seq "\ndata: {\"seq\":" Seq ",\"time\":" Time ",\"kind\":" More "}\n\n"
  static const char *const streams[] = {
    EVENT ("1", "10", "\"state\",\"state\":\"running\"") EVENT ("9", "20", "\"progress\""),
    EVENT ("1", "10", "\"state\",\"state\":\"running\"") EVENT ("2", "30", "\"interrupted\"")
        EVENT ("3", "40", "\"state\",\"state\":\"done\""),
  };
#undef EVENT
  g_autoptr (GString) seqs = g_string_new (NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *state = NULL;

  fixture->streams = streams;
  medley_follow_async (fixture->client, "2", &follow_funcs, seqs, NULL, on_result, &result);
  wait_for (&result);
  state = medley_follow_finish (result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (state, ==, "done");
  g_assert_cmpstr (seqs->str, ==, "1 9 2 3 ");
}

static void
note_connection (MedleyConnection connection, gpointer data)
{
  static const char *const names[] = { "broken", "away", "back" };

  g_string_append_printf (data, "%s ", names[connection]);
}

static void
test_a_daemon_that_stays_away_is_given_up (void)
{
  static const MedleyFollowFuncs funcs = { note_seq, note_connection };
  g_autoptr (MedleyClient) client = medley_client_new_for_socket ("/nonexistent/http.sock");
  g_autoptr (GString) told = g_string_new (NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (medley_client_get_patience (client), ==, 60);
  medley_client_set_patience (client, 0);
  medley_follow_async (client, "1", &funcs, told, NULL, on_result, &result);
  wait_for (&result);
  g_assert_null (medley_follow_finish (result, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNAVAILABLE);
  g_assert_cmpstr (told->str, ==, "broken away ");
}

static gboolean
cancel (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;
}

static void
test_waiting_for_a_daemon_can_be_cancelled (void)
{
  g_autoptr (MedleyClient) client = medley_client_new_for_socket ("/nonexistent/http.sock");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GString) told = g_string_new (NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  medley_client_set_patience (client, 100000);
  g_timeout_add (250, cancel, cancellable);
  medley_follow_async (client, "1", &follow_funcs, told, cancellable, on_result, &result);
  wait_for (&result);
  g_assert_null (medley_follow_finish (result, &error));
  g_assert_true (g_error_matches (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED)
                 || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
}

/* Copies @text after what @tally has. Returns: (nullable): the error */
static GError *
copy (const char *text, GOutputStream *to, MedleyPumpTally *tally)
{
  g_autoptr (GInputStream) from
      = g_memory_input_stream_new_from_data (text, (gssize) strlen (text), NULL);
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;

  medley_pump_async (from, to, tally, NULL, on_result, &result);
  wait_for (&result);
  medley_pump_finish (result, NULL, &error);
  return error;
}

static void
test_what_was_copied_is_compared_not_written (void)
{
  static const char *const others[] = { "One line.\nTwo linez.\nThree", "One line.\nTwo", "" };
  g_autofree char *long_text = g_strnfill (600000, 'x');
  g_autofree char *longer_text = g_strconcat (long_text, "y", NULL);
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  MedleyPumpTally tally = { 0 };
  MedleyPumpTally big = { 0 };

  g_assert_no_error (copy ("", memory, &tally));
  g_assert_no_error (copy ("One line.\nTwo", memory, &tally));
  g_assert_no_error (copy ("One line.\nTwo lines.\n", memory, &tally));
  g_assert_no_error (copy ("One line.\nTwo lines.\n", memory, &tally));
  g_assert_cmpuint (tally.copied, ==, 21);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_autoptr (GError) error = copy (others[i], memory, &tally);

    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INTERRUPTED);
    g_assert_nonnull (strstr (error->message, "first 21 bytes"));
  }
  g_assert_cmpmem (g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (memory)),
                   g_memory_output_stream_get_data_size (G_MEMORY_OUTPUT_STREAM (memory)),
                   "One line.\nTwo lines.\n", 21);
  g_assert_no_error (copy (long_text, memory, &big));
  g_assert_no_error (copy (longer_text, memory, &big));
  g_assert_cmpuint (big.copied, ==, 600001);
  g_assert_cmpuint (g_memory_output_stream_get_data_size (G_MEMORY_OUTPUT_STREAM (memory)), ==,
                    600022);
  medley_pump_tally_clear (&tally);
  medley_pump_tally_clear (&big);
}

#define ADD(Path, Function) g_test_add (Path, Fixture, NULL, set_up, Function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/cli/client/a-call-carries-the-token-and-reads-json",
       test_a_call_carries_the_token_and_reads_json);
  ADD ("/cli/client/a-problem-keeps-its-code-and-faults", test_a_problem_keeps_its_code_and_faults);
  ADD ("/cli/client/answers-that-are-no-problem-document",
       test_answers_that_are_no_problem_document);
  g_test_add_func ("/cli/client/no-daemon-is-unavailable", test_no_daemon_is_unavailable);
  g_test_add_func ("/cli/client/a-token-leaves-the-machine-under-tls-only",
                   test_a_token_leaves_the_machine_under_tls_only);
  ADD ("/cli/client/a-cancelled-call-says-so", test_a_cancelled_call_says_so);
  ADD ("/cli/client/an-upload-arrives-whole", test_an_upload_arrives_whole);
  ADD ("/cli/client/a-refused-upload-tells-why", test_a_refused_upload_tells_why);
  ADD ("/cli/client/an-output-is-pumped-to-its-end", test_an_output_is_pumped_to_its_end);
  ADD ("/cli/follow/goes-on-where-a-connection-broke",
       test_following_goes_on_where_a_connection_broke);
  g_test_add_func ("/cli/client/what-was-copied-is-compared",
                   test_what_was_copied_is_compared_not_written);
  ADD ("/cli/follow/events-counted-anew", test_events_that_are_counted_anew_are_told_once);
  g_test_add_func ("/cli/follow/a-daemon-that-stays-away",
                   test_a_daemon_that_stays_away_is_given_up);
  g_test_add_func ("/cli/follow/waiting-can-be-cancelled",
                   test_waiting_for_a_daemon_can_be_cancelled);
  ADD ("/cli/follow/a-job-that-is-gone-ends-it", test_following_a_job_that_is_gone_ends);
  return g_test_run ();
}
