/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* storyboard: timed captions in, a designed video out.
 *
 *   gst-launch-1.0 filesrc location=talk.srt ! subparse ! storyboard title="My talk" \
 *     ! vp8enc ! webmmux ! filesink location=talk.webm
 *
 * A picture is drawn and converted when it changes, and its memory is pushed again at every beat.
 * The properties are documented in README.md and, with units, in gst-inspect-1.0. */

#include "storyboard.h"

#include "storyboard-canvas.h"
#include "storyboard-clock.h"
#include "storyboard-frames.h"
#include "storyboard-settings.h"

#include <fontconfig/fontconfig.h>
#include <gst/video/video.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <unistd.h>

GST_DEBUG_CATEGORY_STATIC (storyboard_debug);
#define GST_CAT_DEFAULT storyboard_debug

#define PAN_RATE 24 /* frames a second, when a panning video has no rate of its own */
#define PAN_PERIOD (80 * GST_SECOND)       /* there and back */
#define HELD_GAP (500 * GST_MSECOND)       /* a caption stays over a shorter pause */
#define SCREEN_MIN (200 * GST_MSECOND)     /* of a caption that takes several */
#define CLOSING (1 * GST_MSECOND)          /* of the frame that ends the video */
#define TIME_MAX (100 * 3600 * GST_SECOND) /* captions beyond it are refused as nonsense */

/* A word of the caption shown: where, and from when on. */
typedef struct {
  StoryboardRange range;
  GstClockTime time;
} Word;

struct _MedleyStoryboard {
  MedleyConverter parent_instance;
  StoryboardSettings settings; /* under the object lock */

  PangoFontMap *font_map; /* made by the process font_map_pid: it does not survive a fork */
  pid_t font_map_pid;

  /* one job */
  StoryboardSettings job;
  StoryboardCanvas *canvas;
  StoryboardFrames *frames; /* NULL until the output is negotiated */
  StoryboardClock clock;
  MedleySentencer *sentencer; /* NULL until there is text without time */
  gboolean markup;
  gboolean titled;     /* the first caption has been shown, and the title with it */
  StoryboardText text; /* of the caption on screen */
  GArray *pages;       /* nullable: of it */
  StoryboardScene scene;
  gboolean drawn; /* the scene is the latest of the frames */
};

G_DEFINE_FINAL_TYPE (MedleyStoryboard, medley_storyboard, MEDLEY_TYPE_CONVERTER)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (storyboard, "storyboard", GST_RANK_NONE,
                                       MEDLEY_TYPE_STORYBOARD,
                                       GST_DEBUG_CATEGORY_INIT (storyboard_debug, "storyboard", 0,
                                                                "captioned video"))

static GstStaticPadTemplate sink_template
    = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                               GST_STATIC_CAPS (
                                   "text/x-raw, format = (string) { utf8, pango-markup }"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format = (string) { I420, BGRx }, width = (int) [ 16, 7680 ], "
                     "height = (int) [ 16, 7680 ], framerate = (fraction) [ 0/1, 240/1 ]"));

static gboolean
make_canvas (MedleyStoryboard *self, GError **error)
{
  StoryboardDesign design = {
    .width = self->job.width,
    .height = self->job.height,
    .theme = self->job.theme,
    .background = self->job.background,
    .image = self->job.image,
    .pan = self->job.pan,
    .title = self->job.title,
    .font = self->job.font,
    .language = self->job.language,
  };

  if (self->font_map_pid != getpid ()) {
    self->font_map = pango_cairo_font_map_new_for_font_type (CAIRO_FONT_TYPE_FT);
    self->font_map_pid = getpid (); /* a parent's font map is left alone: its locks may be held */
  }
  g_clear_pointer (&self->canvas, storyboard_canvas_free);
  self->canvas = storyboard_canvas_new (self->font_map, &design, error);
  return self->canvas != NULL;
}

/* What the output can be: our settings where the peer takes them, else the nearest that it takes.
 */
