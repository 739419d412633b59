#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The official openai client from npm, unmodified, is a client of medleyd: over TCP, with a token for its key."""

import base64
import json
import math
import re
import tempfile
import time
import unittest
from pathlib import Path

import modelpipelines
import webtest
from httptest import voice
from medleytest import DATA, PATIENCE, Daemon, cues, decoded_seconds, probe, words

PIPELINES = modelpipelines.all_of_them() | {"tone.json": voice() | {"serves": {"audio/speech": True}}}


def ask(daemon, subject, *arguments):
    """What a subject of tests/web/openai/client.cjs says."""
    url = re.search(r"http://[\d.:]+", daemon.status()["faces"]["http"]).group()
    token = (daemon.folder / "runtime" / "medley" / "token").read_text().strip()
    return webtest.node("openai/client.cjs", subject, *arguments, timeout=5 * PATIENCE,
                        environment={"MEDLEY_URL": url, "MEDLEY_TOKEN": token})


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.enterClassContext(Daemon("http.tcp=true", pipelines=PIPELINES))
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))

    def ask(self, *arguments):
        return ask(self.daemon, *arguments)

    def test_models(self):
        names, speak = self.ask("models")
        self.assertIn("chat", names)
        self.assertIn("read-page", names)
        self.assertNotIn("captioned-video", names)
        self.assertEqual((speak["id"], speak["object"], speak["owned_by"]), ("speak", "model", "medley"))

    def test_speech_and_its_transcription(self):
        whole, streamed = self.ask("speech", self.folder)
        self.assertEqual(whole["type"], "audio/wav")
        # 28 characters of 20 ms
        self.assertAlmostEqual(decoded_seconds(self.folder / "speech.wav"), 0.56, delta=0.03)
        events = [json.loads(line[6:]) for line in (self.folder / "events.txt").read_text().splitlines()
                  if line.startswith("data: ")]
        self.assertEqual(events[-1]["type"], "speech.audio.done")
        (self.folder / "events.wav").write_bytes(
            b"".join(base64.b64decode(event["audio"]) for event in events if "audio" in event))
        self.assertAlmostEqual(decoded_seconds(self.folder / "events.wav"), 0.56, delta=0.03)
        self.assertGreater(streamed["pieces"], 1)
        self.assertGreater(streamed["bytes"], 24000 * 2 * 20)

        plain, verbose, vtt, events = self.ask("transcription", self.folder)
        self.assertEqual(plain["text"].strip(), "Eins.")
        self.assertEqual(verbose["text"].strip(), "One.")
        self.assertEqual(len(verbose["segments"]), 1)
        self.assertAlmostEqual(verbose["segments"][0]["end"], 0.56, delta=0.03)
        self.assertEqual([(word["word"], word["start"]) for word in verbose["words"]], [("One", 0)])
        self.assertEqual([text for _, _, text in cues(vtt)], ["One."])
        self.assertEqual(events[-1]["type"], "transcript.text.done")
        self.assertEqual(events[-1]["text"].strip(), "One.")
        self.assertEqual("".join(e["delta"] for e in events if e["type"] == "transcript.text.delta").strip(), "One.")

    def test_chat(self):
        plain, chunks, runner, page = self.ask("chat", DATA / "page.png")
        self.assertEqual(plain["object"], "chat.completion")
        choice = plain["choices"][0]
        self.assertEqual(choice["message"]["content"], "You said: Why is the sky blue?")
        self.assertEqual((choice["message"]["role"], choice["finish_reason"]), ("assistant", "stop"))
        self.assertEqual(plain["usage"], {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50})

        self.assertEqual({chunk["object"] for chunk in chunks}, {"chat.completion.chunk"})
        self.assertEqual(len({chunk["id"] for chunk in chunks}), 1)
        self.assertEqual(chunks[0]["choices"][0]["delta"], {"role": "assistant", "content": "", "refusal": None})
        texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1]]
        self.assertEqual("".join(texts), "You said: Why is the sky blue?")
        # A word every quarter of a second: they were not kept until the end.
        self.assertGreater(sum(1 for text in texts if text), 2)
        self.assertEqual([c["choices"][0]["finish_reason"] for c in chunks[:-1]], [None] * (len(chunks) - 2) + ["stop"])
        self.assertEqual({chunk["usage"] is None for chunk in chunks[:-1]}, {True})
        self.assertEqual((chunks[-1]["choices"], chunks[-1]["usage"]), ([], plain["usage"]))

        self.assertEqual(runner, {"final": "YOU SAID: WHY IS THE SKY BLUE?", "deltas": "YOU SAID: WHY IS THE SKY BLUE?"})
        self.assertEqual(words(page), words((DATA / "page.txt").read_text()))

    def test_images(self):
        painted, linked, events, edited = self.ask("images", self.folder, DATA / "page.png")
        self.assertEqual((painted["data"], painted["size"], painted["output_format"]), (1, "128x64", "png"))
        self.assertEqual((painted["usage"]["input_tokens"], painted["usage"]["output_tokens"]), (9, 1))
        found = probe(self.folder / "painted.png")["by_kind"]["video"]
        self.assertEqual((found["codec_name"], found["width"], found["height"]), ("png", 128, 64))
        self.assertIn("a", found["pix_fmt"])
        self.assertEqual(linked, {"status": 200, "type": "image/jpeg"})
        self.assertEqual(probe(self.folder / "linked.jpeg")["by_kind"]["video"]["codec_name"], "mjpeg")
        self.assertEqual([event["type"] for event in events],
                         ["image_generation.partial_image", "image_generation.completed"])
        self.assertEqual(events[0]["partial_image_index"], 0)
        self.assertEqual(events[1]["usage"]["total_tokens"], 20)
        original, changed = (probe(path)["by_kind"]["video"] for path in (DATA / "page.png", self.folder / "edited.png"))
        self.assertEqual((changed["width"], changed["height"]), (original["width"], original["height"]))
        self.assertEqual(edited["usage"]["input_tokens_details"], {"text_tokens": 6, "image_tokens": 1})

    def test_embeddings(self):
        found, one = self.ask("embeddings")
        self.assertEqual((found["object"], found["model"]), ("list", "embedder"))
        self.assertEqual([item["index"] for item in found["data"]], [0, 1, 2])
        first, second, third = (item["embedding"] for item in found["data"])
        self.assertEqual(len(first), 8)
        self.assertAlmostEqual(math.hypot(*first), 1, places=5)
        self.assertEqual(first, second)
        self.assertLess(sum(a * b for a, b in zip(first, third)), 0.99)
        self.assertEqual(found["usage"], {"prompt_tokens": 32, "total_tokens": 32})
        self.assertEqual(len(one), 16)
        self.assertAlmostEqual(math.hypot(*one), 1, places=5)

    def test_videos(self):
        created, polled, listed, deleted, gone = self.ask("videos", self.folder)
        self.assertEqual((created["object"], created["model"], created["size"]), ("video", "slow-film", "320x240"))
        self.assertIn(created["status"], ("queued", "in_progress"))
        self.assertEqual((created["completed_at"], created["error"]), (None, None))
        now = polled["now"]
        self.assertEqual((now["status"], now["progress"], now["error"]), ("completed", 100, None))
        self.assertGreaterEqual(now["completed_at"], now["created_at"])
        self.assertGreater(now["expires_at"], now["completed_at"])
        progress = [progress for _, progress in polled["seen"]]
        self.assertEqual(progress, sorted(progress))
        film = probe(self.folder / "film.mp4")
        self.assertEqual((film["by_kind"]["video"]["width"], film["by_kind"]["video"]["height"]), (320, 240))
        self.assertIn("mp4", film["format"]["format_name"])
        self.assertAlmostEqual(float(now["seconds"]), decoded_seconds(self.folder / "film.mp4"), delta=0.3)
        self.assertEqual(listed["pages"][:2], listed["ids"][::-1])
        self.assertEqual(listed["oldest"], listed["ids"][0])
        self.assertEqual(deleted, {"id": created["id"], "object": "video.deleted", "deleted": True})
        self.assertEqual((gone["class"], gone["param"]), ("NotFoundError", "video_id"))

    def test_errors_are_its_own(self):
        found, = self.ask("errors")
        for name, kind, param, code in (
            ("unauthorized", "AuthenticationError", None, "invalid_api_key"),
            ("noModel", "NotFoundError", "model", "model_not_found"),
            ("noRoute", "BadRequestError", "model", "unsupported_model"),
            ("manyAnswers", "BadRequestError", "n", None),
            ("tools", "BadRequestError", "tools", "unsupported_parameter"),
            ("json", "BadRequestError", "response_format", "unsupported_value"),
            ("elsewhere", "BadRequestError", "messages", None),
            ("size", "BadRequestError", "size", "unsupported_parameter"),
            ("webp", "BadRequestError", "output_format", "invalid_value"),
            ("seconds", "BadRequestError", "seconds", "unsupported_parameter"),
            ("noVideo", "NotFoundError", "video_id", "not_found"),
            ("tokens", "BadRequestError", "input", "invalid_type"),
            ("crash", "InternalServerError", None, "worker_crashed"),
        ):
            with self.subTest(name):
                error = found[name]
                self.assertEqual((error["class"], error["param"]), (kind, param), error)
                if code is not None:
                    self.assertEqual(error["code"], code, error)
        self.assertIn("nothing is fetched", found["elsewhere"]["message"])

    def test_a_client_that_aborts_cancels(self):
        job, = self.ask("abort")
        self.assertEqual(self.daemon.wait(job)["state"], "cancelled")


