# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs, their outputs and events, and the catalogue over HTTP."""

import base64
import json
import os
import re
import subprocess
import threading
import unittest
from pathlib import Path

from httptest import JSON, PIPELINES, Client, Face
from medleytest import PATIENCE, Daemon, is_sanitized, main


class Jobs(Face):
    # -- jobs

    def test_a_job_from_creation_to_removal(self):
        reply = self.curl("/api/v1/jobs", *JSON, "-d", json.dumps(
            {"pipeline": "echo", "inputs": {"text": {"base64": base64.b64encode(b"Hello.\n").decode()}}}))
        self.assertEqual(reply.status, 201)
        job = reply.json()
        path = f"/api/v1/jobs/{job['id']}"
        self.assertEqual(reply.headers["location"], path)
        self.assertEqual(self.daemon.wait(job["id"])["state"], "done")
        self.assertEqual(self.curl(f"{path}/outputs/out").body, b"Hello.\n")
        self.problem(self.curl(f"{path}/cancel", "-X", "POST"), 409, "wrong-state")
        self.assertEqual(self.curl(path, "-X", "DELETE").status, 204)
        self.problem(self.curl(path), 404, "not-found")
        self.problem(self.curl(path, "-X", "DELETE"), 404, "not-found")

    def test_an_upload_reaches_the_job_as_it_arrives(self):
        job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        client = Client(self.daemon)
        client.send(f"PUT /api/v1/jobs/{job}/inputs/text HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        client.chunk(b"One sentence. ")
        client.chunk(b"Two")
        reader = Client(self.daemon)
        reader.send(f"GET /api/v1/jobs/{job}/outputs/out HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        reader.wait_for(b"One sentence.")
        self.assertIn(b"Medley-Output-State: growing\r\n", reader.received)
        self.assertNotIn(b"ETag", reader.received)
        client.chunk(b" sentences.")
        client.send(b"0\r\n\r\n")
        client.wait_for(b"HTTP/1.1 204 ")
        reader.wait_for(b"\r\n0\r\n\r\n")
        self.assertEqual(self.daemon.wait(job)["state"], "done")
        self.problem(self.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", "/dev/null"), 409, "wrong-state")

    def test_a_broken_upload_fails_the_job(self):
        for end in (b"", b"zzz\r\n"):
            with self.subTest(end=end):
                job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
                client = Client(self.daemon)
                client.send(f"PUT /api/v1/jobs/{job}/inputs/text HTTP/1.1\r\nHost: a\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n".encode())
                client.chunk(b"One sentence. ")
                client.send(end)
                if end:
                    client.wait_for(b"HTTP/1.1 400 ")
                client.close()
                job = self.daemon.wait(job)
                self.assertEqual(job["state"], "failed")
                self.assertEqual(job["error"]["code"], "invalid-argument" if end else "bad-input")

    def test_bad_job_requests(self):
        faulty = {"medley": 1, "inputs": {"text": {"type": "text/plain"}},
                  "stages": {"a": {"task": "text-to-text/echo", "engine": "fakeecko", "from": "text"}},
                  "outputs": {"out": {"from": "b", "type": "text/plain"}}}
        text = {"text": {"text": "Hello."}}
        cases = [
            (b"{", 400, "invalid-json"),
            (b"[" * 50000, 400, "invalid-json"),
            (b"[]", 400, "invalid-argument"),
            (b"{}", 400, "invalid-argument"),
            (b'{"pipeline": 5}', 400, "invalid-argument"),
            (b'{"pipeline": "echo", "inpust": {}}', 400, "invalid-argument"),
            ({"pipeline": "echo", "inputs": {"text": {}}}, 400, "invalid-argument"),
            ({"pipeline": "echo", "inputs": {"text": {"base64": "a b"}}}, 400, "invalid-argument"),
            ({"pipeline": "echo", "inputs": {"text": {"upload": False}}}, 400, "invalid-argument"),
            ({"pipeline": "echo", "inputs": {"texd": {"text": "x"}}}, 422, "unknown-input"),
            ({"pipeline": "none", "inputs": text}, 404, "not-found"),
            ({"pipeline": "voice", "inputs": text, "parameters": {"voice": []}}, 422, "invalid-parameter"),
            ({"pipeline": "voice", "inputs": text, "outputs": ["speach"]}, 422, "unknown-output"),
            ({"pipeline": "voice", "inputs": text, "outputs": {"speech": {"type": "image/png"}}}, 415, "unsupported-type"),
            ({"pipeline": faulty, "inputs": text}, 422, "invalid-pipeline"),
            (b'"' + b"x" * 70000 + b'"', 413, "too-large"),
        ]
        for body, status, code in cases:
            body = body if isinstance(body, bytes) else json.dumps(body, indent=1).encode()
            with self.subTest(body=body[:80]):
                reply = self.curl("/api/v1/jobs", *JSON, "--data-binary", "@-", input=body)
                found = self.problem(reply, status, code)
                if code == "invalid-pipeline":
                    lines = body.decode().split("\n")
                    self.assertGreaterEqual(len(found["faults"]), 2)
                    for fault in found["faults"]:
                        self.assertTrue(fault["pointer"])
                        self.assertTrue(fault["message"])
                    engine = next(f for f in found["faults"] if "fakeecko" in f["message"])
                    self.assertIn("fakeecko", lines[engine["line"] - 1])
        self.problem(self.curl("/api/v1/jobs", "-d", '{"pipeline":"echo"}'), 415, "unsupported-type")

    def test_lists_are_paged(self):
        made = [self.create("echo")["id"] for _ in range(5)]
        for job in made:
            self.daemon.wait(job)
        seen, cursor = [], ""
        while True:
            page = self.curl(f"/api/v1/jobs?pipeline=echo&state=done&limit=2{cursor}").json()
            self.assertLessEqual(len(page["jobs"]), 2)
            seen += [job["id"] for job in page["jobs"]]
            if "next" not in page:
                break
            cursor = f"&cursor={page['next']}"
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual([job for job in seen if job in made], made[::-1])
        for query in ("limit=0", "limit=x", "limit=501", "state=odd", "colour=red"):
            self.problem(self.curl(f"/api/v1/jobs?{query}"), 400, "invalid-argument")

    # -- outputs

    def test_ranges_and_tags(self):
        job = self.daemon.wait(self.create("echo", "".join(f"Sentence {i}.\n" for i in range(500)))["id"])
        path = f"/api/v1/jobs/{job['id']}/outputs/out"
        whole = self.curl(path)
        etag = whole.headers["etag"]
        size = len(whole.body)
        self.assertEqual(whole.headers["medley-output-state"], "complete")
        self.assertEqual(whole.headers["accept-ranges"], "bytes")
        self.assertEqual(int(whole.headers["content-length"]), size)
        self.assertTrue(etag.startswith('"'))
        head = self.curl(path, "-I")
        self.assertEqual((head.status, head.headers["content-length"]), (200, str(size)))
        for text, status, body in [
            ("bytes=10-19", 206, whole.body[10:20]), ("bytes=100-", 206, whole.body[100:]),
            ("bytes=-7", 206, whole.body[-7:]), ("bytes=0-0,5-6", 200, whole.body), ("bytes=z", 200, whole.body),
        ]:
            part = self.curl(path, "-H", f"Range: {text}")
            self.assertEqual((part.status, part.body), (status, body), text)
        self.assertEqual(self.curl(path, "-H", "Range: bytes=10-19").headers["content-range"], f"bytes 10-19/{size}")
        past = self.curl(path, "-H", f"Range: bytes={size}-")
        self.assertEqual((past.status, past.headers["content-range"]), (416, f"bytes */{size}"))
        self.assertEqual(self.curl(path, "-H", f"If-None-Match: {etag}").status, 304)
        same = self.curl(path, "-H", "Range: bytes=0-4", "-H", f"If-Range: {etag}")
        other = self.curl(path, "-H", "Range: bytes=0-4", "-H", 'If-Range: "growing"')
        self.assertEqual((same.status, len(same.body)), (206, 5))
        self.assertEqual((other.status, len(other.body)), (200, size))
        self.problem(self.curl(path + "x"), 404, "not-found")

    def test_an_output_streams_while_it_grows_to_several_readers(self):
        job = self.create("slow", "".join(f"Line {i}. " for i in range(8)))["id"]
        path = f"/api/v1/jobs/{job}/outputs/out"
        got = []
        readers = [threading.Thread(target=lambda: got.append(self.curl(path))) for _ in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(PATIENCE)
        late = self.curl(path)
        self.assertEqual({reply.body for reply in got}, {late.body})
        self.assertTrue(all(reply.exit_code == 0 for reply in got))

    # -- events

    def test_events_stream_and_end(self):
        job = self.create("slow", "One sentence. Two sentences.")["id"]
        reply = self.curl(f"/api/v1/jobs/{job}/events", "-N")
        self.assertEqual(reply.headers["content-type"], "text/event-stream; charset=utf-8")
        events = self.events(reply.body)
        self.assertEqual([int(e["id"]) for e in events], sorted(int(e["id"]) for e in events))
        self.assertEqual(events[0]["id"], "1")
        states = [json.loads(e["data"])["state"] for e in events if e["event"] == "state"]
        self.assertEqual(states[-1], "done")
        self.assertEqual(json.loads(events[-1]["data"])["seq"], int(events[-1]["id"]))
        # Of progress in a row only the newest is kept for those who come later.
        kept = [
            e for e, following in zip(events, events[1:] + [{"event": None}])
            if not e["event"] == following["event"] == "progress"
        ]
        middle = kept[len(kept) // 2]["id"]
        for again in (self.curl(f"/api/v1/jobs/{job}/events?after={middle}"),
                      self.curl(f"/api/v1/jobs/{job}/events?after=1", "-H", f"Last-Event-ID: {middle}")):
            self.assertEqual(self.events(again.body), [e for e in kept if int(e["id"]) > int(middle)])
        listed = self.curl(f"/api/v1/jobs/{job}/events", "-H", "Accept: application/json").json()
        self.assertEqual([e["seq"] for e in listed["events"]], [int(e["id"]) for e in kept])
        self.problem(self.curl(f"/api/v1/jobs/{job}/events?after=x"), 400, "invalid-argument")

    # -- catalogue

    def test_catalogue(self):
        names = [p["name"] for p in self.curl("/api/v1/pipelines").json()["pipelines"]]
        self.assertIn("voice", names)
        shown = self.curl("/api/v1/pipelines/voice").json()
        self.assertEqual(list(shown["outputs"]), ["speech", "captions"])
        self.assertIn("echo", self.problem(self.curl("/api/v1/pipelines/ecco"), 404, "not-found")["detail"])
        engines = {e["name"]: e for e in self.curl("/api/v1/engines").json()["engines"]}
        self.assertIn("text-to-audio/speech", engines["fakevoice"]["tasks"])
        engine = self.curl("/api/v1/engines/fakevoice").json()
        self.assertIn("voice", [p["name"] for p in engine["properties"]])
        voices = self.curl("/api/v1/engines/fakevoice/voices").json()["voices"]
        self.assertEqual({v["name"] for v in voices}, {"low", "high"})
        self.problem(self.curl("/api/v1/engines/none"), 404, "not-found")

    def test_validation(self):
        good = self.curl("/api/v1/pipelines:validate", *JSON, "-d", json.dumps(PIPELINES["echo.json"])).json()
        self.assertTrue(good["valid"], good)
        bad = dict(PIPELINES["echo.json"], outputs={"out": {"from": "wrok", "type": "text/plain"}})
        found = self.curl("/api/v1/pipelines:validate", *JSON, "-d", json.dumps(bad)).json()
        self.assertFalse(found["valid"])
        fault = next(f for f in found["faults"] if f.get("suggestion") == "work")
        self.assertEqual(fault["pointer"], "/outputs/out/from")
        for text in ("", "{", "[" * 80000):
            found = self.curl("/api/v1/pipelines:validate", *JSON, "--data-binary", "@-", input=text.encode()).json()
            self.assertFalse(found["valid"], text[:10])


class LargeOutput(unittest.TestCase):
    """An output that no socket takes at once."""

    TEXT = b"".join(b"Line %d of a long text.\n" % i for i in range(1000000))

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("http.tcp=true", "limits.text-bytes=64MiB", pipelines=PIPELINES)
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.stop)
        job = cls.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        cls.daemon.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", "-", input=cls.TEXT)
        assert cls.daemon.wait(job)["state"] == "done"
        cls.path = f"/api/v1/jobs/{job}/outputs/out"
        cls.file = cls.daemon.folder / "state" / "medley" / "spool" / f"{job}-0.out"

    def request(self, extra=""):
        client = Client(self.daemon)
        client.send(f"GET {self.path} HTTP/1.1\r\nHost: a\r\n{extra}\r\n".encode())
        return client

    def forget(self):
        """Takes the file out of memory."""
        with open(self.file, "rb") as stream:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def test_it_is_whole_whether_in_memory_or_not(self):
        for arguments in ((), ("-H", "Range: bytes=1000001-20000000")):
            expected = self.TEXT[1000001:20000001] if arguments else self.TEXT
            for cold in (False, True):
                with self.subTest(arguments=arguments, cold=cold):
                    if cold:
                        self.forget()
                    self.assertEqual(self.daemon.curl(self.path, *arguments).body, expected)

    def test_it_is_whole_over_tcp(self):
        url = re.search(r"http://127[.]0[.]0[.]1:\d+", self.daemon.status()["faces"]["http"]).group(0)
        token = (self.daemon.folder / "runtime" / "medley" / "token").read_text().strip()
        run = subprocess.run(["curl", "-sS", "-H", f"Authorization: Bearer {token}", url + self.path, url + "/healthz"],
                             capture_output=True, timeout=PATIENCE, check=True)
        self.assertEqual(run.stdout, self.TEXT + self.daemon.curl("/healthz").body)

    def test_slow_clients_take_no_memory_and_nobodys_turn(self):
        def memory():
            return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.daemon.process.pid}/status").read_text())[1]) // 1024
        self.assertEqual(self.daemon.curl(self.path).body, self.TEXT)
        before = memory()
        crowd = [self.request() for _ in range(60)]
        for client in crowd:
            client.wait_for(b"Line 100 ")
        self.assertEqual(self.daemon.curl(self.path).body, self.TEXT)
        if not is_sanitized():
            self.assertLess(memory() - before, 8)
        for client in crowd[1:]:
            client.close()
        pieces, left = [crowd[0].received.partition(b"\r\n\r\n")[2]], len(self.TEXT)
        while (left := left - len(pieces[-1])) > 0:
            pieces.append(crowd[0].socket.recv(1 << 20))
            self.assertTrue(pieces[-1])
        crowd[0].close()
        self.assertEqual(b"".join(pieces), self.TEXT)


if __name__ == "__main__":
    main()
