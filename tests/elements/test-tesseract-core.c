/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <leptonica/allheaders.h>
#include <locale.h>
#include <medley/medley-error.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugins/tesseract/ocr-core.h"
#include "plugins/tesseract/ocr-image.h"
#include "plugins/tesseract/ocr-language.h"
#include "tesseract-pages.h"

#define LIMIT G_GUINT64_CONSTANT (100000000)

static const OcrOptions defaults = { .segmentation = 3, .dpi = 0, .threads = 1 };

static OcrCore *
new_core (void)
{
  OcrCore *core = ocr_core_new ();
  g_autoptr (GError) error = NULL;

  ocr_core_set_language (core, "eng", &error);
  g_assert_no_error (error);
  return core;
}

static char *
recognise (OcrCore *core, PIX *page)
{
  g_autoptr (GError) error = NULL;

  ocr_core_recognize (core, page, &defaults, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  return ocr_core_dup_text (core);
}

static PIX *
first_page (GBytes *bytes)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (OcrDocument) document = ocr_document_new (bytes, LIMIT, &error);
  PIX *page = NULL;

  g_assert_no_error (error);
  ocr_document_next (document, &page, &error);
  g_assert_no_error (error);
  g_assert_nonnull (page);
  return page;
}

/* Takes the document as far as it goes, and expects it to fail. */
static void
assert_refused (GBytes *bytes, int code, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (OcrDocument) document = ocr_document_new (bytes, LIMIT, &error);

  for (guint i = 0; document && !error && i < 100; i++) {
    PIX *page = NULL;
    if (!ocr_document_next (document, &page, &error))
      break;
    if (!page)
      break;
    pixDestroy (&page);
  }
  g_assert_error (error, MEDLEY_ERROR, code);
  g_test_message ("%s", error->message);
  if (message && !strstr (error->message, message))
    g_error ("\"%s\" lacks \"%s\"", error->message, message);
}

static void
test_language_names (void)
{
  static const struct {
    const char *given, *model;
  } cases[] = {
    { "eng", "eng" },
    { "en", "eng" },
    { "EN-gb", "eng" },
    { "de+fr", "deu+fra" },
    { "eng+de-AT", "eng+deu" },
    { "chi_tra", "chi_tra" },
    { "zh", "chi_sim" },
    { "zh-TW", "chi_tra" },
    { "zh-Hant-HK", "chi_tra" },
    { "sr-Latn", "srp_latn" },
    { "script/Latin", "script/Latin" },
    { "eng+~osd", "eng+~osd" },
    { "xyz", "xyz" },
    { "", NULL },
    { "eng+", NULL },
    { "../../etc/x", NULL },
    { "en;rm", NULL },
    { "/etc/passwd", NULL },
    { "+", NULL },
    { NULL, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *model = ocr_language_to_tesseract (cases[i].given);
    g_assert_cmpstr (model, ==, cases[i].model);
  }
  g_autofree char *package = ocr_language_package ("chi_sim");
  g_assert_cmpstr (package, ==, "tesseract-ocr-chi-sim");
}

static void
test_language_unknown (void)
{
  static const char *const unknown[] = { "xyz", "eng+xyz", "xyz+eng", "eng/../xyz" };
  g_autoptr (OcrCore) core = new_core ();

  for (guint i = 0; i < G_N_ELEMENTS (unknown); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_false (ocr_core_set_language (core, unknown[i], &error));
    g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_UNKNOWN_LANGUAGE);
    g_assert_nonnull (strstr (error->message, "eng"));
    if (!strchr (unknown[i], '/'))
      g_assert_nonnull (strstr (error->message, "tesseract-ocr-xyz"));
    /* The language that was loaded goes on to serve. */
    g_assert_cmpstr (ocr_core_get_language (core), ==, "eng");
  }
  PIX *page = pages_cut (300, 220);
  g_autofree char *text = recognise (core, page);
  g_assert_true (g_str_has_prefix (text, "For a hundred and twenty years"));
  pixDestroy (&page);
}