class Limits(unittest.TestCase):
    def test_a_full_queue_is_waited_for(self):
        with Daemon("http.tcp=true", "limits.queue=1", "workers.maximum=1", pipelines=PIPELINES) as daemon:
            running = daemon.create(pipeline="endless-chat", inputs={"talk": {"text": "never ends"}})["id"]
            daemon.wait(running, ("running",))
            waiting = daemon.create(pipeline="chat", inputs={"talk": {"text": "waits"}})["id"]
            self.assertEqual(daemon.job(waiting)["state"], "queued")
            found, = ask(daemon, "retries", running)
        self.assertEqual((found["impatient"]["class"], found["impatient"]["code"]),
                         ("RateLimitError", "rate_limit_exceeded"))
        self.assertEqual(found["statuses"][0][0], 429)
        self.assertGreater(int(found["statuses"][0][1]), 0)
        self.assertEqual(found["statuses"][-1][0], 200)
        self.assertEqual(found["answer"], "You said: Is there room?")

    def test_videos_outlive_the_daemon(self):
        with Daemon("http.tcp=true", pipelines=PIPELINES) as daemon, tempfile.TemporaryDirectory() as folder:
            reply = daemon.curl("/v1/videos", "-F", "model=film", "-F", "prompt=It will be there tomorrow.")
            self.assertEqual(reply.status, 200, reply.body)
            video = reply.json()["id"]
            self.wait(daemon, video)
            daemon.kill()
            daemon.start()
            found, = ask(daemon, "video", video, folder)
            self.assertEqual((found["id"], found["status"], found["model"]), (video, "completed", "film"))
            self.assertGreater(decoded_seconds(Path(folder) / "kept.mp4"), 0.4)

    def wait(self, daemon, video):
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            status = daemon.curl(f"/v1/videos/{video}").json()["status"]
            if status == "completed":
                return
            self.assertNotEqual(status, "failed")
            time.sleep(0.05)
        self.fail("the video is still not there")


if __name__ == "__main__":
    unittest.main(verbosity=2)
