/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * MedleyOutputFile:
 *
 * A file that is written under a temporary name beside its own, and has its own name only once it
 * is whole.
 */
typedef struct _MedleyOutputFile MedleyOutputFile;

/**
 * medley_output_file_open:
 * @path: where the file shall be
 * @may_replace: whether a file of that name may be there already
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT, %MEDLEY_ERROR_NOT_ALLOWED, %MEDLEY_ERROR_IO
 *
 * What is no regular file (a device, a named pipe) is written as it is.
 *
 * Returns: (transfer full) (nullable): the file
 */
MedleyOutputFile *
medley_output_file_open (const char *path, gboolean may_replace, GError **error);

/* (transfer none): where to write */
GOutputStream *
medley_output_file_get_stream (MedleyOutputFile *self);

/* Whether it is no regular file: then a growing output may flow into it. */
gboolean
medley_output_file_is_special (MedleyOutputFile *self);

/* Gives the file its name. */
gboolean
medley_output_file_commit (MedleyOutputFile *self, GError **error);

/* Without medley_output_file_commit() before, nothing is left behind. */
void
medley_output_file_free (MedleyOutputFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyOutputFile, medley_output_file_free)

G_END_DECLS
