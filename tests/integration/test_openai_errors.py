#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each error that /openapi.json documents for the routes below /v1 that make jobs, provoked in real daemons."""

import json
import socket
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from medleytest import DATA, PATIENCE, Daemon, Http
from openapitest import Document
from test_openai_listening import make_wav
from test_sandbox import WITHOUT_SECCOMP, fail_calls

OPERATIONS = ("createSpeech", "createChatCompletion", "createEmbedding", "createImage", "editImage", "createVideo",
              "createTranscription", "createTranslation")
# What each makes of a text in the end, and what its file says it serves.
TAILS = {
    "createSpeech": ("text-to-audio/speech", "fakevoice", "audio/ogg", "audio/speech"),
    "createChatCompletion": ("text-to-text/chat", "fakechat", "text/plain", "chat/completions"),
    "createEmbedding": ("text-to-data/embedding", "fakeembedder", "application/json", "embeddings"),
    "createImage": ("text-to-image", "fakepainter", "image/png", "images/generations"),
    "editImage": ("text-to-image", "fakepainter", "image/png", "images/edits"),
    "createVideo": ("text-to-video", "storyboard", "video/mp4", "videos"),
    "createTranscription": ("text-to-text/echo", "fakeecho", "text/plain", "audio/transcriptions"),
    "createTranslation": ("text-to-text/echo", "fakeecho", "text/plain", "audio/translations"),
}
# What comes first where no text comes in.
HEADS = {
    "editImage": ("image/*", "image-to-text/ocr", "tesseract"),
    "createTranscription": ("audio/*", "audio-to-text/transcribe", "fakelistener"),
    "createTranslation": ("audio/*", "audio-to-text/transcribe", "fakelistener"),
}
FORMS = tuple(HEADS)


def model(operation, engine="fakeecho", task="text-to-text/echo", tail=None, **settings):
    """A pipeline in which some engine stands between what comes in and what goes out."""
    kind, head_task, head = HEADS.get(operation, ("text/plain", None, None))
    last_task, last, media_type, route = TAILS[operation]
    stages = {"work": {"task": task, "engine": engine, "from": "head" if head else "given", "set": settings},
              "last": {"task": last_task, "engine": last, "from": "work", "set": tail or {}}}
    if head:
        stages["head"] = {"task": head_task, "engine": head, "from": "given"}
    made = {"medley": 1, "inputs": {"given": {"type": kind}}, "parameters": {}, "stages": stages,
            "outputs": {"made": {"from": "last", "type": media_type}}, "serves": {route: True}}
    if operation == "editImage":
        made["parameters"]["prompt"] = {"type": "string", "default": ""}
    return made


def models():
    files = {}
    for operation in OPERATIONS:
        files |= {f"{operation}-{name}.json": pipeline for name, pipeline in {
            "good": model(operation),
            "flaky": model(operation, "fakeflaky", "text-to-text/flaky", **{"fail-count": 1000}),
            "crash": model(operation, "fakecrash", "text-to-text/crash", how="segv"),
            "hang": model(operation, "fakehang", "text-to-text/hang"),
            "leak": model(operation, "fakeleak", "text-to-text/leak", mib=4000),
            "late": model(operation, "fakeslow", "text-to-text/slow", **{"delay-ms": 3_600_000}),
            "doomed": model(operation, "fakeslow", "text-to-text/slow", **{"delay-ms": 3_600_000}),
            "odd": model(operation, **{"no-such-property": 1}),
        }.items()}
    listening = model("createTranscription")
    listening["parameters"]["language"] = {"type": "string", "default": "en"}
    listening["stages"]["head"]["set"] = {"language": "${language}"}
    return files | {
        "createImage-large.json": model("createImage", tail={"width": 4000, "height": 4000}),
        "editImage-large.json": model("editImage", tail={"width": 4000, "height": 4000}),
        "createEmbedding-large.json": model("createEmbedding", tail={"dimensions": 512}),
        "languages.json": listening,
    }


# Daemons by name: what they are set to.
SETTINGS = {
    "plain": (),
    "hasty": ("http.idle-timeout=1s",),
    "crowded": ("limits.queue=1", "workers.maximum=1"),
    "full": ("limits.free-space=4000000GiB",),
    "strict": ("workers.stall=2s",),
    "lean": ("workers.memory-bytes=300MiB",),
    "narrow": ("http.answer-bytes=1KiB",),
    "poison": ("jobs.attempts=5", "jobs.poison=1"),
    "mortal": (),
    "weary": ("jobs.drain=1h",),
    "bare": (),
}


def soon():
    """A time that is near when the request is sent, also by a slow machine."""
    return str(int((time.time() + 4) * 1e6))


