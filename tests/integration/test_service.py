# SPDX-License-Identifier: LGPL-2.1-or-later
"""medleyd as a service: what it tells the service manager, and how it ends."""

import os
import queue
import signal
import socket
import tempfile
import threading
import time
import unittest
from pathlib import Path

from medleytest import PATIENCE, Daemon, main


def pipeline(engine, **settings):
    return {
        "medley": 1, "title": f"Test of {engine}",
        "inputs": {"text": {"type": "text/plain"}},
        "stages": {"work": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "work", "type": "text/plain"}},
    }


PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    "endless.json": pipeline("fakeendless", **{"delay-ms": 5}),
}


class Manager:
    """The receiving end of sd_notify(3): a datagram socket, as systemd would hold it. A context manager."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="medley-notify-")
        self.path = Path(self.folder.name) / "socket"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.messages = queue.Queue()
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self):
        while True:
            text, control, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(12))
            if text == b"end of the test":
                return
            sender = int.from_bytes(control[0][2][:4], "little")
            for line in text.decode().splitlines():
                self.messages.put((sender, line))

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"end of the test", str(self.path))
        self.thread.join()
        self.socket.close()
        self.folder.cleanup()

    def environment(self, **more):
        return {"NOTIFY_SOCKET": str(self.path), **more}

    def expect(self, wanted):
        """Waits for a message that `wanted` is true of; returns it with all that came before it."""
        seen = []
        deadline = time.monotonic() + PATIENCE
        while not seen or not wanted(seen[-1][1]):
            try:
                seen.append(self.messages.get(timeout=max(deadline - time.monotonic(), 0)))
            except queue.Empty:
                raise AssertionError(f"it never came; what came: {seen}") from None
        return seen

    def catch_up(self):
        """Waits for all that was sent before now; returns it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.sendto(b"mark", str(self.path))
        return self.expect(lambda line: line == "mark")[:-1]


class Notify(unittest.TestCase):
    def test_ready_comes_when_the_faces_are_open(self):
        with Manager() as manager, Daemon(environment=manager.environment()) as daemon:
            seen = manager.expect(lambda line: line == "READY=1")
            self.assertEqual({sender for sender, _ in seen}, {daemon.process.pid})
            self.assertEqual(daemon.curl("/api/v1").status, 200)

    def test_status_tells_what_runs_and_waits(self):
        settings = ["workers.maximum=1"]
        with Manager() as manager, \
                Daemon(*settings, environment=manager.environment(), pipelines=PIPELINES) as daemon:
            manager.expect(lambda line: line == "STATUS=0 jobs run, 0 wait")
            ids = [daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"] for _ in range(3)]
            manager.expect(lambda line: line == "STATUS=1 job runs, 2 wait")
            daemon.curl(f"/api/v1/jobs/{ids[0]}/pause", "-X", "POST")
            manager.expect(lambda line: line == "STATUS=0 jobs run, 2 wait, 1 is paused")
            for job in ids:
                daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST")
            manager.expect(lambda line: line == "STATUS=0 jobs run, 0 wait")

    def test_status_is_not_told_at_every_change(self):
        with Manager() as manager, Daemon(environment=manager.environment(), pipelines=PIPELINES) as daemon:
            manager.expect(lambda line: line.startswith("STATUS="))
            began = time.monotonic()
            for _ in range(20):
                daemon.wait(daemon.create(pipeline="echo", inputs={"text": {"text": "x"}})["id"])
            last = daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"]
            seen = manager.expect(lambda line: line == "STATUS=1 job runs, 0 wait")
            # Each job is queued, starts, runs and ends; a line a second at most, and the first at once.
            self.assertLessEqual(len(seen), time.monotonic() - began + 2)
            daemon.curl(f"/api/v1/jobs/{last}/cancel", "-X", "POST")

    def test_watchdog_stops_when_the_loop_does(self):
        watchdog = {"WATCHDOG_USEC": "200000"}
        with Manager() as manager, Daemon(environment=manager.environment(**watchdog)) as daemon:
            for _ in range(3):
                manager.expect(lambda line: line == "WATCHDOG=1")
            daemon.process.send_signal(signal.SIGSTOP)
            try:
                os.waitid(os.P_PID, daemon.process.pid, os.WSTOPPED | os.WNOWAIT)
                manager.catch_up()
                time.sleep(1)
                self.assertEqual(manager.catch_up(), [])
            finally:
                daemon.process.send_signal(signal.SIGCONT)
            manager.expect(lambda line: line == "WATCHDOG=1")

    def test_watchdog_of_another_process_is_not_fed(self):
        watchdog = {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}
        with Manager() as manager, Daemon(environment=manager.environment(**watchdog)) as daemon:
            manager.expect(lambda line: line == "READY=1")
            time.sleep(0.5)
            daemon.stop()
            seen = manager.expect(lambda line: line == "STOPPING=1")
            self.assertNotIn("WATCHDOG=1", [line for _, line in seen])

    def test_stopping_is_told(self):
        with Manager() as manager, Daemon(environment=manager.environment()) as daemon:
            manager.expect(lambda line: line == "READY=1")
            daemon.stop()
            manager.expect(lambda line: line == "STOPPING=1")
            manager.expect(lambda line: line.startswith("EXTEND_TIMEOUT_USEC="))

    def test_workers_know_nothing_of_the_service_manager(self):
        watchdog = {"WATCHDOG_USEC": "60000000"}
        with Manager() as manager, \
                Daemon(environment=manager.environment(**watchdog), pipelines=PIPELINES) as daemon:
            job = daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"]
            daemon.wait(job, ["running"])
            children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text().split()
            self.assertTrue(children)
            for child in children:
                environment = Path(f"/proc/{child}/environ").read_bytes()
                self.assertNotIn(b"NOTIFY_SOCKET", environment)
                self.assertNotIn(b"WATCHDOG", environment)
            daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST")

    def test_private_daemon_tells_nothing(self):
        # What starts it may be a service itself, with a socket that is not for this daemon.
        with Manager() as manager, Daemon(environment=manager.environment(), options=["--private"]) as daemon:
            daemon.stop()
            self.assertEqual(manager.catch_up(), [])

    def test_runs_without_a_service_manager(self):
        with Daemon(environment={"NOTIFY_SOCKET": "/nonexistent/socket", "WATCHDOG_USEC": "100000"}) as daemon:
            self.assertEqual(daemon.curl("/api/v1").status, 200)


if __name__ == "__main__":
    main()
