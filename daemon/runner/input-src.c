/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/input-src.h"

#include <errno.h>
#include <fcntl.h>
#include <gst/base/gsttypefindhelper.h>
#include <medley/medley-engine.h>
#include <medley/medley-error.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/picture-size.h"
#include "runner/post-error.h"

/* The first sentence should not wait for the rest of a block. */
#define FIRST_BYTES 4096u
#define BLOCK_BYTES (64u * 1024)
#define IDLE_AFTER (150 * GST_MSECOND)
/* How often the daemon hears how far we are: an upload that is ahead of us may wait for it. */
#define TELL_BYTES (64u * 1024)

struct _MedleyInputSrc {
  GstBaseSrc parent_instance;

  char *name;
  int file;
  int doorbell;
  GstCaps *caps;
  gboolean whole;
  gboolean seeks;
  guint64 max_bytes;
  guint64 max_pixels;
  const char *limit_name;

  GstPoll *poll;
  GstPollFD poll_fd;
  gint complete;     /* atomic */
  guint64 delivered; /* atomic: end of what went out */
  guint64 told;      /* streaming thread: of it, so much */
  gboolean idle_sent;
};

G_DEFINE_FINAL_TYPE (MedleyInputSrc, medley_input_src, GST_TYPE_BASE_SRC)

static GstStaticPadTemplate src_template
    = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static guint64
file_size (MedleyInputSrc *self)
{
  struct stat st;

  return fstat (self->file, &st) == 0 ? (guint64) st.st_size : 0;
}

static gboolean
is_complete (MedleyInputSrc *self)
{
  return g_atomic_int_get (&self->complete);
}

static GstFlowReturn
fail_too_large (MedleyInputSrc *self, guint64 size)
{
  return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_TOO_LARGE,
                            "input \"%s\" has %s%" G_GUINT64_FORMAT
                            " bytes; the limit is %" G_GUINT64_FORMAT " (%s)",
                            self->name, is_complete (self) ? "" : "more than ",
                            is_complete (self) ? size : self->max_bytes, self->max_bytes,
                            self->limit_name);
}

static GstFlowReturn
fail_empty (MedleyInputSrc *self)
{
  return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_EMPTY_INPUT, "input \"%s\" is empty",
                            self->name);
}

/* What the size of a complete input tells before anything is read. */
static gboolean
check_size (MedleyInputSrc *self)
{
  guint64 size = file_size (self);

  if (!is_complete (self))
    return TRUE;
  if (size == 0)
    return fail_empty (self) == GST_FLOW_OK;
  if (self->max_bytes > 0 && size > self->max_bytes)
    return fail_too_large (self, size) == GST_FLOW_OK;
  return TRUE;
}

static gboolean
start (GstBaseSrc *src)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (src);

  g_atomic_int_set (&self->complete, self->doorbell < 0);
  __atomic_store_n (&self->delivered, 0, __ATOMIC_RELAXED);
  self->told = 0;
  self->idle_sent = FALSE;
  if (self->doorbell >= 0 && self->poll == NULL) {
    self->poll = gst_poll_new (TRUE);
    gst_poll_fd_init (&self->poll_fd);
    self->poll_fd.fd = self->doorbell;
    gst_poll_add_fd (self->poll, &self->poll_fd);
    gst_poll_fd_ctl_read (self->poll, &self->poll_fd, TRUE);
  }
  return check_size (self);
}

static gboolean
unlock (GstBaseSrc *src)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (src);

  if (self->poll != NULL)
    gst_poll_set_flushing (self->poll, TRUE);
  return TRUE;
}

static gboolean
unlock_stop (GstBaseSrc *src)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (src);

  if (self->poll != NULL)
    gst_poll_set_flushing (self->poll, FALSE);
  return TRUE;
}

