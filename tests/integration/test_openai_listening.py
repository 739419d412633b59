#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""/v1/audio/transcriptions and /translations, by a fake engine that hears a word in each second that is not silent."""

import io
import json
import math
import re
import struct
import subprocess
import tempfile
import unittest
import wave
from pathlib import Path

from medleytest import PATIENCE, Daemon
from modelpipelines import BROKEN_AS_TEXT, broken_listener, listener

# Which of eleven seconds have sound, and what is heard in them.
SOUND = (True, True, False, True, True, True, True, True, True, True, True)
SENTENCES = (("One two four five six.", 0, 6), ("Seven eight nine ten eleven.", 6, 11))
TEXT = "One two four five six. Seven eight nine ten eleven."
WORDS = [("One", 0, 1), ("two", 1, 3), ("four", 3, 4), ("five", 4, 5), ("six", 5, 6), ("Seven", 6, 7), ("eight", 7, 8),
         ("nine", 8, 9), ("ten", 9, 10), ("eleven", 10, 11)]


def make_wav(seconds=SOUND, rate=16000):
    """A tone in the middle of each second that has sound, so that no codec carries it into the next."""
    samples = [int(8000 * math.sin(2 * math.pi * 440 * i / rate)) if sound and rate < 4 * i < 3 * rate else 0
               for sound in seconds for i in range(rate)]
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return content.getvalue()


def without(pipeline, *outputs, **more):
    return pipeline | {"outputs": {n: o for n, o in pipeline["outputs"].items() if n not in outputs}} | more


PIPELINES = {
    "listener.json": listener(),
    "broken.json": broken_listener(),
    "timeless.json": without(listener(), "captions"),
    "translator.json": listener() | {"serves": {"audio/translations": True}},
    "scribe.json": listener() | {"serves": {"audio/transcriptions": {"parameters": {"prompt": "hint"}}},
                                 "parameters": listener()["parameters"] | {
                                     "hint": {"type": "string", "default": ""}}},
}


