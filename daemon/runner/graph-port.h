/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "runner/graph.h"

G_BEGIN_DECLS

/* The pads of a graph's parts; for graph.c. */

/* How many links of a plan read a port. */
guint
medley_graph_count_links (const MedleyRunPlan *plan, const char *source, const char *port);

/* (transfer full): names of an element's pads of one direction. */
char **
medley_graph_list_pads (GstElement *element, GstPadDirection direction);

/* (transfer none) (nullable): the template that a pad's name means: "" is the default one, a name
 * is its own or that of a "%u" template. */
GstPadTemplate *
medley_graph_find_template (GstElement *element, GstPadDirection direction, const char *name);

/* (transfer full) (nullable): the pad of that name, requested where it has to be; NULL when it
 * comes later or never. */
GstPad *
medley_graph_get_pad (GstElement *element, GstPadTemplate *template, const char *name);

/* (transfer full): what a pad may give or take. */
GstCaps *
medley_graph_query_caps (GstElement *element, GstPadTemplate *template, GstPad *pad);

/**
 * medley_graph_take_port:
 * @self: a graph
 * @link: what is read
 * @message: (out) (transfer full) (nullable): the fault
 * @suggestion: (out) (transfer full) (nullable): the nearest valid name
 *
 * Finds a port or makes it, with a gate behind it.
 *
 * Returns: (transfer none) (nullable): the port; %NULL without a message when the part's own fault
 * is told already
 */
MedleyGraphPort *
medley_graph_take_port (MedleyGraph *self, const MedleyPlanLink *link, char **message,
                        char **suggestion);

/**
 * medley_graph_take_pad:
 * @self: a graph
 * @port: a port
 * @reader: who reads it
 * @kind: (inout): how it is to be linked; changed when the pad gives decoded data already
 *
 * Returns: (transfer full) (nullable): a pad to link
 */
GstPad *
medley_graph_take_pad (MedleyGraph *self, MedleyGraphPort *port, MedleyNode *reader,
                       MedleyLinkKind *kind);

G_END_DECLS
