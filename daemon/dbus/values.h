/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "job/manager.h"

G_BEGIN_DECLS

/**
 * medley_dbus_clean:
 * @value: any value; a floating one is consumed
 *
 * Leaves out what a message bus refuses (it disconnects who sends it): null, and values nested
 * deeper than anything Medley means.
 *
 * Returns: (transfer full): a value of the same type, not floating
 */
GVariant *
medley_dbus_clean (GVariant *value);

/**
 * medley_dbus_nest:
 * @dict: (nullable): `a{sv}` of `a{sv}`
 * @order: (nullable) (array zero-terminated=1): keys in the wanted order; %NULL for @dict's own
 *
 * Returns: (transfer floating): the same as `a{sa{sv}}`
 */
GVariant *
medley_dbus_nest (GVariant *dict, const char *const *order);

/**
 * MedleyDBusProperty:
 * @property: a GObject property of a skeleton
 * @key: a key of what describes the object
 * @fallback: value and type where the key is absent, in GVariant's text format
 *
 * A row of the table of an interface's properties; the last has no @property.
 */
typedef struct {
  const char *property;
  const char *key;
  const char *fallback;
} MedleyDBusProperty;

/**
 * medley_dbus_publish:
 * @skeleton: an interface skeleton made by gdbus-codegen
 * @description: `a{sv}`; a floating one is consumed
 * @properties: the interface's table
 *
 * Sets all properties. GDBus announces those that differ, together, from the main loop.
 */
void
medley_dbus_publish (gpointer skeleton, GVariant *description,
                     const MedleyDBusProperty *properties);

/**
 * medley_dbus_return_error:
 * @invocation: (transfer full): a call
 * @error: an error of any domain
 *
 * Answers with the typed error of Medley's one table.
 */
void
medley_dbus_return_error (GDBusMethodInvocation *invocation, const GError *error);

/**
 * medley_dbus_return_saved:
 * @jobs: the manager
 * @job: the job that the call was for
 * @invocation: (transfer full): a call that was carried out
 * @value: (nullable): the answer, floating
 *
 * Answers as soon as what was done is on the disk.
 */
void
medley_dbus_return_saved (MedleyJobManager *jobs, MedleyJob *job, GDBusMethodInvocation *invocation,
                          GVariant *value);

/**
 * MedleyDBusOption:
 * @name: key of the entry
 * @types: types it may have, separated by spaces
 * @read: takes it; %NULL for one that the caller looks up
 *
 * A row of the table of what an `a{sv}` argument may hold; the last has no @name.
 */
typedef struct {
  const char *name;
  const char *types;
  gboolean (*read) (GVariant *value, gpointer data, GError **error);
} MedleyDBusOption;

/**
 * medley_dbus_read_options:
 * @what: what the dictionary is, for messages ("option")
 * @dict: `a{sv}` from a client
 * @options: what it may hold
 * @data: for the functions of @options
 * @error: %MEDLEY_ERROR_INVALID_ARGUMENT naming the entry, with the nearest name for an unknown one
 *
 * Returns: whether all entries are known, well-typed and taken
 */
gboolean
medley_dbus_read_options (const char *what, GVariant *dict, const MedleyDBusOption *options,
                          gpointer data, GError **error);

G_END_DECLS
