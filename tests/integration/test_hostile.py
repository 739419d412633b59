# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that mean no good: others are served meanwhile, the daemon's memory stays small, nothing is let in.

How long others wait is printed, and measured by tests/bench/attacks.py on a machine that does nothing else."""

import itertools
import json
import os
import re
import socket
import time
import unittest

import attacks
from medleytest import MEMORY_FACTOR, PATIENCE, Daemon, is_sanitized, main

ECHO = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "stages": {"work": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text"}},
    "outputs": {"out": {"from": "work", "type": "text/plain"}},
}
ENDLESS = dict(ECHO, stages={"work": {"task": "text-to-text/endless", "engine": "fakeendless", "from": "text",
                                      "set": {"delay-ms": 50}}})
MAX_GROWTH = 32 * 1024 * 1024


class Daemons(unittest.TestCase):
    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("http.tcp=true", "workers.maximum=2", *cls.settings,
                            pipelines={"echo.json": ECHO, "endless.json": ENDLESS})
        cls.daemon.start()
        cls.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", cls.daemon.status()["faces"]["http"]).group(1))
        cls.token = (cls.daemon.folder / "runtime" / "medley" / "token").read_text().strip()

    @classmethod
    def tearDownClass(cls):
        status = cls.daemon.stop()
        assert status == 0, status

    def send(self, data):
        """Sends bytes over TCP; returns the whole answer until the connection is closed, or the next one is awaited."""
        with attacks.connect(self.port) as client:
            client.sendall(data)
            received = b""
            while b"\r\n\r\n" not in received and (some := client.recv(65536)):
                received += some
            length = re.search(rb"(?i)content-length: (\d+)", received)
            while length and len(received.partition(b"\r\n\r\n")[2]) < int(length[1]) and (some := client.recv(65536)):
                received += some
        return received

    def ask(self, method, target, *fields, body=b""):
        """A request whose target and fields are sent as they are; returns status and body."""
        lines = [f"{method} {target} HTTP/1.1", f"Authorization: Bearer {self.token}", "Connection: close",
                 f"Content-Length: {len(body)}", *fields]
        answer = self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.assertTrue(answer.startswith(b"HTTP/1.1 "), (target, fields, answer[:200]))
        return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


class Siege(Daemons):
    """Each attack as long as it takes to see what others notice of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.job = cls.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        text = b"A line of text.\n" * 500000
        cls.daemon.curl(f"/api/v1/jobs/{cls.job}/inputs/text", "-T", "-", input=text)
        cls.daemon.wait(cls.job)
        attacks.watch(str(cls.daemon.socket), 0.2)

    def withstand(self, name, path="/"):
        memory = attacks.Memory(self.daemon.process.pid)
        attack = attacks.Attack(name, self.port, self.token, path)
        # The watch ends with an error where a request is not answered.
        times = attacks.watch(str(self.daemon.socket), 1)
        seen = attack.end()
        growth = memory.end()
        print(f"{name}: {len(times)} requests of others, p50 {attacks.percentile(times, 0.5) * 1000:.1f} ms, "
              f"p99 {attacks.percentile(times, 0.99) * 1000:.1f} ms; the daemon grew by {growth / 1e6:.1f} MB")
        self.assertLess(max(times), PATIENCE)
        if not is_sanitized():
            self.assertLess(growth, MAX_GROWTH * MEMORY_FACTOR)
        return seen

    def test_half_open_requests(self):
        self.withstand("half-open")

    def test_heads_as_long_as_may_be(self):
        self.withstand("long-heads")

    def test_bodies_that_come_a_byte_a_second(self):
        for path in ("/api/v1/jobs", "/v1/chat/completions", "/v1/videos"):
            with self.subTest(path):
                self.withstand("slow-writers", path)

    def test_a_chat_that_is_too_long_is_refused_before_it_comes(self):
        with attacks.connect(self.port) as client:
            client.sendall(attacks.head("POST", "/v1/chat/completions", self.token, "Content-Type: application/json",
                                        "Content-Length: 1000000000000", "Connection: close"))
            answer = b""
            while some := client.recv(65536):
                answer += some
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer[:500])
        self.assertIn(b"limits.input-bytes", answer)

    def test_readers_of_a_byte_a_second(self):
        seen = self.withstand("slow-readers", f"/api/v1/jobs/{self.job}/outputs/out")
        self.assertGreaterEqual(seen["bytes"], seen["clients"])

    def test_readers_of_long_lists(self):
        self.withstand("slow-readers", "/openapi.json")

    def test_requests_without_reading_an_answer(self):
        self.withstand("pipeliners")

    def test_more_than_is_taken(self):
        for case in self.withstand("floods"):
            with self.subTest(case=case["name"]):
                allowed = {"/api": (413,), "/run": (413, 200), "/now": (404,)}
                self.assertIn(case["status"], allowed.get(case["name"][:4], (431,)))
                # The answer was there to be read, although all was sent that could be, and far less was taken.
                self.assertEqual(case["end"], "closed")
                self.assertLess(case["sent"], 150e6)
                if case["status"] != 200:
                    self.assertEqual(json.loads(case["body"])["status"], case["status"])

    def test_nobody_is_left_in_the_end(self):
        deadline = time.monotonic() + PATIENCE
        while len(os.listdir(f"/proc/{self.daemon.process.pid}/fd")) > 200:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)


