# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the HTTP face share: pipelines, a daemon, and a client that does what the test says."""

import re
import socket
import subprocess
import unittest

from medleytest import PATIENCE, Daemon


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


class Face(unittest.TestCase):
    """Tests of one daemon that listens on TCP as well."""

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

    def events(self, text):
        blocks = [b for b in text.decode().split("\n\n") if b and not b.startswith(":")]
        return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
