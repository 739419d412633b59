#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The OpenAI-compatible interface: models, speech and errors, by curl; the official client has a test of its own."""

import base64
import json
import re
import subprocess
import tempfile
import time
import unittest
from array import array
from pathlib import Path

from httptest import pipeline, voice
from medleytest import PATIENCE, Daemon

SENTENCE = "The quick brown fox jumps over the lazy dog."


def speaker(**serves):
    return voice() | {"serves": {"audio/speech": serves or True}}


PIPELINES = {
    "tone.json": speaker(),
    "mute.json": pipeline("fakeecho"),
    "broken.json": voice() | {"serves": {"audio/speech": True}, "outputs": {"speech": {"from": "x", "type": "audio/ogg"}}},
    "crash.json": {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"work": {"task": "text-to-text/crash", "engine": "fakecrash", "from": "text"},
                   "speech": {"task": "text-to-audio/speech", "engine": "fakevoice", "from": "work"}},
        "outputs": {"speech": {"from": "speech", "type": "audio/ogg"}}, "serves": {"audio/speech": True},
    },
    "slow.json": {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"work": {"task": "text-to-text/slow", "engine": "fakeslow", "from": "text",
                            "set": {"delay-ms": 300, "bytes-per-step": 4}},
                   "speech": {"task": "text-to-audio/speech", "engine": "fakevoice", "from": "work"}},
        "outputs": {"speech": {"from": "speech", "type": "audio/ogg"}}, "serves": {"audio/speech": True},
    },
}


def probe(path, options=()):
    """The only stream of a file, by ffprobe, with the name of the container."""
    run = subprocess.run(["ffprobe", "-v", "error", *options, "-show_streams", "-show_format", "-of", "json", str(path)],
                         capture_output=True, check=True, timeout=PATIENCE)
    found = json.loads(run.stdout)
    (stream,) = found["streams"]
    return stream | {"format_name": found["format"]["format_name"]}


def decode(path, options):
    """Its samples, at 24 kHz; ffmpeg may complain of nothing."""
    run = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *options, "-i", str(path), "-f", "s16le", "-ar", "24000",
                          "-ac", "1", "-"], capture_output=True, check=True, timeout=PATIENCE)
    if run.stderr:
        raise AssertionError(f"{path}: {run.stderr.decode()}")
    return array("h", run.stdout)


def seconds_of(samples):
    return len(samples) / 24000


def read_events(body):
    """The data of server-sent events, which are nothing else here."""
    events = []
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            assert all(line.startswith("data: ") for line in lines), block
            events.append(json.loads("".join(line[6:] for line in lines)))
    return events


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.enterClassContext(Daemon(pipelines=PIPELINES))
        cls.addClassCleanup(cls.end)

    @classmethod
    def end(cls):
        # Under a sanitizer, what leaked is told now.
        assert cls.daemon.stop() == 0

    def post(self, path, body, *arguments, **options):
        text = body if isinstance(body, str) else json.dumps(body)
        return self.daemon.curl(path, "-H", "Content-Type: application/json", "--data-binary", "@-", *arguments,
                                input=text.encode(), **options)

    def assert_error(self, reply, status, kind, param=None, code=None):
        """A whole error object; returns its message."""
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(reply.headers["content-type"], "application/json")
        document = reply.json()
        self.assertEqual(list(document), ["error"])
        error = document["error"]
        self.assertEqual(sorted(error), ["code", "message", "param", "type"])
        self.assertEqual((error["type"], error["param"]), (kind, param), error)
        if code is not None:
            self.assertEqual(error["code"], code)
        self.assertRegex(error["code"], r"^[a-z_]+$")
        self.assertTrue(error["message"])
        self.assertRegex(reply.headers["openai-processing-ms"], r"^\d+$")
        return error["message"]


class Models(Case):
    def test_pipelines_that_serve_are_models(self):
        reply = self.daemon.curl("/v1/models")
        self.assertEqual(reply.status, 200)
        document = reply.json()
        self.assertEqual(document["object"], "list")
        models = {model["id"]: model for model in document["data"]}
        self.assertIn("speak", models)
        self.assertIn("tone", models)
        self.assertNotIn("mute", models)
        self.assertNotIn("broken", models)
        for model in models.values():
            self.assertEqual((model["object"], model["owned_by"]), ("model", "medley"))
        self.assertEqual(models["tone"]["serves"], ["audio/speech"])
        file = self.daemon.folder / "config" / "medley" / "pipelines" / "tone.json"
        self.assertEqual(models["tone"]["created"], int(file.stat().st_mtime))
        self.assertEqual(self.daemon.curl("/v1/models/tone").json(), models["tone"])

    def test_what_is_no_model(self):
        for name, reason in (("spaek", "did you mean"), ("mute", "does not say"), ("broken", "has faults")):
            message = self.assert_error(self.daemon.curl(f"/v1/models/{name}"), 404, "not_found_error", "model",
                                        "model_not_found")
            self.assertIn(reason, message)