def form(fields):
    parts = b"".join(b'--cut\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (
        name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in fields.items())
    return {"Content-Type": "multipart/form-data; boundary=cut"}, parts + b"--cut--\r\n"


def build(operation, name, text="One. Two.", content=None, **more):
    """Header fields and body of a request."""
    if operation == "editImage":
        content = content if content is not None else (DATA / "page.png").read_bytes()
        return form({"model": name, "image": content, "prompt": "x", **more})
    if operation in FORMS:
        return form({"model": name, "file": content if content is not None else make_wav((True, True)), **more})
    field = {"createSpeech": {"input": text}, "createEmbedding": {"input": text}, "createImage": {"prompt": text},
             "createVideo": {"prompt": text}, "createChatCompletion": {"messages": [{"role": "user", "content": text}]}}
    return {"Content-Type": "application/json"}, json.dumps({"model": name, **field[operation], **more}).encode()


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemons, cls.lock = {}, threading.Lock()
        cls.addClassCleanup(cls.stop_all)
        cls.document = Document(cls.daemon().curl("/openapi.json").body)

    @classmethod
    def stop_all(cls):
        for daemon in cls.daemons.values():
            daemon.process.kill()
            daemon.process.wait()
            daemon.__exit__(None)

    @classmethod
    def daemon(cls, name="plain"):
        with cls.lock:
            if name not in cls.daemons:
                daemon = cls.daemons[name] = Daemon(*SETTINGS[name], pipelines=models())
                if name == "bare":
                    original, enter = subprocess.Popen, fail_calls(*WITHOUT_SECCOMP["names"],
                                                                   then=WITHOUT_SECCOMP["then"])
                    subprocess.Popen = lambda *a, **k: original(*a, preexec_fn=enter, **k)
                    try:
                        daemon.start()
                    finally:
                        subprocess.Popen = original
                else:
                    daemon.start()
                if name in ("crowded", "weary"):
                    for state in ("running", "queued")[:2 if name == "crowded" else 1]:
                        job = daemon.create(pipeline="createSpeech-late", inputs={"given": {"text": "x"}})["id"]
                        daemon.wait(job, (state,))
                if name == "weary":
                    daemon.process.terminate()
                    while not daemon.status()["draining"]:
                        time.sleep(0.02)
            return cls.daemons[name]

    def ask(self, operation, suffix="good", on="plain", headers=None, name=None, **more):
        own, body = build(operation, name or f"{operation}-{suffix}", **more)
        return self.send(operation, {**own, **(headers or {})}, body, on)

    def send(self, operation, headers, body, on="plain"):
        row = self.document[operation]
        client = Http(self.daemon(on).socket)
        try:
            return client.ask(row.method, row.path, body, headers)
        finally:
            client.close()

    # -- one by one

    def timed_out(self, operation):
        own, body = build(operation, f"{operation}-good")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(self.daemon("hasty").socket))
            path = self.document[operation].path
            client.sendall((f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {own['Content-Type']}\r\n"
                            f"Content-Length: {len(body) + 100}\r\nConnection: close\r\n\r\n").encode() + body)
            received = b""
            while data := client.recv(65536):
                received += data
        head, _, rest = received.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:])
        return type("Answer", (), {"status": int(head.split()[1]), "headers": fields, "body": rest})

    def too_large(self, operation):
        own, _ = build(operation, "x")
        if operation in FORMS:  # what counts is a part
            with Daemon("limits.input-bytes=1KiB", pipelines=models()) as daemon:
                client = Http(daemon.socket)
                reply = client.ask("POST", self.document[operation].path, build(operation, "x")[1], own)
                client.close()
            return reply
        return self.send(operation, own, b'"' + b"x" * 2_000_000 + b'"')

    def reused(self, operation):
        key = {"Idempotency-Key": f"key-of-{operation}"}
        self.ask(operation, headers=key)
        return self.ask(operation, headers=key | {"Medley-Priority": "3"})

    def cancelled(self, operation):
        replies = []
        thread = threading.Thread(target=lambda: replies.append(self.ask(operation, "doomed")))
        thread.start()
        daemon, jobs = self.daemon(), []
        while not jobs:
            jobs = daemon.curl(f"/api/v1/jobs?pipeline={operation}-doomed&state=running").json()["jobs"]
        daemon.curl(f"/api/v1/jobs/{jobs[0]['id']}/cancel", "-X", "POST")
        thread.join()
        return replies[0]

    def output_too_large(self, operation):
        if operation in ("createImage", "editImage", "createEmbedding"):
            return self.ask(operation, "large", "narrow")
        if operation == "createChatCompletion":
            return self.ask(operation, on="narrow", text="word " * 1000)
        return self.ask(operation, on="narrow", content=make_wav((True,) * 300, rate=8000))

    def provoke(self, operation, code):
        noise = b"I am nothing that can be decoded.\n" * 50
        picture, blank = ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {
            "url": f"data:image/png;base64,{content}"}}]}]} for content in ("SSBhbSBubyBwaWN0dXJlLg==", ""))
        return {
            "invalid-argument": lambda: self.ask(operation, nonsense="1"),
            "unsupported-type": lambda: self.send(operation, {"Content-Type": "text/plain"}, b"x"),
            "invalid-json": lambda: self.send(operation, {"Content-Type": "application/json"}, b"{"),
            "invalid-parameter": lambda: self.ask(operation, response_format="x" * 70_000),
            "too-large": lambda: self.too_large(operation),
            "timed-out": lambda: self.timed_out(operation),
            "not-found": lambda: self.ask(operation, name="nothing"),
            "invalid-pipeline": lambda: self.ask(operation, "odd"),
            "queue-full": lambda: self.ask(operation, on="crowded"),
            "no-space": lambda: self.ask(operation, on="full"),
            "unavailable": lambda: self.ask(operation, on="weary"),
            "sandbox-missing": lambda: self.ask(operation, on="bare"),
            "key-reused": lambda: self.reused(operation),
            "engine-failed": lambda: self.ask(operation, "flaky"),
            "worker-crashed": lambda: self.ask(operation, "crash"),
            "worker-hung": lambda: self.ask(operation, "hang", "strict"),
            "memory-limit": lambda: self.ask(operation, "leak", "lean"),
            "time-limit": lambda: self.ask(operation, "late", headers={"Medley-Run-Time": "1"}),
            "deadline": lambda: self.ask(operation, "late", headers={"Medley-Deadline": soon()}),
            "poisoned": lambda: self.ask(operation, "crash", "poison"),
            "cancelled": lambda: self.cancelled(operation),
            "output-too-large": lambda: self.output_too_large(operation),
            "bad-input": lambda: (self.ask(operation, name="read-page", **picture) if "Chat" in operation
                                  else self.ask(operation, content=noise)),
            "empty-input": lambda: (self.ask(operation, name="speak", text=" ") if operation == "createSpeech"
                                    else self.ask(operation, name="read-page", **blank) if "Chat" in operation
                                    else self.ask(operation, content=b"")),
            "unknown-voice": lambda: self.ask(operation, name="speak", voice="klingon-9"),
            "unknown-language": lambda: self.ask(operation, name="languages", language="xyz"),
        }.get(code)

    def check(self, operation, code, status, reply):
        with self.subTest(operation=operation, code=code):
            found = self.document.check(self.document[operation], reply)
            self.assertEqual((found, reply.status), (code, status), reply.body[:500])
            error = json.loads(reply.body)["error"]
            self.assertEqual(sorted(error), ["code", "message", "param", "type"])

    def test_every_error_is_as_documented(self):
        wanted = [(operation, code, status) for operation in OPERATIONS
                  for code, status in sorted(self.document[operation].errors)
                  # Of the door, which all routes share; and what takes the daemon away.
                  if code not in ("not-allowed", "unauthorized", "forbidden", "interrupted")]
        self.assertEqual([row for row in wanted if self.provoke(*row[:2]) is None], [])
        self.assertGreater(len(wanted), 120)
        with ThreadPoolExecutor(8) as pool:
            replies = pool.map(lambda row: self.provoke(*row[:2])(), wanted)
            for row, reply in zip(wanted, replies):
                self.check(*row, reply)

    def test_a_daemon_that_dies(self):
        """The client comes back with its key, without which it would not hear of it."""
        daemon = self.daemon("mortal")
        waiting = [operation for operation in OPERATIONS if operation != "createVideo"]
        for operation in waiting:
            own, body = build(operation, f"{operation}-late")
            client = Http(daemon.socket, timeout=1)
            with self.assertRaises(TimeoutError):
                client.ask("POST", self.document[operation].path, body, own | {"Idempotency-Key": f"k-{operation}"})
            client.close()
        jobs = daemon.curl("/api/v1/jobs?limit=100").json()["jobs"]
        self.assertEqual(len(jobs), len(waiting))
        running = {job["pipeline"] for job in jobs if job["state"] == "running"}
        self.assertTrue(running)
        time.sleep(0.5)  # what nobody is answered for is on the disk a tenth of a second later
        daemon.kill()
        daemon.start()
        for operation in waiting:
            if f"{operation}-late" in running:
                reply = self.ask(operation, "late", "mortal", {"Idempotency-Key": f"k-{operation}"})
                self.check(operation, "interrupted", 500, reply)


if __name__ == "__main__":
    unittest.main()
