/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ocr-core.h"

#include <leptonica/allheaders.h>
#include <medley/medley-error.h>
#include <tesseract/capi.h>

#include "ocr-language.h"

struct _OcrCore {
  TessBaseAPI *api;
  char *language;
};

typedef struct {
  ETEXT_DESC *monitor;
  GCancellable *cancellable;
  OcrProgressFunc progress;
  gpointer user_data;
} Watch;

/* Weak: from whatever OpenMP run time libtesseract brings with it, or absent. */
extern void
omp_set_max_active_levels (int levels) __attribute__ ((weak));
extern int
omp_get_max_active_levels (void) __attribute__ ((weak));
extern void
omp_set_num_threads (int threads) __attribute__ ((weak));
extern int
omp_get_max_threads (void) __attribute__ ((weak));
extern void
omp_set_dynamic (int dynamic) __attribute__ ((weak));
extern int
omp_get_dynamic (void) __attribute__ ((weak));

typedef struct {
  int levels, threads, dynamic;
} Parallelism;

static gboolean
have_openmp (void)
{
  return omp_set_max_active_levels && omp_get_max_active_levels && omp_set_num_threads
         && omp_get_max_threads && omp_set_dynamic && omp_get_dynamic;
}

/* libtesseract asks for four threads by number, which omp_set_num_threads() cannot lower, and the
 * threads then wait for each other most of the time. These settings belong to the calling thread
 * alone: no parallel level at all, or as many threads as "dynamic" allows. */
static Parallelism
limit_threads (int threads)
{
  Parallelism before = { 0 };

  if (!have_openmp ())
    return before;
  before
      = (Parallelism){ omp_get_max_active_levels (), omp_get_max_threads (), omp_get_dynamic () };
  if (threads <= 1) {
    omp_set_max_active_levels (0);
  } else {
    omp_set_max_active_levels (1);
    omp_set_dynamic (1);
    omp_set_num_threads (threads);
  }
  return before;
}

static void
restore_threads (Parallelism before)
{
  if (!have_openmp ())
    return;
  omp_set_max_active_levels (before.levels);
  omp_set_dynamic (before.dynamic);
  omp_set_num_threads (before.threads);
}

OcrCore *
ocr_core_new (void)
{
  /* Both libraries report on stderr what the caller learns from their return values. */
  setMsgSeverity (L_SEVERITY_NONE);
  return g_new0 (OcrCore, 1);
}

static void
drop_api (TessBaseAPI *api)
{
  if (!api)
    return;
  TessBaseAPIEnd (api);
  TessBaseAPIDelete (api);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TessBaseAPI, drop_api)

void
ocr_core_free (OcrCore *self)
{
  drop_api (self->api);
  g_free (self->language);
  g_free (self);
}

const char *
ocr_core_get_language (OcrCore *self)
{
  return self->language;
}

static gboolean
in_vector (char **vector, const char *name)
{
  for (guint i = 0; vector && vector[i]; i++)
    if (g_str_equal (vector[i], name))
      return TRUE;
  return FALSE;
}

gboolean
ocr_core_has_model (OcrCore *self, const char *model)
{
  char **models = TessBaseAPIGetAvailableLanguagesAsVector (self->api);
  gboolean found = in_vector (models, model);

  TessDeleteTextArray (models);
  return found;
}

static char *
describe_installed (TessBaseAPI *api)
{
  char **models = TessBaseAPIGetAvailableLanguagesAsVector (api);
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; models && models[i]; i++) {
    if (g_str_equal (models[i], "osd"))
      continue;
    g_string_append_printf (list, "%s%s", list->len ? ", " : "", models[i]);
  }
  if (models)
    TessDeleteTextArray (models);
  if (!list->len)
    g_string_append (list, "none");
  return g_string_free (g_steal_pointer (&list), FALSE);
}

/* libtesseract is content when one language of several loads. */
static char *
find_missing (TessBaseAPI *api, gboolean loaded, const char *language)
{
  g_auto (GStrv) wanted = g_strsplit (language, "+", -1);
  char **models = loaded ? TessBaseAPIGetLoadedLanguagesAsVector (api) : NULL;
  char *missing = NULL;

  for (guint i = 0; wanted[i] && !missing; i++)
    if (*wanted[i] != '~' && !in_vector (models, wanted[i]))
      missing = g_strdup (wanted[i]);
  if (models)
    TessDeleteTextArray (models);
  return missing;
}

