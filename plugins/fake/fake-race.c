/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fakerace: passes text on, and counts the buffers in two threads without a lock. */
#include "fake.h"

G_DECLARE_FINAL_TYPE (FakeRace, fake_race, FAKE, RACE, MedleyConverter)

struct _FakeRace {
  MedleyConverter parent_instance;

  int counted;
  int arrived; /* relaxed: it orders nothing between the two */
};

G_DEFINE_FINAL_TYPE (FakeRace, fake_race, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE (fakerace, "fakerace", GST_RANK_NONE, fake_race_get_type ())

/* Neither leaves before both have counted, so that no lock taken afterwards comes between. */
static gpointer
count_beside (gpointer data)
{
  FakeRace *self = data;

  self->counted++;
  __atomic_fetch_add (&self->arrived, 1, __ATOMIC_RELAXED);
  while (__atomic_load_n (&self->arrived, __ATOMIC_RELAXED) % 2 != 0)
    g_usleep (100);
  return NULL;
}

static gboolean
fake_race_process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable,
                   GError **error)
{
  GThread *thread = g_thread_new ("race", count_beside, converter);

  count_beside (converter);
  g_thread_join (thread);
  return medley_converter_push (converter, NULL, gst_buffer_ref (input));
}

static void
fake_race_init (FakeRace *self)
{
}

static void
fake_race_class_init (FakeRaceClass *klass)
{
  fake_class_setup (GST_ELEMENT_CLASS (klass), "text-to-text/race", "Race",
                    "Counts in two threads without a lock");
  MEDLEY_CONVERTER_CLASS (klass)->process = fake_race_process;
}
