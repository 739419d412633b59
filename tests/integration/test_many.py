# SPDX-License-Identifier: LGPL-2.1-or-later
"""Thousands of small jobs from a hundred clients: fair turns, flat memory, and nothing left open.

Each client is a connection to the message bus. All jobs are queued while the workers are kept busy, so that what is
seen is the queue's order and not the clients'. MEDLEY_TEST_MANY is the number of jobs.
"""

import os
import shutil
import time
import unittest

from dbustest import NAME, ROOT, Bus, Client, Gio, GLib, iterate_until
from ledger import FINAL, PIPELINES, all_jobs
from leftovers import descendants, open_files, resident_kib, wait_until_gone
from medleytest import PATIENCE, Daemon, Http, is_sanitized, main

JOBS = int(os.environ.get("MEDLEY_TEST_MANY", "1000" if is_sanitized() else "10000"))
CLIENTS = 100
IN_FLIGHT = 4  # calls of one client at once
WORKERS = 2
TEXT = "A small job.\n"
SETTINGS = (
    "dbus.bus=session", "workers.preload=", f"workers.maximum={WORKERS}", "workers.warm=1", "limits.queue=1000000",
    "limits.queue-per-client=1000000", "jobs.keep=1000000", "jobs.keep-bytes=0", "limits.free-space=0",
    # The test's own connection is idle while others create jobs: for minutes, where a sanitizer slows the daemon.
    "http.header-timeout=1h",
)
# As in the service's units.
ENVIRONMENT = {"G_SLICE": "always-malloc"}
# Of the daemon's memory after all jobs: buffers and caches that have grown to their size, whatever the number of jobs.
MOST_GROWTH_KIB = 16 * 1024
# A second time, with fewer jobs: a KiB that is left of each would be seen. Pages that are half full vary by as much as 1 MiB.
MOST_AGAIN_KIB = 2048


class Submitter:
    """Queues jobs of all clients through asynchronous calls."""

    def __init__(self, clients, shares):
        self.clients, self.left = clients, list(shares)
        self.sent = [0] * len(clients)
        self.flying = 0
        self.errors = []

    def run(self):
        for number in range(len(self.clients)):
            for _ in range(IN_FLIGHT):
                self.send(number)
        iterate_until(lambda: not self.flying and not any(self.left), "all jobs to be queued")
        if self.errors:
            raise RuntimeError(f"{len(self.errors)} were refused: {self.errors[0]}")

    def send(self, number):
        if self.left[number] == 0:
            return
        self.left[number] -= 1
        mark = GLib.Variant("s", f"{number}-{self.sent[number]}")
        self.sent[number] += 1
        options = {"parameters": GLib.Variant("a{sv}", {"mark": mark})}
        arguments = GLib.Variant("(sa{sv}a{sv})", ("echo", {"": GLib.Variant("s", TEXT)}, options))
        self.flying += 1
        self.clients[number].connection.call(
            NAME, ROOT, "org.medley.Manager1", "Run", arguments, None, Gio.DBusCallFlags.NONE, PATIENCE * 1000, None,
            self.queued, number)

    def queued(self, connection, result, number):
        self.flying -= 1
        try:
            connection.call_finish(result)
        except GLib.Error as error:
            self.errors.append(error.message)
        self.send(number)


