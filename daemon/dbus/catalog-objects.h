/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "job/manager.h"

G_BEGIN_DECLS

/**
 * MedleyDBusCatalog:
 *
 * The objects of pipelines and engines on the bus; they come, change and go with the library and
 * the catalogue.
 */
typedef struct _MedleyDBusCatalog MedleyDBusCatalog;

/* @server: where to export the objects */
MedleyDBusCatalog *
medley_dbus_catalog_new (MedleyJobManager *jobs, GDBusObjectManagerServer *server);
/* Takes all its objects from the bus. */
void
medley_dbus_catalog_free (MedleyDBusCatalog *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MedleyDBusCatalog, medley_dbus_catalog_free)

G_END_DECLS