class Door(Daemons):
    def test_hosts(self):
        port = self.port
        good = ["localhost", f"localhost:{port}", "LOCALHOST", "127.0.0.1", f"127.0.0.1:{port}", "[::1]", "[::1]:80",
                "localhost:1"]
        foreign = ["evil.example", "localhost.evil.example", "evil.localhost", "127.0.0.1.evil.example", "127.0.0.2",
                   "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "localhost.",
                   "127.0.0.1.", "xn--lcalhost-60a", "medley", "[0:0:0:0:0:0:0:1]"]
        broken = ["", " ", "localhost:", "localhost:x", "localhost:99999", "localhost:-1", "user@localhost",
                  "localhost/", "localhost/..", "localhost#", "localhost?x", "[::1", "::1", "[::1]x", "local host",
                  "localhost,evil.example", "http://localhost", "l\u00f6calhost", "localhost:80:80", "[]",
                  "%6cocalhost"]
        for host in good:
            self.assertEqual(self.ask("GET", "/healthz", f"Host: {host}")[0], 200, host)
        for host in foreign:
            self.assertEqual(self.ask("GET", "/api/v1", f"Host: {host}")[0], 403, host)
        for host in broken:
            self.assertIn(self.ask("GET", "/api/v1", f"Host: {host}")[0], (400, 403), host)
        # Two of them, none, and one that the target overrules.
        self.assertEqual(self.ask("GET", "/api/v1", "Host: localhost", "Host: localhost")[0], 400)
        self.assertEqual(self.ask("GET", "/api/v1", "Host: localhost", "Host: evil.example")[0], 400)
        self.assertEqual(self.ask("GET", "/api/v1")[0], 400)
        self.assertEqual(self.ask("GET", "http://evil.example/api/v1", "Host: localhost")[0], 403)
        self.assertEqual(self.ask("GET", "/api/v1", "X-Forwarded-Host: localhost", "Host: evil.example")[0], 403)
        self.assertGreaterEqual(len(good + foreign + broken), 40)

    def test_origins(self):
        port = self.port
        host = f"Host: localhost:{port}"
        good = [f"http://localhost:{port}", f"HTTP://LOCALHOST:{port}"]
        bad = ["null", "", "http://evil.example", "http://localhost", f"http://127.0.0.1:{port}",
               f"ftp://localhost:{port}",
               f"http://localhost:{port}.evil.example", f"http://localhost:{port}@evil.example", f"//localhost:{port}",
               f"http://evil.example/http://localhost:{port}", f"http://localhost:{port} http://evil.example",
               f"http://localhost:{port}/", "file://", "chrome-extension://abcdefg", f"localhost:{port}", "*",
               f"http://x.localhost:{port}", "http://localhost:1", f"http://localhost:{port}0", "data:", "http://[::1]"]
        for origin in good:
            self.assertEqual(self.ask("POST", "/run/echo", host, f"Origin: {origin}", body=b"x.")[0], 200, origin)
        for origin in bad:
            self.assertEqual(self.ask("POST", "/run/echo", host, f"Origin: {origin}", body=b"x.")[0], 403, origin)
        for site, status in (("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403), ("x", 403)):
            found = self.ask("POST", "/run/echo", host, f"Sec-Fetch-Site: {site}", body=b"x.")[0]
            self.assertEqual(found, status, site)
        # What another page may send without being asked reaches nothing, and what it may ask for it cannot read.
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                     "application/json;", "text/plain; application/json", "application/jsonx"):
            body = json.dumps({"pipeline": "echo", "inputs": {"text": {"text": "x."}}}).encode()
            status = self.ask("POST", "/api/v1/jobs", host, f"Content-Type: {kind}", body=body)[0]
            self.assertEqual(status, 201 if kind == "application/json;" else 415, kind)
        answer = self.send(f"OPTIONS /api/v1/jobs HTTP/1.1\r\n{host}\r\nAuthorization: Bearer {self.token}\r\n"
                           "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n".encode())
        self.assertNotIn(b"access-control", answer.lower())

    def test_paths_lead_nowhere_else(self):
        dots = ["..", "%2e%2e", ".%2e", "%2E.", "%252e%252e", "..%00", "..;", "%c0%ae%c0%ae", "%e0%80%ae", "..%20",
                "\u2025", "%ff%2e", "..\\"]
        slashes = ["/", "%2f", "%2F", "\\", "%5c", "//", "%252f", "%c0%af", "/./"]
        places = ["", "/api/v1", "/api/v1/pipelines", "/run"]
        files = [place + (slash + dot) * 6 + slash + "etc/passwd"
                 for slash, dot, place in itertools.product(slashes, dots, places)]
        self.assertGreaterEqual(len(files), 200)
        before = self.list_files()
        pipeline = json.dumps(dict(ECHO, name="evil")).encode()
        for path in files[::2]:
            status, body = self.ask("GET", path if path.startswith("/") else "/" + path, "Host: localhost")
            self.assertIn(status, (400, 404, 405), path)
            self.assertNotIn(b"root:", body)
        for path in files[1::2]:
            status, _ = self.ask("PUT", "/api/v1/pipelines/" + path, "Host: localhost",
                                 "Content-Type: application/json", body=pipeline)
            self.assertIn(status, (400, 404, 405), path)
        self.assertEqual(self.list_files(), before)

    def list_files(self):
        return {os.path.join(folder, name) for folder, _, names in os.walk(self.daemon.folder) for name in names
                if "spool" not in folder}

    def test_heads_that_two_readers_may_understand_differently(self):
        begin = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
        for head in (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", begin + b" folded\r\n\r\n",
                     b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
                     b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n",
                     begin + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
                     begin + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                     begin + b"Transfer-Encoding: chunked, identity\r\n\r\n", begin + b"X: a\0b\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            answer = self.send(head)
            self.assertRegex(answer, rb"^HTTP/1\.1 (400|501|505) ", head)
        many = b"".join(b"X-%d: y\r\n" % i for i in range(150))
        self.assertIn(b" 431 Request Header Fields Too Large", self.send(begin + many + b"\r\n"))


class Forms(Daemons):
    """Forms that cost descriptors, or disk."""

    settings = ("limits.input-bytes=1MiB",)

    def open(self, *fields):
        client = attacks.connect(self.port)
        client.sendall(attacks.head("POST", "/run/echo", self.token, "Content-Type: multipart/form-data; boundary=x",
                                    "Connection: close", *fields))
        return client

    def refused(self, parts):
        """Sends parts as (name, content); returns what the daemon says of them."""
        body = b"".join(part(*one) for one in parts) + b"--x--\r\n"
        with self.open(f"Content-Length: {len(body)}") as client:
            attacks.try_to(client.sendall, body)
            return self.answer(client)

    def answer(self, client):
        received = b""
        while some := client.recv(65536):
            received += some
        self.assertTrue(received.startswith(b"HTTP/1.1 413 "), received[:500])
        return json.loads(received.partition(b"\r\n\r\n")[2])["detail"]

    def test_small_parts_have_no_file(self):
        before = self.count_files()
        crowd = [self.open("Content-Length: 1000000") for _ in range(5)]
        for client in crowd:
            client.sendall(b"".join(part(f"p{n}", b"x") for n in range(200)))
        attacks.wait_until_read(self.port)
        most = self.count_files()
        for client in crowd:
            client.close()
        self.assertGreaterEqual(most, before + len(crowd))
        self.assertLess(most, before + 50)

    def count_files(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def test_parts_with_files_are_few(self):
        self.assertIn("32 parts", self.refused([(f"p{n}", b"x" * 17000) for n in range(33)]))
        # Small ones may not add up to much memory either, and inputs are files whatever they hold.
        self.assertIn("32 parts", self.refused([(f"p{n}", b"x" * 4000) for n in range(60)]))
        self.assertIn("32 parts", self.refused([("text", b"x")] * 33))
        self.assertIn("names", self.refused([("p" * 4000, b"x")] * 5))

    def test_the_limit_is_for_all_parts(self):
        self.assertIn("limits.input-bytes", self.refused([("text", b"x" * 600000), ("more", b"x" * 600000)]))
        # Nothing but a boundary that does not come.
        with self.open("Transfer-Encoding: chunked") as client:
            for _ in range(40):
                attacks.try_to(client.sendall, b"10000\r\n" + b"x" * 65536 + b"\r\n")
            self.assertIn("limits.input-bytes", self.answer(client))

    def test_a_length_that_is_too_much_is_refused_before_it_comes(self):
        with self.open("Content-Length: 3000000") as client:
            self.assertIn("limits.input-bytes", self.answer(client))


def part(name, content):
    return f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + content + b"\r\n"


class Places(Daemons):
    """One peer takes all places that it may have."""

    settings = ("http.connections=12", "http.connections-per-peer=8")

    def test_others_have_theirs(self):
        job = self.daemon.create(pipeline="endless", inputs={"text": {"text": "Again."}})["id"]
        crowd = []
        for _ in range(8):
            client = attacks.connect(self.port)
            client.sendall(attacks.head("GET", f"/api/v1/jobs/{job}/events", self.token))
            self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 200 "))
            crowd.append(client)
        # Those of this peer are all at work; who sits at the socket is another one.
        self.assertTrue(self.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 503 "))
        self.assertEqual(self.daemon.curl("/healthz").status, 200)
        # One that only waits gives way to its own kind, and to nobody else's.
        crowd.pop().close()
        waiting = attacks.connect(self.port)
        waiting.sendall(b"GET /heal")
        deadline = time.monotonic() + PATIENCE
        while not self.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 200 "):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.assertEqual(waiting.recv(100), b"")
        for client in (*crowd, waiting):
            client.close()
        self.daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST")


if __name__ == "__main__":
    main()
