/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "http/tls-private.h"

#define RECORD (16 * 1024)
/* The first byte of a TLS record with a handshake; no HTTP request begins so. */
#define HANDSHAKE_RECORD 0x16

typedef struct _TlsInput TlsInput;
typedef struct _TlsOutput TlsOutput;

struct _MedleyTlsStream {
  GIOStream parent_instance;
  GSocketConnection *base;
  GSocket *socket;
  gnutls_session_t session;
  MedleyTlsCredentials *credentials;
  GInputStream *input;
  GOutputStream *output;
  gboolean is_secure;    /* the handshake is done */
  gboolean has_spoken;   /* the client's first byte was seen */
  gboolean said_goodbye; /* or shall not */
  gsize unsent;          /* of a write that was refused: what the session has of it already */
};

G_DEFINE_FINAL_TYPE (MedleyTlsStream, medley_tls_stream, G_TYPE_IO_STREAM)

static gboolean
fail (GError **error, int code)
{
  if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "not now");
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "TLS: %s", gnutls_strerror (code));
  return FALSE;
}

/* Waiting */

typedef struct {
  GSource source;
  MedleyTlsStream *stream;
  gboolean is_input;
} TlsSource;

/* What the session has deciphered does not make the socket readable. */
static gboolean
prepare_source (GSource *source, int *timeout)
{
  TlsSource *self = (TlsSource *) source;

  *timeout = -1;
  return self->is_input && gnutls_record_check_pending (self->stream->session) > 0;
}

static gboolean
dispatch_source (GSource *source, GSourceFunc callback, gpointer data)
{
  TlsSource *self = (TlsSource *) source;
  GObject *stream
      = self->is_input ? G_OBJECT (self->stream->input) : G_OBJECT (self->stream->output);
  GPollableSourceFunc func = (GPollableSourceFunc) callback;

  return func (stream, data);
}

static void
finalize_source (GSource *source)
{
  g_object_unref (((TlsSource *) source)->stream);
}

static GSourceFuncs source_funcs = { prepare_source, NULL, dispatch_source, finalize_source };

static GSource *
create_source (MedleyTlsStream *self, gboolean is_input, GCancellable *cancellable)
{
  GSource *source = g_source_new (&source_funcs, sizeof (TlsSource));
  g_autoptr (GSource) child
      = g_socket_create_source (self->socket, is_input ? G_IO_IN : G_IO_OUT, cancellable);

  ((TlsSource *) source)->stream = g_object_ref (self);
  ((TlsSource *) source)->is_input = is_input;
  g_source_set_static_name (source, "MedleyTlsStream");
  g_source_set_dummy_callback (child);
  g_source_add_child_source (source, child);
  return source;
}

/* Reading */

struct _TlsInput {
  GInputStream parent_instance;
  MedleyTlsStream *stream; /* not owned: it owns this */
};

G_DECLARE_FINAL_TYPE (TlsInput, tls_input, TLS, INPUT, GInputStream)
#define TLS_TYPE_INPUT (tls_input_get_type ())

static gboolean
input_is_readable (GPollableInputStream *input)
{
  MedleyTlsStream *self = TLS_INPUT (input)->stream;

  return self == NULL || gnutls_record_check_pending (self->session) > 0
         || (g_socket_condition_check (self->socket, G_IO_IN) & G_IO_IN) != 0;
}

static GSource *
input_create_source (GPollableInputStream *input, GCancellable *cancellable)
{
  return create_source (TLS_INPUT (input)->stream, TRUE, cancellable);
}

static gssize
input_read_nonblocking (GPollableInputStream *input, void *buffer, gsize count, GError **error)
{
  MedleyTlsStream *self = TLS_INPUT (input)->stream;
  gssize n;

  if (self == NULL || g_io_stream_is_closed (G_IO_STREAM (self))) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the connection is closed");
    return -1;
  }
  /* Another handshake of TLS 1.2 is not begun: it fails here, and costs the client its connection.
   */
  n = gnutls_record_recv (self->session, buffer, count);
  return n >= 0 ? n : (fail (error, (int) n), -1);
}

static gssize
input_read (GInputStream *input, void *buffer, gsize count, GCancellable *cancellable,
            GError **error)
{
  return input_read_nonblocking (G_POLLABLE_INPUT_STREAM (input), buffer, count, error);
}