static void
test_page_gives_its_text (void)
{
  g_autoptr (GBytes) bytes = pages_read ();
  g_autofree char *expected = pages_read_text ();
  g_autoptr (OcrCore) core = new_core ();
  PIX *page = first_page (bytes);
  g_autofree char *text = recognise (core, page);

  g_assert_cmpstr (text, ==, expected);
  g_assert_cmpint (ocr_core_get_resolution (core), ==, 300);

  g_autoptr (GArray) words = ocr_core_list_words (core);
  g_auto (GStrv) wanted = g_strsplit_set (expected, " \n", -1);
  guint n = 0;
  for (guint i = 0; wanted[i]; i++) {
    if (!*wanted[i])
      continue;
    g_assert_cmpuint (n, <, words->len);
    OcrWord *word = &g_array_index (words, OcrWord, n++);
    g_assert_cmpstr (word->text, ==, wanted[i]);
    g_assert_cmpint (word->confidence, >, 50);
    g_assert_cmpint (word->x, >, 0);
    g_assert_cmpint (word->x + word->width, <, pixGetWidth (page));
    g_assert_cmpint (word->y + word->height, <, pixGetHeight (page));
  }
  g_assert_cmpuint (n, ==, words->len);
  OcrWord *first = &g_array_index (words, OcrWord, 0);
  OcrWord *last = &g_array_index (words, OcrWord, words->len - 1);
  g_assert_cmpuint (first->line, ==, 1);
  g_assert_cmpuint (last->line, ==, 18);
  g_assert_cmpuint (last->paragraph, ==, 2);
  g_assert_cmpint (last->y, >, first->y);
  pixDestroy (&page);
}

static void
test_blank_page_has_no_text (void)
{
  g_autoptr (OcrCore) core = new_core ();
  PIX *page = pixCreate (800, 600, 8);
  pixSetAll (page);
  g_autofree char *text = recognise (core, page);
  g_autoptr (GArray) words = ocr_core_list_words (core);

  g_assert_cmpstr (text, ==, "");
  g_assert_cmpuint (words->len, ==, 0);
  pixDestroy (&page);

  page = pixCreate (1, 1, 8);
  g_autofree char *none = recognise (core, page);
  g_assert_cmpstr (none, ==, "");
  pixDestroy (&page);
}

static void
test_result_does_not_depend_on_earlier_jobs (void)
{
  g_autoptr (OcrCore) core = new_core ();
  PIX *page = pages_cut (300, 800), *other = pages_cut (1400, 500);
  g_autofree char *first = recognise (core, page);

  for (guint i = 2; i <= 10; i++) {
    ocr_core_forget (core);
    g_autofree char *text = recognise (core, i % 2 && i < 10 ? other : page);
    if (i % 2 == 0)
      g_assert_cmpstr (text, ==, first);
    else
      g_assert_cmpstr (text, !=, first);
  }
  pixDestroy (&page);
  pixDestroy (&other);
}

static void
test_works_after_fork (void)
{
  g_autoptr (OcrCore) core = new_core ();
  PIX *page = pages_cut (300, 400);
  g_autofree char *expected = recognise (core, page);

  ocr_core_forget (core);
  for (guint i = 0; i < 2; i++) {
    int status = 0;
    pid_t child = fork ();
    g_assert_cmpint (child, >=, 0);
    if (child == 0) {
      alarm (60);
      gboolean ok = ocr_core_recognize (core, page, &defaults, NULL, NULL, NULL, NULL);
      g_autofree char *text = ok ? ocr_core_dup_text (core) : NULL;
      _exit (g_strcmp0 (text, expected) == 0 ? 0 : 1);
    }
    g_assert_cmpint (waitpid (child, &status, 0), ==, child);
    g_assert_true (WIFEXITED (status));
    g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  }
  g_autofree char *again = recognise (core, page);
  g_assert_cmpstr (again, ==, expected);
  pixDestroy (&page);
}

typedef struct {
  GCancellable *cancellable;
  guint calls;
  double last;
} Run;

static void
on_progress (double fraction, gpointer data)
{
  Run *run = data;

  g_assert_cmpfloat (fraction, >=, run->last);
  g_assert_cmpfloat (fraction, <=, 1.0);
  run->last = fraction;
  run->calls++;
  if (run->cancellable && run->calls == 5)
    g_cancellable_cancel (run->cancellable);
}