gboolean
ocr_core_set_language (OcrCore *self, const char *language, GError **error)
{
  g_autofree char *model = ocr_language_to_tesseract (language);

  if (!model) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_LANGUAGE,
                 "\"%s\" is no language: give a tag such as \"en\", or names of Tesseract's models "
                 "joined by \"+\", such as \"eng+deu\"",
                 language ? language : "");
    return FALSE;
  }
  if (g_strcmp0 (model, self->language) == 0)
    return TRUE;

  g_autoptr (TessBaseAPI) api = TessBaseAPICreate ();
  TessBaseAPISetVariable (api, "debug_file", "/dev/null");
  gboolean loaded = TessBaseAPIInit2 (api, NULL, model, OEM_DEFAULT) == 0;
  g_autofree char *missing = find_missing (api, loaded, model);
  if (missing) {
    g_autofree char *installed = describe_installed (api);
    g_autofree char *package = ocr_language_package (missing);
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_LANGUAGE,
                 "Tesseract has no model for the language \"%s\" (installed: %s); on Debian the "
                 "package is %s",
                 missing, installed, package);
    return FALSE;
  }
  if (!loaded) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                 "Tesseract cannot load its model for \"%s\"", model);
    return FALSE;
  }
  drop_api (self->api);
  self->api = g_steal_pointer (&api);
  g_free (self->language);
  self->language = g_steal_pointer (&model);
  return TRUE;
}

void
ocr_core_forget (OcrCore *self)
{
  if (!self->api)
    return;
  TessBaseAPIClear (self->api);
  TessBaseAPIClearAdaptiveClassifier (self->api);
}

static bool
on_line (void *data, int words)
{
  Watch *watch = data;

  if (g_cancellable_is_cancelled (watch->cancellable))
    return true;
  if (watch->progress)
    watch->progress (CLAMP (TessMonitorGetProgress (watch->monitor), 0, 100) / 100.0,
                     watch->user_data);
  return false;
}

gboolean
ocr_core_recognize (OcrCore *self, struct Pix *page, const OcrOptions *options,
                    OcrProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                    GError **error)
{
  g_return_val_if_fail (self->api != NULL, FALSE);

  char dpi[16];
  g_snprintf (dpi, sizeof dpi, "%d", options->dpi);
  TessBaseAPISetVariable (self->api, "user_defined_dpi", dpi);
  TessBaseAPISetPageSegMode (self->api, (TessPageSegMode) options->segmentation);
  TessBaseAPISetImage2 (self->api, page);

  Watch watch = { TessMonitorCreate (), cancellable, progress, user_data };
  TessMonitorSetCancelThis (watch.monitor, &watch);
  TessMonitorSetCancelFunc (watch.monitor, on_line);
  Parallelism before = limit_threads (options->threads);
  gboolean ok = !g_cancellable_is_cancelled (cancellable)
                && TessBaseAPIRecognize (self->api, watch.monitor) == 0;
  restore_threads (before);
  TessMonitorDelete (watch.monitor);

  if (g_cancellable_is_cancelled (cancellable)) {
    g_set_error_literal (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED, "recognition was cancelled");
    ok = FALSE;
  } else if (!ok) {
    g_set_error (error, MEDLEY_ERROR, MEDLEY_ERROR_ENGINE_FAILED,
                 "Tesseract cannot find the lines of a page of %d x %d pixels", pixGetWidth (page),
                 pixGetHeight (page));
  }
  return ok;
}

char *
ocr_core_dup_text (OcrCore *self)
{
  char *text = TessBaseAPIGetUTF8Text (self->api);
  char *copy = g_strdup (text ? text : "");

  if (text)
    TessDeleteText (text);
  return copy;
}

static void
clear_word (gpointer word)
{
  g_free (((OcrWord *) word)->text);
}

GArray *
ocr_core_list_words (OcrCore *self)
{
  GArray *words = g_array_new (FALSE, TRUE, sizeof (OcrWord));
  g_array_set_clear_func (words, clear_word);

  TessResultIterator *it = TessBaseAPIGetIterator (self->api);
  if (!it)
    return words;
  const TessPageIterator *place = TessResultIteratorGetPageIteratorConst (it);
  OcrWord word = { 0 };
  do {
    char *text = TessResultIteratorGetUTF8Text (it, RIL_WORD);
    if (!text)
      continue;
    word.block += TessPageIteratorIsAtBeginningOf (place, RIL_BLOCK) ? 1 : 0;
    word.paragraph += TessPageIteratorIsAtBeginningOf (place, RIL_PARA) ? 1 : 0;
    word.line += TessPageIteratorIsAtBeginningOf (place, RIL_TEXTLINE) ? 1 : 0;
    int left = 0, top = 0, right = 0, bottom = 0;
    TessPageIteratorBoundingBox (place, RIL_WORD, &left, &top, &right, &bottom);
    word.x = left;
    word.y = top;
    word.width = right - left;
    word.height = bottom - top;
    float confidence = TessResultIteratorConfidence (it, RIL_WORD);
    word.confidence = (int) (CLAMP (confidence, 0.0f, 100.0f) + 0.5f);
    word.text = g_strdup (text);
    TessDeleteText (text);
    g_array_append_val (words, word);
  } while (TessResultIteratorNext (it, RIL_WORD));
  TessResultIteratorDelete (it);
  return words;
}

int
ocr_core_get_resolution (OcrCore *self)
{
  return TessBaseAPIGetSourceYResolution (self->api);
}
