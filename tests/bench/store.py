# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many jobs a second can be created: what it costs that each is on disk before it is acknowledged.

Prints jobs a second and the time of one answer for 1, 4 and 16 HTTP clients, with durable jobs and without, in turns in
one run. No job runs meanwhile. Beside them the cost of one fdatasync on the same disk. No figure here fails anything.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time

from ledger import PIPELINES
from medleytest import Daemon, Http

CLIENTS = (1, 4, 16)
LATER = 4_000_000_000_000_000  # µs since 1970: nothing starts


def sync_time(folder, rounds=100):
    """The median of an appended block's fdatasync, in ms."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder) as stream:
        for _ in range(rounds):
            stream.write(b"x" * 4096)
            stream.flush()
            begin = time.perf_counter()
            os.fdatasync(stream.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def create(path, n, latencies, lock):
    body = json.dumps({"pipeline": "echo", "inputs": {"text": {"text": "A small job.\n"}}, "startAt": LATER})
    http, own = Http(path), []
    http.ask("GET", "/healthz")
    for _ in range(n):
        begin = time.perf_counter()
        reply = http.ask("POST", "/api/v1/jobs", body.encode(), {"Content-Type": "application/json"})
        own.append((time.perf_counter() - begin) * 1000)
        if reply.status != 201:
            raise RuntimeError(f"{reply.status} {reply.body!r}")
    http.close()
    with lock:
        latencies += own


def measure(daemon, clients, jobs):
    """Returns jobs a second, and the times of all answers in ms."""
    latencies, lock = [], threading.Lock()
    threads = [threading.Thread(target=create, args=(daemon.socket, jobs // clients, latencies, lock))
               for _ in range(clients)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(latencies) / (time.perf_counter() - begin), latencies


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=800, help="jobs for each line")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    settings = ("workers.preload=", "workers.maximum=1", "limits.free-space=0", "limits.queue=1000000",
                "limits.queue-per-client=1000000")
    rows = []
    with Daemon(*settings, pipelines=PIPELINES) as durable, \
            Daemon(*settings, "jobs.durable=false", pipelines=PIPELINES) as volatile:
        sync = sync_time(durable.folder)
        for daemon in (durable, volatile):
            measure(daemon, 1, 20)
        for clients in CLIENTS:
            for name, daemon in (("durable", durable), ("in memory", volatile)):
                rate, latencies = measure(daemon, clients, wanted.n)
                rows.append({"jobs": name, "clients": clients, "per_second": rate,
                             "median_ms": statistics.median(latencies), "max_ms": max(latencies)})
    if wanted.json:
        print(json.dumps({"fdatasync_median_ms": sync, "rows": rows}, indent=2))
        return
    print(f"one fdatasync of an appended block: {sync:.2f} ms")
    print(f"{'jobs':10} {'clients':>8} {'jobs/s':>9} {'median':>9} {'longest':>10}")
    for row in rows:
        print(f"{row['jobs']:10} {row['clients']:8} {row['per_second']:9.0f} {row['median_ms']:7.2f}ms {row['max_ms']:8.2f}ms")


if __name__ == "__main__":
    main()
