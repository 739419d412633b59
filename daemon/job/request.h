/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/manager.h"

G_BEGIN_DECLS

/* What the manager reads of a request. */

typedef enum {
  MEDLEY_REQUEST_BYTES,
  MEDLEY_REQUEST_FD,
  MEDLEY_REQUEST_UPLOAD,
  MEDLEY_REQUEST_STREAM,
} MedleyRequestInputKind;

typedef struct {
  char *name; /* NULL for the pipeline's only input */
  MedleyRequestInputKind kind;
  GBytes *bytes;
  int fd;
} MedleyRequestInput;

struct _MedleyJobRequest {
  char *client;
  char *pipeline;
  char *text; /* of a pipeline that the client sent */
  gsize text_length;
  GPtrArray *inputs; /* MedleyRequestInput */
  GVariantDict parameters;
  GPtrArray *output_names; /* char *, NULL entries for the default output */
  GPtrArray *output_types; /* char *, in step with the names */
  gint32 priority;
  gint64 start_at;
  gint64 deadline;
  guint64 run_time;
  guint attempts;
  gboolean no_cache;
  gboolean is_attached;
  char *idempotency_key;
  char *request_id;
  MedleyTrace trace; /* empty for none */
  char *tracestate;
};

G_END_DECLS