static void
test_cancel_stops_within_a_line (void)
{
  g_autoptr (OcrCore) core = new_core ();
  g_autoptr (GBytes) bytes = pages_read ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  PIX *page = first_page (bytes), *part = pages_cut (300, 400);
  Run run = { cancellable, 0, 0 };

  g_assert_false (
      ocr_core_recognize (core, page, &defaults, on_progress, &run, cancellable, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_CANCELLED);
  g_assert_cmpuint (run.calls, ==, 5);

  /* The next page is none the worse for it. */
  ocr_core_forget (core);
  g_autoptr (OcrCore) fresh = new_core ();
  g_autofree char *text = recognise (core, part);
  g_autofree char *expected = recognise (fresh, part);
  g_assert_cmpstr (text, ==, expected);
  pixDestroy (&page);
  pixDestroy (&part);
}

static void
test_progress_grows (void)
{
  g_autoptr (OcrCore) core = new_core ();
  PIX *page = pages_cut (300, 600);
  Run run = { NULL, 0, 0 };

  g_assert_true (ocr_core_recognize (core, page, &defaults, on_progress, &run, NULL, NULL));
  g_assert_cmpuint (run.calls, >=, 5);
  g_assert_cmpfloat (run.last, >, 0.5);
  pixDestroy (&page);
}

static void
test_kinds_are_told_from_content (void)
{
  static const int formats[]
      = { IFF_PNG, IFF_JFIF_JPEG, IFF_TIFF_LZW, IFF_WEBP, IFF_BMP, IFF_PNM, IFF_GIF };
  g_autoptr (OcrCore) core = new_core ();
  PIX *part = pages_cut (300, 220);

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    PIX *prepared = formats[i] == IFF_WEBP ? pixConvertTo32 (part) : pixClone (part);
    g_autoptr (GBytes) bytes = pages_encode (prepared, formats[i]);
    PIX *page = first_page (bytes);
    ocr_core_forget (core);
    g_autofree char *text = recognise (core, page);
    g_assert_true (g_str_has_prefix (text, "For a hundred and twenty years the lamp"));
    pixDestroy (&page);
    pixDestroy (&prepared);
  }
  pixDestroy (&part);
}

static void
test_tiff_has_pages (void)
{
  g_autoptr (GBytes) bytes = pages_new_tiff (3, 220);
  g_autoptr (GError) error = NULL;
  g_autoptr (OcrDocument) document = ocr_document_new (bytes, LIMIT, &error);
  guint n = 0;

  g_assert_no_error (error);
  g_assert_cmpuint (ocr_document_get_n_pages (document), ==, 3);
  for (;;) {
    PIX *page = NULL;
    g_assert_true (ocr_document_next (document, &page, &error));
    if (!page)
      break;
    n++;
    g_assert_cmpint (pixGetHeight (page), ==, 220);
    g_assert_cmpint (pixGetXRes (page), ==, 300);
    pixDestroy (&page);
  }
  g_assert_cmpuint (n, ==, 3);
}

static GBytes *
patched (GBytes *bytes, gsize at, const void *with, gsize length)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  g_autofree guint8 *copy = g_memdup2 (data, size);

  memcpy (copy + at, with, length);
  return g_bytes_new (copy, size);
}

static void
test_huge_pages_are_refused_by_their_header (void)
{
  PIX *part = pages_cut (300, 100);
  static const guint8 png_size[8] = { 0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0 };
  static const guint8 png_max[8] = { 0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff };
  static const guint8 bmp_size[8] = { 0xa0, 0x86, 1, 0, 0x60, 0x79, 0xfe, 0xff };
  static const guint8 gif_size[4] = { 0xff, 0xff, 0xff, 0xff };

  g_autoptr (GBytes) png = pages_encode (part, IFF_PNG);
  g_autoptr (GBytes) large = patched (png, 16, png_size, 8);
  assert_refused (large, MEDLEY_ERROR_IMAGE_TOO_LARGE, "100000 x 100000");
  g_autoptr (GBytes) largest = patched (png, 16, png_max, 8);
  assert_refused (largest, MEDLEY_ERROR_IMAGE_TOO_LARGE, "2147483647 x 2147483647");

  g_autoptr (GBytes) bmp = pages_encode (part, IFF_BMP);
  g_autoptr (GBytes) large_bmp = patched (bmp, 18, bmp_size, 8);
  assert_refused (large_bmp, MEDLEY_ERROR_IMAGE_TOO_LARGE, "100000 x 100000");

  /* In a GIF the image has a size of its own: the screen's says nothing. */
  g_autoptr (GBytes) gif = pages_encode (part, IFF_GIF);
  gsize size;
  const guint8 *data = g_bytes_get_data (gif, &size);
  gsize at = 13 + (data[10] & 0x80 ? (gsize) 3 << ((data[10] & 7) + 1) : 0);
  while (data[at] == 0x21)
    for (at += 2; data[at++] != 0;)
      at += data[at - 1];
  g_assert_cmpint (data[at], ==, 0x2c);
  g_autoptr (GBytes) large_gif = patched (gif, at + 5, gif_size, 4);
  assert_refused (large_gif, MEDLEY_ERROR_IMAGE_TOO_LARGE, "65535 x 65535");

  g_autoptr (GBytes) pnm = g_bytes_new_static ("P5\n100000 100000\n255\nxxxxxxxxxxxx", 33);
  assert_refused (pnm, MEDLEY_ERROR_IMAGE_TOO_LARGE, "100000 x 100000");
  g_autoptr (GBytes) wide = g_bytes_new_static ("P5\n40000 10\n255\nxxxxxxxxxxxx", 28);
  assert_refused (wide, MEDLEY_ERROR_IMAGE_TOO_LARGE, "32767");
  pixDestroy (&part);
}

