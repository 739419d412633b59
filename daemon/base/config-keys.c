/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/config.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* clang-format off */
static const MedleyConfigKey table[] = {
  { "paths.runtime", MEDLEY_CONFIG_PATH, "${runtime}", 0, 0, NULL, "Folder of the Unix socket and the token; made with mode 0700" },
  { "paths.spool", MEDLEY_CONFIG_PATH, "${state}/spool", 0, 0, NULL, "Folder of the jobs: their inputs, outputs and store" },
  { "paths.pipelines", MEDLEY_CONFIG_PATHS, "${data}/pipelines:${sysconf}/pipelines:${config}/pipelines", 0, 0, NULL, "Folders of pipeline files; later ones win" },
  { "paths.plugins", MEDLEY_CONFIG_PATHS, "${plugins}:${userdata}/plugins", 0, 0, NULL, "Folders of GStreamer plugins, besides GStreamer's own: Medley's, where they were installed, and the user's" },
  { "paths.worker", MEDLEY_CONFIG_PATH, "", 0, 0, NULL, "The worker's executable; empty: beside the daemon's own, else where it was installed" },
  { "paths.models", MEDLEY_CONFIG_PATHS, "${userdata}/models", 0, 0, NULL, "Files and folders that workers may read besides the system's /usr, fonts and plugins: models, languages and voices kept elsewhere" },
  { "paths.temporary", MEDLEY_CONFIG_PATH, "${state}/temporary", 0, 0, NULL, "Folder in which each worker gets a temporary one of its own, emptied after each job" },
  { "paths.registry", MEDLEY_CONFIG_PATH, "${cache}/registry.bin", 0, 0, NULL, "File of the private GStreamer registry" },

  { "paths.cache", MEDLEY_CONFIG_PATH, "${cache}/stages", 0, 0, NULL, "Folder of the stage cache; daemons may share it" },
  { "paths.dot", MEDLEY_CONFIG_STRING, "dot", 0, 0, NULL, "Graphviz' program that draws pipelines, a name or a path; empty for none" },

  { "cache.bytes", MEDLEY_CONFIG_BYTES, "2GiB", 0, 0, NULL, "Most bytes of kept results of stages; 0 keeps none and looks none up" },
  { "cache.entry-bytes", MEDLEY_CONFIG_BYTES, "64MiB", 4 * KIB, 0, NULL, "Largest result of a stage that is kept" },

  { "http.socket", MEDLEY_CONFIG_PATH, "${runtime}/http.sock", 0, 0, NULL, "The Unix socket of the HTTP face; empty for none" },
  { "http.address", MEDLEY_CONFIG_STRING, "127.0.0.1", 0, 0, NULL, "Address of the TCP listener; one that is not loopback needs http.tls-certificate and http.authentication=token" },
  { "http.port", MEDLEY_CONFIG_INTEGER, "8490", 0, 65535, NULL, "Port of the TCP listener; 0 for any free one" },
  { "http.tcp", MEDLEY_CONFIG_BOOLEAN, "true", 0, 0, NULL, "Whether to listen on TCP at all" },
  { "http.authentication", MEDLEY_CONFIG_CHOICE, "token", 0, 0, "token none", "What TCP clients must show; none is for a machine with one user" },
  { "http.tls-certificate", MEDLEY_CONFIG_PATH, "", 0, 0, NULL, "File with the certificate of the TCP listener and those that lead to its root, PEM; empty for no TLS" },
  { "http.tls-key", MEDLEY_CONFIG_PATH, "", 0, 0, NULL, "File with the certificate's private key, PEM; ${credentials}/NAME is a credential from systemd" },
  { "http.tokens", MEDLEY_CONFIG_PATH, "${state}/tokens.json", 0, 0, NULL, "File of the tokens that \"medley token\" makes: names, scopes and hashes; looked at anew when it changes" },
  { "http.allowed-hosts", MEDLEY_CONFIG_NAMES, "", 0, 0, NULL, "Names accepted in Host besides localhost, 127.0.0.1 and [::1]" },
  { "http.header-bytes", MEDLEY_CONFIG_BYTES, "64KiB", KIB, 16 * MIB, NULL, "Longest request header" },
  { "http.header-fields", MEDLEY_CONFIG_INTEGER, "100", 10, 10000, NULL, "Most fields of a request's header" },
  { "http.json-bytes", MEDLEY_CONFIG_BYTES, "1MiB", KIB, 64 * MIB, NULL, "Longest JSON request body" },
  { "http.answer-bytes", MEDLEY_CONFIG_BYTES, "32MiB", KIB, 0, NULL, "Largest output that becomes part of a JSON answer" },
  { "http.handshake-timeout", MEDLEY_CONFIG_DURATION, "10s", 1, 3600, NULL, "Longest time for a TLS handshake" },
  { "http.header-timeout", MEDLEY_CONFIG_DURATION, "30s", 1, 3600, NULL, "Longest time to send a request's header" },
  { "http.idle-timeout", MEDLEY_CONFIG_DURATION, "5min", 1, 86400, NULL, "Longest pause within an upload" },
  { "http.ahead-bytes", MEDLEY_CONFIG_BYTES, "4MiB", 0, 0, NULL, "How far an upload of unknown length, or what a session sends, may be ahead of the job that reads it; more waits in the client's socket; 0 for no limit" },
  { "http.sessions", MEDLEY_CONFIG_INTEGER, "64", 0, 100000, NULL, "Most sessions at once" },
  { "http.session-idle", MEDLEY_CONFIG_DURATION, "5min", 1, 86400, NULL, "How long a session may be silent, unless a job works for it" },
  { "http.connections", MEDLEY_CONFIG_INTEGER, "512", 1, 100000, NULL, "Most connections at once" },
  { "http.connections-per-peer", MEDLEY_CONFIG_INTEGER, "256", 1, 100000, NULL, "Most connections of one peer: a user of the Unix socket, an address, all of this machine over TCP" },

  { "dbus.bus", MEDLEY_CONFIG_CHOICE, "session", 0, 0, "session system none", "The message bus of the D-Bus face; without a bus it is off" },
  { "dbus.finished-jobs", MEDLEY_CONFIG_INTEGER, "100", 0, 10000, NULL, "How many finished jobs stay visible as objects" },
  { "dbus.open-outputs", MEDLEY_CONFIG_INTEGER, "256", 1, 100000, NULL, "Most growing outputs that are read over D-Bus at once" },

  { "workers.maximum", MEDLEY_CONFIG_INTEGER, "0", 0, 1024, NULL, "Most workers at once; 0 for the number of processors" },
  { "workers.warm", MEDLEY_CONFIG_INTEGER, "1", 0, 1024, NULL, "Workers kept ready while idle" },
  { "workers.mode", MEDLEY_CONFIG_CHOICE, "zygote", 0, 0, "zygote exec", "How workers are made: forked from a prepared process, or executed one by one (for debugging)" },
  { "workers.sandbox", MEDLEY_CONFIG_CHOICE, "strict", 0, 0, "strict best-effort none", "What workers are confined by: strict refuses to start them where this system lacks a part, best-effort takes what there is, none leaves them the rights of the user" },
  { "workers.preload", MEDLEY_CONFIG_NAMES, "espeak;tesseract;storyboard", 0, 0, NULL, "Engines that are opened before a worker is needed" },
  { "workers.grace", MEDLEY_CONFIG_DURATION, "2s", 0, 3600, NULL, "How long a cancelled engine may take before its worker is killed" },
  { "workers.stall", MEDLEY_CONFIG_DURATION, "2min", 1, 86400, NULL, "Longest time a running job may go without any progress" },
  { "workers.heartbeat", MEDLEY_CONFIG_DURATION, "10s", 2, 3600, NULL, "Longest silence of a worker that runs a job" },
  { "workers.answer", MEDLEY_CONFIG_DURATION, "20s", 1, 3600, NULL, "Longest time in which a worker answers a question, such as what engines there are" },
  { "workers.memory-bytes", MEDLEY_CONFIG_BYTES, "2GiB", 64 * MIB, 0, NULL, "Most private memory of one worker" },
  { "workers.circuit-crashes", MEDLEY_CONFIG_INTEGER, "5", 0, 1000, NULL, "An engine that crashes or hangs so many times within workers.circuit-window, without any success between, is suspended; 0 for never" },
  { "workers.circuit-window", MEDLEY_CONFIG_DURATION, "1min", 1, 86400, NULL, "Time within which crashes of an engine count together" },
  { "workers.circuit-time", MEDLEY_CONFIG_DURATION, "1min", 1, 86400, NULL, "How long an engine is suspended before one job tries it; doubled each time that one crashes, too" },
  { "workers.circuit-time-maximum", MEDLEY_CONFIG_DURATION, "10min", 1, 86400, NULL, "Longest time for which an engine is suspended before it is tried again" },
  { "workers.threads", MEDLEY_CONFIG_INTEGER, "1", 1, 256, NULL, "OpenMP threads of one worker" },
  { "workers.file-descriptors", MEDLEY_CONFIG_INTEGER, "256", 64, 65536, NULL, "Most open files of one worker" },

  { "telemetry.otlp-endpoint", MEDLEY_CONFIG_STRING, "", 0, 0, NULL, "Where traces are sent, by OTLP over HTTP as JSON: the address of a collector (http://localhost:4318), to which /v1/traces is added, or with a path of its own; empty for nowhere" },
  { "telemetry.otlp-headers", MEDLEY_CONFIG_PATH, "", 0, 0, NULL, "File of header fields that are sent along, such as a key: one \"Name: value\" a line; empty: otlp-headers of systemd's credentials, where there is one" },
  { "telemetry.service-name", MEDLEY_CONFIG_STRING, "medleyd", 0, 0, NULL, "What the daemon is called in traces" },
  { "telemetry.sampled-percent", MEDLEY_CONFIG_INTEGER, "100", 0, 100, NULL, "How many of the traces that begin here are sent; of one that began elsewhere its traceparent decides" },
  { "telemetry.interval", MEDLEY_CONFIG_DURATION, "5s", 1, 3600, NULL, "Longest wait of a span before it is sent" },
  { "telemetry.queue", MEDLEY_CONFIG_INTEGER, "2048", 1, 1000000, NULL, "Most spans that wait to be sent; further ones are dropped" },

  { "log.level", MEDLEY_CONFIG_CHOICE, "message", 0, 0, "error warning message info debug", "The least that is logged" },
  { "log.format", MEDLEY_CONFIG_CHOICE, "auto", 0, 0, "auto text json", "How: auto writes to the journal with all fields where standard error leads there, else lines of text; json writes an object a line" },
  { "log.requests", MEDLEY_CONFIG_CHOICE, "debug", 0, 0, "debug info off", "The level at which each HTTP request is logged" },

  { "limits.text-bytes", MEDLEY_CONFIG_BYTES, "64MiB", 1, 0, NULL, "Longest text input" },
  { "limits.input-bytes", MEDLEY_CONFIG_BYTES, "2GiB", 1, 0, NULL, "Largest input of any other type" },
  { "limits.image-pixels", MEDLEY_CONFIG_INTEGER, "100000000", 1, 0, NULL, "Most pixels of one image or frame" },
  { "limits.output-bytes", MEDLEY_CONFIG_BYTES, "16GiB", 1, 0, NULL, "Largest output" },
  { "limits.pipeline-bytes", MEDLEY_CONFIG_BYTES, "1MiB", KIB, 64 * MIB, NULL, "Largest pipeline file" },
  { "limits.json-depth", MEDLEY_CONFIG_INTEGER, "64", 8, 1000, NULL, "Deepest nesting of JSON" },
  { "limits.stages", MEDLEY_CONFIG_INTEGER, "64", 1, 10000, NULL, "Most stages of a pipeline, sub-pipelines included" },
  { "limits.fan-out", MEDLEY_CONFIG_INTEGER, "32", 1, 1000, NULL, "Most readers of one port" },
  { "limits.events", MEDLEY_CONFIG_INTEGER, "1000", 16, 1000000, NULL, "Events kept of one job; progress is dropped first" },
  { "limits.run-time", MEDLEY_CONFIG_DURATION, "24h", 1, 0, NULL, "Longest run of one job" },
  { "limits.upload-wait", MEDLEY_CONFIG_DURATION, "10min", 1, 86400, NULL, "How long a job waits for the upload of an input to begin" },
  { "limits.running-per-client", MEDLEY_CONFIG_INTEGER, "0", 0, 0, NULL, "Most jobs of one client that run at once; 0 for no limit" },
  { "limits.queue", MEDLEY_CONFIG_INTEGER, "10000", 1, 0, NULL, "Most jobs that wait" },
  { "limits.queue-per-client", MEDLEY_CONFIG_INTEGER, "10000", 1, 0, NULL, "Most jobs of one client that wait" },

  { "limits.free-space", MEDLEY_CONFIG_BYTES, "256MiB", 0, 0, NULL, "Free space of the spool's disk below which new jobs are refused" },
  { "limits.drawing-time", MEDLEY_CONFIG_DURATION, "10s", 1, 3600, NULL, "Longest time in which Graphviz draws a pipeline" },
  { "limits.drawing-bytes", MEDLEY_CONFIG_BYTES, "4MiB", KIB, 256 * MIB, NULL, "Largest picture of a pipeline" },
  { "limits.request-key", MEDLEY_CONFIG_INTEGER, "255", 16, 4096, NULL, "Longest idempotency key, in bytes" },

  { "jobs.keep", MEDLEY_CONFIG_INTEGER, "1000", 0, 0, NULL, "Finished jobs that are kept" },
  { "jobs.keep-time", MEDLEY_CONFIG_DURATION, "30d", 0, 0, NULL, "How long finished jobs are kept; 0 for ever" },
  { "jobs.keep-bytes", MEDLEY_CONFIG_BYTES, "20GiB", 0, 0, NULL, "Most bytes of inputs and outputs of finished jobs that are kept; 0 for no limit" },
  { "jobs.durable", MEDLEY_CONFIG_BOOLEAN, "true", 0, 0, NULL, "Whether jobs outlive the daemon: each is on disk before its creation is answered" },
  { "jobs.drain", MEDLEY_CONFIG_DURATION, "30s", 0, 604800, NULL, "How long running jobs get to finish when the daemon is asked to end; what runs longer is kept for the next one" },
  { "jobs.attempts", MEDLEY_CONFIG_INTEGER, "3", 1, 1000, NULL, "Most starts of a job whose worker or daemon died or whose error may pass" },
  { "jobs.poison", MEDLEY_CONFIG_INTEGER, "3", 1, 1000, NULL, "A job that killed its worker so many times is not started again" },
  { "jobs.retry-delay", MEDLEY_CONFIG_DURATION, "1s", 0, 86400, NULL, "Wait before the second attempt, doubled before each further one" },
  { "jobs.retry-delay-maximum", MEDLEY_CONFIG_DURATION, "5min", 0, 86400, NULL, "Longest wait before a further attempt" },
  { "jobs.idempotency-time", MEDLEY_CONFIG_DURATION, "24h", 0, 0, NULL, "How long an idempotency key is remembered, at least as long as its job is kept" },
  { "jobs.classes", MEDLEY_CONFIG_LIMITS, "gpu=1;net=32", 1, 1000000, NULL, "Most jobs that run at once per concurrency class of their engines; a class that is not named has no limit of its own" },
  { "jobs.client-elements", MEDLEY_CONFIG_NAMES, "audioconvert;audioresample;volume;audioecho;audiopanorama;equalizer-3bands;equalizer-10bands;audiodynamic;audioamplify;level;pitch;scaletempo;videoconvert;videoscale;videobalance;videoflip;videocrop;videobox;gamma;textoverlay;timeoverlay;subparse;identity", 0, 0, NULL, "GStreamer elements that a pipeline sent by a client may use; installed pipelines may use any" },
};
/* clang-format on */

const MedleyConfigKey *
medley_config_keys (guint *n_keys)
{
  *n_keys = G_N_ELEMENTS (table);
  return table;
}
