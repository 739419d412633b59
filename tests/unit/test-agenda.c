/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "job/agenda.h"

typedef struct {
  GString *seen;
  MedleyAgenda *agenda;
} Log;

static void
due (gpointer job, MedleyAgendaKind kind, gpointer data)
{
  Log *log = data;

  g_string_append_printf (log->seen, "%s%u ", (const char *) job, kind);
  /* What is due may put itself on again, or take others off. */
  if (g_str_equal (job, "again") && log->seen->len < 20)
    medley_agenda_set (log->agenda, job, kind, g_get_real_time () - 1);
  if (g_str_equal (job, "all"))
    medley_agenda_remove_all (log->agenda, (gpointer) "other");
}

static void
run (Log *log, gsize length)
{
  while (log->seen->len < length)
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static Log
make_log (void)
{
  Log log = { g_string_new (NULL), NULL };

  return log;
}

static void
free_log (Log *log)
{
  medley_agenda_free (log->agenda);
  g_string_free (log->seen, TRUE);
}

static void
test_in_the_order_of_time (void)
{
  Log log = make_log ();
  gint64 now = g_get_real_time ();

  log.agenda = medley_agenda_new (due, &log);
  medley_agenda_set (log.agenda, (gpointer) "b", MEDLEY_AGENDA_READY, now + 30000);
  medley_agenda_set (log.agenda, (gpointer) "a", MEDLEY_AGENDA_READY, now + 10000);
  medley_agenda_set (log.agenda, (gpointer) "a", MEDLEY_AGENDA_DEADLINE, now + 50000);
  medley_agenda_set (log.agenda, (gpointer) "c", MEDLEY_AGENDA_READY,
                     now + G_GINT64_CONSTANT (3600000000));
  g_assert_cmpint (medley_agenda_get (log.agenda, (gpointer) "b", MEDLEY_AGENDA_READY), ==,
                   now + 30000);
  run (&log, 9);
  g_assert_cmpstr (log.seen->str, ==, "a0 b0 a1 ");
  g_assert_cmpint (medley_agenda_get (log.agenda, (gpointer) "b", MEDLEY_AGENDA_READY), ==, 0);
  free_log (&log);
}

static void
test_a_second_time_replaces_the_first (void)
{
  Log log = make_log ();
  gint64 now = g_get_real_time ();

  log.agenda = medley_agenda_new (due, &log);
  medley_agenda_set (log.agenda, (gpointer) "a", MEDLEY_AGENDA_READY, now + 1000);
  medley_agenda_set (log.agenda, (gpointer) "a", MEDLEY_AGENDA_READY, now + 40000);
  medley_agenda_set (log.agenda, (gpointer) "b", MEDLEY_AGENDA_READY, now + 20000);
  run (&log, 6);
  g_assert_cmpstr (log.seen->str, ==, "b0 a0 ");
  free_log (&log);
}

static void
test_what_is_due_may_change_it (void)
{
  Log log = make_log ();
  gint64 now = g_get_real_time ();

  log.agenda = medley_agenda_new (due, &log);
  medley_agenda_set (log.agenda, (gpointer) "all", MEDLEY_AGENDA_READY, now - 3);
  medley_agenda_set (log.agenda, (gpointer) "other", MEDLEY_AGENDA_READY, now - 2);
  medley_agenda_set (log.agenda, (gpointer) "again", MEDLEY_AGENDA_UPLOAD, now - 1);
  run (&log, 20);
  g_assert_cmpstr (log.seen->str, ==, "all0 again2 again2 again2 ");
  free_log (&log);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agenda/in-the-order-of-time", test_in_the_order_of_time);
  g_test_add_func ("/agenda/a-second-time-replaces-the-first",
                   test_a_second_time_replaces_the_first);
  g_test_add_func ("/agenda/what-is-due-may-change-it", test_what_is_due_may_change_it);
  return g_test_run ();
}
