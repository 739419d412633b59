# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long it takes until the next job runs after an engine crashed, hung or was cancelled.

There is one worker, and a job waits behind the one that is lost. Printed, each beside its aim:

- to a free slot after a cancel: from the client's request until the job that waits has a worker, for an engine that
  cooperates and for one that ignores it (then the worker is killed after workers.grace);
- to the next job after a crash: from the end of the job that crashed until the one that waits has a worker, both by the
  daemon's clock;
- a whole small job over HTTP on an undisturbed pool, to compare with.

No figure here fails anything.
"""

import argparse
import http.client
import json
import socket
import statistics
import time

from medleytest import Daemon

GRACE_S = 1


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
        return json.loads(reply.read() or b"null")

    def run(self, name):
        """Returns the milliseconds of one whole run over HTTP."""
        begin = time.perf_counter()
        self.connection.request("POST", f"/run/{name}", b"x\n")
        self.connection.getresponse().read()
        return (time.perf_counter() - begin) * 1000

    def create(self, name):
        body = json.dumps({"pipeline": name, "inputs": {"text": {"text": "x\n"}}})
        return "/api/v1/jobs/" + self.ask("POST", "/api/v1/jobs", body, {"Content-Type": "application/json"})["id"]

    def wait(self, path, *states):
        while (job := self.ask("GET", path))["state"] not in states:
            time.sleep(0.0005)
        return job

    def running_since(self, path):
        """When a job had its worker, in milliseconds since 1970; waits for its end."""
        self.wait(path, "done")
        events = self.ask("GET", path + "/events", headers={"Accept": "application/json"})["events"]
        return next(event["time"] for event in events if event.get("state") == "running") / 1000

    def after_cancel(self, name):
        lost = self.create(name)
        self.wait(lost, "running")
        time.sleep(0.05)  # into the engine's loop
        waiting = self.create("echo")
        begin = time.time()
        self.ask("POST", lost + "/cancel")
        return self.running_since(waiting) - begin * 1000

    def after_crash(self):
        lost = self.create("segv")
        waiting = self.create("echo")
        return self.running_since(waiting) - self.wait(lost, "failed")["finished"] / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=20, help="rounds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    whole, cooperates = "a whole small job, undisturbed", "cancel: slot free, the engine cooperates"
    ignores, crash = "cancel: slot free, the engine ignores it", "crash: the next job starts"
    aims = {cooperates: 50, ignores: GRACE_S * 1000 + 200, crash: 10}
    figures = {whole: [], cooperates: [], ignores: [], crash: []}
    settings = ("workers.maximum=1", f"workers.grace={GRACE_S}s", "jobs.attempts=1", "workers.circuit-crashes=0")
    with Daemon(*settings, pipelines=PIPELINES) as daemon:
        client = Client(daemon)
        client.run("echo")
        for _ in range(options.n):
            figures[whole].append(client.run("echo"))
            figures[crash].append(client.after_crash())
            figures[cooperates].append(client.after_cancel("endless"))
        for _ in range(min(options.n, 5)):
            figures[ignores].append(client.after_cancel("hang"))
    rows = {name: {"median_ms": statistics.median(v), "min_ms": min(v), "max_ms": max(v), "aim_ms": aims.get(name)}
            for name, v in figures.items()}
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'what':42} {'median':>11} {'min':>11} {'max':>11} {'aim':>10}")
    for name, row in rows.items():
        aim = f"{row['aim_ms']:7.0f} ms" if row["aim_ms"] else ""
        print(f"{name:42} {row['median_ms']:8.1f} ms {row['min_ms']:8.1f} ms {row['max_ms']:8.1f} ms {aim:>10}")


if __name__ == "__main__":
    main()
