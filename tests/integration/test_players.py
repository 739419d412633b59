# SPDX-License-Identifier: LGPL-2.1-or-later
"""Players of others play outputs of jobs that still run: curl, ffprobe, ffplay, a browser and hls.js in it."""

import json
import os
import re
import shutil
import subprocess
import time
import unittest

import webtest
from httptest import Client
from medleytest import PATIENCE, SOURCE, Daemon, main

ARTICLE = (SOURCE / "samples" / "article.txt").read_text()
SHORT = "This is a short text. It is read in some seconds, and has three sentences. The third one is the last one.\n"
SMALL = {"width": 640, "height": 360}
PIPELINES = {"video": ("narrated-video", "article", SMALL), "speech": ("speak", "text", {})}
SECONDS = 1.5


class Players(unittest.TestCase):
    """Each job reads an input that stays open: it runs until the test says that it is enough."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("http.tcp=true", "workers.maximum=8")
        cls.daemon.start()
        cls.url = "http://127.0.0.1:" + re.search(r"127\.0\.0\.1:(\d+)", cls.daemon.status()["faces"]["http"]).group(1)
        cls.token = (cls.daemon.folder / "runtime" / "medley" / "token").read_text().strip()

    @classmethod
    def tearDownClass(cls):
        status = cls.daemon.stop()
        assert status == 0, status

    def setUp(self):
        self.uploads = []

    def tearDown(self):
        for job, upload in self.uploads:
            upload.close()
            self.daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST")

    def create(self, output, kind, more=None):
        """A job whose input was announced; returns its id, the output's path and the input's."""
        pipeline, name, parameters = PIPELINES[output]
        job = self.daemon.create(pipeline=pipeline, inputs={name: {"upload": True}}, parameters=parameters,
                                 outputs={output: {"type": kind}, **(more or {})})["id"]
        return job, f"/api/v1/jobs/{job}/outputs/{output}", f"/api/v1/jobs/{job}/inputs/{name}"

    def begin(self, output, kind, more=None):
        """A job that runs, with an output that grows and stops before its end."""
        job, path, upload = self.create(output, kind, more)
        client = Client(self.daemon)
        client.send(f"PUT {upload} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        client.chunk(ARTICLE.encode())
        self.uploads.append((job, client))
        return job, path

    def running(self, job):
        self.assertEqual(self.daemon.job(job)["state"], "running")

    # -- programs

    def test_curl_gets_what_is_there(self):
        job, path = self.begin("speech", "audio/ogg")
        run = subprocess.Popen(["curl", "-sN", "--unix-socket", str(self.daemon.socket), f"http://localhost{path}"],
                               stdout=subprocess.PIPE)
        self.assertEqual(run.stdout.read(20000)[:4], b"OggS")
        self.assertIsNone(run.poll())
        self.running(job)
        run.terminate()
        run.communicate()

    def test_ffprobe_and_ffplay(self):
        for output, kind, below in [("video", "video/webm", ""), ("video", "video/mp4", ""),
                                    ("speech", "audio/ogg", ""), ("speech", "audio/flac", ""),
                                    ("video", "video/mp4", "/hls/index.m3u8"),
                                    ("speech", "audio/mp4", "/hls/index.m3u8")]:
            with self.subTest(kind=kind, below=below):
                job, path = self.begin(output, kind)
                headers = ["-headers", f"Authorization: Bearer {self.token}\r\n"]
                found = json.loads(subprocess.run(
                    ["ffprobe", "-v", "error", "-probesize", "32768", "-print_format", "json", "-show_streams", *headers,
                     self.url + path + below], capture_output=True, timeout=PATIENCE, check=True).stdout)
                kinds = {stream["codec_type"] for stream in found["streams"]}
                self.assertEqual(kinds, {"audio", "video"} if output == "video" else {"audio"})
                self.running(job)
                self.play(path + below, headers)
                self.running(job)
                self.tearDown()
                self.setUp()

    def play(self, path, headers):
        """ffplay shows its clock: it has to go on, with nothing to hear or to see."""
        player = subprocess.Popen(
            ["ffplay", "-hide_banner", "-stats", "-probesize", "32768", *headers, self.url + path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=dict(os.environ, SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy"))
        said, deadline, clocks = b"", time.monotonic() + PATIENCE, []
        while time.monotonic() < deadline and not [c for c in clocks if c > SECONDS]:
            data = os.read(player.stderr.fileno(), 4096)
            if not data:
                break
            said += data
            clocks = [float(c) for c in re.findall(rb"(?:^|\r) *(-?\d+\.\d+) [AM]-[VA]:", said)]
        player.kill()
        player.communicate()
        self.assertTrue(clocks and max(clocks) > SECONDS, said[-2000:])

    # -- a browser

    def test_browser(self):
        """One start of the browser for all: by its own elements, by hls.js, and events."""
        if shutil.which("chromium") is None:
            self.fail("there is no chromium: ./bootstrap installs it")
        film, sound = self.begin("video", "video/mp4", {"captions": {}}), self.begin("speech", "audio/mp4")
        index = "/hls/index.m3u8"
        cases = [{"name": "events", "how": "events", "job": film[0], "path": f"/api/v1/jobs/{film[0]}/events", "wanted": 5}]
        for name, (job, path), how, tag, below in [
            ("element mp4", film, "element", "video", ""),
            ("element webm", self.begin("video", "video/webm"), "element", "video", ""),
            ("element m4a", sound, "element", "audio", ""),
            ("element ogg", self.begin("speech", "audio/ogg"), "element", "audio", ""),
            ("element mp3", self.begin("speech", "audio/mpeg"), "element", "audio", ""),
            ("hls.js video", film, "hls.js", "video", index),
            ("hls.js audio", sound, "hls.js", "audio", index),
        ]:
            cases.append({"name": name, "job": job, "path": path + below, "how": how, "tag": tag, "seconds": SECONDS})
        job, path, upload = self.create("video", "video/mp4")
        cases.append({"name": "hls.js to the end", "job": job, "path": path + index, "how": "hls.js", "upload": upload,
                      "text": SHORT, "tag": "video", "seconds": SECONDS})

        results = {r["name"]: r for r in webtest.node("players.cjs", self.daemon.socket, json.dumps(cases),
                                                      environment={"MEDLEY_TEST_PATIENCE": str(PATIENCE)})}
        print({name: result["took"] for name, result in results.items()}, flush=True)
        self.assertEqual(set(results), {case["name"] for case in cases})
        events = results.pop("events")
        self.check_events(events)
        for case in cases[1:]:
            result = results[case["name"]]
            with self.subTest(case["name"]):
                self.assertEqual(result["errors"], [], result)
                self.assertTrue(result["playing"])
                self.assertLess(result["from"], 0.5, "from the beginning, however late one comes")
                self.assertGreaterEqual(result["time"], result["from"] + SECONDS)
                self.assertEqual(result["state"], "running", "it plays while the job is at it")
                if case["tag"] == "video":
                    self.assertEqual((result["width"], result["height"]), (640, 360))
                    self.assertGreater(result["frames"], 0)
                if case["how"] == "hls.js":
                    self.assertTrue(result["live"])
                    self.assertGreater(result["fragments"], 0)
                if "end" in result:
                    self.assertTrue(result["end"]["ended"], result)
                    self.assertGreater(result["end"]["time"], 5)
                    self.assertEqual(self.daemon.wait(case["job"])["state"], "done")
        self.assertEqual(results["hls.js video"]["tracks"], ["captions"])
        shown = results["hls.js video"]["cues"]
        self.assertTrue(shown and shown[0][:20] in ARTICLE, shown)
        waits = [a for a in results["hls.js video"]["asked"] if "_HLS_msn=" in a["path"]]
        self.assertTrue(waits, "hls.js waits for segments instead of asking again and again")

    def check_events(self, events):
        seqs = [seq for last, seq in events["ids"]]
        self.assertEqual([last for last, seq in events["ids"]], seqs)
        self.assertEqual(seqs, list(range(1, len(seqs) + 1)), "none is lost and none comes twice, over a break")
        self.assertEqual([a["last"] for a in events["asked"] if a["path"].endswith("/events")], [None, "2"])


if __name__ == "__main__":
    main()
