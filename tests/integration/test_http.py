# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HTTP face of a real daemon, with curl and with bare sockets as its clients: /run, and who may ask."""

import json
import re
import subprocess
import tempfile
import time

from httptest import Client, Face
from medleytest import PATIENCE, Daemon, main


class Http(Face):
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


if __name__ == "__main__":
    main()
