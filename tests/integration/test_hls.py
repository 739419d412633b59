# SPDX-License-Identifier: LGPL-2.1-or-later
"""Outputs as HLS while they are made, and afterwards: the same playlist, longer, and the same bytes."""

import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from httptest import Client, Face
from medleytest import PATIENCE, SOURCE, Daemon, cues, decoded_seconds, main, probe

ARTICLE = (SOURCE / "samples" / "article.txt").read_text()
SMALL = {"width": 640, "height": 360}
TYPES = {"video": ("narrated-video", "article", "video/mp4"), "speech": ("speak", "text", "audio/mp4")}


class Playlist:
    def __init__(self, text):
        self.text = text
        self.lines = text.splitlines()
        assert self.lines[0] == "#EXTM3U", text[:200]
        self.is_complete = self.lines[-1] == "#EXT-X-ENDLIST"
        self.durations = [float(line[8:].rstrip(",")) for line in self.lines if line.startswith("#EXTINF:")]
        self.uris = [line for line in self.lines if line and not line.startswith("#")]

    def tag(self, name):
        found = [line.split(":", 1)[1] for line in self.lines if line.startswith(f"#{name}:")]
        return found[0] if found else None


class Live:
    """A job that surely still runs: its input is open as long as the test likes."""

    def __init__(self, daemon, output, text=ARTICLE, more=None):
        self.daemon, self.output = daemon, output
        pipeline, name, kind = TYPES[output]
        self.id = daemon.create(pipeline=pipeline, inputs={name: {"upload": True}},
                                outputs={output: {"type": kind}, **(more or {})},
                                parameters=SMALL if output == "video" else {})["id"]
        self.path = f"/api/v1/jobs/{self.id}/outputs/{output}"
        self.client = Client(daemon)
        self.client.send(f"PUT /api/v1/jobs/{self.id}/inputs/{name} HTTP/1.1\r\nHost: a\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n".encode())
        if text:
            self.say(text)

    def say(self, text):
        self.client.chunk(text.encode())

    def hls(self, name, *arguments):
        return self.daemon.curl(f"{self.path}/hls/{name}", *arguments)

    def media(self, query=""):
        index = Playlist(self.hls("index.m3u8").body.decode())
        reply = self.hls(index.uris[-1] + query)
        assert reply.status == 200, reply.body
        return Playlist(reply.body.decode())

    def finish(self):
        self.client.send(b"0\r\n\r\n")
        self.client.wait_for(b"HTTP/1.1 204 ")
        self.client.close()
        return self.daemon.wait(self.id)