static void
test_later_tiff_page_is_checked_before_the_first_is_decoded (void)
{
  PIXA *pages = pixaCreate (2);
  pixaAddPix (pages, pixCreate (100, 100, 1), L_INSERT);
  pixaAddPix (pages, pixCreate (20000, 20000, 1), L_INSERT);
  l_uint8 *data = NULL;
  size_t size = 0;
  g_assert_cmpint (pixaWriteMemMultipageTiff (&data, &size, pages), ==, 0);
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  lept_free (data);
  pixaDestroy (&pages);

  g_autoptr (GError) error = NULL;
  g_assert_null (ocr_document_new (bytes, LIMIT, &error));
  g_assert_error (error, MEDLEY_ERROR, MEDLEY_ERROR_IMAGE_TOO_LARGE);
  g_assert_nonnull (strstr (error->message, "page 2 has 20000 x 20000"));
}

static void
test_cut_off_files_are_refused (void)
{
  static const int formats[]
      = { IFF_PNG, IFF_JFIF_JPEG, IFF_TIFF_LZW, IFF_TIFF_G4, IFF_WEBP, IFF_BMP, IFF_PNM, IFF_GIF };
  PIX *part = pages_cut (300, 300);

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    PIX *prepared = formats[i] == IFF_WEBP      ? pixConvertTo32 (part)
                    : formats[i] == IFF_TIFF_G4 ? pixConvertTo1 (part, 128)
                                                : pixClone (part);
    g_autoptr (GBytes) whole = pages_encode (prepared, formats[i]);
    gsize size = g_bytes_get_size (whole);
    const gsize lengths[] = { 1, 11, 12, 20, 40, size / 4, size / 2, size * 9 / 10 };
    for (guint j = 0; j < G_N_ELEMENTS (lengths); j++) {
      g_test_message ("format %d, %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes", formats[i],
                      lengths[j], size);
      g_autoptr (GBytes) part_of_it = g_bytes_new_from_bytes (whole, 0, lengths[j]);
      assert_refused (part_of_it, MEDLEY_ERROR_BAD_INPUT, NULL);
    }
    pixDestroy (&prepared);
  }
  pixDestroy (&part);
}

static void
test_other_content_is_refused (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  guint8 noise[4096];

  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  assert_refused (empty, MEDLEY_ERROR_EMPTY_INPUT, NULL);
  g_autoptr (GBytes) zeros = g_bytes_new_take (g_malloc0 (4096), 4096);
  assert_refused (zeros, MEDLEY_ERROR_BAD_INPUT, "no image");
  for (guint round = 0; round < 200; round++) {
    for (guint i = 0; i < sizeof noise; i++)
      noise[i] = (guint8) g_rand_int (rand);
    g_autoptr (GBytes) bytes = g_bytes_new (noise, sizeof noise);
    assert_refused (bytes, MEDLEY_ERROR_BAD_INPUT, "no image");
  }
  g_autoptr (GBytes) pdf = g_bytes_new_static ("%PDF-1.7\n1 0 obj <<>> endobj", 28);
  assert_refused (pdf, MEDLEY_ERROR_UNSUPPORTED_TYPE, "PDF");
  g_autoptr (GBytes) text = g_bytes_new_static ("Dear reader, this is no page.", 29);
  assert_refused (text, MEDLEY_ERROR_BAD_INPUT, "no image");
}

