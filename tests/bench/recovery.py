# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long it takes until the next job runs after an engine crashed, hung or was cancelled.

Prints, for each way to lose a worker, the time from the failed job's end to the first output of the next job, beside the
same job on an undisturbed pool, alternating in one run: medians, and their ratio. No figure here fails anything.
"""

import argparse
import http.client
import json
import socket
import statistics
import time

from medleytest import Daemon


def pipeline(engine, **settings):
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"s": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "s", "type": "text/plain"}},
    }


PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    "segv.json": pipeline("fakecrash", how="segv"),
    "endless.json": pipeline("fakeendless"),
    "hang.json": pipeline("fakehang"),
}


class Client:
    """Requests on one kept connection: what is timed is the daemon, not a process that asks it."""

    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection("localhost")
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(str(daemon.socket))

    def ask(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, headers or {})
        reply = self.connection.getresponse()
        return reply.status, reply.read()

    def run(self, pipeline):
        """Returns the milliseconds of one run, to the last byte of its output or its error."""
        begin = time.perf_counter()
        self.ask("POST", f"/run/{pipeline}", b"x\n")
        return (time.perf_counter() - begin) * 1000

    def cancel(self, pipeline):
        """Returns the milliseconds from the request to cancel until the job is cancelled."""
        body = json.dumps({"pipeline": pipeline, "inputs": {"text": {"text": "x\n"}}})
        path = "/api/v1/jobs/" + json.loads(self.ask("POST", "/api/v1/jobs", body, {"Content-Type": "application/json"})[1])["id"]
        while json.loads(self.ask("GET", path)[1])["state"] != "running":
            pass
        time.sleep(0.05)  # into the engine's loop
        begin = time.perf_counter()
        self.ask("POST", path + "/cancel")
        while json.loads(self.ask("GET", path)[1])["state"] != "cancelled":
            time.sleep(0.0005)
        return (time.perf_counter() - begin) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=10, help="rounds")
    parser.add_argument("--json", action="store_true")
    rounds = parser.parse_args()
    figures = {"echo, undisturbed": [], "echo, after a crash": [], "crash, to its report": [],
               "cancel, the engine cooperates": [], "cancel, the engine ignores it (grace 1 s)": []}
    with Daemon("workers.maximum=1", "workers.grace=1s", pipelines=PIPELINES) as daemon:
        client = Client(daemon)
        client.run("echo")
        for _ in range(rounds.n):
            figures["echo, undisturbed"].append(client.run("echo"))
            figures["crash, to its report"].append(client.run("segv"))
            figures["echo, after a crash"].append(client.run("echo"))
            figures["cancel, the engine cooperates"].append(client.cancel("endless"))
        for _ in range(min(rounds.n, 3)):
            figures["cancel, the engine ignores it (grace 1 s)"].append(client.cancel("hang"))
    base = statistics.median(figures["echo, undisturbed"])
    rows = {name: {"median_ms": statistics.median(v), "min_ms": min(v), "max_ms": max(v),
                   "ratio_to_undisturbed": statistics.median(v) / base} for name, v in figures.items()}
    if rounds.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'what':44} {'median':>9} {'min':>9} {'max':>9}  ratio")
    for name, row in rows.items():
        print(f"{name:44} {row['median_ms']:7.1f}ms {row['min_ms']:7.1f}ms {row['max_ms']:7.1f}ms  {row['ratio_to_undisturbed']:.2f}")


if __name__ == "__main__":
    main()
