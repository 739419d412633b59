/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "storyboard-theme.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* The element's properties: what they are, what they may be, and their values. */

typedef struct {
  char *title, *image, *font, *language; /* nullable, never empty */
  char *background;
  StoryboardTheme theme;
  gboolean pan, highlight;
  int width, height; /* pixels */
  int rate_n, rate_d;
  guint64 beat; /* ns */
} StoryboardSettings;

void
storyboard_settings_init (StoryboardSettings *self);
void
storyboard_settings_copy (StoryboardSettings *to, const StoryboardSettings *from);
void
storyboard_settings_clear (StoryboardSettings *self);

/* Whether the values fit together; FALSE with MEDLEY_ERROR_INVALID_PROPERTY. */
gboolean
storyboard_settings_check (const StoryboardSettings *self, GError **error);

void
storyboard_settings_install (GObjectClass *klass);
/* FALSE when there is no property @id. */
gboolean
storyboard_settings_set (StoryboardSettings *self, guint id, const GValue *value);
gboolean
storyboard_settings_get (const StoryboardSettings *self, guint id, GValue *value);

G_END_DECLS
