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


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.enterClassContext(Daemon(pipelines=PIPELINES))

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