/* Takes the bytes out of the doorbell; its end means that the file is complete. */
static GstFlowReturn
answer_doorbell (MedleyInputSrc *self)
{
  char bytes[512];
  ssize_t n;

  do
    n = read (self->doorbell, bytes, sizeof bytes);
  while (n < 0 && errno == EINTR);
  /* Reset: closed, with something of ours unread. */
  if (n == 0 || (n < 0 && errno == ECONNRESET))
    g_atomic_int_set (&self->complete, TRUE);
  else if (n < 0 && errno != EAGAIN)
    return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_IO,
                              "input \"%s\": the doorbell cannot be read: %s", self->name,
                              g_strerror (errno));
  return GST_FLOW_OK;
}

/* What does not fit is told the next time. A doorbell that is no socket does not listen. */
static void
tell (MedleyInputSrc *self, guint64 position)
{
  if (!is_complete (self) && position > self->told
      && send (self->doorbell, &position, sizeof position, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
    self->told = position;
}

static void
send_idle (MedleyInputSrc *self)
{
  self->idle_sent = TRUE;
  gst_pad_push_event (GST_BASE_SRC_PAD (self), medley_event_new_idle ());
}

/* Waits until there is something at @offset, or the file is complete. */
static GstFlowReturn
wait_for (MedleyInputSrc *self, guint64 offset, guint64 *size)
{
  for (;;) {
    GstFlowReturn ret;
    gint n;

    *size = file_size (self);
    if (is_complete (self) && *size == 0)
      return fail_empty (self);
    /* A growing input is worked off up to its limit. */
    if (self->max_bytes > 0 && *size > self->max_bytes) {
      if (offset >= self->max_bytes)
        return fail_too_large (self, *size);
      *size = self->max_bytes;
    }
    if (is_complete (self) || *size > offset)
      return GST_FLOW_OK;

    tell (self, offset);
    n = gst_poll_wait (self->poll,
                       self->idle_sent || self->delivered == 0 ? GST_CLOCK_TIME_NONE : IDLE_AFTER);
    if (n < 0 && errno == EBUSY)
      return GST_FLOW_FLUSHING;
    if (n < 0 && errno != EINTR && errno != EAGAIN)
      return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_IO,
                                "input \"%s\": waiting for data failed: %s", self->name,
                                g_strerror (errno));
    if (n == 0) {
      send_idle (self);
      continue;
    }
    ret = answer_doorbell (self);
    if (ret != GST_FLOW_OK)
      return ret;
  }
}

static GstFlowReturn
read_block (MedleyInputSrc *self, guint64 offset, gsize length, GstBuffer **buffer)
{
  GstMapInfo map;
  gsize got = 0;

  if (*buffer == NULL)
    *buffer = gst_buffer_new_allocate (NULL, length, NULL);
  if (*buffer == NULL || !gst_buffer_map (*buffer, &map, GST_MAP_WRITE))
    return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_MEMORY_LIMIT,
                              "input \"%s\": no memory for %" G_GSIZE_FORMAT " bytes", self->name,
                              length);
  length = MIN (length, map.size);
  while (got < length) {
    ssize_t n = pread (self->file, map.data + got, length - got, (off_t) (offset + got));

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      int saved = errno;

      gst_buffer_unmap (*buffer, &map);
      return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_IO,
                                "input \"%s\" cannot be read: %s", self->name, g_strerror (saved));
    }
    if (n == 0)
      break;
    got += (gsize) n;
  }
  gst_buffer_unmap (*buffer, &map);
  gst_buffer_set_size (*buffer, (gssize) got);
  GST_BUFFER_OFFSET (*buffer) = offset;
  GST_BUFFER_OFFSET_END (*buffer) = offset + got;
  return GST_FLOW_OK;
}

