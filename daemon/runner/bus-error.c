/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runner/bus-error.h"

#include <medley/medley-error.h>
#include <string.h>

enum { RANK_FOLLOWS = 0, RANK_LINK = 1, RANK_ELEMENT = 2, RANK_MEDLEY = 3 };

/* Whose it is says most: decoders belong to an input, encoders to an output. */
static MedleyError
fold (const GError *error, const MedleyNode *node)
{
  if (error->domain == GST_RESOURCE_ERROR && error->code == GST_RESOURCE_ERROR_NO_SPACE_LEFT)
    return MEDLEY_ERROR_NO_SPACE;
  if (error->domain == GST_RESOURCE_ERROR
      && (error->code == GST_RESOURCE_ERROR_READ || error->code == GST_RESOURCE_ERROR_WRITE))
    return MEDLEY_ERROR_IO;
  if ((error->domain == GST_CORE_ERROR && error->code == GST_CORE_ERROR_MISSING_PLUGIN)
      || (error->domain == GST_STREAM_ERROR && error->code == GST_STREAM_ERROR_CODEC_NOT_FOUND))
    return MEDLEY_ERROR_UNSUPPORTED_TYPE;
  if (node == NULL || node->kind == MEDLEY_NODE_OUTPUT)
    return MEDLEY_ERROR_FAILED;
  if (node->kind == MEDLEY_NODE_INPUT)
    return MEDLEY_ERROR_BAD_INPUT;
  if (error->domain == GST_STREAM_ERROR
      && (error->code == GST_STREAM_ERROR_DECODE || error->code == GST_STREAM_ERROR_DEMUX
          || error->code == GST_STREAM_ERROR_WRONG_TYPE
          || error->code == GST_STREAM_ERROR_TYPE_NOT_FOUND))
    return MEDLEY_ERROR_BAD_INPUT;
  return MEDLEY_ERROR_ENGINE_FAILED;
}

/* An element that finds its stream stopped says so, after the one that stopped it gave the reason.
 */
static guint
rank_of (const GError *error)
{
  if (error->domain == MEDLEY_ERROR)
    return RANK_MEDLEY;
  if (error->domain == GST_STREAM_ERROR && error->code == GST_STREAM_ERROR_FAILED)
    return RANK_FOLLOWS;
  if (error->domain == GST_CORE_ERROR && error->code == GST_CORE_ERROR_NEGOTIATION)
    return RANK_LINK;
  return RANK_ELEMENT;
}

static const char *
kind_name (const MedleyNode *node)
{
  static const char *const names[] = { "input", "stage", "output" };

  return names[node->kind];
}

/* The first line of what GStreamer adds for developers says what went wrong, after the place in its
 * code. */
static char *
debug_reason (const char *debug)
{
  const char *line = debug != NULL ? strchr (debug, '\n') : NULL;

  return line != NULL && line[1] != '\0' ? g_strndup (line + 1, strcspn (line + 1, "\n")) : NULL;
}

MedleyBusError *
medley_bus_error_read (GstMessage *message)
{
  MedleyBusError *self = g_new0 (MedleyBusError, 1);
  MedleyNode *node = medley_node_of (GST_MESSAGE_SRC (message));
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;
  g_autofree char *reason = NULL;

  gst_message_parse_error (message, &error, &debug);
  self->node = node != NULL ? medley_node_ref (node) : NULL;
  self->rank = rank_of (error);
  if (error->domain == MEDLEY_ERROR) {
    self->error = g_steal_pointer (&error);
    return self;
  }
  reason = debug_reason (debug);
  g_strchomp (error->message);
  if (g_str_has_suffix (error->message, "."))
    error->message[strlen (error->message) - 1] = '\0';
  self->error
      = g_error_new (MEDLEY_ERROR, fold (error, node), "%s%s%s%s%s (%s)%s%s",
                     node != NULL ? kind_name (node) : "", node != NULL ? " \"" : "",
                     node != NULL ? node->name : "", node != NULL ? "\": " : "", error->message,
                     GST_MESSAGE_SRC (message) != NULL ? GST_OBJECT_NAME (GST_MESSAGE_SRC (message))
                                                       : "",
                     reason != NULL ? ": " : "", reason != NULL ? reason : "");
  return self;
}

void
medley_bus_error_free (MedleyBusError *self)
{
  g_clear_error (&self->error);
  g_clear_pointer (&self->node, medley_node_unref);
  g_free (self);
}