static GstCaps *
choose_caps (MedleyStoryboard *self, int rate_n, int rate_d)
{
  g_autoptr (GstCaps) possible = medley_converter_negotiate_port (MEDLEY_CONVERTER (self), NULL);
  g_autoptr (GstCaps) wanted
      = gst_caps_new_simple ("video/x-raw", "width", G_TYPE_INT, self->job.width, "height",
                             G_TYPE_INT, self->job.height, "framerate", GST_TYPE_FRACTION, rate_n,
                             rate_d, NULL);
  g_autoptr (GstCaps) exact = gst_caps_intersect_full (possible, wanted, GST_CAPS_INTERSECT_FIRST);
  GstCaps *caps = gst_caps_truncate (gst_caps_copy (gst_caps_is_empty (exact) ? possible : exact));
  GstStructure *structure;

  if (gst_caps_is_empty (caps))
    return caps;
  structure = gst_caps_get_structure (caps, 0);
  gst_structure_fixate_field_string (structure, "format", "I420");
  gst_structure_fixate_field_nearest_int (structure, "width", self->job.width);
  gst_structure_fixate_field_nearest_int (structure, "height", self->job.height);
  gst_structure_fixate_field_nearest_fraction (structure, "framerate", rate_n, rate_d);
  if (gst_structure_has_field (structure, "pixel-aspect-ratio"))
    gst_structure_fixate_field_nearest_fraction (structure, "pixel-aspect-ratio", 1, 1);
  return gst_caps_fixate (caps);
}

static gboolean
negotiate (MedleyStoryboard *self, GError **error)
{
  gboolean pans = storyboard_canvas_pans (self->canvas) && self->job.rate_n == 0;
  g_autoptr (GstCaps) caps
      = choose_caps (self, pans ? PAN_RATE : self->job.rate_n, self->job.rate_d);
  g_autoptr (GstCaps) output = NULL;
  GstVideoInfo info;

  if (gst_caps_is_empty (caps) || !gst_video_info_from_caps (&info, caps)) {
    g_set_error (
        error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED,
        "the element after storyboard takes no video of %d x %d pixels in I420 or BGRx: put "
        "videoconvert or videoscale between",
        self->job.width, self->job.height);
    return FALSE;
  }
  if (info.width != self->job.width || info.height != self->job.height) {
    self->job.width = info.width;
    self->job.height = info.height;
    if (!storyboard_settings_check (&self->job, error) || !make_canvas (self, error))
      return FALSE;
  }
  output = gst_video_info_to_caps (&info);
  GST_INFO_OBJECT (self, "output %" GST_PTR_FORMAT, output);
  medley_converter_set_port_caps (MEDLEY_CONVERTER (self), NULL, output);
  self->frames = storyboard_frames_new (&info);
  storyboard_clock_init (&self->clock, self->job.beat, info.fps_n, info.fps_d);
  return TRUE;
}

static gboolean
check_cancelled (GCancellable *cancellable, GError **error)
{
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "drawing was cancelled");
  return FALSE;
}

static gboolean
push_frame (MedleyStoryboard *self, GstClockTime pts, GstClockTime duration)
{
  GstBuffer *buffer = storyboard_frames_get (self->frames);

  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer) = duration;
  GST_LOG_OBJECT (self, "%" GST_TIME_FORMAT " for %" GST_TIME_FORMAT, GST_TIME_ARGS (pts),
                  GST_TIME_ARGS (duration));
  return medley_converter_push (MEDLEY_CONVERTER (self), NULL, buffer);
}

static void
set_scene (MedleyStoryboard *self, const StoryboardPage *page, StoryboardRange spoken)
{
  self->scene = (StoryboardScene){
    .text = page ? &self->text : NULL, .page = page, .spoken = spoken, .with_title = !self->titled
  };
  self->drawn = FALSE;
}

static void
draw (MedleyStoryboard *self, GstClockTime pts)
{
  gboolean cut = !self->drawn && self->scene.spoken.length == 0;
  const guint8 *pixels;
  gsize stride;

  self->scene.pan = 0.5 - 0.5 * cos (2 * G_PI * (double) (pts % PAN_PERIOD) / PAN_PERIOD);
  pixels = storyboard_canvas_draw (self->canvas, &self->scene, &stride);
  storyboard_frames_set (self->frames, pixels, stride);
  self->drawn = TRUE;
  /* A player seeks to key frames: each caption begins with one, which costs no more than the
   * change. No time: "the next frame" (x264enc runs on times of its own and would drop a request
   * for ours). */
  if (cut && pts > 0)
    medley_converter_push_event (MEDLEY_CONVERTER (self), NULL,
                                 gst_video_event_new_downstream_force_key_unit (GST_CLOCK_TIME_NONE,
                                                                                GST_CLOCK_TIME_NONE,
                                                                                GST_CLOCK_TIME_NONE,
                                                                                FALSE, 0));
}