class Hls(Face):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("workers.maximum=3", "http.tcp=true", pipelines={
            "endless.json": {
                "medley": 1, "inputs": {"text": {"type": "text/plain"}},
                "stages": {"again": {"task": "text-to-text/endless", "engine": "fakeendless", "from": "text",
                                     "set": {"delay-ms": 5}},
                           "speech": {"task": "text-to-audio/speech", "engine": "fakevoice", "from": "again"}},
                "outputs": {"speech": {"from": "speech", "type": "audio/mp4"}},
            }})
        cls.daemon.start()

    def check_playlist(self, playlist):
        target = int(playlist.tag("EXT-X-TARGETDURATION"))
        self.assertEqual(target, 6)
        for duration in playlist.durations:
            self.assertLessEqual(round(duration), target)
        self.assertEqual(playlist.tag("EXT-X-PLAYLIST-TYPE"), "EVENT")
        self.assertEqual(playlist.tag("EXT-X-VERSION"), "7")
        self.assertIn("#EXT-X-INDEPENDENT-SEGMENTS", playlist.lines)
        self.assertEqual(len(playlist.uris), len(playlist.durations))

    def fetch(self, live, name):
        reply = live.hls(name)
        self.assertEqual(reply.status, 200, reply.body[:300])
        self.assertIn("immutable", reply.headers["cache-control"])
        self.assertEqual(reply.headers["content-type"], TYPES[live.output][2])
        return reply.body

    def check_watch(self, output, seconds_at_least):
        live = Live(self.daemon, output)
        index = live.hls("index.m3u8")
        self.assertEqual(index.headers["content-type"], "application/vnd.apple.mpegurl")
        text = index.body.decode()
        codecs = re.search(r'CODECS="([^"]*)"', text).group(1).split(",")
        self.assertIn("mp4a.40.2", codecs)
        self.assertEqual(any(re.fullmatch(r"avc1\.[0-9A-F]{6}", codec) for codec in codecs), output == "video")
        self.assertEqual("RESOLUTION=640x360" in text, output == "video")
        # The first segments, while the job waits for more text.
        deadline = time.monotonic() + PATIENCE
        while len((early := live.media()).uris) < 4 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(self.daemon.job(live.id)["state"], "running")
        self.assertFalse(early.is_complete)
        self.check_playlist(early)
        init = early.tag("EXT-X-MAP").split('"')[1]
        parts = {name: self.fetch(live, name) for name in [init, *early.uris]}
        file = Path(tempfile.mkdtemp()) / "early.mp4"
        file.write_bytes(b"".join(parts.values()))
        self.assertAlmostEqual(decoded_seconds(file, "v" if output == "video" else "a"), sum(early.durations), delta=1)
        for name in early.uris:
            file.write_bytes(parts[init] + parts[name])
            self.check_segment(file, output)

        # A reload that waits.
        answered = []
        waiter = threading.Thread(target=lambda: answered.append(live.media(f"&_HLS_msn={len(early.uris) + 1}")))
        waiter.start()
        live.say(" And there is more. Much more than there was. " * 20)
        waiter.join(PATIENCE)
        self.assertGreaterEqual(len(answered[0].uris), len(early.uris) + 2)
        self.assertTrue(answered[0].text.startswith(early.text), "a playlist only ever gets longer")
        self.assertEqual(self.daemon.job(live.id)["state"], "running")

        self.assertEqual(live.finish()["state"], "done")
        late = live.media()
        self.assertTrue(late.is_complete)
        self.assertTrue(late.text.startswith(answered[0].text))
        self.check_playlist(late)
        self.assertEqual(late.tag("EXT-X-MAP"), early.tag("EXT-X-MAP"))
        for name, data in parts.items():
            self.assertEqual(self.fetch(live, name), data, name)
        whole = [self.fetch(live, init)] + [self.fetch(live, name) for name in late.uris]
        file.write_bytes(b"".join(whole))
        finished = file.with_name("finished.mp4")
        finished.write_bytes(self.daemon.curl(live.path).body)
        total = float(probe(finished)["format"]["duration"])
        self.assertGreater(total, seconds_at_least)
        self.assertAlmostEqual(sum(late.durations), total, delta=0.3)
        self.assertAlmostEqual(decoded_seconds(file), decoded_seconds(finished), delta=0.1)
        self.assertEqual(b"".join(whole[1:]), finished.read_bytes()[len(whole[0]):][: sum(map(len, whole[1:]))],
                         "segments are the file's own bytes")
        return live

    def check_segment(self, file, output):
        """Its first picture is a key frame, and it can be decoded without those before."""
        # Its own clock of a frame a second gives pictures that follow one another at once the same time.
        complaints = subprocess.run(["ffmpeg", "-v", "error", "-i", str(file), "-fps_mode", "passthrough",
                                     "-enc_time_base", "1:10000", "-f", "null", "-"], capture_output=True,
                                    timeout=PATIENCE, check=True).stderr
        self.assertEqual(complaints, b"")
        if output != "video":
            return
        flags = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=flags",
                                "-of", "csv=p=0", str(file)], capture_output=True, timeout=PATIENCE, check=True).stdout
        self.assertTrue(flags.startswith(b"K"), flags[:20])

    def test_video(self):
        self.check_watch("video", 60)

    def test_audio(self):
        self.check_watch("speech", 60)

    def test_captions(self):
        """Beside a film that is still made; each cue is in the segments of its time, and in no other."""
        live = Live(self.daemon, "video", more={"captions": {}})
        index = live.hls("index.m3u8").body.decode()
        self.assertIn('SUBTITLES="captions"', index)
        uri = re.search(r'TYPE=SUBTITLES.*URI="([^"]+)"', index).group(1)
        deadline = time.monotonic() + PATIENCE
        early = Playlist(live.hls(f"{uri}?_HLS_msn=3").body.decode())
        while len(early.uris) < 4 and time.monotonic() < deadline:
            early = Playlist(live.hls(f"{uri}?_HLS_msn=3").body.decode())
        self.assertFalse(early.is_complete)
        self.assertEqual(self.daemon.job(live.id)["state"], "running")
        first = [live.hls(f"captions/{name}") for name in early.uris]
        self.assertEqual(first[0].headers["content-type"], "text/vtt; charset=utf-8")
        for name in ("captions/captions/99999.vtt", "captions/video.m3u8", "captions/none/0.vtt"):
            self.problem(live.hls(name), 404, "not-found")
        live.finish()
        late = Playlist(live.hls(uri).body.decode())
        self.assertTrue(late.is_complete)
        self.assertTrue(late.text.startswith(early.text))
        whole = cues(self.daemon.curl(f"/api/v1/jobs/{live.id}/outputs/captions").body.decode())
        self.assertGreater(len(whole), 10)
        self.assertAlmostEqual(sum(late.durations), max(end for _, end, _ in whole), delta=0.01)
        for i, name in enumerate(late.uris):
            reply = live.hls(f"captions/{name}")
            if i < len(first):
                self.assertEqual(reply.body, first[i].body, "a segment that was there stays as it is")
            wanted = [cue for cue in whole if cue[0] < 6 * (i + 1) and cue[1] > 6 * i]
            self.assertEqual(cues(reply.body.decode()), wanted)

    def test_after_a_restart(self):
        """What a player has from before the daemon was started anew still fits."""
        with Daemon() as daemon:
            live = Live(daemon, "speech")
            live.finish()
            before = live.media()
            segment = live.hls(before.uris[3])
            daemon.stop()
            daemon.start()
            self.assertEqual(live.media().text, before.text)
            again = live.hls(before.uris[3])
            self.assertEqual((again.body, again.headers["etag"]), (segment.body, segment.headers["etag"]))

    def test_ffmpeg_follows(self):
        """ffmpeg as a player: it reloads the playlist until the job is done, and gets all of it."""
        live = Live(self.daemon, "video")
        live.hls("index.m3u8")
        file = Path(tempfile.mkdtemp()) / "followed.mp4"
        token = (self.daemon.folder / "runtime" / "medley" / "token").read_text().strip()
        port = re.search(r":(\d+)", self.daemon.status()["faces"]["http"].split("http://")[1]).group(1)
        player = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-headers", f"Authorization: Bearer {token}\r\n", "-live_start_index", "0",
             "-i", f"http://127.0.0.1:{port}{live.path}/hls/index.m3u8", "-c", "copy", str(file)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while not file.exists() or file.stat().st_size == 0:
            self.assertIsNone(player.poll(), "it ended before there was an end")
            time.sleep(0.1)
        self.assertEqual(self.daemon.job(live.id)["state"], "running")
        live.say(" This comes later. " * 30)
        self.assertEqual(live.finish()["state"], "done")
        complaints = player.communicate(timeout=PATIENCE)[1]
        self.assertEqual((player.returncode, complaints), (0, b""))
        self.assertAlmostEqual(decoded_seconds(file), sum(live.media().durations), delta=0.5)

    def test_a_hundred_watch(self):
        """All who wait for the next segment get it, and reading through the file is done once."""
        live = Live(self.daemon, "speech")
        known = len(live.media().uris)
        edition = live.hls("index.m3u8").body.decode().strip().rsplit("=", 1)[1]
        players = [Client(self.daemon) for _ in range(100)]
        for player in players:
            player.send(f"GET {live.path}/hls/media.m3u8?edition={edition}&_HLS_msn={known} HTTP/1.1\r\n"
                        "Host: a\r\nConnection: close\r\n\r\n".encode())
        for player in players[::2]:
            player.close()
        live.say(" And there is more. Much more than there was. " * 5)
        bodies = [player.rest().partition(b"\r\n\r\n")[2] for player in players[1::2]]
        for body in bodies:
            self.assertGreater(len(Playlist(body.decode()).uris), known)
        self.assertEqual(live.finish()["state"], "done")
        for player in players:
            player.close()

    def test_a_reload_does_not_wait_for_ever(self):
        live = Live(self.daemon, "speech")
        known = len(live.media().uris)
        playlist = live.media("&_HLS_msn=100000")
        self.assertGreaterEqual(len(playlist.uris), known)
        self.assertFalse(playlist.is_complete)
        live.finish()

    def test_what_is_refused(self):
        job = self.daemon.wait(self.daemon.create(
            pipeline="speak", inputs={"text": {"text": "Hello there."}})["id"])
        base = f"/api/v1/jobs/{job['id']}/outputs"
        wrong = self.problem(self.curl(f"{base}/speech/hls/index.m3u8"), 406, "unsupported-type")
        self.assertIn("audio/mp4", wrong["detail"])
        outputs = list(job["outputs"])
        if "captions" in outputs:
            self.problem(self.curl(f"{base}/captions/hls/index.m3u8"), 406, "unsupported-type")
        self.problem(self.curl(f"{base}/none/hls/index.m3u8"), 404, "not-found")
        self.problem(self.curl("/api/v1/jobs/none/outputs/speech/hls/index.m3u8"), 404, "not-found")

        live = Live(self.daemon, "speech", "")
        self.problem(live.hls("init.mp4"), 404, "not-found")
        self.problem(live.hls("0.m4s"), 404, "not-found")
        live.say(ARTICLE)
        live.hls("index.m3u8")
        self.assertEqual(live.hls("0.m4s").status, 200)
        self.assertIn("no-cache", live.hls("0.m4s").headers["cache-control"])
        for name in ("99999.m4s", "99999999999999999999.m4s", "-1.m4s", "x.m4s"):
            self.problem(live.hls(name), 404, "not-found")
        self.problem(live.hls("media.m3u8?_HLS_msn=x"), 400, "invalid-argument")
        self.problem(live.hls("media.m3u8?_HLS_part=1"), 400, "invalid-argument")
        for name in ("media.m3u8", "init.mp4", "0.m4s"):
            self.problem(live.hls(f"{name}?edition=0123456789abcdef"), 410, "interrupted")
        etag = live.hls("0.m4s").headers["etag"]
        self.assertEqual(live.hls("0.m4s", "-H", f"If-None-Match: {etag}").status, 304)
        head = live.hls("0.m4s", "-I")
        self.assertEqual((head.status, int(head.headers["content-length"])), (200, len(live.hls("0.m4s").body)))
        self.assertEqual(live.hls("index.m3u8", "-I").status, 200)
        live.finish()

    def test_a_job_that_ends_badly(self):
        """A playlist never says that it is whole when it is not."""
        job = self.daemon.create(pipeline="endless", inputs={"text": {"text": "Again and again. "}})["id"]
        path = f"/api/v1/jobs/{job}/outputs/speech/hls"
        self.assertEqual(self.curl(f"{path}/index.m3u8").status, 200)
        known = len(Playlist(self.curl(f"{path}/media.m3u8").body.decode()).uris)
        replies = []
        waiter = threading.Thread(
            target=lambda: replies.append(self.curl(f"{path}/media.m3u8?_HLS_msn={known + 100000}")))
        waiter.start()
        self.assertEqual(self.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST").status, 200)
        waiter.join(PATIENCE)
        if replies[0].status != 200:  # it may have been answered before the cancel
            self.problem(replies[0], 409, "cancelled")
        self.assertEqual(self.daemon.wait(job)["state"], "cancelled")
        for name in ("index.m3u8", "media.m3u8"):
            self.problem(self.curl(f"{path}/{name}"), 409, "cancelled")
        self.assertEqual(self.curl(f"{path}/0.m4s").status, 200, "what was made can be read")


if __name__ == "__main__":
    main()
