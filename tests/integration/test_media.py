# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main jobs, end to end: what comes out is decoded, read and measured with other people's tools."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from medleytest import DATA, PATIENCE, Daemon, cues, decoded_seconds, frame_text, main, probe, words

ARTICLE = """Rivers do not run straight. Where the ground is soft, the water takes from one bank and gives to the other.

A bend grows until the river cuts through its neck, and a lake in the shape of a horn stays behind. Dr. Lane mapped 14
of them near Ely in 1902! Did she know how young they were? The oldest is 3.5 thousand years old; the youngest appeared
in one night of rain.

Maps of such a valley are out of date on the day that they are printed.
"""


def espeak_seconds(text, folder):
    wav = Path(folder) / "reference.wav"
    source = Path(folder) / "reference.txt"
    source.write_text(text)
    subprocess.run(["espeak-ng", "-v", "en-gb", "-f", str(source), "-w", str(wav)], check=True, timeout=PATIENCE)
    return decoded_seconds(wav)


class Media(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.daemon.start()
        cls.folder = Path(tempfile.mkdtemp())
        cls.article = cls.folder / "article.txt"
        cls.article.write_text(ARTICLE)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def run_medley(self, *arguments):
        done = self.daemon.medley("run", *arguments, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done

    def test_page_is_read_as_the_tesseract_command_reads_it(self):
        reference = subprocess.run(
            ["tesseract", str(DATA / "page.png"), "-"], capture_output=True, check=True, timeout=PATIENCE
        ).stdout
        done = self.run_medley("read-page", DATA / "page.png", "-o", "-")
        self.assertEqual(done.stdout, reference)

    def test_scan_becomes_speech_of_the_right_length(self):
        self.run_medley(
            "scan-to-speech", f"page={DATA / 'page.png'}", "-o", "speech=S.ogg", "-o", "text=S.txt", "-o", "spoken=spoken.txt"
        )
        reference = subprocess.run(
            ["tesseract", str(DATA / "page.png"), "-"], capture_output=True, check=True, timeout=PATIENCE
        ).stdout
        self.assertEqual((self.folder / "S.txt").read_bytes(), reference)
        spoken = (self.folder / "spoken.txt").read_text()
        self.assertGreater(len(words(spoken)), 50)
        wanted = espeak_seconds(spoken, self.folder)
        seconds = decoded_seconds(self.folder / "S.ogg")
        self.assertLess(abs(seconds - wanted) / wanted, 0.03, f"{seconds} s against {wanted} s")
        self.assertEqual(probe(self.folder / "S.ogg")["by_kind"]["audio"]["codec_name"], "opus")

    def check_video(self, name, audio_codec, video_codec):
        self.run_medley("narrated-video", f"article={self.article}", "-o", f"video={name}", "-o", "captions=V.vtt")
        path = self.folder / name
        found = probe(path)
        self.assertEqual(found["by_kind"]["audio"]["codec_name"], audio_codec)
        self.assertEqual(found["by_kind"]["video"]["codec_name"], video_codec)
        audio, video = decoded_seconds(path), decoded_seconds(path, "v")
        self.assertLess(abs(audio - video), 0.1)
        self.assertLess(abs(float(found["format"]["duration"]) - audio), 0.15, "the header knows the length")

        found_cues = cues((self.folder / "V.vtt").read_text())
        self.assertGreater(len(found_cues), 6)
        self.assertEqual(words(" ".join(c[2] for c in found_cues)), words(ARTICLE))
        self.assertLess(abs(found_cues[-1][1] - audio), 0.1)
        for (_, end, _), (start, _, _) in zip(found_cues, found_cues[1:]):
            self.assertLess(abs(start - end), 0.6)
        for start, end, text in found_cues:
            seen = set(words(frame_text(path, (start + end) / 2)))
            wanted = set(words(text))
            self.assertGreaterEqual(len(seen & wanted), 0.9 * len(wanted), f"{text!r} was read as {seen}")
        # Seekable: a frame near the end is found from an index, whatever the player.
        self.assertTrue(frame_text(path, found_cues[-1][0] + 0.2))

    def test_article_becomes_a_narrated_webm(self):
        self.check_video("V.webm", "opus", "vp8")

    def test_article_becomes_a_narrated_mp4(self):
        self.check_video("V.mp4", "aac", "h264")

    def test_every_audio_type_has_the_same_length(self):
        lengths = {}
        for extension, codec in (
            ("ogg", "opus"), ("flac", "flac"), ("wav", "pcm_s16le"), ("mp3", "mp3"),
            ("aac", "aac"),
        ):
            name = f"speech.{extension}"
            self.run_medley("speak", self.article, "-o", name)
            self.assertEqual(probe(self.folder / name)["by_kind"]["audio"]["codec_name"], codec)
            lengths[extension] = decoded_seconds(self.folder / name)
        for extension, seconds in lengths.items():
            self.assertLess(abs(seconds - lengths["wav"]), 0.12, f"{extension}: {lengths}")

    def test_the_same_worker_makes_readable_outputs_again(self):
        for extension in ("webm", "mp4"):
            for n in range(2):
                name = f"again-{n}.{extension}"
                self.run_medley("narrated-video", self.article, "-o", name)
                found = probe(self.folder / name)
                self.assertEqual(sorted(found["by_kind"]), ["audio", "video"])
                subprocess.run(
                    ["ffmpeg", "-v", "error", "-xerror", "-i", str(self.folder / name), "-f", "null", "-"],
                    check=True, timeout=PATIENCE,
                )

    def test_captions_become_a_silent_video(self):
        vtt = self.folder / "in.vtt"
        vtt.write_text("WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nA heron waits.\n\n00:00:02.000 --> 00:00:04.500\nThe fish does not.\n")
        self.run_medley("captioned-video", vtt, "-o", "silent.webm")
        self.assertAlmostEqual(decoded_seconds(self.folder / "silent.webm", "v"), 4.5, delta=0.1)
        self.assertIn("heron", words(frame_text(self.folder / "silent.webm", 1)))
        self.assertIn("fish", words(frame_text(self.folder / "silent.webm", 3)))


if __name__ == "__main__":
    main()
