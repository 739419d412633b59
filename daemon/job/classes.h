/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "catalog/catalog.h"

G_BEGIN_DECLS

/**
 * MedleyClasses:
 *
 * How many jobs run of each concurrency class and of each client, and whether one more may. A class
 * without a limit is not limited. One thread only.
 */
typedef struct _MedleyClasses MedleyClasses;

/**
 * medley_classes_new:
 * @limits: (array zero-terminated=1): "class=number" each, as medley_config_get_list() gives
 * `jobs.classes`, which has checked them
 * @per_client: most jobs of one client that run at once, 0 for no limit
 * (`limits.running-per-client`)
 *
 * Returns: (transfer full): nothing runs yet
 */
MedleyClasses *
medley_classes_new (const char *const *limits, guint64 per_client);
void
medley_classes_free (MedleyClasses *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyClasses, medley_classes_free)

/**
 * medley_classes_can_start:
 * @client: a client
 * @classes: (array zero-terminated=1): classes that a job of it needs
 * @self: the #MedleyClasses; the order of arguments is that of #MedleyQueueCanStart
 *
 * Returns: whether one more such job may run
 */
gboolean
medley_classes_can_start (const char *client, const char *const *classes, gpointer self);

/**
 * medley_classes_explain:
 * @self: the classes
 * @client: a client
 * @classes: (array zero-terminated=1): classes that a job of it needs
 *
 * Returns: (transfer full) (nullable): why no such job may start now, for people; %NULL when one
 * may
 */
char *
medley_classes_explain (MedleyClasses *self, const char *client, const char *const *classes);

/* A job starts, whether or not it could; medley_classes_end() with the same arguments follows. Each
 * class is named once. */
void
medley_classes_start (MedleyClasses *self, const char *client, const char *const *classes);
void
medley_classes_end (MedleyClasses *self, const char *client, const char *const *classes);

/* how many jobs run that need a class, or are a client's */
guint
medley_classes_get_running (MedleyClasses *self, const char *class_name);
guint
medley_classes_get_client_running (MedleyClasses *self, const char *client);

/**
 * medley_classes_describe:
 * @self: the classes
 *
 * Returns: (transfer floating): `aa{sv}`, by name, each class that has a limit or a running job:
 * "class" s, "running" u and, where there is one, "limit" t
 */
GVariant *
medley_classes_describe (MedleyClasses *self);

/**
 * medley_classes_of_plan:
 * @plan: `a{sv}` as of medley_plan_make()
 * @catalog: the engines that are present
 *
 * The classes that a job needs: of each task stage the one of its first engine (one that takes over
 * later is not counted), and "cpu" for what is not an engine.
 *
 * Returns: (transfer full) (array zero-terminated=1): sorted, each once, never empty
 */
char **
medley_classes_of_plan (GVariant *plan, MedleyCatalog *catalog);

G_END_DECLS
