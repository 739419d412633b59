# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HTTP face of a real daemon, with curl and with bare sockets as its clients."""

import base64
import json
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from medleytest import PATIENCE, Daemon, main


def pipeline(engine, task="text-to-text/echo", parameters=None, **settings):
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}}, "parameters": parameters or {},
        "stages": {"work": {"task": task, "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "work", "type": "text/plain"}},
    }


def voice():
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "parameters": {"voice": {"type": "string", "default": "low", "description": "Voice"}},
        "stages": {"speech": {"task": "text-to-audio/speech", "engine": "fakevoice", "from": "text",
                              "set": {"voice": "${voice}"}}},
        "outputs": {"speech": {"from": "speech", "type": "audio/ogg"},
                    "captions": {"from": "speech.captions", "type": "text/vtt"}},
    }


def pair():
    """Two inputs, and an output of each."""
    return {
        "medley": 1, "inputs": {"a": {"type": "text/plain"}, "b": {"type": "text/plain"}},
        "stages": {f"echo-{name}": {"task": "text-to-text/echo", "engine": "fakeecho", "from": name} for name in "ab"},
        "outputs": {f"of-{name}": {"from": f"echo-{name}", "type": "text/plain"} for name in "ab"},
    }


PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    "slow.json": pipeline("fakeslow", "text-to-text/slow", **{"delay-ms": 400, "bytes-per-step": 8}),
    "endless.json": pipeline("fakeendless", "text-to-text/endless", **{"delay-ms": 20}),
    "crash.json": pipeline("fakecrash", "text-to-text/crash", how="segv"),
    "voice.json": voice(),
    "pair.json": pair(),
}
JSON = ("-H", "Content-Type: application/json")


