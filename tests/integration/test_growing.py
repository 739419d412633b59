# SPDX-License-Identifier: LGPL-2.1-or-later
"""Outputs that are read while they grow: the very bytes that came over the wire are decoded, whole and cut short."""

import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from medleytest import PATIENCE, SOURCE, Daemon, decoded_seconds, main, probe

ARTICLE = (SOURCE / "samples" / "article.txt").read_text()
TYPES = {
    "mp4": "video/mp4", "webm": "video/webm", "ogg": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav",
    "mp3": "audio/mpeg",
}


def complaints(path):
    """What ffmpeg says of a file when it decodes all of it."""
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"], capture_output=True, timeout=PATIENCE, text=True
    ).stderr


def piped_complaints(data):
    """The same of bytes that cannot be gone back in."""
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "pipe:0", "-f", "null", "-"], input=data, capture_output=True,
        timeout=PATIENCE,
    ).stderr.decode()


class Growing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.daemon.start()
        cls.folder = Path(tempfile.mkdtemp())

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def stream(self, pipeline, input_name, extension):
        """Reads an output while its input still comes; returns the bytes, how many there were before the input's
        second half was sent, and the finished file's path."""
        output = "video" if pipeline == "narrated-video" else "speech"
        job = self.daemon.create(
            pipeline=pipeline, inputs={input_name: {"upload": True}},
            outputs={output: {"type": TYPES[extension]}},
        )
        reader = subprocess.Popen(
            ["curl", "-sSN", "--unix-socket", str(self.daemon.socket), "--max-time", str(PATIENCE),
             f"http://localhost/api/v1/jobs/{job['id']}/outputs/{output}"],
            stdout=subprocess.PIPE,
        )
        enough, chunks = threading.Event(), []

        def collect():
            while data := reader.stdout.read1(65536):
                chunks.append(data)
                if sum(map(len, chunks)) > 150000:
                    enough.set()
            enough.set()

        thread = threading.Thread(target=collect)
        thread.start()
        sender = subprocess.Popen(
            ["curl", "-sS", "--unix-socket", str(self.daemon.socket), "-T", "-", "-H", "Content-Type: text/plain",
             f"http://localhost/api/v1/jobs/{job['id']}/inputs/{input_name}"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        )
        half = len(ARTICLE) // 2
        sender.stdin.write((ARTICLE * 3)[: 3 * half].encode())
        sender.stdin.flush()
        enough.wait(PATIENCE)
        early = sum(map(len, chunks))
        sender.stdin.write((ARTICLE * 3)[3 * half :].encode())
        sender.stdin.close()
        sender.wait(PATIENCE)
        thread.join(PATIENCE)
        reader.stdout.close()
        self.assertEqual(reader.wait(PATIENCE), 0)
        self.assertEqual(self.daemon.wait(job["id"])["state"], "done")
        finished = self.folder / f"finished.{extension}"
        reply = self.daemon.curl(f"/api/v1/jobs/{job['id']}/outputs/{output}", "-o", finished)
        self.assertEqual(reply.status, 200)
        return b"".join(chunks), early, finished

    def check(self, pipeline, input_name, extension, cut=True):
        data, early, finished = self.stream(pipeline, input_name, extension)
        self.assertGreater(early, 0)
        self.assertLess(early, len(data), "it was read while it grew")
        streamed = self.folder / f"streamed.{extension}"
        streamed.write_bytes(data)
        self.assertEqual(complaints(streamed), "")
        self.assertEqual(piped_complaints(data), "")
        self.assertEqual(complaints(finished), "")
        seconds = decoded_seconds(finished)
        self.assertAlmostEqual(decoded_seconds(streamed) / seconds, 1, delta=0.03)
        # The others have a length in their header only, which is not known before the end.
        if extension in ("mp4", "ogg", "mp3"):
            said = float(probe(streamed)["format"]["duration"])
            self.assertAlmostEqual(said / seconds, 1, delta=0.03, msg="what a player shows")
        self.assertAlmostEqual(float(probe(finished)["format"]["duration"]) / seconds, 1, delta=0.03)
        if cut:
            part = self.folder / f"part.{extension}"
            part.write_bytes(data[:early])
            self.assertGreater(decoded_seconds(part), 0.5)
            self.assertLess(decoded_seconds(part), 0.9 * seconds)
        return data, finished

    def test_mp4(self):
        data, finished = self.check("narrated-video", "article", "mp4")
        whole = finished.read_bytes()
        self.assertEqual(data[4:8], b"ftyp")
        first = int.from_bytes(data[:4], "big")
        self.assertEqual(data[first + 4 : first + 8], b"moov")
        # The finished file is a plain one: type, data, index, and nothing else.
        boxes, at = [], 0
        while at < len(whole):
            boxes.append(whole[at + 4 : at + 8])
            at += int.from_bytes(whole[at : at + 4], "big")
        self.assertEqual(boxes, [b"ftyp", b"mdat", b"moov"])
        self.assertEqual(len(data), len(whole))
        self.assertLess(sum(a != b for a, b in zip(data, whole)), 17, "only one header is ever rewritten")
        audio, video = decoded_seconds(finished), decoded_seconds(finished, "v")
        self.assertLess(abs(audio - video), 0.1)

    def test_webm(self):
        self.check("narrated-video", "article", "webm")

    def test_ogg(self):
        self.check("speak", "text", "ogg")

    def test_flac(self):
        self.check("speak", "text", "flac", cut=False)

    def test_wav(self):
        self.check("speak", "text", "wav", cut=False)

    def test_mp3(self):
        self.check("speak", "text", "mp3")


if __name__ == "__main__":
    main()
