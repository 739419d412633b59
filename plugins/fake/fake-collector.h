/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <medley/medley.h>

/*
 * FakeCollector: what the fakes that need their whole text have in common. It is collected until
 * the input ends; then `answer` pushes what comes of it.
 */
#define FAKE_TYPE_COLLECTOR (fake_collector_get_type ())
G_DECLARE_DERIVABLE_TYPE (FakeCollector, fake_collector, FAKE, COLLECTOR, MedleyConverter)

struct _FakeCollectorClass {
  MedleyConverterClass parent_class;

  /* As MedleyConverterClass.drain. @text is never empty, and ends in NUL. */
  gboolean (*answer) (FakeCollector *self, const char *text, GCancellable *cancellable,
                      GError **error);
};

/* A number that differs for texts that do, the same on every machine (FNV-1a). */
guint64
fake_hash (const void *data, gsize length);

/* A frame to be pushed: RGBA, and its caps, which are set on @port. */
GstBuffer *
fake_frame_new (MedleyConverter *self, const char *port, guint width, guint height,
                GstMapInfo *map);