class Listening(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.enterClassContext(Daemon(pipelines=PIPELINES))
        cls.addClassCleanup(cls.end)
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.wav = cls.folder / "a.wav"
        cls.wav.write_bytes(make_wav())

    @classmethod
    def end(cls):
        # Under a sanitizer, what leaked is told now.
        assert cls.daemon.stop() == 0

    def post(self, *fields, path="/v1/audio/transcriptions", model="listener", file=None):
        arguments = ["-F", f"model={model}"] if model else []
        arguments += ["-F", f"file=@{file or self.wav}"] if file is not False else []
        for field in fields:
            arguments += ["-F", field]
        return self.daemon.curl(path, *arguments)

    def assert_refused(self, reply, param, code, status=400):
        self.assertEqual(reply.status, status, reply.body)
        error = reply.json()["error"]
        self.assertEqual((error["param"], error["code"]), (param, code), error)
        return error["message"]

    # -- what is answered

    def test_json(self):
        for fields in ((), ("response_format=json",), ("temperature=0", "prompt=")):
            reply = self.post(*fields)
            self.assertEqual((reply.status, reply.json()), (200, {"text": TEXT}))
            self.assertEqual(reply.headers["content-type"], "application/json")

    def test_text(self):
        reply = self.post("response_format=text")
        self.assertEqual(reply.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(reply.body.decode(), TEXT + "\n")

    def test_srt(self):
        reply = self.post("response_format=srt")
        self.assertEqual(reply.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(reply.body.decode(), "".join(
            f"{i}\n00:00:{start:02},000 --> 00:00:{end:02},000\n{text}\n\n"
            for i, (text, start, end) in enumerate(SENTENCES, 1)))
        self.assertEqual(self.read_cues(reply.body, "srt"), [text for text, _, _ in SENTENCES])

    def test_vtt(self):
        reply = self.post("response_format=vtt")
        self.assertEqual(reply.headers["content-type"], "text/vtt; charset=utf-8")
        self.assertEqual(reply.body.decode(), "WEBVTT\n\n" + "".join(
            f"00:00:{start:02}.000 --> 00:00:{end:02}.000\n{text}\n\n" for text, start, end in SENTENCES))
        self.assertEqual(self.read_cues(reply.body, "vtt"), [text for text, _, _ in SENTENCES])

    def read_cues(self, body, kind):
        """The texts of subtitles as ffmpeg understands them."""
        path = self.folder / f"cues.{kind}"
        path.write_bytes(body)
        run = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-f", "srt", "-"], capture_output=True,
                             check=True, timeout=PATIENCE, text=True)
        self.assertEqual(run.stderr, "")
        return [block.split("\n", 2)[2] for block in re.split(r"\n\n+", run.stdout.strip())]

    def test_verbose_json(self):
        found = self.post("response_format=verbose_json").json()
        self.assertEqual({k: found[k] for k in ("task", "language", "duration", "text")},
                         {"task": "transcribe", "language": "en", "duration": 11, "text": TEXT})
        self.assertNotIn("words", found)
        self.assertEqual([(s["id"], s["text"], s["start"], s["end"], s["seek"]) for s in found["segments"]],
                         [(i, text, start, end, start * 100) for i, (text, start, end) in enumerate(SENTENCES)])
        for segment in found["segments"]:
            self.assertEqual(sorted(segment), ["avg_logprob", "compression_ratio", "end", "id", "no_speech_prob", "seek",
                                               "start", "temperature", "text", "tokens"])

    def test_granularities(self):
        found = self.post("response_format=verbose_json", "timestamp_granularities[]=word").json()
        self.assertNotIn("segments", found)
        self.assertEqual([(w["word"], w["start"], w["end"]) for w in found["words"]], WORDS)
        found = self.post("response_format=verbose_json", "timestamp_granularities[]=word",
                          "timestamp_granularities[]=segment").json()
        self.assertEqual((len(found["words"]), len(found["segments"])), (len(WORDS), len(SENTENCES)))

    def test_stream(self):
        reply = self.post("stream=true")
        self.assertEqual(reply.headers["content-type"].split(";")[0], "text/event-stream")
        events = [json.loads(block.removeprefix("data: ")) for block in reply.body.decode().strip().split("\n\n")]
        self.assertEqual({e["type"] for e in events[:-1]}, {"transcript.text.delta"})
        self.assertEqual(events[-1], {"type": "transcript.text.done", "text": TEXT})
        self.assertEqual("".join(e["delta"] for e in events[:-1]), TEXT)

    def test_what_is_no_text_becomes_some(self):
        for fields in ((), ("stream=true",)):
            body = self.post(*fields, model="broken").body.decode().strip()
            last = json.loads(body.split("\n\n")[-1].removeprefix("data: "))
            self.assertEqual(last["text"], BROKEN_AS_TEXT)

    def test_language(self):
        german = "Eins zwei vier fünf sechs. Sieben acht neun zehn elf."
        self.assertEqual(self.post("language=de").json()["text"], german)
        found = self.post("language=de", "response_format=verbose_json").json()
        self.assertEqual(found["language"], "de")
        reply = self.post("language=de", "stream=true")
        events = [json.loads(block.removeprefix("data: ")) for block in reply.body.decode().strip().split("\n\n")]
        self.assertEqual(events[-1]["text"], german)
        self.assert_refused(self.post("language=fr"), "language", "invalid_value")

    def test_translations(self):
        path = "/v1/audio/translations"
        self.assertEqual(self.post(path=path, model="translator").json(), {"text": TEXT})
        found = self.post("response_format=verbose_json", path=path, model="translator").json()
        self.assertEqual((found["task"], found["language"], len(found["segments"])), ("translate", "english", 2))
        self.assertIn("-->", self.post("response_format=srt", path=path, model="translator").body.decode())
        self.assert_refused(self.post("language=de", path=path, model="translator"), "language", "unknown_parameter")
        self.assert_refused(self.post("stream=true", path=path, model="translator"), "stream", "unknown_parameter")
        self.assert_refused(self.post(path=path), "model", "unsupported_model")

    def test_every_kind_of_sound(self):
        for name in ("mp3", "ogg", "flac", "m4a", "webm"):
            with self.subTest(kind=name):
                path = self.folder / f"a.{name}"
                subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", self.wav, path], check=True,
                               timeout=PATIENCE)
                text = self.post(file=path).json()["text"]
                self.assertTrue(text.startswith("One two"), text)

    def test_silence(self):
        path = self.folder / "silence.wav"
        path.write_bytes(make_wav((False, False)))
        self.assertEqual(self.post(file=path).json(), {"text": ""})
        self.assertEqual(self.post("response_format=srt", file=path).body, b"")
        found = self.post("response_format=verbose_json", "timestamp_granularities[]=word", file=path).json()
        self.assertEqual((found["text"], found["words"]), ("", []))
        reply = self.post("stream=true", file=path)
        self.assertEqual(reply.body, b'data: {"type":"transcript.text.done","text":""}\n\n')

    # -- what is refused

    def test_fields(self):
        self.assert_refused(self.post(model=None), "model", "missing_required_parameter")
        self.assert_refused(self.post(file=False), "file", "missing_required_parameter")
        self.assert_refused(self.post("response_format=xml"), "response_format", "invalid_value")
        self.assert_refused(self.post("temperature=warm"), "temperature", "invalid_type")
        self.assert_refused(self.post("temperature=2"), "temperature", "invalid_value")
        self.assert_refused(self.post("temperature=0.5"), "temperature", "unsupported_parameter")
        self.assert_refused(self.post("prompt=As said before"), "prompt", "unsupported_parameter")
        self.assert_refused(self.post("stream=maybe"), "stream", "invalid_type")
        self.assert_refused(self.post("stream=true", "response_format=srt"), "stream", "unsupported_value")
        self.assert_refused(self.post("timestamp_granularities[]=word"), "timestamp_granularities", "unsupported_value")
        self.assert_refused(self.post("response_format=verbose_json", "timestamp_granularities[]=syllable"),
                            "timestamp_granularities", "invalid_value")
        self.assert_refused(self.post("chunking_strategy=auto"), "chunking_strategy", "unsupported_parameter")
        self.assert_refused(self.post("langauge=de"), "langauge", "unknown_parameter")
        self.assertEqual(self.post("prompt=As said before", model="scribe").status, 200)

    def test_times_that_a_model_does_not_tell(self):
        self.assertEqual(self.post(model="timeless").json(), {"text": TEXT})
        for kind in ("srt", "vtt", "verbose_json"):
            message = self.assert_refused(self.post(f"response_format={kind}", model="timeless"), "response_format",
                                          "unsupported_value")
            self.assertIn("tells no times", message)

    def test_bodies(self):
        reply = self.daemon.curl("/v1/audio/transcriptions", "-H", "Content-Type: application/json", "-d", "{}")
        self.assert_refused(reply, None, "unsupported_type", 415)
        reply = self.daemon.curl("/v1/audio/transcriptions", "-H", "Content-Type:", "-d", "x")
        self.assert_refused(reply, None, "unsupported_type", 415)
        reply = self.daemon.curl("/v1/audio/transcriptions", "-X", "POST")
        self.assert_refused(reply, None, "unsupported_type", 415)
        reply = self.daemon.curl("/v1/audio/transcriptions", "-H", "Content-Type: multipart/form-data; boundary=x", "-d",
                                 "--x\r\n\r\n")
        self.assert_refused(reply, None, "invalid_argument")

    def test_files(self):
        empty, noise = self.folder / "empty", self.folder / "noise"
        empty.write_bytes(b"")
        noise.write_bytes(b"this is no sound at all" * 100)
        self.assert_refused(self.post(file=empty), None, "empty_input")
        self.assert_refused(self.post(file=noise), None, "bad_input")
        reply = self.post(f"file=@{self.wav}")
        self.assert_refused(reply, "file", "invalid_value")

    def test_a_large_file_costs_no_memory(self):
        with Daemon("limits.input-bytes=1MiB", pipelines=PIPELINES) as daemon:
            large = self.folder / "large.wav"
            large.write_bytes(make_wav((True,) * 40))
            reply = daemon.curl("/v1/audio/transcriptions", "-F", "model=listener", "-F", f"file=@{large}")
        self.assert_refused(reply, None, "too_large", 413)


if __name__ == "__main__":
    unittest.main()