static void
input_iface_init (GPollableInputStreamInterface *iface)
{
  iface->is_readable = input_is_readable;
  iface->create_source = input_create_source;
  iface->read_nonblocking = input_read_nonblocking;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TlsInput, tls_input, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM,
                                                      input_iface_init))

static void
tls_input_class_init (TlsInputClass *klass)
{
  G_INPUT_STREAM_CLASS (klass)->read_fn = input_read;
}

static void
tls_input_init (TlsInput *self)
{
}

/* Writing */

struct _TlsOutput {
  GOutputStream parent_instance;
  MedleyTlsStream *stream; /* not owned: it owns this */
};

G_DECLARE_FINAL_TYPE (TlsOutput, tls_output, TLS, OUTPUT, GOutputStream)
#define TLS_TYPE_OUTPUT (tls_output_get_type ())

static gboolean
output_is_writable (GPollableOutputStream *output)
{
  MedleyTlsStream *self = TLS_OUTPUT (output)->stream;

  return self == NULL || (g_socket_condition_check (self->socket, G_IO_OUT) & G_IO_OUT) != 0;
}

static GSource *
output_create_source (GPollableOutputStream *output, GCancellable *cancellable)
{
  return create_source (TLS_OUTPUT (output)->stream, FALSE, cancellable);
}

/* One record at most: the session keeps what the socket does not take, and wants nothing new until
 * that has left. */
static gssize
send_record (MedleyTlsStream *self, const void *data, gsize count, GError **error)
{
  gssize n;

  if (self == NULL || g_io_stream_is_closed (G_IO_STREAM (self))) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the connection is closed");
    return -1;
  }
  if (self->unsent > 0)
    n = gnutls_record_send (self->session, NULL, 0);
  else
    n = gnutls_record_send (self->session, data, MIN (count, RECORD));
  if (n >= 0) {
    self->unsent = 0;
    return n;
  }
  if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
    self->unsent = MAX (self->unsent, MIN (count, RECORD));
  fail (error, (int) n);
  return -1;
}

static gssize
output_write_nonblocking (GPollableOutputStream *output, const void *buffer, gsize count,
                          GError **error)
{
  return send_record (TLS_OUTPUT (output)->stream, buffer, count, error);
}

/* Small pieces share a record: the head of an answer and its body, a chunk and its framing. */
static GPollableReturn
output_writev_nonblocking (GPollableOutputStream *output, const GOutputVector *vectors,
                           gsize n_vectors, gsize *bytes_written, GError **error)
{
  guint8 buffer[RECORD];
  const void *data = buffer;
  gsize count = 0;
  gssize n;
  g_autoptr (GError) failure = NULL;

  *bytes_written = 0;
  if (n_vectors > 0 && (n_vectors == 1 || vectors[0].size >= RECORD)) {
    data = vectors[0].buffer;
    count = vectors[0].size;
  } else {
    for (gsize i = 0; i < n_vectors && count < RECORD; i++) {
      gsize some = MIN (vectors[i].size, RECORD - count);

      memcpy (buffer + count, vectors[i].buffer, some);
      count += some;
    }
  }
  n = send_record (TLS_OUTPUT (output)->stream, data, count, &failure);
  if (n >= 0) {
    *bytes_written = (gsize) n;
    return G_POLLABLE_RETURN_OK;
  }
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_POLLABLE_RETURN_WOULD_BLOCK;
  g_propagate_error (error, g_steal_pointer (&failure));
  return G_POLLABLE_RETURN_FAILED;
}

static gssize
output_write (GOutputStream *output, const void *buffer, gsize count, GCancellable *cancellable,
              GError **error)
{
  return output_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (output), buffer, count, error);
}

static void
output_iface_init (GPollableOutputStreamInterface *iface)
{
  iface->is_writable = output_is_writable;
  iface->create_source = output_create_source;
  iface->write_nonblocking = output_write_nonblocking;
  iface->writev_nonblocking = output_writev_nonblocking;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TlsOutput, tls_output, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM,
                                                      output_iface_init))

static void
tls_output_class_init (TlsOutputClass *klass)
{
  G_OUTPUT_STREAM_CLASS (klass)->write_fn = output_write;
}

static void
tls_output_init (TlsOutput *self)
{
}

/* The stream */

static void
say_goodbye (MedleyTlsStream *self)
{
  /* What a client does not take now it does not get: nobody waits for it. */
  if (self->is_secure && !self->said_goodbye)
    gnutls_bye (self->session, GNUTLS_SHUT_WR);
  self->said_goodbye = TRUE;
}

