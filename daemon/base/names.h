/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every bus name, object path, environment variable and well-known file name, in one place. */

#define MEDLEY_BUS_NAME "org.medley.Medley1"
#define MEDLEY_ROOT_PATH "/org/medley/Medley1"
#define MEDLEY_JOB_PATH_PREFIX MEDLEY_ROOT_PATH "/job/"
#define MEDLEY_PIPELINE_PATH_PREFIX MEDLEY_ROOT_PATH "/pipeline/"
#define MEDLEY_ENGINE_PATH_PREFIX MEDLEY_ROOT_PATH "/engine/"

#define MEDLEY_WORKER_PATH "/org/medley/Worker1"
/* Asks a worker to say where it is and to end. */
#define MEDLEY_WORKER_TELL_SIGNAL SIGUSR2

/* Below the runtime folder. */
#define MEDLEY_HTTP_SOCKET_NAME "http.sock"
#define MEDLEY_TOKEN_NAME "token"

/* In the folder of the process that builds GStreamer's registry. */
#define MEDLEY_REGISTRY_NAME "registry.bin"
/* Set for workers when that process did not get through: why plugins that the registry does not
 * know are not to be loaded. */
#define MEDLEY_UNSEEN_VARIABLE "MEDLEY_UNSEEN_PLUGINS"

#define MEDLEY_CONFIG_NAME "medley.conf"
/* Beside the executables of a build tree: tells an uninstalled daemon where its parts are. */
#define MEDLEY_UNINSTALLED_CONFIG_NAME "medley-uninstalled.conf"

/* Element message by which engines and the worker's own elements report progress. */
#define MEDLEY_MESSAGE_PROGRESS "medley-progress"