/* Fills the timeline with the scene. */
static gboolean
show_until (MedleyStoryboard *self, GstClockTime until, GCancellable *cancellable, GError **error)
{
  GstClockTime pts, duration;

  while (storyboard_clock_next (&self->clock, until, &pts, &duration)) {
    if (!check_cancelled (cancellable, error))
      return FALSE;
    if (!self->drawn || storyboard_canvas_pans (self->canvas))
      draw (self, pts);
    if (!push_frame (self, pts, duration))
      return FALSE;
  }
  return TRUE;
}

static void
drop_caption (MedleyStoryboard *self)
{
  self->scene = (StoryboardScene){ NULL };
  g_clear_pointer (&self->pages, g_array_unref);
  storyboard_text_clear (&self->text);
}

/* When a page comes on screen: with its first word, else by its share of the text. */
static GstClockTime
page_time (MedleyStoryboard *self, guint number, const GArray *words, GstClockTime begin,
           GstClockTime end)
{
  const StoryboardPage *page;

  if (number == 0)
    return begin;
  if (number >= self->pages->len)
    return end;
  page = &g_array_index (self->pages, StoryboardPage, number);
  for (guint i = 0; words && i < words->len; i++) {
    const Word *word = &g_array_index (words, Word, i);

    if (word->range.length > 0 && word->range.offset >= page->offset)
      return CLAMP (word->time, begin, end);
  }
  return begin + gst_util_uint64_scale (end - begin, page->offset, self->text.text->len);
}

/* One screen of a caption, word by word where words are highlighted. */
static gboolean
show_page (MedleyStoryboard *self, const StoryboardPage *page, const GArray *words,
           GstClockTime until, GCancellable *cancellable, GError **error)
{
  set_scene (self, page, (StoryboardRange){ 0, 0 });
  for (guint i = 0; self->job.highlight && words && i < words->len; i++) {
    const Word *word = &g_array_index (words, Word, i);

    if (word->range.length == 0 || word->range.offset < page->offset
        || word->range.offset >= page->offset + page->length)
      continue;
    if (!show_until (self, MIN (word->time, until), cancellable, error))
      return FALSE;
    set_scene (self, page, word->range);
  }
  return show_until (self, until, cancellable, error);
}

/* Shows @text, which is moved from, after what stands before it. */
static gboolean
show_caption (MedleyStoryboard *self, StoryboardText *text, const GArray *words, GstClockTime begin,
              GstClockTime end, GCancellable *cancellable, GError **error)
{
  GstClockTime position = self->clock.position;
  guint max_pages;

  if (begin > position && (!self->pages || begin - position >= HELD_GAP))
    set_scene (self, NULL, (StoryboardRange){ 0, 0 });
  if (!show_until (self, begin, cancellable, error))
    return FALSE;

  drop_caption (self);
  self->text = *text;
  *text = (StoryboardText){ NULL, NULL };
  max_pages = (guint) MAX (1, (end - begin) / SCREEN_MIN);
  self->pages = storyboard_canvas_paginate (self->canvas, &self->text, !self->titled, max_pages,
                                            cancellable);
  if (self->pages->len == 0) {
    set_scene (self, NULL, (StoryboardRange){ 0, 0 });
    return check_cancelled (cancellable, error) && show_until (self, end, cancellable, error);
  }
  for (guint i = 0; i < self->pages->len; i++) {
    GstClockTime until = page_time (self, i + 1, words, begin, end);

    if (!show_page (self, &g_array_index (self->pages, StoryboardPage, i), words, until,
                    cancellable, error))
      return FALSE;
  }
  self->titled = TRUE;
  return TRUE;
}

