/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define MEDLEY_TYPE_CONVERTER (medley_converter_get_type ())
G_DECLARE_DERIVABLE_TYPE (MedleyConverter, medley_converter, MEDLEY, CONVERTER, GstElement)

/**
 * MedleyConverterClass:
 * @parent_class: the parent class
 * @text_input: set in `class_init` when the sink takes UTF-8 text: the base then validates it,
 * holds back a character that is cut at a buffer's end, strips a byte order mark, and refuses NUL
 *   (%MEDLEY_ERROR_NUL_IN_TEXT) and other encodings (%MEDLEY_ERROR_BAD_ENCODING), naming the byte
 * @open: (nullable): NULL→READY: load the model. May block. The element stays open over many jobs
 * @close: (nullable): READY→NULL: undo @open
 * @start: (nullable): READY→PAUSED: begin a job with no state of an earlier one
 * @stop: (nullable): PAUSED→READY: drop the job's state. No other vfunc runs at the time
 * @input_caps: (nullable): the input's caps are known or change; called before the first @process
 * @process: one input buffer (still owned by the base). Push any number of buffers from it
 * @idle: (nullable): the input has paused (see medley_event_new_idle()): deliver what is complete
 * @drain: (nullable): the input has ended: deliver the rest. EOS follows on all source pads
 * @flush: (nullable): a flush: drop pending input and output, the timeline starts anew
 * @list_voices: (nullable): append the engine's voices with medley_voices_append(); in READY or
 * above
 *
 * An engine implements @process and usually @open, @drain and @close; all others are optional.
 *
 * Threads: @open, @close, @start, @stop run in the thread that changes the state, all others in the
 * streaming thread; none run at the same time, except @list_voices, which may come from any thread.
 *
 * Errors: a vfunc that returns %FALSE sets @error in the %MEDLEY_ERROR domain, and the base posts
 * it on the bus as a GStreamer error message and stops the stream. The exception: when
 * medley_converter_push() returned %FALSE the vfunc returns %FALSE at once and sets nothing.
 *
 * Cancellation: @cancellable is cancelled when the element is flushed or stopped. Whatever blocks
 * in a vfunc must return soon after that.
 */
struct _MedleyConverterClass {
  GstElementClass parent_class;

  gboolean text_input;

  gboolean (*open) (MedleyConverter *self, GCancellable *cancellable, GError **error);
  void (*close) (MedleyConverter *self);
  gboolean (*start) (MedleyConverter *self, GError **error);
  void (*stop) (MedleyConverter *self);
  gboolean (*input_caps) (MedleyConverter *self, GstCaps *caps, GError **error);
  gboolean (*process) (MedleyConverter *self, GstBuffer *input, GCancellable *cancellable,
                       GError **error);
  gboolean (*idle) (MedleyConverter *self, GCancellable *cancellable, GError **error);
  gboolean (*drain) (MedleyConverter *self, GCancellable *cancellable, GError **error);
  void (*flush) (MedleyConverter *self);
  gboolean (*list_voices) (MedleyConverter *self, GValue *voices, GError **error);

  /*< private >*/
  gpointer padding[16];
};

/**
 * MedleyConverter:
 *
 * Base class of engines: one `sink` pad, a default `src` pad and any number of further source pads
 * ("ports"), all made from the class's always pad templates. Each source pad has its own
 * stream-start, caps and TIME segment. Results of pushes on the ports are combined: an unlinked
 * port is no error, and the stream goes on while any port takes data. All ports are pushed from one
 * thread: in a pipeline put a queue behind each of them when more than one is linked.
 *
 * Properties of every engine: `max-input-bytes` (guint64, 0 for no limit, default 64 MiB for text
 * input, else 0: decoded pages or sound are worked off as they come): a longer input fails with
 * %MEDLEY_ERROR_TOO_LARGE.
 *
 * An input that ends without a single byte fails with %MEDLEY_ERROR_EMPTY_INPUT.
 *
 * Text input longer than 256 KiB reaches @process in pieces, cut between characters; each buffer
 * keeps its metadata otherwise. Input with a TIME segment is placed on a timeline from 0 (its
 * running time).
 *
 * A flush, or a new stream after EOS, starts the timeline anew and calls @flush.
 *
 * Progress: the base posts at most ten element messages a second, and one at the end, named
 * "medley-progress" with the fields "done" and "total" (guint64, bytes of input; total 0 when the
 * input's length is unknown) as vfuncs report with medley_converter_report_progress(), or else by
 * input consumed.
 */

/**
 * medley_converter_push:
 * @self: a converter
 * @port: (nullable): name of a source pad, %NULL for `src`
 * @buffer: (transfer full): what to push; its PTS and duration are the engine's to set
 *
 * Pushes a buffer downstream from within @process, @idle or @drain. Stream-start, caps and segment
 * go out before the first one. The first push of a port needs its caps: those of a template when
 * these are fixed, else set them with medley_converter_set_port_caps().
 *
 * Returns: %FALSE when the vfunc has to return %FALSE at once: flushing, all ports ended, or an
 * error downstream (the base knows which)
 */
gboolean
medley_converter_push (MedleyConverter *self, const char *port, GstBuffer *buffer);

/**
 * medley_converter_push_event:
 * @self: a converter
 * @port: (nullable): name of a source pad, %NULL for `src`
 * @event: (transfer full): a serialized event, such as a gap
 *
 * Returns: whether it was taken; %FALSE is no error
 */
gboolean
medley_converter_push_event (MedleyConverter *self, const char *port, GstEvent *event);

/**
 * medley_converter_set_port_caps:
 * @self: a converter
 * @port: (nullable): name of a source pad, %NULL for `src`
 * @caps: fixed caps within the pad's template
 *
 * Sets the caps of what is pushed next on a port. Does nothing when they are the current ones.
 */
void
medley_converter_set_port_caps (MedleyConverter *self, const char *port, GstCaps *caps);

/**
 * medley_converter_negotiate_port:
 * @self: a converter
 * @port: (nullable): name of a source pad, %NULL for `src`
 *
 * Asks what the peer of a port takes.
 *
 * Returns: (transfer full): the template's caps, intersected with the peer's where it is linked;
 * may be empty
 */
GstCaps *
medley_converter_negotiate_port (MedleyConverter *self, const char *port);

/**
 * medley_converter_is_port_linked:
 * @self: a converter
 * @port: (nullable): name of a source pad, %NULL for `src`
 *
 * Lets an engine spare itself the work for a port that nobody reads.
 *
 * Returns: whether the port has a peer
 */
gboolean
medley_converter_is_port_linked (MedleyConverter *self, const char *port);

/**
 * medley_converter_report_progress:
 * @self: a converter
 * @done: bytes of input that are worked off
 *
 * Reports progress within a long @process. The total is asked from upstream (a duration query in
 * bytes).
 */
void
medley_converter_report_progress (MedleyConverter *self, guint64 done);

/**
 * medley_converter_get_cancellable:
 * @self: a converter
 *
 * Returns: (transfer none): the cancellable of the current run
 */
GCancellable *
medley_converter_get_cancellable (MedleyConverter *self);

G_END_DECLS
