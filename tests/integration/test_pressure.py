# SPDX-License-Identifier: LGPL-2.1-or-later
"""What streams in faster than a job works waits in the client's socket: not in the daemon, and not in the spool."""

import socket
import time
import unittest

from httptest import pipeline
from medleytest import MEMORY_FACTOR, PATIENCE, Daemon, is_sanitized, main

KIB = 1024
MIB = 1024 * KIB
AHEAD = 256 * KIB
# What waits between the reader in the worker and the stage that is slow, in both sockets, and in one piece of reading.
BETWEEN = 5 * MIB
LINE = b"The quick brown fox jumps over the lazy dog, and then it rests for a while.\n"
PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    "slow.json": pipeline("fakeslow", "text-to-text/slow", **{"delay-ms": 50, "bytes-per-step": 512}),
    "pair.json": {
        "medley": 1, "inputs": {"a": {"type": "text/plain"}, "b": {"type": "text/plain"}},
        "stages": {f"work-{n}": {"task": "text-to-text/slow", "engine": "fakeslow", "from": n,
                                 "set": {"delay-ms": 50, "bytes-per-step": 512}} for n in "ab"},
        "outputs": {f"of-{n}": {"from": f"work-{n}", "type": "text/plain"} for n in "ab"},
    },
}


class Sender:
    """Sends a body in chunks for as long as the socket takes any."""

    def __init__(self, testcase, daemon, head):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(daemon.socket))
        self.socket.sendall(head)
        testcase.addCleanup(self.socket.close)
        body = LINE * (64 * KIB // len(LINE))
        self.chunk = b"%x\r\n%s\r\n" % (len(body), body)
        self.rest = b""
        self.sent = 0

    def push(self, most):
        """Sends until the socket has taken nothing for a second; returns whether it has blocked before `most` bytes."""
        self.socket.settimeout(1)
        try:
            while self.sent < most:
                if not self.rest:
                    self.rest = self.chunk
                n = self.socket.send(self.rest)
                self.rest = self.rest[n:]
                self.sent += n
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)
        return False

    def end(self):
        self.socket.sendall(self.rest + b"0\r\n\r\n")

    def read(self):
        data = b""
        while piece := self.socket.recv(65536):
            data += piece
        return data


def memory(pid):
    """What the daemon itself has in memory, in bytes."""
    if is_sanitized():
        return 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file.read().splitlines()[1:])
    return sum(int(lines[name].split()[0]) * KIB for name in ("Private_Dirty", "Private_Clean"))


class Pressure(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(f"http.ahead-bytes={AHEAD}", "limits.text-bytes=64MiB", "workers.maximum=2",
                             pipelines=PIPELINES)
        self.daemon.start()
        self.addCleanup(self.daemon.stop)

    def spool(self):
        folder = self.daemon.folder / "state" / "medley" / "spool"
        return sum(path.stat().st_size for path in folder.iterdir() if path.suffix == ".in")

    def run_of(self, name, query=""):
        head = f"POST /run/{name}{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" \
               "Transfer-Encoding: chunked\r\n\r\n"
        return Sender(self, self.daemon, head.encode())

    def put_into(self, job, name):
        head = f"PUT /api/v1/jobs/{job}/inputs/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" \
               "Transfer-Encoding: chunked\r\n\r\n"
        return Sender(self, self.daemon, head.encode())

    def assert_blocks(self, sender):
        before = memory(self.daemon.process.pid)
        self.assertTrue(sender.push(48 * MIB), "48 MiB went to a job that takes 10 kB a second")
        self.assertGreater(sender.sent, AHEAD)
        self.assertLess(self.spool(), AHEAD + BETWEEN)
        self.assertLess(memory(self.daemon.process.pid) - before, 4 * MIB * MEMORY_FACTOR)
        # It goes on with the job, and no faster.
        held = self.spool()
        time.sleep(1)
        self.assertLess(self.spool() - held, 2 * MIB)

    def test_a_body_without_end_waits_for_a_slow_job(self):
        sender = self.run_of("slow")
        self.assert_blocks(sender)
        job = self.daemon.curl("/api/v1/jobs").json()["jobs"][0]
        self.assertEqual(job["state"], "running")
        self.daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST")
        # The client that waits is told: the answer has begun, and breaks off.
        with self.assertRaises(OSError):
            while sender.push(1 << 62):
                pass

    def test_an_upload_waits_for_a_slow_job(self):
        job = self.daemon.create(pipeline="slow", inputs={"text": {"upload": True}})["id"]
        sender = self.put_into(job, "text")
        sender.push(1)
        # Until then there is nobody to wait for.
        self.daemon.wait(job, ("running",))
        self.assert_blocks(sender)
        sender.socket.close()
        # That its client has gone is noticed while nothing is read from it.
        self.assertEqual(self.daemon.wait(job)["error"]["code"], "bad-input")

    def test_what_is_held_up_arrives_whole(self):
        sender = self.run_of("echo")
        sent = 0
        while sent < 8 * MIB:
            sender.socket.sendall(sender.chunk)
            sent += 64 * KIB // len(LINE) * len(LINE)
        sender.end()
        answer = sender.read()
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:100])
        job = self.daemon.curl("/api/v1/jobs").json()["jobs"][0]
        body = self.daemon.curl(f"/api/v1/jobs/{job['id']}/outputs/out").body
        self.assertEqual(len(body), sent)
        self.assertEqual(body, LINE * (sent // len(LINE)))

    def test_who_detaches_is_not_held_up(self):
        sender = self.run_of("slow", "?detach")
        self.assertFalse(sender.push(16 * MIB))
        sender.end()
        self.assertIn(b"HTTP/1.1 202 ", sender.read())
        self.assertGreater(self.spool(), 15 * MIB)

    def test_a_body_of_known_length_is_taken_at_once(self):
        body = LINE * 100000
        job = self.daemon.create(pipeline="slow", inputs={"text": {"upload": True}})["id"]
        reply = self.daemon.curl(f"/api/v1/jobs/{job}/inputs/text", "-X", "PUT", "--data-binary", "@-", input=body)
        self.assertEqual(reply.status, 204, reply.body)
        self.assertEqual(self.spool(), len(body))

    def test_a_job_that_may_wait_for_another_input_holds_up_none(self):
        job = self.daemon.create(pipeline="pair", inputs={"a": {"upload": True}, "b": {"upload": True}})["id"]
        first, second = self.put_into(job, "a"), self.put_into(job, "b")
        second.push(64 * KIB)
        self.daemon.wait(job, ("running",))
        self.assertFalse(first.push(8 * MIB))
        first.end()
        self.assertIn(b"HTTP/1.1 204 ", first.read())
        # Now it is the only one.
        self.assertTrue(second.push(48 * MIB))


if __name__ == "__main__":
    main()