/* Sentences of text that has no time of its own: one after the other, as long as a reader needs. */
static gboolean
show_sentences (MedleyStoryboard *self, GCancellable *cancellable, GError **error)
{
  char *sentence;

  if (!self->sentencer)
    return TRUE;
  while ((sentence = medley_sentencer_next (self->sentencer, NULL)) != NULL) {
    g_auto (StoryboardText) text = { NULL, NULL };
    GstClockTime begin = self->clock.position;
    GstClockTime time;

    storyboard_text_init_plain (&text, sentence, strlen (sentence), NULL);
    g_free (sentence);
    time = storyboard_reading_time (text.text->str, text.text->len);
    if (text.text->len > 0
        && !show_caption (self, &text, NULL, begin, begin + time, cancellable, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
show_rest (MedleyStoryboard *self, GCancellable *cancellable, GError **error)
{
  if (self->sentencer)
    medley_sentencer_drain (self->sentencer);
  return show_sentences (self, cancellable, error);
}

/* The caption's words, moved to where they stand in the cleaned text. */
static GArray *
init_text (MedleyStoryboard *self, StoryboardText *text, GstBuffer *input, const GstMapInfo *map)
{
  g_autoptr (GArray) marks = NULL;
  g_autoptr (GArray) ranges = NULL;
  GArray *words;

  if (self->markup) {
    storyboard_text_init_markup (text, (const char *) map->data, map->size);
    return NULL;
  }
  marks = medley_caption_get_words (input);
  ranges = g_array_sized_new (FALSE, FALSE, sizeof (StoryboardRange), marks->len);
  words = g_array_sized_new (FALSE, FALSE, sizeof (Word), marks->len);
  for (guint i = 0; i < marks->len; i++) {
    const MedleyWord *mark = &g_array_index (marks, MedleyWord, i);
    StoryboardRange range = { mark->offset, mark->length };

    g_array_append_val (ranges, range);
  }
  storyboard_text_init_plain (text, (const char *) map->data, map->size, ranges);
  for (guint i = 0; i < marks->len; i++) {
    Word word
        = { g_array_index (ranges, StoryboardRange, i), g_array_index (marks, MedleyWord, i).time };

    g_array_append_val (words, word);
  }
  return words;
}

static gboolean
process_caption (MedleyStoryboard *self, GstBuffer *input, const GstMapInfo *map,
                 GCancellable *cancellable, GError **error)
{
  g_auto (StoryboardText) text = { NULL, NULL };
  g_autoptr (GArray) words = init_text (self, &text, input, map);
  GstClockTime begin = self->clock.position, end;

  if (GST_BUFFER_PTS_IS_VALID (input))
    begin = GST_BUFFER_PTS (input);
  if (GST_BUFFER_DURATION_IS_VALID (input) && GST_BUFFER_DURATION (input) > 0)
    end = begin + MIN (GST_BUFFER_DURATION (input), TIME_MAX);
  else
    end = begin + storyboard_reading_time (text.text->str, text.text->len);
  if (begin > TIME_MAX) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_BAD_INPUT,
                 "a caption begins after %" G_GUINT64_FORMAT
                 " hours: its time is taken for a mistake",
                 (guint64) (begin / GST_SECOND / 3600));
    return FALSE;
  }
  if (end <= self->clock.position) {
    GST_WARNING_OBJECT (self,
                        "a caption at %" GST_TIME_FORMAT " is over before the one that came "
                        "before it, and is left out",
                        GST_TIME_ARGS (begin));
    return TRUE;
  }
  return show_caption (self, &text, words, MAX (begin, self->clock.position), end, cancellable,
                       error);
}

static gboolean
process (MedleyConverter *converter, GstBuffer *input, GCancellable *cancellable, GError **error)
{
  MedleyStoryboard *self = MEDLEY_STORYBOARD (converter);
  gboolean ok;
  GstMapInfo map;

  if (!self->frames && !negotiate (self, error))
    return FALSE;
  if (!gst_buffer_map (input, &map, GST_MAP_READ)) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED, "a caption cannot be read");
    return FALSE;
  }
  if (GST_BUFFER_PTS_IS_VALID (input) || self->markup) {
    ok = show_rest (self, cancellable, error)
         && process_caption (self, input, &map, cancellable, error);
  } else {
    if (!self->sentencer)
      self->sentencer = medley_sentencer_new (self->job.language);
    medley_sentencer_feed (self->sentencer, (const char *) map.data, map.size);
    ok = show_sentences (self, cancellable, error);
  }
  gst_buffer_unmap (input, &map);
  return ok;
}

static gboolean
idle (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  MedleyStoryboard *self = MEDLEY_STORYBOARD (converter);

  if (self->sentencer)
    medley_sentencer_idle (self->sentencer);
  return show_sentences (self, cancellable, error);
}

