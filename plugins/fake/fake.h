/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <medley/medley.h>

#define FAKE_TEXT_CAPS "text/x-raw, format=(string)utf8"

/* Makes a class an engine from text to text. */
void
fake_class_setup (GstElementClass *klass, const char *task, const char *title,
                  const char *description);

/* Sleeps; returns FALSE with an error when it was cancelled before the time was over. */
gboolean
fake_wait (guint milliseconds, GCancellable *cancellable, GError **error);

GST_ELEMENT_REGISTER_DECLARE (fakeecho)
GST_ELEMENT_REGISTER_DECLARE (fakeslow)
GST_ELEMENT_REGISTER_DECLARE (fakeendless)
GST_ELEMENT_REGISTER_DECLARE (fakecrash)
GST_ELEMENT_REGISTER_DECLARE (fakehang)
GST_ELEMENT_REGISTER_DECLARE (fakehostile)
GST_ELEMENT_REGISTER_DECLARE (fakeleak)
GST_ELEMENT_REGISTER_DECLARE (fakeflaky)
GST_ELEMENT_REGISTER_DECLARE (fakerace)
GST_ELEMENT_REGISTER_DECLARE (fakevoice)
GST_ELEMENT_REGISTER_DECLARE (fakechat)
GST_ELEMENT_REGISTER_DECLARE (fakepainter)
GST_ELEMENT_REGISTER_DECLARE (fakeretoucher)
GST_ELEMENT_REGISTER_DECLARE (fakelistener)
GST_ELEMENT_REGISTER_DECLARE (fakeembedder)
