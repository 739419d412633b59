# SPDX-License-Identifier: LGPL-2.1-or-later
"""What lies between stages: bounded queues, adapters, and what is told of progress."""

import json
import re
import tempfile
import time
import unittest
from pathlib import Path

from medleytest import MEMORY_FACTOR, Daemon, decoded_seconds, main

VTT = """WEBVTT

00:00:00.000 --> 00:00:02.000
The lamp is <b>lit</b>.

00:00:02.500 --> 00:00:04.000
The keeper climbs the stair
"""
SRT = """1
00:00:00,000 --> 00:00:02,000
The lamp is <b>lit</b>.

2
00:00:02,500 --> 00:00:04,000
The keeper climbs the stair
"""
PLAIN = "The lamp is lit.\nThe keeper climbs the stair\n"


def pipeline(stages, output_type="text/plain", input_type="text/plain"):
    source, made = "text", {}
    for number, (task, engine, settings) in enumerate(stages):
        name = f"s{number}"
        made[name] = {"task": task, "engine": engine, "from": source, "set": settings}
        source = name
    return {
        "medley": 1, "inputs": {"text": {"type": input_type}}, "stages": made,
        "outputs": {"out": {"from": source, "type": output_type}},
    }


def text_stage(name, **settings):
    return (f"text-to-text/{name}", f"fake{name}", settings)


class Links(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.daemon.start()
        cls.folder = Path(tempfile.mkdtemp())

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def workers_rss(self):
        """Resident bytes of the largest process below the daemon."""
        def below(pid):
            yield pid
            try:
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except OSError:
                children = []
            for child in children:
                yield from below(int(child))

        largest = 0
        for pid in below(self.daemon.process.pid):
            try:
                largest = max(largest, int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096)
            except OSError:
                pass
        return largest

    def test_short_buffers_do_not_fill_the_memory(self):
        job = self.daemon.create(
            pipeline=pipeline([text_stage("endless"), text_stage("slow", **{"delay-ms": 100})]),
            inputs={"text": {"text": "and.\n"}},
        )
        time.sleep(4)
        largest = self.workers_rss()
        self.assertEqual(self.daemon.job(job["id"])["state"], "running", "nothing was overflown")
        self.daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST")
        self.daemon.wait(job["id"])
        self.assertLess(largest, (150 << 20) * MEMORY_FACTOR)
        self.assertNotIn("CRITICAL", self.daemon.log.read_text(errors="replace"))

    def test_progress_is_unknown_when_all_is_read_and_output_still_comes(self):
        job = self.daemon.create(
            pipeline=pipeline([text_stage("endless", **{"delay-ms": 20})]), inputs={"text": {"text": "and.\n" * 100}},
        )
        told = []
        for _ in range(15):
            time.sleep(0.1)
            told.append(self.daemon.job(job["id"]).get("progress"))
        self.daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST")
        self.daemon.wait(job["id"])
        self.assertTrue(all(p is None or p < 0.5 for p in told), told)

    def test_progress_is_told_while_input_is_worked_on(self):
        job = self.daemon.create(
            pipeline=pipeline([text_stage("slow", **{"delay-ms": 100, "bytes-per-step": 10})]),
            inputs={"text": {"text": "One two.\n" * 20}},
        )
        text = self.daemon.curl(f"/api/v1/jobs/{job['id']}/events").body.decode()
        events = [json.loads(data) for data in re.findall(r"^data: (.*)$", text, re.M)]
        told = [event["fraction"] for event in events if "fraction" in event]
        self.assertEqual(told, sorted(told))
        self.assertTrue(any(0.2 < p < 1 for p in told), told)

    def test_subtitles_are_text_for_a_stage_that_takes_text(self):
        for media_type, text in (("text/vtt", VTT), ("application/x-subrip", SRT)):
            with self.subTest(media_type):
                made = pipeline([text_stage("echo")], input_type=media_type)
                reply = self.daemon.curl(
                    "/api/v1/pipelines:validate", "-H", "Content-Type: application/json", "--data-binary", json.dumps(made)
                )
                self.assertTrue(reply.json()["valid"], reply.body)
                job = self.daemon.create(pipeline=made, inputs={"text": {"text": text}})
                done = self.daemon.wait(job["id"])
                self.assertEqual(done["state"], "done", done)
                self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job['id']}/outputs/out").body.decode(), PLAIN)

    def test_subtitles_are_spoken(self):
        made = pipeline([("text-to-audio/speech", "espeak", {})], output_type="audio/wav", input_type="text/vtt")
        job = self.daemon.create(pipeline=made, inputs={"text": {"text": VTT}})
        self.assertEqual(self.daemon.wait(job["id"])["state"], "done", self.daemon.job(job["id"]))
        wav = self.folder / "spoken.wav"
        self.daemon.curl(f"/api/v1/jobs/{job['id']}/outputs/out", "-o", wav)
        self.assertGreater(decoded_seconds(wav), 1.5)


if __name__ == "__main__":
    main()