class Errors(Case):
    def test_of_the_door(self):
        self.assert_error(self.daemon.curl("/v1/nothing"), 404, "not_found_error", code="not_found")
        self.assert_error(self.daemon.curl("/v1/models", "-X", "DELETE"), 405, "invalid_request_error")
        self.assert_error(self.daemon.curl("/v1/models?limit=3"), 400, "invalid_request_error")
        reply = self.daemon.curl("/v1/audio/speech", "-d", "input=x")
        self.assert_error(reply, 415, "invalid_request_error", code="unsupported_type")
        self.assert_error(self.post("/v1/audio/speech", "{"), 400, "invalid_request_error", code="invalid_json")
        self.assert_error(self.post("/v1/audio/speech", "[]"), 400, "invalid_request_error")
        self.assert_error(self.post("/v1/audio/speech", '"' + "x" * 2_000_000 + '"'), 413, "invalid_request_error",
                          code="too_large")

    def test_of_a_token(self):
        with Daemon("http.tcp=true", pipelines=PIPELINES) as daemon:
            url = re.search(r"http://[\d.:]+", daemon.curl("/api/v1").json()["faces"]["http"]).group()

            def ask(*arguments):
                run = subprocess.run(["curl", "-sS", "-i", *arguments, url + "/v1/models"], capture_output=True,
                                     timeout=PATIENCE, check=True, text=True)
                head, _, body = run.stdout.partition("\n\n")
                return head, json.loads(body)

            head, document = ask()
            self.assertIn("401", head.splitlines()[0])
            self.assertIn("WWW-Authenticate: Bearer", head)
            self.assertEqual((document["error"]["type"], document["error"]["code"]),
                             ("authentication_error", "invalid_api_key"))
            head, document = ask("-H", "Authorization: Bearer nonsense")
            self.assertEqual(document["error"]["type"], "authentication_error")
            self.assertRegex(head, 'WWW-Authenticate: Bearer .*error="invalid_token"')
            token = (daemon.folder / "runtime" / "medley" / "token").read_text().strip()
            head, document = ask("-H", f"Authorization: Bearer {token}")
            self.assertEqual(document["object"], "list")

    def test_of_fields(self):
        for body, param, code in (
            ({"input": "x"}, "model", "missing_required_parameter"),
            ({"model": 7, "input": "x"}, "model", "invalid_type"),
            ({"model": "speak"}, "input", "missing_required_parameter"),
            ({"model": "speak", "input": None}, "input", "missing_required_parameter"),
            ({"model": "speak", "input": ["x"]}, "input", "invalid_type"),
            ({"model": "speak", "input": ""}, "input", "invalid_value"),
            ({"model": "speak", "input": "x", "voise": "alloy"}, "voise", "unknown_parameter"),
            ({"model": "speak", "input": "x", "voice": {"name": "a"}}, "voice", "invalid_type"),
            ({"model": "speak", "input": "x", "response_format": "mp4"}, "response_format", "invalid_value"),
            ({"model": "speak", "input": "x", "stream_format": "json"}, "stream_format", "invalid_value"),
            ({"model": "speak", "input": "x", "instructions": "Whisper."}, "instructions", "unsupported_parameter"),
            ({"model": "tone", "input": "x", "speed": 2}, "speed", "unsupported_parameter"),
            ({"model": "narrated-video", "input": "x"}, "model", "unsupported_model"),
        ):
            with self.subTest(body=body):
                self.assert_error(self.post("/v1/audio/speech", body), 400, "invalid_request_error", param, code)
        self.assert_error(self.post("/v1/audio/speech", {"model": "no", "input": "x"}), 404, "not_found_error", "model",
                          "model_not_found")

    def test_of_a_job(self):
        reply = self.post("/v1/audio/speech", {"model": "speak", "input": "Hi.", "voice": "zork"})
        message = self.assert_error(reply, 400, "invalid_request_error", "voice", "unknown_voice")
        self.assertIn("alloy, ash", message)
        self.assertEqual(self.daemon.wait(reply.headers["medley-job"])["state"], "failed")
        reply = self.post("/v1/audio/speech", {"model": "crash", "input": "Hi."})
        self.assert_error(reply, 500, "server_error", code="worker_crashed")
        self.assertEqual(reply.headers["x-should-retry"], "true")

    def test_a_full_queue_says_when_to_come_back(self):
        with Daemon("limits.queue=1", "workers.maximum=1", pipelines=PIPELINES) as daemon:
            body = json.dumps({"pipeline": "slow", "inputs": {"text": {"text": "word " * 200}}})
            for _ in range(2):
                reply = daemon.curl("/api/v1/jobs", "-H", "Content-Type: application/json", "-d", body)
                if reply.status == 201 and not daemon.status()["jobs"].get("queued"):
                    daemon.wait(reply.json()["id"], ("running",))
            reply = daemon.curl("/v1/audio/speech", "-H", "Content-Type: application/json", "-d",
                                json.dumps({"model": "tone", "input": "Hi."}))
            self.assert_error(reply, 429, "rate_limit_error", code="rate_limit_exceeded")
            self.assertEqual(int(reply.headers["retry-after-ms"]), 1000 * int(reply.headers["retry-after"]))
            self.assertEqual(reply.headers["x-should-retry"], "true")


