/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storyboard-background.h"

#include <errno.h>
#include <fcntl.h>
#include <medley/medley-error.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAN_EXCESS 0.12 /* how much larger than the frame a panning image is */
#define PNG_HEAD 24     /* bytes: signature, IHDR's frame, width and height */

typedef struct {
  guint8 head[PNG_HEAD]; /* read ahead for its dimensions */
  gsize used;            /* bytes of it handed on */
  int fd;
} PngReader;

static gboolean
read_fully (int fd, guint8 *data, gsize length)
{
  while (length > 0) {
    ssize_t n = read (fd, data, length);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    data += n;
    length -= n;
  }
  return TRUE;
}

static cairo_status_t
png_read (void *closure, unsigned char *data, unsigned int length)
{
  PngReader *reader = closure;
  gsize ahead = MIN (length, PNG_HEAD - reader->used);

  memcpy (data, reader->head + reader->used, ahead);
  reader->used += ahead;
  return read_fully (reader->fd, data + ahead, length - ahead) ? CAIRO_STATUS_SUCCESS
                                                               : CAIRO_STATUS_READ_ERROR;
}

static guint32
read_be32 (const guint8 *data)
{
  return (guint32) data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3];
}

static cairo_surface_t *
decode (int fd, const char *path, GError **error)
{
  PngReader reader = { .fd = fd };
  cairo_surface_t *image;
  guint64 width, height;

  if (!read_fully (fd, reader.head, PNG_HEAD)
      || memcmp (reader.head, "\211PNG\r\n\032\n", 8) != 0) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNSUPPORTED_TYPE,
                 "background-image: %s is no PNG file: convert it to PNG", path);
    return NULL;
  }
  width = read_be32 (reader.head + 16);
  height = read_be32 (reader.head + 20);
  if (width * height > STORYBOARD_MAX_IMAGE_PIXELS) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IMAGE_TOO_LARGE,
                 "background-image: %s has %" G_GUINT64_FORMAT " x %" G_GUINT64_FORMAT
                 " pixels, the limit is %d in all: scale it down",
                 path, width, height, STORYBOARD_MAX_IMAGE_PIXELS);
    return NULL;
  }
  image = cairo_image_surface_create_from_png_stream (png_read, &reader);
  if (cairo_surface_status (image) != CAIRO_STATUS_SUCCESS) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                 "background-image: %s cannot be decoded: %s", path,
                 cairo_status_to_string (cairo_surface_status (image)));
    g_clear_pointer (&image, cairo_surface_destroy);
  }
  return image;
}

static cairo_surface_t *
load_image (const char *path, GError **error)
{
  /* non-blocking, so that a FIFO without a writer does not stop here */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  cairo_surface_t *image = NULL;
  struct stat status;

  if (fd < 0 || fstat (fd, &status) < 0)
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PROPERTY,
                 "background-image: %s cannot be opened: %s", path, g_strerror (errno));
  else if (!S_ISREG (status.st_mode))
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_INVALID_PROPERTY,
                 "background-image: %s is no regular file", path);
  else
    image = decode (fd, path, error);
  if (fd >= 0)
    close (fd);
  return image;
}

/* Covers the surface with the image, middle on middle; what is too much is cut off. */
static void
paint_covering (cairo_t *cr, cairo_surface_t *image, int width, int height)
{
  double image_width = cairo_image_surface_get_width (image);
  double image_height = cairo_image_surface_get_height (image);
  double scale = MAX (width / image_width, height / image_height);

  cairo_translate (cr, (width - image_width * scale) / 2, (height - image_height * scale) / 2);
  cairo_scale (cr, scale, scale);
  cairo_set_source_surface (cr, image, 0, 0);
  cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_GOOD);
  cairo_paint (cr);
}

cairo_surface_t *
storyboard_background_new (const StoryboardDesign *design, gboolean *foreign, GError **error)
{
  const StoryboardPalette *palette = storyboard_theme_palette (design->theme);
  StoryboardColor top = palette->top, bottom = palette->bottom;
  double size = design->image && design->pan ? 1 + PAN_EXCESS : 1;
  int width = design->width * size, height = design->height * size;
  cairo_surface_t *surface, *image = NULL;
  cairo_pattern_t *gradient;
  cairo_t *cr;

  *foreign = design->image || !g_str_equal (design->background, "theme");
  if (!g_str_equal (design->background, "theme")
      && !storyboard_parse_background (design->background, &top, &bottom, error))
    return NULL;
  if (design->image && !(image = load_image (design->image, error)))
    return NULL;

  surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
  cr = cairo_create (surface);
  gradient = cairo_pattern_create_linear (0, 0, 0, height);
  cairo_pattern_add_color_stop_rgb (gradient, 0, top.red, top.green, top.blue);
  cairo_pattern_add_color_stop_rgb (gradient, 1, bottom.red, bottom.green, bottom.blue);
  cairo_set_source (cr, gradient);
  cairo_paint (cr); /* under an image as well: it may be transparent */
  cairo_pattern_destroy (gradient);
  if (image) {
    paint_covering (cr, image, width, height);
    cairo_surface_destroy (image);
  }
  if (cairo_status (cr) != CAIRO_STATUS_SUCCESS) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED, "background: cannot be drawn: %s",
                 cairo_status_to_string (cairo_status (cr)));
    g_clear_pointer (&surface, cairo_surface_destroy);
  }
  cairo_destroy (cr);
  return surface;
}