/* Whatever is done to a file, it is read or refused: no crash, no endless loop. */
static void
test_damaged_files_are_read_or_refused (void)
{
  static const int formats[] = { IFF_PNG, IFF_JFIF_JPEG, IFF_TIFF_LZW, IFF_BMP, IFF_PNM, IFF_GIF };
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  PIX *page = pages_cut (300, 60);
  guint refused = 0, read = 0;

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autoptr (GBytes) whole = pages_encode (page, formats[i]);
    for (guint round = 0; round < 60; round++) {
      gsize size;
      gconstpointer data = g_bytes_get_data (whole, &size);
      g_autofree guint8 *copy = g_memdup2 (data, size);
      for (guint k = 0; k < 3; k++)
        copy[g_rand_int_range (rand, 0, (gint32) MIN (size, k ? size : 200))]
            ^= (guint8) (1 << g_rand_int_range (rand, 0, 8));
      g_autoptr (GBytes) bytes = g_bytes_new (copy, size);
      g_autoptr (GError) error = NULL;
      g_autoptr (OcrDocument) document = ocr_document_new (bytes, 4000000, &error);
      PIX *got = NULL;
      if (document && ocr_document_next (document, &got, &error) && got)
        read++;
      else
        refused++;
      g_assert_true (got || (error && error->domain == MEDLEY_ERROR));
      pixDestroy (&got);
    }
  }
  g_assert_cmpuint (read, >, 0);
  g_assert_cmpuint (refused, >, 0);
  pixDestroy (&page);
}

static void
test_planes_become_a_page (void)
{
  static const guint8 rgba[2][8]
      = { { 10, 20, 30, 255, 1, 2, 3, 0 }, { 0, 0, 0, 255, 9, 9, 9, 255 } };
  OcrPlane planes[4];
  l_uint32 pixel = 0;

  for (guint i = 0; i < 4; i++)
    planes[i] = (OcrPlane){ rgba[0] + i, 8, 4 };
  PIX *page = ocr_image_new_from_planes (2, 2, planes, 4);
  pixGetPixel (page, 0, 0, &pixel);
  g_assert_cmphex (pixel >> 8, ==, 0x0a141e);
  pixGetPixel (page, 1, 0, &pixel);
  g_assert_cmphex (pixel >> 8, ==, 0xffffff);
  pixDestroy (&page);

  page = ocr_image_new_from_planes (2, 2, planes, 1);
  g_assert_cmpint (pixGetDepth (page), ==, 8);
  pixGetPixel (page, 1, 1, &pixel);
  g_assert_cmpuint (pixel, ==, 9);
  pixDestroy (&page);
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tesseract/core/language-names", test_language_names);
  g_test_add_func ("/tesseract/core/language-unknown", test_language_unknown);
  g_test_add_func ("/tesseract/core/page-gives-its-text", test_page_gives_its_text);
  g_test_add_func ("/tesseract/core/blank-page-has-no-text", test_blank_page_has_no_text);
  g_test_add_func ("/tesseract/core/result-does-not-depend-on-earlier-jobs",
                   test_result_does_not_depend_on_earlier_jobs);
  g_test_add_func ("/tesseract/core/works-after-fork", test_works_after_fork);
  g_test_add_func ("/tesseract/core/cancel-stops-within-a-line", test_cancel_stops_within_a_line);
  g_test_add_func ("/tesseract/core/progress-grows", test_progress_grows);
  g_test_add_func ("/tesseract/image/kinds-are-told-from-content",
                   test_kinds_are_told_from_content);
  g_test_add_func ("/tesseract/image/tiff-has-pages", test_tiff_has_pages);
  g_test_add_func ("/tesseract/image/huge-pages-are-refused-by-their-header",
                   test_huge_pages_are_refused_by_their_header);
  g_test_add_func ("/tesseract/image/later-tiff-page-is-checked-before-the-first-is-decoded",
                   test_later_tiff_page_is_checked_before_the_first_is_decoded);
  g_test_add_func ("/tesseract/image/cut-off-files-are-refused", test_cut_off_files_are_refused);
  g_test_add_func ("/tesseract/image/other-content-is-refused", test_other_content_is_refused);
  g_test_add_func ("/tesseract/image/damaged-files-are-read-or-refused",
                   test_damaged_files_are_read_or_refused);
  g_test_add_func ("/tesseract/image/planes-become-a-page", test_planes_become_a_page);
  return g_test_run ();
}
