/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * MedleyMp4Finish:
 *
 * Stands between mp4mux and the output. While the file grows it is a fragmented MP4 whose bytes
 * never change, so that whoever follows it can play it. At the end it becomes a plain one with an
 * index, and this is how the bytes differ:
 *
 *     growing:  ftyp  moov  moof mdat  moof mdat …  free( … )
 *     finished: ftyp  mdat( … … … … … … … … … … … )      moov
 *
 * The index is appended within a box that players skip, and then the 16 bytes at the first `moov`
 * are replaced by the header of one `mdat` that reaches up to the index. A reader that began before
 * goes on and still has a proper fragmented file.
 */
#define MEDLEY_TYPE_MP4_FINISH (medley_mp4_finish_get_type ())
G_DECLARE_FINAL_TYPE (MedleyMp4Finish, medley_mp4_finish, MEDLEY, MP4_FINISH, GstElement)

/* (transfer floating) */
GstElement *
medley_mp4_finish_new (void);

/* Watches the sink pads of @muxer, before it has any, for when each track starts. Both must be in
 * one pipeline. */
void
medley_mp4_finish_watch (MedleyMp4Finish *self, GstElement *muxer);

G_END_DECLS
