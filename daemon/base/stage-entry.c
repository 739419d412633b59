/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/stage-entry.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUM_BYTES 32
#define BLOCK (256 * 1024)

static const char header_magic[16] = "medley-stage-01";
static const char trailer_magic[8] = "mdlyend";

gboolean
medley_stage_entry_write (int fd, gconstpointer data, gsize length, guint64 offset)
{
  const char *at = data;

  while (length > 0) {
    gssize n = pwrite (fd, at, length, (off_t) offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    at += n;
    offset += (guint64) n;
    length -= (gsize) n;
  }
  return TRUE;
}

static gboolean
read_all (int fd, gpointer data, gsize length, guint64 offset)
{
  char *at = data;

  while (length > 0) {
    gssize n = pread (fd, at, length, (off_t) offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    at += n;
    offset += (guint64) n;
    length -= (gsize) n;
  }
  return TRUE;
}

static void
make_header (char *header, const char *key)
{
  memset (header, 0, MEDLEY_STAGE_ENTRY_HEADER);
  memcpy (header, header_magic, sizeof header_magic);
  memcpy (header + sizeof header_magic, key, strnlen (key, MEDLEY_STAGE_ENTRY_KEY));
}

gboolean
medley_stage_entry_write_header (int fd, const char *key)
{
  char header[MEDLEY_STAGE_ENTRY_HEADER];

  make_header (header, key);
  return medley_stage_entry_write (fd, header, sizeof header, 0);
}

static void
make_trailer (char *trailer, guint64 length, GChecksum *sum)
{
  guint64 length_le = GUINT64_TO_LE (length);
  gsize size = SUM_BYTES;

  memcpy (trailer, trailer_magic, sizeof trailer_magic);
  memcpy (trailer + 8, &length_le, sizeof length_le);
  g_checksum_get_digest (sum, (guint8 *) trailer + 16, &size);
}

gboolean
medley_stage_entry_write_trailer (int fd, guint64 length, GChecksum *sum)
{
  char trailer[MEDLEY_STAGE_ENTRY_TRAILER];

  make_trailer (trailer, length, sum);
  return medley_stage_entry_write (fd, trailer, sizeof trailer, MEDLEY_STAGE_ENTRY_HEADER + length);
}

gint64
medley_stage_entry_check (int fd, const char *key, GCancellable *cancellable)
{
  char expected[MEDLEY_STAGE_ENTRY_HEADER], found[MEDLEY_STAGE_ENTRY_HEADER];
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *block = g_malloc (BLOCK);
  guint64 length, at = 0;
  struct stat info;

  if (fstat (fd, &info) < 0 || !S_ISREG (info.st_mode)
      || info.st_size < MEDLEY_STAGE_ENTRY_HEADER + MEDLEY_STAGE_ENTRY_TRAILER)
    return -1;
  length
      = (guint64) info.st_size - MEDLEY_STAGE_ENTRY_HEADER - (guint64) MEDLEY_STAGE_ENTRY_TRAILER;
  if (key != NULL) {
    make_header (expected, key);
    if (!read_all (fd, found, sizeof found, 0) || memcmp (found, expected, sizeof found) != 0)
      return -1;
  }
  while (at < length) {
    gsize n = (gsize) MIN (length - at, BLOCK);

    if (g_cancellable_is_cancelled (cancellable)
        || !read_all (fd, block, n, MEDLEY_STAGE_ENTRY_HEADER + at))
      return -1;
    g_checksum_update (sum, (const guchar *) block, (gssize) n);
    at += n;
  }
  make_trailer (expected, length, sum);
  if (!read_all (fd, found, MEDLEY_STAGE_ENTRY_TRAILER, MEDLEY_STAGE_ENTRY_HEADER + length)
      || memcmp (found, expected, MEDLEY_STAGE_ENTRY_TRAILER) != 0)
    return -1;
  return (gint64) length;
}
