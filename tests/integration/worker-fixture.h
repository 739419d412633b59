/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

/* The thread sanitizer writes its reports to files, and reads the libraries that they name. */
#ifdef __SANITIZE_THREAD__
#define TEST_SANDBOX "none"
#else
#define TEST_SANDBOX "strict"
#endif

/* Recorded and replayed ports of a stage; files in the worker's folder. */
typedef struct {
  const char *stage;
  gboolean replay; /* else recorded */
  guint64 limit;   /* 0 for 1 MiB */
  struct {
    const char *port;
    const char *file;
  } ports[3];
} TestStage;

/* A real medley-worker over a socketpair, the test being the daemon. */
typedef struct {
  GPid pid;
  int pidfd;
  int errors; /* the worker's standard error */
  GDBusConnection *connection;
  guint subscription;
  GPtrArray *events; /* of GVariant (ssa{sv}) */
  guint n_heartbeats;
  char *heartbeat_stage;
  char *heartbeat_engine;
  guint64 activity;
  gboolean finished;
  gboolean ok;
  GVariant *error;
  char *folder;            /* of files, removed at the end */
  const TestStage *stages; /* of the next runs; ends with a NULL name */
} TestWorker;

/* Makes the registry that GST_REGISTRY names, once per process. */
void
test_worker_build_registry (void);

/* Starts the worker that MEDLEY_WORKER names, with further arguments; or takes over one that was
 * made otherwise. */
TestWorker *
test_worker_start (const char *const *arguments);
TestWorker *
test_worker_adopt (GPid pid, int socket);
void
test_worker_free (TestWorker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestWorker, test_worker_free)

/* Calls a method; (transfer full) (nullable). `parameters` is floating or NULL. */
GVariant *
test_worker_call (TestWorker *self, const char *method, GVariant *parameters, GError **error);

/* A file in the worker's folder: its path, and one with content. (transfer full) */
char *
test_worker_path (TestWorker *self, const char *name);
char *
test_worker_write (TestWorker *self, const char *name, const char *text, gssize length);
char *
test_worker_read (TestWorker *self, const char *name, gsize *length);

/* What to run. `plan` is GVariant text of an a{sv}. */
typedef struct {
  const char *name;
  const char *path;
  int doorbell; /* 0 or -1 for none; taken over */
} TestInput;

typedef struct {
  const char *name;
  const char *file; /* in the worker's folder */
  const char *type;
} TestOutput;

/* Starts a job. The lists end with a NULL name. */
void
test_worker_run (TestWorker *self, const char *plan, const TestInput *inputs,
                 const TestOutput *outputs);
gboolean
test_worker_try_run (TestWorker *self, const char *plan, const TestInput *inputs,
                     const TestOutput *outputs, GError **error);
/* Waits for the end, at most so many seconds. */
void
test_worker_wait (TestWorker *self, guint seconds);
/* Runs the main loop until `check` holds, at most so many seconds; then the test fails. */
void
test_worker_until (TestWorker *self, gboolean (*check) (TestWorker *self, gpointer data),
                   gpointer data, guint seconds);
/* Run, wait, and assert that it went well. */
void
test_worker_succeed (TestWorker *self, const char *plan, const TestInput *inputs,
                     const TestOutput *outputs);
/* Run, wait, and assert the error's code, stage (NULL for none) and a part of its message. */
void
test_worker_fail (TestWorker *self, const char *plan, const TestInput *inputs,
                  const TestOutput *outputs, const char *code, const char *stage,
                  const char *message);

/* The details of the first event of a kind, of a stage or output when `of` is not NULL. (transfer
 * full) (nullable) */
GVariant *
test_worker_find_event (TestWorker *self, const char *kind, const char *of);

/* Waits for the process to end; returns the status as of waitpid(2). */
int
test_worker_reap (TestWorker *self, guint seconds);

/* Memory of its own (USS), in KiB. */
guint64
test_worker_private_kib (TestWorker *self);

/* (transfer full) what ffprobe says of a file ("format=duration"), one value a line */
char *
test_probe (const char *path, const char *entries);
double
test_probe_duration (const char *path);
/* Decodes all of a file and fails the test when a decoder complains. */
void
test_decode (const char *path);
/* Whether such a program is there. */
gboolean
test_have (const char *program);

/* Plans. (transfer full) */
char *
test_plan (const char *inputs, const char *stages, const char *outputs, const char *limits);