static GstFlowReturn
find_image_caps (MedleyInputSrc *self, GstBuffer *buffer)
{
  g_autoptr (GstCaps) caps = gst_type_find_helper_for_buffer (GST_OBJECT (self), buffer, NULL);
  const char *found
      = caps != NULL ? gst_structure_get_name (gst_caps_get_structure (caps, 0)) : NULL;

  if (found == NULL || !g_str_has_prefix (found, "image/"))
    return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_BAD_INPUT,
                              "input \"%s\" is not an image of a known format%s%s", self->name,
                              found != NULL ? "; it looks like " : "", found != NULL ? found : "");
  return gst_base_src_set_caps (GST_BASE_SRC (self), caps) ? GST_FLOW_OK : GST_FLOW_NOT_NEGOTIATED;
}

static GstFlowReturn
check_pixels (MedleyInputSrc *self, GstBuffer *buffer)
{
  guint64 width, height;
  gboolean known;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return GST_FLOW_ERROR;
  known = medley_picture_size (map.data, map.size, &width, &height);
  gst_buffer_unmap (buffer, &map);
  if (!known || self->max_pixels == 0 || width * height <= self->max_pixels)
    return GST_FLOW_OK;
  return medley_post_error (GST_ELEMENT (self), MEDLEY_ERROR_IMAGE_TOO_LARGE,
                            "input \"%s\" has a picture of %" G_GUINT64_FORMAT
                            " × %" G_GUINT64_FORMAT " pixels; the limit is %" G_GUINT64_FORMAT
                            " (limits.image-pixels)",
                            self->name, width, height, self->max_pixels);
}

static GstFlowReturn
create_whole (MedleyInputSrc *self, GstBuffer **buffer)
{
  guint64 size;
  GstFlowReturn ret;

  do
    ret = wait_for (self, G_MAXUINT64, &size);
  while (ret == GST_FLOW_OK && !is_complete (self));
  if (ret != GST_FLOW_OK)
    return ret;
  ret = read_block (self, 0, size, buffer);
  if (ret == GST_FLOW_OK)
    ret = check_pixels (self, *buffer);
  if (ret == GST_FLOW_OK)
    ret = find_image_caps (self, *buffer);
  return ret;
}

static GstFlowReturn
create_block (MedleyInputSrc *self, guint64 offset, gsize length, GstBuffer **buffer)
{
  guint64 size;
  GstFlowReturn ret = wait_for (self, offset, &size);

  if (ret != GST_FLOW_OK)
    return ret;
  if (offset >= size)
    return GST_FLOW_EOS;
  self->idle_sent = FALSE;
  if (offset == 0 && self->caps != NULL)
    length = MIN (length, FIRST_BYTES);
  return read_block (self, offset, MIN ((guint64) length, size - offset), buffer);
}

static GstFlowReturn
create (GstBaseSrc *src, guint64 offset, guint length, GstBuffer **buffer)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (src);
  GstBuffer *made = *buffer;
  guint64 end;
  GstFlowReturn ret;

  if (offset == GST_BUFFER_OFFSET_NONE)
    offset = __atomic_load_n (&self->delivered, __ATOMIC_RELAXED);
  if (self->whole && offset > 0)
    return GST_FLOW_EOS;
  ret = self->whole ? create_whole (self, &made) : create_block (self, offset, length, &made);
  if (ret != GST_FLOW_OK) {
    if (made != *buffer)
      gst_clear_buffer (&made);
    return ret;
  }
  end = GST_BUFFER_OFFSET_END (made);
  if (end > __atomic_load_n (&self->delivered, __ATOMIC_RELAXED))
    __atomic_store_n (&self->delivered, end, __ATOMIC_RELAXED);
  if (end >= self->told + TELL_BYTES)
    tell (self, end);
  *buffer = made;
  return GST_FLOW_OK;
}

static gboolean
get_size (GstBaseSrc *src, guint64 *size)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (src);

  if (!is_complete (self))
    return FALSE;
  *size = file_size (self);
  return TRUE;
}

static gboolean
is_seekable (GstBaseSrc *src)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (src);

  return self->seeks && self->doorbell < 0;
}

