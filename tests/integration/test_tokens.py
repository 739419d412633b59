# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tokens that "medley token" makes: what they allow, and what becomes of one that is revoked or expires."""

import http.client
import json
import re
import socket
import time
import unittest

from medleytest import PATIENCE, Daemon, Http, main

ECHO = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "stages": {"work": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text"}},
    "outputs": {"out": {"from": "work", "type": "text/plain"}},
}
ENDLESS = dict(ECHO, stages={"work": {"task": "text-to-text/endless", "engine": "fakeendless", "from": "text",
                                      "set": {"delay-ms": 20}}})
JOB = {"pipeline": "echo", "inputs": {"text": {"text": "Hello."}}}


class Tcp(Http):
    """Requests on a kept connection over TCP."""

    def __init__(self, port, token=None):
        super().__init__("")
        self.port, self.token = port, token

    def ask(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        shown = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        return super().ask(method, path, body, {**shown, **(headers or {})})


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("http.tcp=true", "cache.bytes=1MiB", "workers.maximum=2",
                            pipelines={"echo.json": ECHO, "endless.json": ENDLESS})
        cls.daemon.start()
        cls.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", cls.daemon.status()["faces"]["http"]).group(1))
        cls.file = cls.daemon.folder / "state" / "medley" / "tokens.json"

    @classmethod
    def tearDownClass(cls):
        status = cls.daemon.stop()
        assert status == 0, status

    def add(self, name, *arguments):
        """Makes a token, without asking the daemon; returns a client that shows it."""
        run = self.daemon.medley("token", "add", name, "--json", *arguments, check=True)
        self.addCleanup(self.daemon.medley, "token", "revoke", name)
        made = json.loads(run.stdout)
        self.assertEqual(made["name"], name)
        client = Tcp(self.port, made["token"])
        self.addCleanup(client.close)
        return client

    def once(self, token, path="/api/v1", headers=None):
        client = Tcp(self.port, token)
        self.addCleanup(client.close)
        return client.ask("GET", path, headers=headers)

    def refused(self, reply, status, code, challenge):
        self.assertEqual((reply.status, reply.json()["code"]), (status, code), reply.body)
        self.assertEqual(reply.headers["www-authenticate"], challenge)

    def test_scopes(self):
        read, run, admin = self.add("r", "--scope", "read"), self.add("w"), self.add("a", "--scope", "admin")
        for client in (read, run, admin):
            self.assertEqual(client.ask("GET", "/api/v1/jobs").status, 200)
        for client in (run, admin):
            self.assertEqual(client.ask_json("POST", "/api/v1/jobs", JOB).status, 201)
            self.assertEqual(client.ask("POST", "/run/echo", b"Hello.").body, b"Hello.")
        self.refused(read.ask_json("POST", "/api/v1/jobs", JOB), 403, "forbidden",
                     'Bearer realm="medley", error="insufficient_scope", scope="run"')
        self.assertEqual(read.ask("POST", "/run/echo", b"Hello.").status, 403)
        for client in (read, run):
            self.refused(client.ask("DELETE", "/api/v1/cache"), 403, "forbidden",
                         'Bearer realm="medley", error="insufficient_scope", scope="admin"')
        self.assertEqual(admin.ask("DELETE", "/api/v1/cache").status, 200)

    def test_who_shows_none_or_a_wrong_one_is_told_so(self):
        known = self.add("known")
        self.refused(self.once(None), 401, "unauthorized", 'Bearer realm="medley"')
        wrong = 'Bearer realm="medley", error="invalid_token"'
        hashes = [token["hash"] for token in json.loads(self.file.read_text())["tokens"]]
        for shown in ("", "known", known.token[:-1], known.token + "x", known.token.upper(), *hashes):
            self.refused(self.once(shown), 401, "unauthorized", wrong)
        basic = self.once(None, headers={"Authorization": "Basic a25vd246"})
        self.refused(basic, 401, "unauthorized", wrong)
        # The probes ask for none.
        self.assertEqual(self.once(None, "/healthz").status, 200)

    def test_one_that_is_revoked_is_refused_at_once(self):
        client = self.add("gone")
        self.assertEqual(client.ask("GET", "/api/v1/jobs").status, 200)
        self.daemon.medley("token", "revoke", "gone", check=True)
        # On the same connection, with the first request that comes.
        self.assertEqual(client.ask("GET", "/api/v1/jobs").status, 401)

    def test_what_a_revoked_one_opened_is_closed(self):
        client = self.add("watcher")
        job = client.ask_json("POST", "/api/v1/jobs", dict(JOB, pipeline="endless")).json()["id"]
        stream = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        stream.sendall(f"GET /api/v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n"
                       f"Authorization: Bearer {client.token}\r\n\r\n".encode())
        received = b""
        while b"id: 1\n" not in received:
            received += stream.recv(65536)
        self.daemon.medley("token", "revoke", "watcher", check=True)
        try:
            while stream.recv(65536):
                pass
        except ConnectionResetError:
            pass
        stream.close()
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST").status, 200)

    def change(self, name, **members):
        """Changes a token of the file, at once."""
        tokens = json.loads(self.file.read_text())
        next(t for t in tokens["tokens"] if t["name"] == name).update(members)
        changed = self.file.with_name("changed")
        changed.touch(0o600)
        changed.write_text(json.dumps(tokens))
        changed.replace(self.file)

    def open(self, token, head, body=""):
        """A socket on which the answer has begun."""
        stream = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self.addCleanup(stream.close)
        stream.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        self.assertIn(b"HTTP/1.1 200 ", stream.recv(65536))
        return stream

    def drain(self, stream):
        """Reads until the daemon closes."""
        deadline = time.monotonic() + PATIENCE
        try:
            while stream.recv(65536):
                self.assertLess(time.monotonic(), deadline, "it is still open")
        except ConnectionResetError:
            pass

    def show_ticket(self, ticket):
        stream = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self.addCleanup(stream.close)
        stream.sendall(b"GET /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       b"Sec-WebSocket-Protocol: medley.v1, ticket." + ticket.encode() + b"\r\n\r\n")
        return int(stream.recv(65536).split()[1]), stream

    def ticket(self, client):
        return client.ask("POST", "/api/v1/sessions/tickets").json()["ticket"]

    def test_another_of_the_same_name_inherits_nothing_that_is_open(self):
        client, other = self.add("rotated"), self.add("model")
        job = client.ask_json("POST", "/api/v1/jobs", dict(JOB, pipeline="endless")).json()["id"]
        stream = self.open(client.token, f"GET /api/v1/jobs/{job}/events")
        status, session = self.show_ticket(self.ticket(client))
        self.assertEqual(status, 101)
        left = self.ticket(client)
        new = next(t for t in json.loads(self.file.read_text())["tokens"] if t["name"] == "model")["hash"]
        self.daemon.medley("token", "revoke", "model", check=True)
        self.change("rotated", hash=new)
        for opened in (stream, session):
            self.drain(opened)
        self.assertEqual(self.show_ticket(left)[0], 401)
        self.assertEqual(client.ask("GET", "/api/v1/jobs").status, 401)
        # The new secret has the name's jobs.
        self.assertEqual(other.ask("POST", f"/api/v1/jobs/{job}/cancel").status, 200)

    def test_a_scope_that_is_lowered_ends_what_it_no_longer_allows(self):
        client = self.add("lowered")
        job = client.ask_json("POST", "/api/v1/jobs", dict(JOB, pipeline="endless")).json()["id"]
        reading = self.open(client.token, f"GET /api/v1/jobs/{job}/outputs/out")
        running = self.open(client.token, "POST /run/endless", "Hello.")
        left = self.ticket(client)
        self.change("lowered", scope="read")
        self.drain(running)
        self.assertEqual(self.show_ticket(left)[0], 401)
        for _ in range(20):
            self.assertTrue(reading.recv(1))
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST").status, 200)

    def test_one_that_expires(self):
        client = self.add("brief", "--expires", "+2s")
        self.assertEqual(client.ask("GET", "/api/v1/jobs").status, 200)
        deadline = time.monotonic() + PATIENCE
        while (reply := client.ask("GET", "/api/v1/jobs")).status == 200:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.refused(reply, 401, "unauthorized", 'Bearer realm="medley", error="invalid_token"')
        self.assertIn("expired", reply.json()["detail"])

    def test_idempotency_keys_belong_to_a_token(self):
        first, second = self.add("one"), self.add("two")
        key = {"Idempotency-Key": "same", "Medley-Client": "program"}
        jobs = [client.ask_json("POST", "/api/v1/jobs", JOB, key).json()["id"] for client in (first, second, first)]
        self.assertEqual(jobs[0], jobs[2])
        self.assertNotEqual(jobs[0], jobs[1])

    def test_a_file_that_others_may_read_is_not_used(self):
        client = self.add("open")
        self.assertEqual(client.ask("GET", "/api/v1/jobs").status, 200)
        self.file.chmod(0o644)
        self.assertEqual(client.ask("GET", "/api/v1/jobs").status, 401)
        self.file.chmod(0o600)
        self.assertEqual(client.ask("GET", "/api/v1/jobs").status, 200)
        # Nor does a daemon start with it: it would not be noticed otherwise.
        self.file.chmod(0o644)
        try:
            other = Daemon("http.tcp=true", f"http.tokens={self.file}")
            with self.assertRaisesRegex(RuntimeError, "not-allowed: .*chmod 600"):
                other.start()
        finally:
            self.file.chmod(0o600)

    def test_the_shell_lists_names_and_shows_no_secret_again(self):
        client = self.add("listed", "--scope", "read")
        run = self.daemon.medley("token", "list", "--json", check=True)
        found = {token["name"]: token for token in map(json.loads, run.stdout.splitlines())}
        self.assertEqual(found["listed"]["scope"], "read")
        for text in (run.stdout, self.daemon.medley("token").stdout, self.file.read_bytes()):
            self.assertNotIn(client.token.encode(), text)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        again = self.daemon.medley("token", "add", "listed")
        self.assertEqual(again.returncode, 2, again.stderr)
        self.assertEqual(self.daemon.medley("token", "revoke", "nobody").returncode, 2)

    def test_the_shell_shows_one(self):
        client = self.add("shell")
        url = f"http://127.0.0.1:{self.port}"
        run = self.daemon.medley("--host", url, "--token", client.token, "jobs", "--limit", "1")
        self.assertEqual(run.returncode, 0, run.stderr)
        run = self.daemon.medley("--host", url, "--token", client.token, "cache", "clear")
        self.assertEqual(run.returncode, 5, run.stderr)
        self.assertIn(b"forbidden", run.stderr)


if __name__ == "__main__":
    main()