class Client:
    """A bare HTTP/1.1 client that sends and receives when the test says so."""

    def __init__(self, daemon):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(daemon.socket))
        self.received = b""

    def send(self, data):
        self.socket.sendall(data)

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def wait_for(self, text):
        while text not in self.received:
            data = self.socket.recv(65536)
            if not data:
                raise AssertionError(f"{text!r} did not come, but {self.received[-2000:]!r}")
            self.received += data

    def rest(self):
        while data := self.socket.recv(65536):
            self.received += data
        return self.received

    def close(self):
        self.socket.close()


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("http.tcp=true", "http.json-bytes=64KiB", "limits.text-bytes=1MiB", "workers.maximum=3",
                            pipelines=PIPELINES)
        cls.daemon.start()
        faces = cls.daemon.status()["faces"]["http"]
        cls.url = re.search(r"http://127\.0\.0\.1:(\d+)", faces).group(0)
        cls.token = (cls.daemon.folder / "runtime" / "medley" / "token").read_text().strip()

    @classmethod
    def tearDownClass(cls):
        status = cls.daemon.stop()
        assert status == 0, status

    def curl(self, *arguments, **options):
        return self.daemon.curl(*arguments, **options)

    def tcp(self, path, *arguments):
        run = subprocess.run(["curl", "-sS", "-w", "%{http_code}", "-o", "/dev/null", "--max-time", "60", *arguments,
                              self.url + path], capture_output=True, timeout=PATIENCE)
        return int(run.stdout)

    def problem(self, reply, status, code):
        self.assertEqual(reply.status, status, reply.body[:1000])
        self.assertEqual(reply.headers["content-type"], "application/problem+json")
        found = reply.json()
        self.assertEqual(found["code"], code)
        self.assertEqual(found["type"], f"urn:medley:error:{code}")
        self.assertEqual(found["status"], status)
        self.assertTrue(found["detail"])
        return found

    def create(self, name, text="One. Two.\n", **more):
        return self.daemon.create(pipeline=name, inputs={"text": {"text": text}}, **more)

    # -- running

    def test_run_echoes_its_body(self):
        reply = self.curl("/run/echo", "--data-binary", "Hello.\n")
        self.assertEqual((reply.status, reply.body), (200, b"Hello.\n"), reply.headers)
        self.assertEqual(reply.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(self.daemon.job(reply.headers["medley-job"])["state"], "done")

    def test_text_that_arrives_slowly_is_worked_on_as_it_arrives(self):
        client = Client(self.daemon)
        client.send(b"POST /run/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.chunk(b"One sentence. ")
        client.chunk(b"Another begins")
        client.wait_for(b"One sentence.")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertNotIn(b"\r\n0\r\n\r\n", client.received)
        client.chunk(b" and ends.")
        client.send(b"0\r\n\r\n")
        client.wait_for(b"\r\n0\r\n\r\n")
        # The connection is good for another request.
        client.received = b""
        client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertIn(b'{"status":"ok"}', client.rest())

    def test_curl_hears_the_beginning_of_a_paused_upload(self):
        # "-T ." rather than "-T -": with the latter curl does not look at the answer while its standard input pauses.
        command = ["curl", "-s", "-N", "-T", ".", "-X", "POST", "--unix-socket", str(self.daemon.socket),
                   "http://localhost/run/voice?type=audio/wav"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
            run.stdin.write(b"One sentence. Two.\n")
            run.stdin.flush()
            first = run.stdout.read(2000)  # comes while the upload is still open, or never
            run.stdin.write(b"Three.\n")
            run.stdin.close()
            rest = run.stdout.read()
        self.assertEqual(run.returncode, 0)
        self.assertEqual(first[:4], b"RIFF")
        self.assertGreater(len(rest), 1000)

    def test_output_and_type_are_chosen(self):
        cases = [
            ("", (), "audio/ogg", b"OggS"),
            ("", ("-H", "Accept: audio/flac"), "audio/flac", b"fLaC"),
            ("", ("-H", "Accept: text/vtt"), "text/vtt; charset=utf-8", b"WEBVTT"),
            ("", ("-H", "Accept: image/png, audio/*;q=0.5"), "audio/ogg", b"OggS"),
            ("?output=captions", (), "text/vtt; charset=utf-8", b"WEBVTT"),
            ("?type=audio/wav", (), "audio/wav", b"RIFF"),
            ("?voice=high", (), "audio/ogg", b"OggS"),
        ]
        for query, arguments, kind, magic in cases:
            with self.subTest(query=query, arguments=arguments):
                reply = self.curl(f"/run/voice{query}", "--data-binary", "Hello there.", *arguments)
                self.assertEqual(reply.status, 200, reply.body[:500])
                self.assertEqual(reply.headers["content-type"], kind)
                self.assertEqual(reply.body[:len(magic)], magic)

    def test_what_cannot_be_run_says_why(self):
        cases = [
            ("/run/ecko", (), 404, "not-found"),
            ("/run/voice?output=nothing", (), 422, "unknown-output"),
            ("/run/voice?input=nothing", (), 422, "unknown-input"),
            ("/run/voice?voise=high", (), 422, "invalid-parameter"),
            ("/run/pair?input=a&output=of-b", (), 422, "missing-input"),
            ("/run/pair?input=a", (), 422, "missing-input"),
            ("/run/voice", ("-H", "Accept: model/gltf-binary"), 406, "unsupported-type"),
            ("/run/voice?type=image/png", (), 415, "unsupported-type"),
        ]
        for path, arguments, status, code in cases:
            with self.subTest(path=path):
                self.problem(self.curl(path, "--data-binary", "Hello.", *arguments), status, code)

    def test_bad_text_is_a_problem_with_its_code(self):
        for body, status, code in [(b"", 422, "empty-input"), (b"\xe9t\xe9", 422, "bad-encoding"),
                                   (b"\0ab", 422, "nul-in-text")]:
            with self.subTest(code=code):
                reply = self.curl("/run/echo", "--data-binary", "@-", input=body)
                self.problem(reply, status, code)
                self.assertEqual(reply.headers["medley-job"], reply.json()["job"])

    def test_too_much_text_is_refused(self):
        with tempfile.NamedTemporaryFile() as file:
            subprocess.run(f"head -c 300000000 /dev/zero | tr '\\0' a > {file.name}", shell=True, check=True)
            for arguments in (["--data-binary", f"@{file.name}"], ["--data-binary", f"@{file.name}", "-H", "Expect:"]):
                with self.subTest(arguments=arguments):
                    self.problem(self.curl("/run/echo", *arguments), 413, "too-large")
            # Its length is not told: what was made of its beginning is broken off.
            with open(file.name, "rb") as stream:
                reply = self.curl("/run/echo", "-X", "POST", "-T", "-", stdin=stream)
            if reply.status == 200:
                self.assertEqual(reply.exit_code, 18, reply.stderr)
            else:  # the limit was passed before anything was made
                self.problem(reply, 413, "too-large")
            job = self.daemon.wait(reply.headers["medley-job"])
            self.assertEqual((job["state"], job["error"]["code"]), ("failed", "too-large"))
            job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
            self.problem(self.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", file.name), 413, "too-large")
            self.assertEqual(self.daemon.wait(job)["error"]["code"], "too-large")
        self.assertEqual(self.curl("/run/echo", "-d", "Fine.").status, 200)

    def test_a_crash_before_the_first_byte_is_a_problem(self):
        found = self.problem(self.curl("/run/crash", "-d", "Boom."), 500, "worker-crashed")
        self.assertEqual(found["stage"], "work")
        self.assertEqual(found["engine"], "fakecrash")

    def test_cancel_after_the_first_byte_breaks_the_body(self):
        client = Client(self.daemon)
        client.send(b"POST /run/endless HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nAgain.")
        client.wait_for(b"Again.")
        job = re.search(rb"Medley-Job: (\S+)", client.received).group(1).decode()
        self.assertEqual(self.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST").status, 200)
        self.assertFalse(client.rest().endswith(b"\r\n0\r\n\r\n"))
        self.assertEqual(self.daemon.wait(job)["state"], "cancelled")

    def test_a_client_that_leaves_cancels(self):
        before = {job["id"] for job in self.curl("/api/v1/jobs?pipeline=slow").json()["jobs"]}
        for leave in ("while uploading", "while waiting"):
            with self.subTest(leave):
                client = Client(self.daemon)
                if leave == "while uploading":
                    client.send(b"POST /run/slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                    client.chunk(b"A sentence. ")
                else:
                    client.send(b"POST /run/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n" + b"word " * 800)
                deadline = time.monotonic() + PATIENCE
                while time.monotonic() < deadline:
                    jobs = self.curl("/api/v1/jobs?pipeline=slow").json()["jobs"]
                    new = [job["id"] for job in jobs if job["id"] not in before]
                    if new:
                        break
                client.close()
                self.assertEqual(self.daemon.wait(new[0])["state"], "cancelled")
                before.add(new[0])

    def test_detached_runs_go_on(self):
        client = Client(self.daemon)
        client.send(b"POST /run/slow?detach HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nA sentence. ")
        client.wait_for(b"\r\n\r\n{")
        head, _, body = client.received.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 202 "))
        while body.count(b"\n") < 1:
            body += client.socket.recv(65536)
        client.close()
        job = self.daemon.wait(json.loads(body)["id"])
        self.assertEqual(job["state"], "done")

    def test_http_1_0(self):
        reply = self.curl("/run/echo", "--http1.0", "--data-binary", "Hello.\n")
        self.assertEqual((reply.status, reply.body), (200, b"Hello.\n"))
        self.assertNotIn("transfer-encoding", reply.headers)

    def test_a_form_has_inputs_and_parameters(self):
        reply = self.curl("/run/voice?type=audio/wav", "-F", "text=@-;filename=a.txt", "-F", "voice=high", input=b"Hello there.")
        self.assertEqual((reply.status, reply.body[:4]), (200, b"RIFF"), reply.body[:500])
        self.assertEqual(self.daemon.job(reply.headers["medley-job"])["parameters"]["voice"], "high")
        self.problem(self.curl("/run/voice", "-F", "text=Hello.", "-F", "voise=high"), 422, "invalid-parameter")
        self.problem(self.curl("/run/voice", "-F", "voice=high"), 422, "missing-input")
        self.problem(self.curl("/run/voice", "-H", "Content-Type: multipart/form-data; boundary=x", "-d", "hello"),
                     400, "invalid-argument")

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

    def events(self, text):
        blocks = [b for b in text.decode().split("\n\n") if b and not b.startswith(":")]
        return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]

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

    # -- who may ask

    def test_tcp_needs_the_token(self):
        right = ("-H", f"Authorization: Bearer {self.token}")
        self.assertEqual(len(self.token), 64)
        self.assertEqual(self.tcp("/api/v1"), 401)
        self.assertEqual(self.tcp("/api/v1", "-H", "Authorization: Bearer " + "0" * 64), 401)
        self.assertEqual(self.tcp("/api/v1", *right), 200)
        self.assertEqual(self.tcp("/healthz"), 200)
        self.assertEqual(self.tcp("/readyz"), 200)
        self.assertEqual(self.tcp("/run/echo", "-d", "Hello."), 401)
        self.assertEqual(self.tcp("/run/echo", "-d", "Hello.", *right), 200)
        mode = (self.daemon.folder / "runtime" / "medley" / "token").stat().st_mode
        self.assertEqual(mode & 0o777, 0o600)
        self.assertEqual(self.daemon.socket.stat().st_mode & 0o777, 0o600)

    def test_foreign_pages_are_kept_out(self):
        right = ("-H", f"Authorization: Bearer {self.token}")
        port = self.url.rpartition(":")[2]
        self.assertEqual(self.tcp("/api/v1", *right, "-H", "Host: evil.example"), 403)
        self.assertEqual(self.tcp("/api/v1", *right, "-H", f"Host: localhost:{port}"), 200)
        self.assertEqual(self.tcp("/run/echo", *right, "-d", "x.", "-H", "Origin: http://evil.example"), 403)
        self.assertEqual(self.tcp("/run/echo", *right, "-d", "x.", "-H", f"Origin: {self.url}"), 200)
        self.assertEqual(self.tcp("/run/echo", *right, "-d", "x.", "-H", "Sec-Fetch-Site: cross-site"), 403)
        self.assertEqual(self.curl("/run/echo", "-d", "x.", "-H", "Origin: null").status, 403)

    def test_paths_lead_nowhere_else(self):
        for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/..%2f..", "/etc/passwd", "//etc/passwd",
                     "/run/../etc", "/api/v1/pipelines/%2e%2e%2fecho", "/api/v1/jobs/..%5c..", "/%00"):
            reply = self.curl(path, "--path-as-is")
            self.assertIn(reply.status, (400, 404), path)
            self.assertNotIn(b"root:", reply.body)

    def test_methods(self):
        reply = self.curl("/api/v1/jobs", "-X", "PATCH")
        self.problem(reply, 405, "invalid-argument")
        self.assertEqual(reply.headers["allow"], "POST, GET, HEAD, OPTIONS")
        self.assertEqual(self.curl("/api/v1/jobs", "-X", "OPTIONS").status, 204)
        self.problem(self.curl("/nothing"), 404, "not-found")
        self.assertRegex(self.curl("/healthz").headers["server"], r"^medley/\d")

    def test_half_open_requests_do_not_keep_others_out(self):
        crowd = [Client(self.daemon) for _ in range(300)]
        for client in crowd:
            client.send(b"POST /run/echo HTTP/1.1\r\nHost: loc")
        self.assertEqual(self.curl("/run/echo", "-d", "Hello.").status, 200)
        for client in crowd:
            client.close()

    def test_two_daemons_do_not_share_a_socket(self):
        other = Daemon(f"http.socket={self.daemon.socket}")
        with self.assertRaisesRegex(RuntimeError, "another daemon listens"):
            other.start()
        self.assertEqual(self.curl("/healthz").status, 200)


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
