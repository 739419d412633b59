/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/process-metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CPU, VIRTUAL, RESIDENT, START, OPEN_FDS, MAX_FDS, THREADS, N_METRICS };

#define GAUGE MEDLEY_METRIC_GAUGE

static const MedleyMetricInfo infos[N_METRICS] = {
  [CPU] = { "process_cpu_seconds_total", MEDLEY_METRIC_COUNTER, NULL, NULL,
            "Processor time of the daemon, without its workers" },
  [VIRTUAL] = { "process_virtual_memory_bytes", GAUGE, NULL, NULL, "Virtual memory of the daemon" },
  [RESIDENT]
  = { "process_resident_memory_bytes", GAUGE, NULL, NULL, "Resident memory of the daemon" },
  [START] = { "process_start_time_seconds", GAUGE, NULL, NULL,
              "When the daemon was started, in seconds since 1970" },
  [OPEN_FDS] = { "process_open_fds", GAUGE, NULL, NULL, "Open descriptors of the daemon" },
  [MAX_FDS] = { "process_max_fds", GAUGE, NULL, NULL, "Most open descriptors of the daemon" },
  [THREADS] = { "process_threads", GAUGE, NULL, NULL, "Threads of the daemon" },
};

typedef struct {
  MedleyMetric *metrics[N_METRICS];
} Process;

static double
get_boot_time (void)
{
  g_autofree char *text = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/stat", &text, NULL, NULL))
    return 0;
  line = strstr (text, "\nbtime ");
  return line != NULL ? g_ascii_strtod (line + strlen ("\nbtime "), NULL) : 0;
}

/* proc(5): what follows the command's name, which may hold anything. */
static void
collect_stat (Process *self)
{
  g_autofree char *text = NULL;
  double ticks = (double) sysconf (_SC_CLK_TCK);
  unsigned long long user, system, start, virtual;
  long threads, pages;
  const char *rest;

  if (!g_file_get_contents ("/proc/self/stat", &text, NULL, NULL)
      || (rest = strrchr (text, ')')) == NULL
      || sscanf (rest + 1,
                 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %ld %*d "
                 "%llu %llu %ld",
                 &user, &system, &threads, &start, &virtual, &pages)
             != 6)
    return;
  medley_metric_set (self->metrics[CPU], (double) (user + system) / ticks, NULL);
  medley_metric_set (self->metrics[VIRTUAL], (double) virtual, NULL);
  medley_metric_set (self->metrics[RESIDENT], (double) pages * (double) sysconf (_SC_PAGESIZE),
                     NULL);
  medley_metric_set (self->metrics[THREADS], (double) threads, NULL);
  medley_metric_set (self->metrics[START], get_boot_time () + (double) start / ticks, NULL);
}

static void
collect (gpointer data)
{
  Process *self = data;
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
  struct rlimit limit;
  guint n_fds = 0;

  collect_stat (self);
  while (folder != NULL && g_dir_read_name (folder) != NULL)
    n_fds++;
  /* But for the one of the folder itself. */
  medley_metric_set (self->metrics[OPEN_FDS], n_fds > 0 ? n_fds - 1 : 0, NULL);
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
    medley_metric_set (self->metrics[MAX_FDS], (double) limit.rlim_cur, NULL);
}

void
medley_process_metrics_register (MedleyMetrics *registry)
{
  Process *self = g_new0 (Process, 1);

  medley_metrics_register (registry, infos, N_METRICS, self->metrics);
  medley_metrics_add_collector (registry, collect, self, g_free);
}