static gboolean
medley_tls_stream_close (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  MedleyTlsStream *self = MEDLEY_TLS_STREAM (stream);

  say_goodbye (self);
  return g_io_stream_close (G_IO_STREAM (self->base), cancellable, error);
}

static GInputStream *
medley_tls_stream_get_input_stream (GIOStream *stream)
{
  return MEDLEY_TLS_STREAM (stream)->input;
}

static GOutputStream *
medley_tls_stream_get_output_stream (GIOStream *stream)
{
  return MEDLEY_TLS_STREAM (stream)->output;
}

/* The session reads and writes the socket's descriptor, which the connection owns. */
static void
medley_tls_stream_finalize (GObject *object)
{
  MedleyTlsStream *self = MEDLEY_TLS_STREAM (object);

  TLS_INPUT (self->input)->stream = NULL;
  TLS_OUTPUT (self->output)->stream = NULL;
  g_object_unref (self->input);
  g_object_unref (self->output);
  gnutls_deinit (self->session);
  medley_tls_credentials_unref (self->credentials);
  g_object_unref (self->base);
  G_OBJECT_CLASS (medley_tls_stream_parent_class)->finalize (object);
}

static void
medley_tls_stream_class_init (MedleyTlsStreamClass *klass)
{
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = medley_tls_stream_finalize;
  stream_class->close_fn = medley_tls_stream_close;
  stream_class->get_input_stream = medley_tls_stream_get_input_stream;
  stream_class->get_output_stream = medley_tls_stream_get_output_stream;
}

static void
medley_tls_stream_init (MedleyTlsStream *self)
{
}

MedleyTlsStream *
medley_tls_stream_new (MedleyHttpTls *tls, GSocketConnection *base)
{
  MedleyTlsStream *self = g_object_new (MEDLEY_TYPE_TLS_STREAM, NULL);

  self->base = g_object_ref (base);
  self->socket = g_socket_connection_get_socket (base);
  self->session = medley_http_tls_begin (tls, &self->credentials);
  gnutls_transport_set_int (self->session, g_socket_get_fd (self->socket));
  self->input = g_object_new (TLS_TYPE_INPUT, NULL);
  TLS_INPUT (self->input)->stream = self;
  self->output = g_object_new (TLS_TYPE_OUTPUT, NULL);
  TLS_OUTPUT (self->output)->stream = self;
  return self;
}

GSocketConnection *
medley_tls_stream_get_base (MedleyTlsStream *self)
{
  return self->base;
}

/* Looks at the first byte without taking it. */
static MedleyTlsProgress
look_at_client (MedleyTlsStream *self)
{
  guint8 first;
  gssize n = recv (g_socket_get_fd (self->socket), &first, 1, MSG_PEEK | MSG_DONTWAIT);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return MEDLEY_TLS_WANTS_READ;
  if (n <= 0)
    return MEDLEY_TLS_FAILED;
  self->has_spoken = TRUE;
  return first == HANDSHAKE_RECORD ? MEDLEY_TLS_DONE : MEDLEY_TLS_IS_PLAIN;
}

MedleyTlsProgress
medley_tls_stream_handshake (MedleyTlsStream *self)
{
  MedleyTlsProgress progress;
  int code;

  if (!self->has_spoken && (progress = look_at_client (self)) != MEDLEY_TLS_DONE)
    return progress;
  do {
    code = gnutls_handshake (self->session);
  } while (code == GNUTLS_E_INTERRUPTED || code == GNUTLS_E_WARNING_ALERT_RECEIVED);
  if (code == GNUTLS_E_SUCCESS) {
    self->is_secure = TRUE;
    return MEDLEY_TLS_DONE;
  }
  if (code == GNUTLS_E_AGAIN)
    return gnutls_record_get_direction (self->session) == 0 ? MEDLEY_TLS_WANTS_READ
                                                            : MEDLEY_TLS_WANTS_WRITE;
  gnutls_alert_send_appropriate (self->session, code);
  return MEDLEY_TLS_FAILED;
}

void
medley_tls_stream_shutdown (MedleyTlsStream *self)
{
  say_goodbye (self);
  g_socket_shutdown (self->socket, FALSE, TRUE, NULL);
}

void
medley_tls_stream_abandon (MedleyTlsStream *self)
{
  self->said_goodbye = TRUE;
}
