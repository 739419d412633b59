# SPDX-License-Identifier: LGPL-2.1-or-later
"""/healthz and /readyz in each state of the daemon; test_sandbox.py and test_drain.py look at the two that they make."""

import errno
import time
import unittest

import medleytest
from failio import FailingDaemon
from medleytest import PATIENCE, Daemon

ECHO = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "stages": {"s": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text"}},
    "outputs": {"out": {"from": "s", "type": "text/plain"}},
}


class Health(unittest.TestCase):
    def check(self, daemon, check, code):
        health = daemon.curl("/healthz")
        self.assertEqual((health.status, health.json()), (200, {"status": "ok"}))
        ready = daemon.curl("/readyz")
        if check is None:
            self.assertEqual((ready.status, ready.json()["status"]), (200, "ready"), ready.body)
            self.assertGreater(ready.json()["engines"], 0)
            return
        problem = ready.json()
        self.assertEqual((ready.status, problem["status"], problem["check"], problem["code"]), (503, 503, check, code))
        self.assertEqual(ready.headers["content-type"], "application/problem+json")
        self.assertIn("retry-after", ready.headers)

    def test_ready(self):
        with Daemon() as daemon:
            self.check(daemon, None, None)

    def test_no_worker_can_be_started(self):
        with Daemon("paths.worker=/bin/false") as daemon:
            self.check(daemon, "engines", "unavailable")

    def test_too_little_space(self):
        with Daemon("limits.free-space=1000000GiB") as daemon:
            self.check(daemon, "disk", "no-space")

    def test_the_store_fails_and_recovers(self):
        daemon = FailingDaemon(pipelines={"echo.json": ECHO})
        daemon.hold(error=errno.EIO)
        with daemon:
            self.check(daemon, None, None)
            daemon.refuse("jobs.db")
            reply = daemon.curl("/api/v1/jobs?pipeline=echo", "-H", "Content-Type: text/plain", "--data-binary", "x")
            self.assertEqual((reply.status, reply.json()["code"]), (500, "io-error"), reply.body)
            self.check(daemon, "store", "io-error")
            daemon.refuse("nothing is called like this")
            # The next write that succeeds tells.
            self.assertEqual(daemon.curl("/run/echo", "--data-binary", "x").body, b"x")
            deadline = time.monotonic() + PATIENCE
            while daemon.curl("/readyz").status != 200 and time.monotonic() < deadline:
                time.sleep(0.05)
            self.check(daemon, None, None)


if __name__ == "__main__":
    medleytest.main()
