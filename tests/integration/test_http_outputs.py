# SPDX-License-Identifier: LGPL-2.1-or-later
"""Outputs over HTTP: names, tags, conditions and ranges, while they grow and when they are complete; many readers."""

import re
import socket
import threading
import time
from pathlib import Path

from httptest import Client, Face
from medleytest import MEMORY_FACTOR, PATIENCE, is_sanitized, main

TEXT = "".join(f"Sentence number {i} of the text.\n" for i in range(500))


class Upload:
    """A job whose input is open as long as the test likes: its output grows when the test says so."""

    def __init__(self, daemon, pipeline="echo"):
        self.daemon = daemon
        self.id = daemon.create(pipeline=pipeline, inputs={"text": {"upload": True}})["id"]
        self.path = f"/api/v1/jobs/{self.id}/outputs/out"
        self.client = Client(daemon)
        self.client.send(f"PUT /api/v1/jobs/{self.id}/inputs/text HTTP/1.1\r\nHost: a\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n".encode())

    def say(self, text):
        """Sends some and waits until that much has come out."""
        size = self.size()
        self.client.chunk(text.encode())
        deadline = time.monotonic() + PATIENCE
        while self.size() < size + len(text.encode()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {self.id} did not give back what it got")
            time.sleep(0.01)

    def size(self):
        return self.daemon.job(self.id)["outputs"]["out"]["size"]

    def finish(self):
        self.client.send(b"0\r\n\r\n")
        self.client.wait_for(b"HTTP/1.1 204 ")
        self.client.close()
        return self.daemon.wait(self.id)


class Outputs(Face):
    def test_a_growing_output(self):
        upload = Upload(self.daemon)
        upload.say("One sentence. Two sentences. ")
        head = self.curl(upload.path, "-I")
        self.assertEqual(head.status, 200)
        self.assertEqual(head.headers["medley-output-state"], "growing")
        for absent in ("etag", "content-length", "accept-ranges", "content-range"):
            self.assertNotIn(absent, head.headers)
        self.assertEqual(head.headers["cache-control"], "no-store")

        part = self.curl(upload.path, "-H", "Range: bytes=4-11")
        self.assertEqual((part.status, part.body), (206, b"sentence"))
        self.assertEqual(part.headers["content-range"], "bytes 4-11/*")
        self.assertEqual(part.headers["content-length"], "8")
        self.assertNotIn("etag", part.headers)
        self.assertEqual(self.curl(upload.path, "-I", "-H", "Range: bytes=4-11").status, 200)
        self.problem(self.curl(upload.path, "-H", 'If-Match: "x"'), 412, "wrong-state")
        self.assertEqual(self.curl(upload.path, "-H", "If-None-Match: *").status, 304)

        # Whoever asks for what is not there yet, or for no certain end, gets the whole as it comes.
        readers = {}
        for field in ("Range: bytes=4-", "Range: bytes=-4", "Range: bytes=4-1000", "Range: bytes=0-1,4-5",
                      'Range: bytes=4-11\r\nIf-Range: "x"', 'If-None-Match: "x"', "If-Match: *"):
            readers[field] = Client(self.daemon)
            readers[field].send(f"GET {upload.path} HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n".encode())
            readers[field].wait_for(b"One sentence.")
            self.assertTrue(readers[field].received.startswith(b"HTTP/1.1 200 "), field)
        upload.say("Three sentences. ")
        self.assertEqual(upload.finish()["state"], "done")
        for field, reader in readers.items():
            reader.wait_for(b"\r\n0\r\n\r\n")
            self.assertIn(b"Three sentences. ", reader.received)
            reader.close()

    def test_a_part_does_not_cross_the_end(self):
        """Who asks, with what it got while the output grew, for the rest of the complete one, gets the whole."""
        upload = Upload(self.daemon)
        upload.say("One sentence. ")
        grown = self.curl(upload.path, "-H", "Range: bytes=0-3")
        self.assertEqual(grown.status, 206)
        upload.say("Two.")
        upload.finish()
        for tag in ('"x"', 'W/"x"', grown.headers.get("etag", '""')):
            whole = self.curl(upload.path, "-H", "Range: bytes=4-", "-H", f"If-Range: {tag}")
            self.assertEqual((whole.status, whole.body), (200, b"One sentence. Two."))

    def test_conditions_of_a_complete_output(self):
        job = self.daemon.wait(self.create("echo", TEXT)["id"])
        path = f"/api/v1/jobs/{job['id']}/outputs/out"
        etag = self.curl(path, "-I").headers["etag"]
        self.assertRegex(etag, r'^"[^"]+"$')
        cases = [
            (f"If-None-Match: {etag}", 304), (f'If-None-Match: "x", W/{etag}', 304), ("If-None-Match: *", 304),
            ('If-None-Match: "x"', 200), (f"If-Match: {etag}", 200), ("If-Match: *", 200), ('If-Match: "x"', 412),
            (f"If-Match: W/{etag}", 412), (f"If-Match: {etag}\r\nIf-None-Match: {etag}", 304),
            (f"If-Match: {etag}\r\nRange: bytes=0-9", 206), ('If-Match: "x"\r\nRange: bytes=0-9', 412),
            (f"If-None-Match: {etag}\r\nRange: bytes=0-9", 304), (f"If-Range: {etag}\r\nRange: bytes=0-9", 206),
            (f"If-Range: W/{etag}\r\nRange: bytes=0-9", 200), (f"If-Range: {etag}", 200),
        ]
        for fields, status in cases:
            for method in ("GET", "HEAD"):
                with self.subTest(fields=fields, method=method):
                    arguments = [a for field in fields.split("\r\n") for a in ("-H", field)]
                    reply = self.curl(path, *(["-I"] if method == "HEAD" else []), *arguments)
                    wanted = 200 if (method, status) == ("HEAD", 206) else status
                    self.assertEqual(reply.status, wanted)
                    self.assertEqual(reply.headers["etag"], etag)
                    if method == "GET":
                        sizes = {200: len(TEXT), 206: 10, 304: 0}
                        if status in sizes:
                            self.assertEqual(len(reply.body), sizes[status])
                    if wanted == 206:
                        self.assertEqual(reply.headers["content-range"], f"bytes 0-9/{len(TEXT)}")
        self.problem(self.curl(path, "-H", 'If-Match: "x"'), 412, "wrong-state")

    def test_names_of_files(self):
        job = self.daemon.wait(self.create("voice", "Hello.")["id"])
        path = f"/api/v1/jobs/{job['id']}/outputs"
        for query, disposition in [
            ("speech", 'inline; filename="voice-speech.ogg"'),
            ("captions", 'inline; filename="voice-captions.vtt"'),
            ("speech?download", 'attachment; filename="voice-speech.ogg"'),
            ("speech?download=1", 'attachment; filename="voice-speech.ogg"'),
            ("speech?download=Der+Text.ogg", 'attachment; filename="Der Text.ogg"'),
            ("speech?download=%C3%9Cbung.ogg",
             "attachment; filename=\"_bung.ogg\"; filename*=UTF-8''%C3%9Cbung.ogg"),
            ("speech?download=..%2F..%2Fx%22%0d%0aA:b", 'attachment; filename=".._.._x___A:b"; '
                                                        "filename*=UTF-8''.._.._x%22__A%3Ab"),
        ]:
            with self.subTest(query=query):
                for method in ([], ["-I"]):
                    reply = self.curl(f"{path}/{query}", *method)
                    self.assertEqual((reply.status, reply.headers["content-disposition"]), (200, disposition))
                    self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
        self.problem(self.curl(f"{path}/speech?download={'x' * 300}"), 400, "invalid-argument")
        self.problem(self.curl(f"{path}/speech?downlaod"), 400, "invalid-argument")

    # -- many readers of one growing output

    def memory(self):
        """What the daemon has of its own, in KiB."""
        text = Path(f"/proc/{self.daemon.process.pid}/smaps_rollup").read_text()
        return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+)", text, re.M))

    def test_two_hundred_readers_at_their_own_pace(self):
        upload = Upload(self.daemon)
        upload.say("The first sentence. ")
        before = self.memory()
        readers, lengths = [], [0] * 200

        def read(i):
            reader = readers[i]
            while data := reader.recv(16384):
                lengths[i] += len(data)
            reader.close()

        for _ in range(200):
            reader = socket.socket(socket.AF_UNIX)
            reader.settimeout(PATIENCE)
            # Small, so that it is the daemon that waits, and not the kernel that keeps.
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(str(self.daemon.socket))
            reader.sendall(f"GET {upload.path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            readers.append(reader)
        threads = [threading.Thread(target=read, args=(i,), daemon=True) for i in range(100)]
        for thread in threads:
            thread.start()
        # A hundred read all, fifty nothing, fifty a byte now and then.
        block = TEXT * 3
        highest = 0
        for _ in range(16):
            upload.say(block)
            for reader in readers[100:150]:
                reader.recv(1)
            highest = max(highest, self.memory())
            self.assertEqual(self.curl("/healthz").status, 200)
        size = upload.size()
        self.assertGreater(size, 700_000)
        self.assertEqual(upload.finish()["state"], "done")
        for thread in threads:
            thread.join(PATIENCE)
        self.assertGreater(min(lengths[:100]), size, "who reads has it all")
        # Late, and whole all the same: what it has not read yet is nowhere but in the file.
        for i in (100, 199):
            read(i)
            self.assertGreater(lengths[i], size - 1000)
        for reader in readers:
            reader.close()
        print(f"200 readers: {before} KiB before, at most {highest} KiB", flush=True)
        if not is_sanitized():
            self.assertLess(highest - before, 24 * 1024 * MEMORY_FACTOR)

    def test_followers_that_leave(self):
        """Of events and of an output, while nothing flows: they are noticed, and nothing of them is left."""
        upload = Upload(self.daemon)
        upload.say("One sentence. ")
        folder = Path(f"/proc/{self.daemon.process.pid}/fd")
        for path, first in ((upload.path, b"One sentence."), (f"/api/v1/jobs/{upload.id}/events", b"id: 1")):
            before = len(list(folder.iterdir()))
            followers = [Client(self.daemon) for _ in range(50)]
            for follower in followers:
                follower.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            for follower in followers:
                follower.wait_for(first)
            self.assertGreaterEqual(len(list(folder.iterdir())), before + 50)
            for follower in followers:
                follower.close()
            deadline = time.monotonic() + PATIENCE
            while len(list(folder.iterdir())) > before and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertLessEqual(len(list(folder.iterdir())), before)
        upload.say("Two. ")
        self.assertEqual(upload.finish()["state"], "done")

    def test_a_byte_a_second(self):
        """... of an output that is complete: no more is kept for it than a piece."""
        made = self.curl("/run/echo", "--data-binary", "@-", input=(TEXT * 40).encode())
        job = self.daemon.wait(made.headers["medley-job"])
        readers = [Client(self.daemon) for _ in range(20)]
        before = self.memory()
        for reader in readers:
            reader.send(f"GET /api/v1/jobs/{job['id']}/outputs/out HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        for _ in range(3):
            for reader in readers:
                self.assertEqual(len(reader.socket.recv(1)), 1)
            began = time.monotonic()
            self.assertEqual(self.curl("/healthz").status, 200)
            self.assertLess(time.monotonic() - began, PATIENCE)
            time.sleep(1)
        if not is_sanitized():
            self.assertLess(self.memory() - before, 20 * 512 * MEMORY_FACTOR)
        for reader in readers:
            reader.close()


if __name__ == "__main__":
    main()