class Many(unittest.TestCase):
    def setUp(self):
        self.bus = Bus()
        self.addCleanup(self.bus.stop)
        self.daemon = Daemon(*SETTINGS, environment={**self.bus.environment, **ENVIRONMENT}, pipelines=PIPELINES)
        self.addCleanup(self.clean_up)
        self.daemon.start()
        self.http = Http(self.daemon.socket)
        self.addCleanup(self.http.close)

    def clean_up(self):
        if self.daemon.process is not None:
            self.daemon.stop()
        shutil.rmtree(self.daemon.folder, ignore_errors=True)

    def submit(self, shares):
        clients = [Client(self.bus) for _ in shares]
        try:
            clients[0].wait_for_name()
            Submitter(clients, shares).run()
        finally:
            for client in clients:
                client.close()

    def counts(self):
        return self.http.ask("GET", "/api/v1").json()["jobs"]

    def wait_until_idle(self):
        deadline = time.monotonic() + 5 * PATIENCE
        while any(n for state, n in self.counts().items() if state not in FINAL):
            if time.monotonic() > deadline:
                raise TimeoutError(f"jobs have not ended: {self.counts()}")
            time.sleep(0.1)

    def figures(self):
        pid = self.daemon.process.pid
        return {"files": open_files(pid), "children": len(descendants(pid)), "kib": resident_kib(pid)}

    def settle(self, goal=None):
        """Figures once they are as they were, or stand still, and memory was given back."""
        time.sleep(3)
        last, deadline = None, time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(0.3)
            now = self.figures()
            if goal is not None and all(now[k] == goal[k] for k in ("files", "children")):
                return now
            if goal is None and last is not None and now == last:
                return now
            last = now
        return self.figures()

    def occupy(self):
        """Keeps every worker busy, ahead of all other jobs."""
        ids = []
        for _ in range(WORKERS):
            reply = self.http.ask_json("POST", "/api/v1/jobs", {
                "pipeline": "endless", "inputs": {"text": {"text": "x\n"}}, "priority": 100})
            self.assertEqual(reply.status, 201, reply.body)
            ids.append(reply.json()["id"])
        for job_id in ids:
            self.daemon.wait(job_id, ("running",))
        return ids

    def shares(self, jobs):
        """The first client is greedy."""
        shares = [jobs // (CLIENTS + 4)] * CLIENTS
        shares[0] += jobs - sum(shares)
        return shares

    def run_all(self, jobs):
        """Queues jobs and lets them run; returns how much memory the daemon had while all were queued."""
        busy, before, shares = self.occupy(), self.counts()["done"], self.shares(jobs)
        begin = time.monotonic()
        self.submit(shares)
        queued = time.monotonic()
        self.assertEqual(self.counts()["queued"], jobs)
        full = self.figures()
        for job_id in busy:
            self.assertEqual(self.http.ask("POST", f"/api/v1/jobs/{job_id}/cancel").status, 200)
        self.wait_until_idle()
        self.assertEqual(self.counts()["done"] - before, jobs)
        print(f"{jobs} jobs of {CLIENTS} clients: queued in {queued - begin:.1f} s, run in "
              f"{time.monotonic() - queued:.1f} s", flush=True)
        return full["kib"]

    def test_many_jobs_of_many_clients(self):
        self.submit([2] * CLIENTS)
        self.wait_until_idle()
        before = self.settle()
        full = self.run_all(JOBS)
        after = self.settle(before)
        self.run_all(JOBS // 4)
        again = self.settle(before)
        jobs = [job for job in all_jobs(self.http).values() if job["pipeline"] == "echo"]
        self.assertEqual(len(jobs), 2 * CLIENTS + JOBS + JOBS // 4)
        self.assertEqual({job["state"] for job in jobs}, {"done"})
        self.assertEqual({job["outputs"]["out"]["size"] for job in jobs}, {len(TEXT)})
        # The newest come first.
        self.check_fairness(jobs[: JOBS // 4], self.shares(JOBS // 4))
        self.check_fairness(jobs[JOBS // 4 : JOBS // 4 + JOBS], self.shares(JOBS))
        mib = [f"{kib / 1024:.1f}" for kib in (before["kib"], full, after["kib"], again["kib"])]
        print(f"the daemon's memory: {mib[0]} MiB before, {mib[1]} with {JOBS} queued, {mib[2]} afterwards "
              f"({(after['kib'] - before['kib']) / 1024:+.1f}), {mib[3]} after {JOBS // 4} more "
              f"({(again['kib'] - after['kib']) / 1024:+.1f})", flush=True)
        for figures in (after, again):
            self.assertEqual([figures["files"], figures["children"]], [before["files"], before["children"]])
        if not is_sanitized():
            self.assertLess(after["kib"] - before["kib"], MOST_GROWTH_KIB)
            self.assertLess(again["kib"] - after["kib"], MOST_AGAIN_KIB)
        processes = descendants(self.daemon.process.pid)
        self.assertEqual(self.daemon.stop(), 0, self.daemon.log.read_text(errors="replace")[-6000:])
        self.assertEqual(wait_until_gone(processes), [])

    def check_fairness(self, jobs, shares):
        """No client is served twice in a row while another waits, nor twice more than one that waits."""
        order = [int(job["parameters"]["mark"].partition("-")[0]) for job in sorted(jobs, key=lambda job: job["started"])]
        served = [0] * len(shares)
        for place, client in enumerate(order):
            waiting = [c for c in range(len(shares)) if served[c] < shares[c] and c != client]
            if waiting:
                self.assertFalse(place > 0 and order[place - 1] == client,
                                 f"client {client} was served twice in a row, at {place}, while {len(waiting)} waited")
                # Jobs on several workers may begin in another order than they were taken in.
                behind = min(served[c] for c in waiting)
                self.assertLessEqual(served[client] - behind, WORKERS - 1,
                                     f"client {client} got its {served[client] + 1}. turn, another its {behind}.")
            served[client] += 1
        self.assertEqual(served, shares)


if __name__ == "__main__":
    main()
