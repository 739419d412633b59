# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions and clients that mean no good, or know no better: on bare sockets, byte for byte."""

import base64
import json
import os
import re
import socket
import struct
import subprocess
import threading
import time
import unittest

from medleytest import MEMORY_FACTOR, PATIENCE, Daemon, is_sanitized, main
from sessiontest import PIPELINES

KIB, MIB = 1024, 1024 * 1024
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HEAD = ("GET /api/v1/sessions HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def frame(opcode, payload=b"", fin=True, mask=b"abcd", reserved=0, length=None):
    """A client's frame; what is wrong about it is for the caller to choose."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    masked = 0x80 if mask else 0
    if size < 126:
        head += bytes([masked | size])
    elif size < 65536:
        head += bytes([masked | 126]) + struct.pack(">H", size)
    else:
        head += bytes([masked | 127]) + struct.pack(">Q", size)
    if mask:
        payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    return head + mask + payload


def text(**message):
    return frame(TEXT, json.dumps(message).encode())


class Raw:
    """A WebSocket as bytes."""

    def __init__(self, daemon, head=HEAD, upgraded=True, address=None):
        self.socket = socket.create_connection(address) if address else socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        if not address:
            self.socket.connect(str(daemon.socket))
        self.socket.sendall("\r\n".join([*head, "", ""]).encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            piece = self.socket.recv(65536)
            if not piece:
                raise AssertionError(f"no answer: {self.data!r}")
            self.data += piece
        self.head, _, self.data = self.data.partition(b"\r\n\r\n")
        self.head = self.head.decode()
        self.status = int(self.head.split()[1])
        if upgraded and self.status != 101:
            raise AssertionError(self.head)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.socket.close()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def take(self, n):
        while len(self.data) < n:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError
            self.data += piece
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def receive(self):
        """The next frame: opcode, payload. A server's frames are whole and not masked."""
        first, second = self.take(2)
        assert first & 0xf0 == 0x80 and not second & 0x80, (first, second)
        size = second
        if size == 126:
            size = struct.unpack(">H", self.take(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.take(8))[0]
        return first & 0xf, self.take(size)

    def until(self, opcode, kind=None):
        while True:
            found, payload = self.receive()
            if found == opcode and (kind is None or json.loads(payload)["type"] == kind):
                return json.loads(payload) if kind else payload

    def until_closed(self):
        """The status that it is closed with; then the connection ends."""
        payload = self.until(CLOSE)
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return struct.unpack(">H", payload[:2])[0] if payload else None

    def start(self, name="voice", **members):
        self.send(text(type="start", pipeline=name, **members))
        return self.until(TEXT, "started")


def memory(pid):
    if is_sanitized():
        return 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file.read().splitlines()[1:])
    return sum(int(lines[name].split()[0]) * KIB for name in ("Private_Dirty", "Private_Clean"))


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("http.tcp=true", "workers.maximum=2", "http.json-bytes=256KiB", "http.ahead-bytes=256KiB",
                            "limits.output-bytes=64MiB", "limits.input-bytes=64MiB", "http.session-idle=2min",
                            pipelines=PIPELINES)
        cls.daemon.start()
        faces = cls.daemon.status()["faces"]["http"]
        cls.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", faces).group(1))
        cls.token = (cls.daemon.folder / "runtime" / "medley" / "token").read_text().strip()

    @classmethod
    def tearDownClass(cls):
        status = cls.daemon.stop()
        assert status == 0, status

    def assert_alive(self):
        self.assertEqual(self.daemon.curl("/healthz").status, 200)

    # -- the handshake

    def refused(self, *head, address=None):
        with Raw(self.daemon, head, upgraded=False, address=address) as raw:
            return raw.status, raw.head

    def test_handshakes(self):
        def changed(name, line):
            return [line if h.lower().startswith(name.lower() + ":") else h for h in HEAD if line or
                    not h.lower().startswith(name.lower() + ":")]

        wrong = [
            (changed("Upgrade", ""), 426), (changed("Upgrade", "Upgrade: h2c"), 426),
            (changed("Connection", ""), 426), (changed("Connection", "Connection: keep-alive"), 426),
            (changed("Sec-WebSocket-Version", ""), 426),
            (changed("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), 426),
            (changed("Sec-WebSocket-Key", ""), 400),
            (changed("Sec-WebSocket-Key", "Sec-WebSocket-Key: short"), 400),
            (changed("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"), 400),
            ([*HEAD, "Sec-WebSocket-Protocol: chat"], 400),
            ([*HEAD, "Content-Length: 5"], 426),
            (["GET /api/v1/sessions HTTP/1.0", *HEAD[1:]], 426),
            (["POST /api/v1/sessions HTTP/1.1", *HEAD[1:]], 405),
            (["GET /api/v1/sessions?x=1 HTTP/1.1", *HEAD[1:]], 400),
            ([*HEAD, "Origin: http://evil.example"], 403), ([*HEAD, "Origin: null"], 403),
            ([*HEAD, "Sec-Fetch-Site: cross-site"], 403),
        ]
        for head, status in wrong:
            with self.subTest(head):
                found, lines = self.refused(*head)
                self.assertEqual(found, status, lines)
                if status == 426:
                    self.assertIn("\r\nUpgrade: websocket", lines)
                    self.assertIn("\r\nSec-WebSocket-Version: 13", lines)

    def test_the_example_of_the_standard(self):
        with Raw(self.daemon, [*HEAD, "Sec-WebSocket-Protocol: chat, medley.v1", "Origin: http://localhost"]) as raw:
            self.assertIn("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", raw.head)
            self.assertIn("\r\nSec-WebSocket-Protocol: medley.v1", raw.head)
        with Raw(self.daemon) as raw:
            self.assertNotIn("Sec-WebSocket-Protocol", raw.head)

    def test_tokens_and_tickets(self):
        address = ("127.0.0.1", self.port)
        head = [h.replace("localhost", f"127.0.0.1:{self.port}") for h in HEAD]
        bearer = f"Authorization: Bearer {self.token}"

        def ask(path, *headers):
            run = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", "-X", "POST", "--max-time", str(PATIENCE),
                                  *(x for h in headers for x in ("-H", h)), f"http://127.0.0.1:{self.port}{path}"],
                                 capture_output=True, check=True, timeout=PATIENCE + 5)
            body, _, status = run.stdout.rpartition(b"\n")
            return int(status), json.loads(body)

        self.assertEqual(self.refused(*head, address=address)[0], 401)
        self.assertEqual(self.refused(*head, bearer + "x", address=address)[0], 401)
        self.assertEqual(self.refused(*head, bearer, address=address)[0], 101)
        self.assertEqual(ask("/api/v1/sessions/tickets")[0], 401)
        self.assertEqual(ask("/api/v1/sessions/tickets", bearer, "Origin: http://evil.example")[0], 403)
        status, ticket = ask("/api/v1/sessions/tickets", bearer)
        self.assertEqual((status, ticket["seconds"]), (201, 30))
        shown = f"Sec-WebSocket-Protocol: medley.v1, ticket.{ticket['ticket']}"
        # It is for a session, and for nothing else.
        self.assertEqual(ask("/api/v1/jobs", shown, "Upgrade: websocket")[0], 401)
        self.assertEqual(self.refused(*head, shown[:-1], address=address)[0], 401)
        with Raw(self.daemon, [*head, shown], address=address) as raw:
            self.assertNotIn("ticket", raw.head)
            raw.start()
        self.assertEqual(self.refused(*head, shown, address=address)[0], 401)
        # No end of them is handed out.
        codes = {ask("/api/v1/sessions/tickets", bearer)[0] for _ in range(3)}
        self.assertEqual(codes, {201})

    # -- frames

    def test_frames_that_are_none(self):
        wrong = {
            "not masked": frame(TEXT, b"{}", mask=b""),
            "reserved bit": frame(TEXT, b"{}", reserved=4),
            "unknown opcode": frame(3), "unknown control opcode": frame(11),
            "continuation of nothing": frame(0, b"x"),
            "message within a message": frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"),
            "ping in parts": frame(PING, b"x", fin=False),
            "long ping": frame(PING, b"x" * 126),
            "length in too many bytes": bytes([0x81, 0xfe, 0, 2]) + b"abcd" + b"\0\0",
            "length in far too many bytes": bytes([0x81, 0xff]) + struct.pack(">Q", 300) + b"abcd",
            "negative length": bytes([0x82, 0xff]) + b"\xff" * 8 + b"abcd",
            "close with half a status": frame(CLOSE, b"\x03"),
            "close with a status that is none": frame(CLOSE, struct.pack(">H", 1005)),
            "close with a status of nobody": frame(CLOSE, struct.pack(">H", 2999)),
        }
        for what, data in wrong.items():
            with self.subTest(what), Raw(self.daemon) as raw:
                raw.send(data)
                self.assertEqual(raw.until_closed(), 1002)
        for what, data in {"text": frame(TEXT, b'{"type":"\xff"}'), "NUL": frame(TEXT, b"\0"),
                           "half a character": frame(TEXT, b"\xe2\x82"),
                           "reason": frame(CLOSE, struct.pack(">H", 1000) + b"\xff")}.items():
            with self.subTest(what), Raw(self.daemon) as raw:
                raw.send(data)
                self.assertEqual(raw.until_closed(), 1007)

    def test_frames_in_any_pieces(self):
        message = json.dumps({"type": "start", "pipeline": "echo"}).encode()
        data = frame(TEXT, message[:5], fin=False) + frame(PING, b"now") + frame(0, b"", fin=False) \
            + frame(0, message[5:7], fin=False) + frame(PONG, b"unasked") + frame(0, message[7:])
        with Raw(self.daemon) as raw:
            for byte in data:
                raw.send(bytes([byte]))
            self.assertEqual(raw.receive(), (PONG, b"now"))
            raw.until(TEXT, "started")
            # A character may be cut by a fragment.
            message = json.dumps({"type": "text", "text": "Größe"}, ensure_ascii=False).encode()
            cut = message.index(b"\xc3") + 1
            raw.send(frame(TEXT, message[:cut], fin=False), frame(0, message[cut:]), text(type="end"))
            self.assertEqual(raw.until(TEXT, "text")["text"], "Größe")
            raw.until(TEXT, "ended")
            raw.send(frame(CLOSE, struct.pack(">H", 1000) + b"bye"))
            self.assertEqual(raw.until_closed(), 1000)

    def test_what_is_too_long(self):
        before = memory(self.daemon.process.pid)
        for head in (frame(TEXT, length=1 << 40), frame(TEXT, length=128 * KIB + 1),
                     frame(BINARY, length=1 << 62)):
            with self.subTest(head), Raw(self.daemon) as raw:
                # Before any of it has come.
                raw.send(head)
                self.assertEqual(raw.until_closed(), 1009)
        with Raw(self.daemon) as raw:
            raw.send(frame(TEXT, b"{", fin=False), frame(0, b" " * 4096, fin=False) * 32)
            self.assertEqual(raw.until_closed(), 1009)
        self.assertLess(memory(self.daemon.process.pid) - before, 8 * MIB * MEMORY_FACTOR)
        self.assert_alive()

    def test_eighty_thousand_brackets(self):
        with Raw(self.daemon) as raw:
            raw.send(frame(TEXT, b"[" * 80000))
            self.assertEqual(raw.until(TEXT, "error")["code"], "invalid-json")
            raw.send(frame(TEXT, b'{"type":"start","pipeline":' + b'{"a":' * 20000))
            self.assertEqual(raw.until(TEXT, "error")["code"], "invalid-json")
            for bad in (b"", b"1", b"[]", b'{"type":1}', b'{"type":"text","text":"x","type":"end"}', b'{"type":"text"}'):
                raw.send(frame(TEXT, bad))
                self.assertIn(raw.until(TEXT, "error")["code"], ("invalid-json", "invalid-argument"))
            raw.send(text(type="text", text="x"))
            self.assertEqual(raw.until(TEXT, "error")["code"], "wrong-state")
            raw.start()
            raw.send(text(type="text", text="x", texd="y"))
            self.assertIn('"texd"', raw.until(TEXT, "error")["detail"])

    def test_a_binary_message_where_none_is_expected(self):
        with Raw(self.daemon) as raw:
            raw.start()
            raw.send(frame(BINARY, b"x"))
            self.assertEqual(raw.until(TEXT, "error")["code"], "unsupported-type")
            self.assertEqual(raw.until_closed(), 1003)

    # -- floods

    def flood(self, data, seconds=2):
        """Sends without listening, for as long as anything is taken; returns the daemon's growth."""
        before = memory(self.daemon.process.pid)
        with Raw(self.daemon) as raw:
            raw.socket.settimeout(1)
            until = time.monotonic() + seconds
            slowest = 0
            done = threading.Event()

            def send():
                try:
                    while not done.is_set():
                        raw.send(data)
                except OSError:
                    pass

            sender = threading.Thread(target=send)
            sender.start()
            while time.monotonic() < until:
                begun = time.monotonic()
                self.assert_alive()
                slowest = max(slowest, time.monotonic() - begun)
            done.set()
            sender.join()
            grown = memory(self.daemon.process.pid) - before
        self.assertLess(slowest, PATIENCE / 2)
        return grown

    def test_pings_of_who_does_not_listen(self):
        self.assertLess(self.flood(frame(PING, b"x" * 125) * 500), 4 * MIB * MEMORY_FACTOR)

    def test_nonsense_of_who_does_not_listen(self):
        self.assertLess(self.flood(text(type="nonsense") * 500), 4 * MIB * MEMORY_FACTOR)

    def test_empty_fragments_without_end(self):
        self.assertLess(self.flood(frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * 1000), 4 * MIB * MEMORY_FACTOR)

    def test_who_does_not_read_is_not_written_for(self):
        before = memory(self.daemon.process.pid)
        with Raw(self.daemon) as raw:
            job = raw.start("endless")["job"]
            raw.send(text(type="text", text="On and on. " * 1000))
            # 64 MiB of it are made, and then it is too much.
            self.assertEqual(self.daemon.wait(job)["error"]["code"], "output-too-large")
            self.assertLess(memory(self.daemon.process.pid) - before, 4 * MIB * MEMORY_FACTOR)
            # It is all there for who reads after all.
            got = 0
            while True:
                message = json.loads(raw.until(TEXT))
                got += len(message.get("text", ""))
                if message["type"] == "ended":
                    break
            self.assertGreater(got, 60 * MIB)

    def test_what_a_slow_job_cannot_take_waits_in_the_socket(self):
        before = memory(self.daemon.process.pid)
        with Raw(self.daemon) as raw:
            job = raw.start("slow")["job"]
            data = text(type="text", text="Many words. " * 1000)
            raw.socket.settimeout(2)
            sent = 0
            with self.assertRaises(TimeoutError):
                while sent < 64 * MIB:
                    raw.send(data)
                    sent += len(data)
            self.assertGreater(sent, 256 * KIB)
            spool = self.daemon.folder / "state" / "medley" / "spool"
            self.assertLess(sum(p.stat().st_size for p in spool.iterdir() if p.name.startswith(job)), 6 * MIB)
            self.assertLess(memory(self.daemon.process.pid) - before, 4 * MIB * MEMORY_FACTOR)
        # That its client has gone is noticed although nothing is read from it.
        self.assertEqual(self.daemon.wait(job)["state"], "cancelled")

    def test_who_breaks_off_within_a_message(self):
        with Raw(self.daemon) as raw:
            job = raw.start("endless")["job"]
            raw.send(text(type="text", text="Begun. "))
            raw.until(TEXT, "text")
            raw.send(frame(TEXT, b'{"type":"te', fin=False), frame(0, b"", length=1000))
        self.assertEqual(self.daemon.wait(job)["state"], "cancelled")
        self.assert_alive()

    def test_random_bytes(self):
        seed = int(os.environ.get("MEDLEY_TEST_SEED", time.time_ns()))
        print(f"MEDLEY_TEST_SEED={seed}")
        noise = base64.b64encode(str(seed).encode()) * 50
        for cut in range(0, 200):
            with Raw(self.daemon) as raw:
                try:
                    raw.send(frame(TEXT, b"{}")[:cut % 7] + noise[cut:cut + 40])
                except OSError:
                    pass
        self.assert_alive()


class Ends(unittest.TestCase):
    def test_there_may_be_too_many(self):
        with Daemon("http.sessions=2", pipelines=PIPELINES) as daemon:
            with Raw(daemon), Raw(daemon) as second:
                with Raw(daemon, upgraded=False) as third:
                    self.assertEqual(third.status, 503)
                    self.assertIn("\r\nRetry-After: ", third.head)
                second.send(frame(CLOSE, struct.pack(">H", 1001)))
                self.assertEqual(second.until_closed(), 1001)
                with Raw(daemon) as raw:
                    raw.start()

    def test_silence(self):
        with Daemon("http.session-idle=1s", pipelines=PIPELINES) as daemon:
            with Raw(daemon) as raw, Raw(daemon) as other:
                self.assertEqual(raw.until_closed(), 1008)
                self.assertEqual(other.until_closed(), 1008)
            # Who does not end what he says keeps a worker; he has to say something.
            with Raw(daemon) as raw:
                job = raw.start()["job"]
                raw.send(text(type="text", text="Well"))
                self.assertEqual(raw.until_closed(), 1008)
            self.assertEqual(daemon.wait(job)["state"], "cancelled")

    def test_the_daemon_ends(self):
        with Daemon("jobs.drain=60s", pipelines=PIPELINES) as daemon:
            with Raw(daemon) as silent, Raw(daemon) as talking:
                silent.start()
                talking.start("slow", parameters={})
                talking.send(text(type="text", text="x" * 8000), text(type="end"))
                talking.until(TEXT, "text")
                ending = threading.Thread(target=daemon.stop)
                ending.start()
                # What was begun is delivered first.
                self.assertEqual(talking.until(TEXT, "ended")["state"], "done")
                self.assertEqual(talking.until_closed(), 1001)
                self.assertEqual(silent.until_closed(), 1001)
                ending.join()

    def test_the_queue_is_full(self):
        with Daemon("limits.queue=1", "workers.maximum=1", pipelines=PIPELINES) as daemon:
            with Raw(daemon) as first, Raw(daemon) as second:
                first.start()
                second.send(text(type="start", pipeline="voice"))
                self.assertEqual(second.until(TEXT, "error")["code"], "queue-full")
                self.assertEqual(second.until_closed(), 1013)


if __name__ == "__main__":
    main()