/* A muxer knows how long a frame stands by the next one: the closing frame says when the video
 * ends. */
static gboolean
drain (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  MedleyStoryboard *self = MEDLEY_STORYBOARD (converter);

  if (!show_rest (self, cancellable, error))
    return FALSE;
  if (self->clock.rate_n > 0 || self->clock.count == 0)
    return TRUE;
  return push_frame (self, self->clock.position, CLOSING);
}

static gboolean
input_caps (MedleyConverter *converter, GstCaps *caps, GError **error)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);

  MEDLEY_STORYBOARD (converter)->markup
      = g_strcmp0 (gst_structure_get_string (structure, "format"), "pango-markup") == 0;
  return TRUE;
}

static void
flush (MedleyConverter *converter)
{
  MedleyStoryboard *self = MEDLEY_STORYBOARD (converter);

  drop_caption (self);
  g_clear_pointer (&self->sentencer, medley_sentencer_free);
  storyboard_clock_init (&self->clock, self->clock.beat, self->clock.rate_n, self->clock.rate_d);
  self->titled = FALSE;
  self->drawn = FALSE;
}

static void
stop (MedleyConverter *converter)
{
  MedleyStoryboard *self = MEDLEY_STORYBOARD (converter);

  flush (converter);
  g_clear_pointer (&self->frames, storyboard_frames_free);
  g_clear_pointer (&self->canvas, storyboard_canvas_free);
  storyboard_settings_clear (&self->job);
  self->markup = FALSE;
}

static gboolean
start (MedleyConverter *converter, GError **error)
{
  MedleyStoryboard *self = MEDLEY_STORYBOARD (converter);

  storyboard_settings_clear (&self->job);
  GST_OBJECT_LOCK (self);
  storyboard_settings_copy (&self->job, &self->settings);
  GST_OBJECT_UNLOCK (self);
  return storyboard_settings_check (&self->job, error) && make_canvas (self, error);
}

/* Reads the font configuration here, once for all processes forked from this one, and without a
 * thread: Pango's font map, which starts one, is made where it is used. */
static gboolean
open_fonts (MedleyConverter *converter, GCancellable *cancellable, GError **error)
{
  if (FcInit ())
    return TRUE;
  g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_FAILED,
                       "the font configuration cannot be read: install fontconfig-config");
  return FALSE;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GST_OBJECT_LOCK (object);
  if (!storyboard_settings_set (&MEDLEY_STORYBOARD (object)->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (object);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GST_OBJECT_LOCK (object);
  if (!storyboard_settings_get (&MEDLEY_STORYBOARD (object)->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (object);
}

static void
finalize (GObject *object)
{
  MedleyStoryboard *self = MEDLEY_STORYBOARD (object);

  stop (MEDLEY_CONVERTER (self));
  storyboard_settings_clear (&self->settings);
  if (self->font_map_pid == getpid ())
    g_clear_object (&self->font_map);
  G_OBJECT_CLASS (medley_storyboard_parent_class)->finalize (object);
}

static void
medley_storyboard_class_init (MedleyStoryboardClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  MedleyConverterClass *converter_class = MEDLEY_CONVERTER_CLASS (klass);

  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  storyboard_settings_install (object_class);

  gst_element_class_set_static_metadata (element_class, "Storyboard", "Converter/Video/Text",
                                         "Turns timed captions into a designed video",
                                         "The Medley project");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_type_mark_as_plugin_api (STORYBOARD_TYPE_THEME, 0);
  /* Its pictures fit who takes them, and raw ones are not worth keeping: not deterministic. */
  medley_engine_declare (element_class, "text-to-video", 100, MEDLEY_ENGINE_NONE, "cpu");

  converter_class->text_input = TRUE;
  converter_class->open = open_fonts;
  converter_class->start = start;
  converter_class->stop = stop;
  converter_class->input_caps = input_caps;
  converter_class->process = process;
  converter_class->idle = idle;
  converter_class->drain = drain;
  converter_class->flush = flush;
}

static void
medley_storyboard_init (MedleyStoryboard *self)
{
  storyboard_settings_init (&self->settings);
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (storyboard, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, medleystoryboard,
                   "Captioned video on Pango and Cairo", plugin_init, PACKAGE_VERSION, "LGPL",
                   "medley", "https://medley.org")
