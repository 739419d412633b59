/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/http.h"

G_BEGIN_DECLS

/* A video is a job that makes one: whoever created it, and also when its daemon is another by
 * now. */

#define MEDLEY_OPENAI_VIDEO_PREFIX "video_"

/* (transfer none) (nullable): the output of a job that is a video */
const char *
medley_openai_video_output (MedleyJob *job);

/**
 * medley_openai_find_video:
 * @http: the face
 * @id: a video's id: a job's with a prefix
 * @error: %MEDLEY_ERROR_NOT_FOUND
 *
 * Returns: (transfer full) (nullable): its job
 */
MedleyJob *
medley_openai_find_video (MedleyHttp *http, const char *id, GError **error);

/* (transfer floating): `a{sv}`: the video as OpenAI's clients know it */
GVariant *
medley_openai_describe_video (MedleyHttp *http, MedleyJob *job);

/* (transfer full): its id */
char *
medley_openai_video_id (MedleyJob *job);

G_END_DECLS