static GstCaps *
get_caps (GstBaseSrc *src, GstCaps *filter)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (src);

  if (self->caps == NULL)
    return filter != NULL ? gst_caps_ref (filter) : gst_caps_new_any ();
  return filter != NULL ? gst_caps_intersect_full (filter, self->caps, GST_CAPS_INTERSECT_FIRST)
                        : gst_caps_ref (self->caps);
}

/* Caps are known from the start, or found out, or nobody's business but a decoder's. */
static gboolean
negotiate (GstBaseSrc *src)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (src);

  return self->caps == NULL || self->whole || gst_base_src_set_caps (src, self->caps);
}

static gboolean
query (GstBaseSrc *src, GstQuery *q)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (src);
  GstFormat format;

  if (GST_QUERY_TYPE (q) == GST_QUERY_DURATION) {
    gst_query_parse_duration (q, &format, NULL);
    if (format != GST_FORMAT_BYTES || !is_complete (self))
      return FALSE;
    gst_query_set_duration (q, GST_FORMAT_BYTES, (gint64) file_size (self));
    return TRUE;
  }
  return GST_BASE_SRC_CLASS (medley_input_src_parent_class)->query (src, q);
}

static void
finalize (GObject *object)
{
  MedleyInputSrc *self = MEDLEY_INPUT_SRC (object);

  g_clear_pointer (&self->poll, gst_poll_free);
  gst_clear_caps (&self->caps);
  g_free (self->name);
  G_OBJECT_CLASS (medley_input_src_parent_class)->finalize (object);
}

static void
medley_input_src_class_init (MedleyInputSrcClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  src_class->start = start;
  src_class->unlock = unlock;
  src_class->unlock_stop = unlock_stop;
  src_class->create = create;
  src_class->get_size = get_size;
  src_class->is_seekable = is_seekable;
  src_class->get_caps = get_caps;
  src_class->negotiate = negotiate;
  src_class->query = query;
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Medley input", "Source/File",
                                         "Reads a job's input, which may still be growing",
                                         "Medley");
}

/* Nobody downstream has better memory for a file's bytes, and decodebin3 sometimes hands the
 * question back damaged while it is linking. */
static GstPadProbeReturn
drop_allocation (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  return GST_QUERY_TYPE (GST_PAD_PROBE_INFO_QUERY (info)) == GST_QUERY_ALLOCATION
             ? GST_PAD_PROBE_DROP
             : GST_PAD_PROBE_OK;
}

static void
medley_input_src_init (MedleyInputSrc *self)
{
  gst_pad_add_probe (GST_BASE_SRC_PAD (self),
                     GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH, drop_allocation,
                     NULL, NULL);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_BYTES);
  gst_base_src_set_blocksize (GST_BASE_SRC (self), BLOCK_BYTES);
  gst_base_src_set_dynamic_size (GST_BASE_SRC (self), FALSE);
}

GstElement *
medley_input_src_new (const char *name, int file, int doorbell, GstCaps *caps, gboolean whole,
                      guint64 max_bytes, const char *limit_name, guint64 max_pixels)
{
  MedleyInputSrc *self = g_object_new (MEDLEY_TYPE_INPUT_SRC, NULL);

  self->name = g_strdup (name);
  self->file = file;
  self->doorbell = doorbell;
  self->caps = caps != NULL ? gst_caps_ref (caps) : NULL;
  self->whole = whole;
  self->max_bytes = max_bytes;
  self->limit_name = limit_name;
  self->max_pixels = max_pixels;
  if (doorbell >= 0)
    fcntl (doorbell, F_SETFL, fcntl (doorbell, F_GETFL) | O_NONBLOCK);
  return GST_ELEMENT (self);
}

void
medley_input_src_allow_seeks (MedleyInputSrc *self)
{
  self->seeks = TRUE;
}

void
medley_input_src_get_progress (MedleyInputSrc *self, guint64 *done, guint64 *total)
{
  *done = __atomic_load_n (&self->delivered, __ATOMIC_RELAXED);
  *total = is_complete (self) ? file_size (self) : 0;
}