class Speech(Case):
    """Real speech, decoded: a voice of OpenAI's name, in every format, as it is and in events."""

    FORMATS = {
        "mp3": ("audio/mpeg", "mp3", "mp3", 22050), "opus": ("audio/ogg", "ogg", "opus", 48000),
        "aac": ("audio/aac", "aac", "aac", 22050), "flac": ("audio/flac", "flac", "flac", 22050),
        "wav": ("audio/wav", "wav", "pcm_s16le", 22050), "pcm": ("audio/pcm", None, "pcm_s16le", 24000),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        wav = cls.folder / "expected.wav"
        # What libespeak-ng makes of it by itself, in seconds.
        subprocess.run(["espeak-ng", "-v", "en-us+f4", "-w", wav, SENTENCE], check=True, timeout=PATIENCE)
        cls.seconds = seconds_of(decode(wav, ()))

    def speak(self, **fields):
        return self.post("/v1/audio/speech", {"model": "speak", "input": SENTENCE, "voice": "alloy"} | fields)

    def test_formats(self):
        for name, (content_type, container, codec, rate) in self.FORMATS.items():
            with self.subTest(format=name):
                reply = self.speak(response_format=name)
                self.assertEqual(reply.status, 200, reply.body[:500])
                self.assertEqual(reply.headers["content-type"], content_type)
                self.assertEqual(reply.headers.get("x-audio-sample-rate"), "24000" if name == "pcm" else None)
                path = self.folder / f"speech.{name}"
                path.write_bytes(reply.body)
                options = () if container else ("-f", "s16le", "-ar", "24000", "-ac", "1")
                stream = probe(path, options)
                self.assertEqual((stream["codec_name"], int(stream["sample_rate"]), stream["channels"]),
                                 (codec, rate, 1))
                if container:
                    self.assertEqual(stream["format_name"], container)
                samples = decode(path, options)
                self.assertAlmostEqual(seconds_of(samples), self.seconds, delta=0.1)
                self.assertGreater(max(samples), 2000, "it is silent")

    def test_mp3_is_the_default(self):
        self.assertEqual(self.speak().headers["content-type"], "audio/mpeg")

    def test_aac_comes_in_frames_of_its_own(self):
        body = self.speak(response_format="aac").body
        # ADTS: a sync word, MPEG-4, and a length that leads to the next frame, to the end.
        frames, at = 0, 0
        while at < len(body):
            self.assertEqual((body[at], body[at + 1] & 0xF6), (0xFF, 0xF0))
            length = (body[at + 3] & 3) << 11 | body[at + 4] << 3 | body[at + 5] >> 5
            self.assertGreater(length, 7)
            at += length
            frames += 1
        self.assertEqual(at, len(body))
        self.assertGreater(frames, 20)

    def test_events_carry_the_same_audio(self):
        for name in ("pcm", "flac", "mp3"):
            with self.subTest(format=name):
                fields = {"model": "tone", "input": SENTENCE, "response_format": name}
                plain = self.post("/v1/audio/speech", fields)
                reply = self.post("/v1/audio/speech", fields | {"stream_format": "sse"})
                self.assertEqual(reply.headers["content-type"].split(";")[0], "text/event-stream")
                events = read_events(reply.body)
                self.assertEqual({e["type"] for e in events[:-1]}, {"speech.audio.delta"})
                self.assertEqual(events[-1], {"type": "speech.audio.done", "usage": {
                    "input_tokens": len(SENTENCE), "output_tokens": 0, "total_tokens": len(SENTENCE)}})
                audio = b"".join(base64.b64decode(e["audio"], validate=True) for e in events[:-1])
                paths = [self.folder / f"{kind}.{name}" for kind in ("plain", "events")]
                for path, content in zip(paths, (plain.body, audio)):
                    path.write_bytes(content)
                options = ("-f", "s16le", "-ar", "24000", "-ac", "1") if name == "pcm" else ()
                first, second = (decode(path, options) for path in paths)
                self.assertGreater(len(first), 20000)
                self.assertEqual(first, second)

    def test_speed(self):
        for speed in (0.25, 0.5, 1.0, 2, 4):
            with self.subTest(speed=speed):
                reply = self.speak(response_format="pcm", speed=speed)
                self.assertEqual(reply.status, 200, reply.body[:500])
                seconds = len(reply.body) / 2 / 24000
                self.assertAlmostEqual(seconds * speed / self.seconds, 1, delta=0.15)
        for speed in (0.2, 4.1, "fast", True):
            reply = self.speak(speed=speed)
            self.assert_error(reply, 400, "invalid_request_error", "speed")

    def test_voices(self):
        heard = {}
        reply = self.daemon.curl("/api/v1/pipelines/speak")
        names = reply.json()["serves"]["audio/speech"]["values"]["voice"]
        self.assertGreaterEqual(set(names), {"alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage",
                                             "shimmer", "verse", "marin", "cedar"})
        for name in [*names, "de", {"id": "onyx"}]:
            reply = self.speak(voice=name, response_format="pcm", input="Two words.")
            self.assertEqual(reply.status, 200, (name, reply.body[:500]))
            heard[str(name)] = reply.body
        # Each is a voice of its own.
        self.assertEqual(len(set(heard.values())), len(names) + 1 + (heard["{'id': 'onyx'}"] != heard["onyx"]))

    def test_the_first_bytes_come_before_the_last_word(self):
        body = json.dumps({"model": "slow", "input": "One. Two. Three. Four. Five. Six.", "response_format": "pcm"})
        with subprocess.Popen(
            ["curl", "-sSN", "--unix-socket", self.daemon.socket, "http://localhost/v1/audio/speech", "-H",
             "Content-Type: application/json", "-d", body], stdout=subprocess.PIPE,
        ) as curl:
            self.assertEqual(len(curl.stdout.read(100)), 100)
            jobs = self.daemon.curl("/api/v1/jobs?pipeline=slow&state=running").json()["jobs"]
            self.assertEqual(len(jobs), 1)
            self.assertGreater(len(curl.stdout.read()), 24000)

    def test_a_failure_in_a_stream_is_an_event(self):
        with Daemon("limits.run-time=2s", pipelines=PIPELINES) as daemon:
            reply = daemon.curl("/v1/audio/speech", "-H", "Content-Type: application/json", "-d", json.dumps(
                {"model": "slow", "input": "One. " * 40, "response_format": "pcm", "stream_format": "sse"}))
        events = read_events(reply.body)
        self.assertEqual(events[0]["type"], "speech.audio.delta")
        self.assertEqual(events[-1]["error"]["code"], "time_limit")
        self.assertEqual(events[-1]["error"]["type"], "server_error")


class Jobs(Case):
    def test_a_client_that_leaves_cancels(self):
        body = json.dumps({"model": "slow", "input": "word " * 200})
        with subprocess.Popen(
            ["curl", "-sSN", "--unix-socket", self.daemon.socket, "http://localhost/v1/audio/speech", "-H",
             "Content-Type: application/json", "-d", body, "-o", "/dev/null"], stderr=subprocess.DEVNULL,
        ) as curl:
            job = self.wait_for_job("slow")
            curl.kill()
        self.assertEqual(self.daemon.wait(job)["state"], "cancelled")

    def wait_for_job(self, name):
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            jobs = self.daemon.curl(f"/api/v1/jobs?pipeline={name}").json()["jobs"]
            if jobs:
                return jobs[0]["id"]
            time.sleep(0.05)
        raise AssertionError("no job was made")

    def test_a_key_gives_the_same_job(self):
        body = {"model": "tone", "input": SENTENCE, "response_format": "flac"}
        first = self.post("/v1/audio/speech", body, "-H", "Idempotency-Key: one")
        second = self.post("/v1/audio/speech", body, "-H", "Idempotency-Key: one")
        self.assertEqual((first.status, second.status), (200, 200))
        self.assertNotIn("idempotency-replayed", first.headers)
        self.assertEqual(second.headers["idempotency-replayed"], "true")
        self.assertEqual(first.headers["medley-job"], second.headers["medley-job"])
        other = self.post("/v1/audio/speech", body | {"input": "Else."}, "-H", "Idempotency-Key: one")
        self.assert_error(other, 400, "invalid_request_error", code="key_reused")


if __name__ == "__main__":
    unittest.main()
