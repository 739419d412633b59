# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HTTP face under TLS, with curl, openssl, Python's ssl and medley as its clients."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from medleytest import MEDLEY, PATIENCE, Daemon, main

ECHO = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "stages": {"work": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text"}},
    "outputs": {"out": {"from": "work", "type": "text/plain"}},
}


def make_certificate(folder, name="server"):
    """A certificate that vouches for itself; returns the paths of it and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", f"/CN={name}", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True, timeout=PATIENCE)
    key.chmod(0o600)
    return certificate, key


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="medley-test-"))
        cls.certificate, cls.key = make_certificate(cls.folder)
        credentials = cls.folder / "credentials"
        credentials.mkdir()
        shutil.copy(cls.certificate, credentials / "certificate")
        shutil.copy(cls.key, credentials / "key")
        (credentials / "key").chmod(0o400)
        cls.daemon = Daemon("http.tcp=true", f"http.tls-certificate={cls.certificate}", f"http.tls-key={cls.key}",
                            "http.handshake-timeout=2s", "workers.maximum=2", pipelines={"echo.json": ECHO})
        cls.daemon.start()
        cls.port = int(re.search(r"https://127\.0\.0\.1:(\d+)", cls.daemon.status()["faces"]["http"]).group(1))
        cls.url = f"https://localhost:{cls.port}"
        cls.token = (cls.daemon.folder / "runtime" / "medley" / "token").read_text().strip()

    @classmethod
    def tearDownClass(cls):
        status = cls.daemon.stop()
        log = cls.daemon.log.read_text(errors="replace")[-3000:]
        shutil.rmtree(cls.folder, ignore_errors=True)
        shutil.rmtree(cls.daemon.folder, ignore_errors=True)
        assert status == 0, (status, log)

    def curl(self, path, *arguments, url=None, **options):
        run = subprocess.run(
            ["curl", "-sS", "--cacert", self.certificate, "-H", f"Authorization: Bearer {self.token}", "--max-time",
             str(PATIENCE), "-w", "\n%{http_code}", *map(str, arguments), (url or self.url) + path],
            capture_output=True, timeout=PATIENCE + 5, **options)
        body, _, status = run.stdout.rpartition(b"\n")
        return int(status), body, run

    def connect(self, context=None):
        """A TLS connection that sends and receives when the test says so."""
        if context is None:
            context = ssl.create_default_context(cafile=self.certificate)
        client = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), PATIENCE),
                                     server_hostname="localhost")
        self.addCleanup(client.close)
        return client

    def head(self, method, path, *fields):
        lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{self.port}", f"Authorization: Bearer {self.token}",
                 *fields]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def wait_for(self, client, text, received=b""):
        while text not in received:
            data = client.recv(65536)
            self.assertTrue(data, received[-2000:])
            received += data
        return received

    def is_alive(self):
        self.assertEqual(self.curl("/healthz")[0], 200)

    # -- requests

    def test_requests_and_their_answers(self):
        self.assertEqual(self.curl("/healthz")[:2], (200, b'{"status":"ok"}\n'))
        self.assertEqual(self.curl("/run/echo", "-d", "Hello.")[:2], (200, b"Hello."))
        self.assertEqual(self.curl("/healthz", "--tls-max", "1.2")[0], 200)
        # Several on one connection.
        twice = ["-o", "/dev/null", f"{self.url}/healthz"] * 2
        run = subprocess.run(["curl", "-sS", "--cacert", self.certificate, "-w",
                              "%{num_connects} %{ssl_verify_result}\n", *twice], capture_output=True, timeout=PATIENCE)
        self.assertEqual(run.stdout, b"1 0\n0 0\n")

    def test_a_token_is_asked_for_and_other_hosts_and_pages_are_not_let_in(self):
        self.assertEqual(self.curl("/api/v1", "-H", "Authorization: Bearer wrong")[0], 401)
        self.assertEqual(self.curl("/api/v1", "-H", "Host: evil.example")[0], 403)
        self.assertEqual(self.curl("/run/echo", "-d", "x", "-H", f"Origin: {self.url}")[0], 200)
        self.assertEqual(self.curl("/run/echo", "-d", "x", "-H", f"Origin: http://localhost:{self.port}")[0], 403)

    def test_large_bodies_go_both_ways(self):
        text = b"".join(b"Line %d of a long text.\n" % i for i in range(400000))
        status, body, _ = self.curl("/run/echo", "--data-binary", "@-", "-H", "Expect:", input=text)
        self.assertEqual(status, 200)
        self.assertEqual(len(body), len(text))
        self.assertEqual(body, text)

    def test_text_is_answered_while_it_is_sent(self):
        client = self.connect()
        client.sendall(self.head("POST", "/run/echo", "Transfer-Encoding: chunked"))
        client.sendall(b"d\r\nOne sentence.\r\n")
        received = self.wait_for(client, b"One sentence.")
        self.assertNotIn(b"\r\n0\r\n\r\n", received)
        client.sendall(b"5\r\n Two.\r\n0\r\n\r\n")
        self.wait_for(client, b"\r\n0\r\n\r\n", received)

    def test_requests_that_came_in_one_record_are_all_answered(self):
        client = self.connect()
        # More than is read at once: what is deciphered already makes no socket readable.
        client.sendall(self.head("GET", "/healthz") * 60 + self.head("GET", "/healthz", "Connection: close"))
        received = b""
        while data := client.recv(65536):
            received += data
        self.assertEqual(received.count(b'{"status":"ok"}'), 61)

    def test_who_reads_slowly_gets_all(self):
        text = b"A line of text.\n" * 200000
        status, body, run = self.curl("/run/echo", "--data-binary", "@-", "--limit-rate", "1M", input=text)
        self.assertEqual((status, body == text), (200, True), run.stderr)

    def test_finished_outputs_are_under_tls_as_well(self):
        text = b"".join(b"Line %d of a long text.\n" % i for i in range(200000))
        job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        self.assertEqual(self.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", "-", input=text)[0], 204)
        self.daemon.wait(job)
        path = f"/api/v1/jobs/{job}/outputs/out"
        status, body, run = self.curl(path)
        self.assertEqual((status, body == text), (200, True), run.stderr)
        status, body, _ = self.curl(path, "-r", "1000000-2999999")
        self.assertEqual((status, body == text[1000000:3000000]), (206, True))
        # What is on the wire is nothing that could be read there.
        client = self.connect()
        client.sendall(self.head("GET", path))
        with socket.socket(fileno=os.dup(client.fileno())) as plain:
            plain.settimeout(PATIENCE)
            received = b""
            while len(received) < 1000000:
                received += plain.recv(65536)
        self.assertNotIn(b"of a long text", received)

    def test_a_session(self):
        client = self.connect()
        client.sendall(self.head("GET", "/api/v1/sessions", "Connection: Upgrade", "Upgrade: websocket",
                                 "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="))
        received = self.wait_for(client, b"\r\n\r\n")
        self.assertTrue(received.startswith(b"HTTP/1.1 101 "), received)
        for message in ({"type": "start", "pipeline": "echo"}, {"type": "text", "text": "Hello."}, {"type": "end"}):
            data = json.dumps(message).encode()
            # One frame of text; a mask of zeros changes nothing.
            client.sendall(bytes([0x81, 0x80 | len(data)]) + b"\0\0\0\0" + data)
        received = self.wait_for(client, b'"ended"')
        self.assertIn(b"Hello.", received)

    def test_an_early_refusal_is_read_by_who_still_sends(self):
        client = self.connect()
        client.sendall(self.head("POST", "/api/v1/jobs", "Content-Type: application/json", "Content-Length: 600000000"))
        zeros = b"0" * 65536
        for _ in range(100):
            client.sendall(zeros)
        received = b""
        while data := client.recv(65536):
            received += data
        self.assertTrue(received.startswith(b"HTTP/1.1 413 "), received[:200])
        self.assertIn(b'"too-large"', received)

    # -- clients that do something else

    def test_plain_http_is_told_to_speak_tls(self):
        status, body, _ = self.curl("/api/v1", url=f"http://localhost:{self.port}")
        self.assertEqual((status, json.loads(body)["code"]), (400, "invalid-argument"))
        self.assertIn("https://", json.loads(body)["detail"])
        self.is_alive()

    def test_tls_to_a_plain_port_fails_at_once(self):
        with Daemon("http.tcp=true") as other:
            port = re.search(r"http://127\.0\.0\.1:(\d+)", other.status()["faces"]["http"]).group(1)
            run = subprocess.run(["curl", "-sS", "-k", f"https://localhost:{port}/healthz"], capture_output=True,
                                 timeout=PATIENCE)
            self.assertEqual(run.returncode, 35, run.stderr)
            self.assertEqual(other.curl("/healthz").status, 200)

    def test_old_versions_are_refused(self):
        for version in ("-tls1", "-tls1_1"):
            run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", version, "-cipher",
                                  "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
            self.assertIn(b"Cipher is (NONE)", run.stdout, version)
        self.is_alive()

    def test_a_second_handshake_is_refused(self):
        with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_2"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
            time.sleep(0.5)
            run.stdin.write(b"R\n")
            run.stdin.flush()
            run.wait(PATIENCE)
            self.assertIn(b"RENEGOTIATING", run.stdout.read())
        self.is_alive()

    def test_who_does_not_finish_a_handshake_is_not_waited_for(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            context.wrap_bio(incoming, outgoing).do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = outgoing.read()
        beginnings = (b"", hello[:1], hello[:100], hello, hello[:5] + b"\xff" * 200, b"\x16" * 300)
        crowd = []
        for i in range(120):
            client = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
            client.sendall(beginnings[i % len(beginnings)])
            crowd.append(client)
        begin = time.monotonic()
        for _ in range(5):
            self.is_alive()
        print(f"five requests beside 120 half handshakes: {time.monotonic() - begin:.2f} s")
        for client in crowd:
            try:
                while client.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            client.close()
        self.is_alive()

    def test_what_breaks_off_does_no_harm(self):
        for cut in (0, 1, 20, 200):
            client = self.connect()
            client.sendall(self.head("POST", "/run/echo", "Content-Length: 100000"))
            client.sendall(b"x" * cut)
            # Without a word of farewell.
            client.shutdown(socket.SHUT_RDWR)
        client = self.connect()
        client.sendall(self.head("GET", "/healthz"))
        self.wait_for(client, b"ok")
        with socket.socket(fileno=os.dup(client.fileno())) as plain:
            plain.sendall(b"\x17\x03\x03\x00\x20" + b"garbage." * 4)
        try:
            while client.recv(65536):
                pass
        except (ssl.SSLError, ConnectionResetError):
            pass
        self.is_alive()

    # -- certificates

    def issuer(self):
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as plain:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(plain) as client:
                return ssl.DER_cert_to_PEM_cert(client.getpeercert(True)).strip()

    def test_a_renewed_certificate_is_used(self):
        before = self.certificate.read_text()
        key_before = self.key.read_bytes()
        self.assertEqual(self.issuer(), before.strip())
        renewed, key = make_certificate(self.folder, "renewed")
        open_one = self.connect()
        # A broken one is not, nor one without its key.
        self.certificate.write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
        time.sleep(1.2)
        self.assertEqual(self.issuer(), before.strip())
        os.replace(key, self.key)
        os.replace(renewed, self.certificate)
        deadline = time.monotonic() + PATIENCE
        while self.issuer() == before.strip():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.assertEqual(self.issuer(), self.certificate.read_text().strip())
        self.is_alive()
        # Who was connected goes on.
        open_one.sendall(self.head("GET", "/healthz"))
        self.wait_for(open_one, b"ok")
        self.certificate.write_text(before)
        self.key.write_bytes(key_before)
        self.key.chmod(0o600)
        while self.issuer() != before.strip():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)

    def refuses_to_start(self, pattern, *settings):
        other = Daemon("http.tcp=true", *settings)
        with self.assertRaisesRegex(RuntimeError, pattern):
            other.start()
        self.assertEqual(other.process.returncode, 7 if "invalid-config" in pattern else 5)
        shutil.rmtree(other.folder)

    def test_what_is_not_safe_is_not_started(self):
        tls = (f"http.tls-certificate={self.certificate}", f"http.tls-key={self.key}")
        readable = self.folder / "readable.pem"
        shutil.copy(self.key, readable)
        readable.chmod(0o644)
        _, foreign = make_certificate(self.folder, "foreign")
        cases = [
            ("invalid-config: http.address: 0.0.0.0 .*needs TLS", "http.address=0.0.0.0"),
            ("invalid-config: http.address: :: .*needs TLS", "http.address=::", "http.authentication=none"),
            ("invalid-config: http.address: 0.0.0.0 .*and tokens", "http.address=0.0.0.0", "http.authentication=none",
             *tls),
            ("invalid-config: http.address: \"here\"", "http.address=here", *tls),
            ("invalid-config: .*only one is set", tls[0]),
            ("invalid-config: .*only one is set", tls[1]),
            ("not-allowed: http.tls-key: .*chmod 600", tls[0], f"http.tls-key={readable}"),
            ("invalid-config: .*no certificate with its private key", tls[0], f"http.tls-key={foreign}"),
            ("invalid-config: .*no certificate with its private key", f"http.tls-certificate={self.key}", tls[1]),
        ]
        for pattern, *settings in cases:
            with self.subTest(settings=settings):
                self.refuses_to_start(pattern, *settings)

    def test_other_machines_are_served_with_both(self):
        with Daemon("http.tcp=true", "http.address=0.0.0.0", "http.allowed-hosts=medley.example",
                    "http.tls-certificate=${credentials}/certificate", "http.tls-key=${credentials}/key",
                    environment={"CREDENTIALS_DIRECTORY": str(self.folder / "credentials")}) as other:
            face = other.status()["faces"]["http"]
            port = re.search(r"https://0\.0\.0\.0:(\d+)", face).group(1)
            names = [word for name in ("medley", "other")
                     for word in ("-o", "/dev/null", f"https://{name}.example:{port}/healthz")]
            run = subprocess.run(["curl", "-sS", "-k", "-w", "%{http_code} ", "--connect-to", f"::127.0.0.1:{port}",
                                  *names], capture_output=True, timeout=PATIENCE)
            self.assertEqual(run.stdout, b"200 403 ")

    # -- the shell

    def test_the_doctor_tells_how_it_is_guarded(self):
        lines = self.daemon.medley("doctor").stdout.decode()
        self.assertRegex(lines, r"OK +http +TCP on 127.0.0.1 under TLS; a token is asked for")
        # The test's certificate has not long to live.
        self.assertRegex(lines, r"WARN +certificate .*server.pem, until ")
        self.assertEqual(self.daemon.status()["http"]["encrypted"], True)

    def test_the_shell_as_a_client(self):
        # The leak sanitizer crashes on what p11-kit, which GnuTLS asks for certificates, keeps for its threads.
        options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        before = self.daemon.environment.get("ASAN_OPTIONS", "")
        self.daemon.environment["ASAN_OPTIONS"] = options
        self.addCleanup(self.daemon.environment.update, ASAN_OPTIONS=before)
        run = self.daemon.medley("--host", self.url, "--ca", self.certificate, "run", "echo", ":=Hello.", "-o", "-")
        self.assertEqual((run.returncode, run.stdout), (0, b"Hello."), run.stderr)
        run = subprocess.run([MEDLEY, "--host", self.url, "jobs", "--json", "-n", "1"], capture_output=True,
                             env=dict(self.daemon.environment, SSL_CERT_FILE=str(self.certificate)), timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, run.stderr)
        run = self.daemon.medley("--host", self.url, "jobs")
        self.assertEqual(run.returncode, 5)
        self.assertIn(b"--ca", run.stderr)


if __name__ == "__main__":
    main()
