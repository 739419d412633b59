/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MedleyOpenaiAttachments:
 *
 * Takes the files out of a JSON body while it arrives: the content of each "url" or "image_url"
 * that is a `data:` URI in base64 goes decoded to an unnamed file of the spool, and a short address
 * takes its place in the JSON. What is left waits in a file as well once it is long. So a body
 * costs little memory, however slowly it comes. Does not check the JSON; who parses it does.
 */
typedef struct _MedleyOpenaiAttachments MedleyOpenaiAttachments;

/**
 * medley_openai_attachments_new:
 * @spool: folder for the files
 * @max_text: most bytes of JSON that may be left
 * @max_bytes: most bytes of all files together
 *
 * Returns: (transfer full): with nothing in it
 */
MedleyOpenaiAttachments *
medley_openai_attachments_new (const char *spool, gsize max_text, guint64 max_bytes);
/* Closes the files that were not taken. */
void
medley_openai_attachments_free (MedleyOpenaiAttachments *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyOpenaiAttachments, medley_openai_attachments_free)

/**
 * medley_openai_attachments_feed:
 * @self: attachments
 * @data: the next bytes of the body
 * @length: how many
 * @error: %MEDLEY_ERROR_TOO_LARGE, %MEDLEY_ERROR_INVALID_ARGUMENT for what is no base64,
 * %MEDLEY_ERROR_NO_SPACE, %MEDLEY_ERROR_IO
 *
 * Returns: whether all went well; if not it is of no further use
 */
gboolean
medley_openai_attachments_feed (MedleyOpenaiAttachments *self, const void *data, gsize length,
                                GError **error);

/**
 * medley_openai_attachments_get_text:
 * @self: attachments, after the last feed
 * @error: %MEDLEY_ERROR_NO_SPACE, %MEDLEY_ERROR_IO
 *
 * Returns: (transfer full) (nullable): the JSON that is left; where it is long, a file that is
 * mapped
 */
GBytes *
medley_openai_attachments_get_text (MedleyOpenaiAttachments *self, GError **error);

/**
 * medley_openai_attachments_take:
 * @self: attachments, after the last feed
 * @url: an address in the JSON that is left
 * @type: (out) (transfer full): its media type, as the client says
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT when nothing was taken out there,
 * %MEDLEY_ERROR_EMPTY_INPUT
 *
 * Returns: a descriptor at its beginning, which the caller closes, or -1
 */
int
medley_openai_attachments_take (MedleyOpenaiAttachments *self, const char *url, char **type,
                                GError **error);

G_END_DECLS
