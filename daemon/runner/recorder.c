/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/recorder.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/stage-entry.h"
#include "runner/stage-record.h"

/* What may wait for the disk. */
#define PENDING_MOST (16u * 1024 * 1024)
#define FINISH_WAIT (G_USEC_PER_SEC / 2)
/* A wait for more to come saves a wake-up for each of many small buffers. */
#define GATHER_BYTES (64u * 1024)

typedef struct {
  int file;            /* the thread's, once it runs */
  GByteArray *pending; /* lock */
  guint64 taken;       /* lock: bytes of records */
  gboolean ended;      /* lock */
  gboolean has_caps;   /* lock */
  guint64 written;     /* the thread's */
  GChecksum *sum;      /* the thread's */
} Port;

typedef enum { RECORDING, WHOLE, ABANDONED } State;

struct _MedleyRecorder {
  gint refs;
  guint64 limit;
  const gint *failed;
  MedleyRecorderDone done;
  gpointer data;
  GDestroyNotify destroy;

  GMutex lock;
  GCond cond;
  GPtrArray *ports; /* of Port; none is added after the first data */
  State state;
  gboolean closed; /* nothing may be told any more */
  gboolean started;
  gsize waiting; /* bytes in all `pending` */
  guint n_ended;
};

static void
port_free (gpointer data)
{
  Port *port = data;

  medley_clear_fd (&port->file);
  g_byte_array_unref (port->pending);
  g_checksum_free (port->sum);
  g_free (port);
}

MedleyRecorder *
medley_recorder_new (guint64 limit, const gint *failed, MedleyRecorderDone done, gpointer data,
                     GDestroyNotify destroy)
{
  MedleyRecorder *self = g_new0 (MedleyRecorder, 1);

  self->refs = 1;
  self->limit = limit;
  self->failed = failed;
  self->done = done;
  self->data = data;
  self->destroy = destroy;
  self->ports = g_ptr_array_new_with_free_func (port_free);
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  return self;
}

