# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that come in crowds, and that have no hurry."""

import time
import unittest

from httptest import PIPELINES, Client
from medleytest import PATIENCE, Daemon, main


class Crowd(unittest.TestCase):
    """A daemon with few connections and little patience."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("http.connections=8", "http.header-timeout=2s", "http.idle-timeout=2s", "workers.maximum=2",
                            pipelines=PIPELINES)
        cls.daemon.start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def test_who_only_holds_a_place_gives_way(self):
        crowd = [Client(self.daemon) for _ in range(30)]
        for client in crowd:
            try:
                client.send(b"GET /hea")
            except BrokenPipeError:
                pass
        for _ in range(5):
            self.assertEqual(self.daemon.curl("/healthz").status, 200)
        for client in crowd:
            client.close()

    def test_who_is_at_work_stays(self):
        job = self.daemon.create(pipeline="endless", inputs={"text": {"text": "Again."}})["id"]
        crowd = [Client(self.daemon) for _ in range(8)]
        for client in crowd:
            client.send(f"GET /api/v1/jobs/{job}/events HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            client.wait_for(b"id: 1\n")
        late = Client(self.daemon)
        late.wait_for(b"HTTP/1.1 503 ")
        self.assertIn(b"Retry-After:", late.received)
        crowd[0].close()
        deadline = time.monotonic() + PATIENCE
        while self.daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST").status != 200:
            self.assertLess(time.monotonic(), deadline)
        for client in crowd[1:]:
            client.wait_for(b'"cancelled"')
            client.close()

    def test_a_head_that_does_not_come_is_not_waited_for(self):
        client = Client(self.daemon)
        client.send(b"GET /healthz HTTP/1.1\r\nHo")
        self.assertEqual(client.rest(), b"")

    def test_a_body_that_pauses_is_not_waited_for(self):
        client = Client(self.daemon)
        client.send(b"POST /run/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        self.assertIn(b"HTTP/1.1 408 ", client.rest())
        self.assertIn(b'"timed-out"', client.received)
        self.assertIn(b"http.idle-timeout", client.received)

    def test_who_does_not_read_is_not_waited_for(self):
        job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        text = b"A line of text.\n" * 1000000
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", "-", input=text).status, 204)
        self.assertEqual(self.daemon.wait(job)["state"], "done")
        client = Client(self.daemon)
        client.send(f"GET /api/v1/jobs/{job}/outputs/out HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        client.wait_for(b"A line of text.")
        time.sleep(4)
        received = len(client.rest())
        self.assertLess(received, len(text))
        # Who reads slowly but steadily gets all, also beyond the time-out.
        client = Client(self.daemon)
        client.send(f"GET /api/v1/jobs/{job}/outputs/out HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        while data := client.socket.recv(65536):
            client.received += data
            time.sleep(0.015)
        self.assertEqual(client.received.partition(b"\r\n\r\n")[2], text)


if __name__ == "__main__":
    main()