MedleyRecorder *
medley_recorder_ref (MedleyRecorder *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
medley_recorder_unref (MedleyRecorder *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  if (self->destroy != NULL)
    self->destroy (self->data);
  g_ptr_array_unref (self->ports);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

static void
abandon_locked (MedleyRecorder *self)
{
  if (self->state == RECORDING)
    self->state = ABANDONED;
  g_cond_broadcast (&self->cond);
}

void
medley_recorder_abandon (MedleyRecorder *self)
{
  g_mutex_lock (&self->lock);
  abandon_locked (self);
  g_mutex_unlock (&self->lock);
}

guint
medley_recorder_add_port (MedleyRecorder *self, int file)
{
  Port *port = g_new0 (Port, 1);
  guint number;

  port->file = file >= 0 ? fcntl (file, F_DUPFD_CLOEXEC, 3) : -1;
  port->pending = g_byte_array_new ();
  port->sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_mutex_lock (&self->lock);
  /* An attempt before this one may have begun. */
  if (port->file < 0 || ftruncate (port->file, MEDLEY_STAGE_ENTRY_HEADER) < 0)
    abandon_locked (self);
  g_ptr_array_add (self->ports, port);
  number = self->ports->len - 1;
  g_mutex_unlock (&self->lock);
  return number;
}

/* ---- the thread ---- */

static Port *
find_fullest (MedleyRecorder *self)
{
  Port *fullest = g_ptr_array_index (self->ports, 0);

  for (guint i = 1; i < self->ports->len; i++) {
    Port *port = g_ptr_array_index (self->ports, i);

    if (port->pending->len > fullest->pending->len)
      fullest = port;
  }
  return fullest;
}

/* With the lock held, which it leaves meanwhile. */
static gboolean
write_out (MedleyRecorder *self, Port *port)
{
  GByteArray *data = port->pending;
  gboolean ok;

  port->pending = g_byte_array_new ();
  self->waiting -= data->len;
  g_mutex_unlock (&self->lock);
  g_checksum_update (port->sum, data->data, data->len);
  ok = medley_stage_entry_write (port->file, data->data, data->len,
                                 MEDLEY_STAGE_ENTRY_HEADER + port->written);
  port->written += data->len;
  g_byte_array_unref (data);
  g_mutex_lock (&self->lock);
  return ok;
}

static gboolean
write_trailers (MedleyRecorder *self, guint64 *bytes)
{
  for (guint i = 0; i < self->ports->len; i++) {
    Port *port = g_ptr_array_index (self->ports, i);

    if (!medley_stage_entry_write_trailer (port->file, port->written, port->sum))
      return FALSE;
    *bytes += port->written + MEDLEY_STAGE_ENTRY_HEADER + MEDLEY_STAGE_ENTRY_TRAILER;
  }
  return TRUE;
}

static gpointer
record_thread (gpointer data)
{
  g_autoptr (MedleyRecorder) self = data;
  guint64 bytes = 0;

  g_mutex_lock (&self->lock);
  while (self->state == RECORDING) {
    gboolean ended = self->n_ended == self->ports->len;

    if (self->waiting >= GATHER_BYTES || (ended && self->waiting > 0)) {
      if (!write_out (self, find_fullest (self)))
        abandon_locked (self);
    } else if (!ended) {
      g_cond_wait (&self->cond, &self->lock);
    } else {
      gboolean ok;

      g_mutex_unlock (&self->lock);
      ok = write_trailers (self, &bytes);
      g_mutex_lock (&self->lock);
      if (!ok || self->closed)
        abandon_locked (self);
      if (self->state == RECORDING) {
        self->state = WHOLE;
        /* Under the lock, so that nothing is told after medley_recorder_finish(). */
        self->done (bytes, self->data);
        g_cond_broadcast (&self->cond);
      }
    }
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* ---- what flows ---- */

/* With the lock held. */
static void
took (MedleyRecorder *self, Port *port, guint before, MedleyRecordResult result)
{
  guint more = port->pending->len - before;

  port->taken += more;
  self->waiting += more;
  if (result == MEDLEY_RECORD_CANNOT || port->taken > self->limit || self->waiting > PENDING_MOST) {
    abandon_locked (self);
    return;
  }
  if (!self->started) {
    self->started = TRUE;
    g_thread_unref (g_thread_new ("recorder", record_thread, medley_recorder_ref (self)));
  }
  if (self->waiting >= GATHER_BYTES || self->n_ended == self->ports->len)
    g_cond_broadcast (&self->cond);
}

void
medley_recorder_take_buffer (MedleyRecorder *self, guint number, GstBuffer *buffer)
{
  Port *port;

  g_mutex_lock (&self->lock);
  port = g_ptr_array_index (self->ports, number);
  if (self->state == RECORDING) {
    guint before = port->pending->len;

    /* Not even copied when there is no room for it. */
    if (port->ended || gst_buffer_get_size (buffer) > MIN (self->limit, PENDING_MOST))
      abandon_locked (self);
    else
      took (self, port, before, medley_record_buffer (port->pending, buffer));
  }
  g_mutex_unlock (&self->lock);
}

void
medley_recorder_take_event (MedleyRecorder *self, guint number, GstEvent *event)
{
  Port *port;

  g_mutex_lock (&self->lock);
  port = g_ptr_array_index (self->ports, number);
  if (self->state == RECORDING) {
    guint before = port->pending->len;
    gboolean ends = GST_EVENT_TYPE (event) == GST_EVENT_EOS;

    port->has_caps |= GST_EVENT_TYPE (event) == GST_EVENT_CAPS;
    if (port->ended
        || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START
        /* Without caps nobody would know how to link what is replayed. */
        || (ends && !port->has_caps)
        || (ends && self->failed != NULL && g_atomic_int_get (self->failed))) {
      abandon_locked (self);
    } else {
      MedleyRecordResult result = medley_record_event (port->pending, event);

      if (ends) {
        port->ended = TRUE;
        self->n_ended++;
      }
      took (self, port, before, result);
    }
  }
  g_mutex_unlock (&self->lock);
}

gboolean
medley_recorder_finish (MedleyRecorder *self, gboolean wait)
{
  gint64 until = g_get_monotonic_time () + FINISH_WAIT;
  gboolean whole;

  g_mutex_lock (&self->lock);
  while (wait && self->state == RECORDING && self->started && self->n_ended == self->ports->len
         && g_cond_wait_until (&self->cond, &self->lock, until))
    ;
  self->closed = TRUE;
  abandon_locked (self);
  whole = self->state == WHOLE;
  g_mutex_unlock (&self->lock);
  return whole;
}
