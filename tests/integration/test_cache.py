# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results of deterministic stages are kept on disk and given again: the engine does not run, and nobody can tell by the
outputs. Whatever a result depends on makes another result; what is damaged or unfinished is none."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from medleytest import BUILD, DATA, MEDLEY, PATIENCE, Daemon, main

PAGE = (DATA / "page.png").read_bytes()
TEMPLATE = BUILD / "plugins" / "template" / "libgstmedleytemplate.so"
MIB = 1024 * 1024


def chain(*stages, **outputs):
    """A pipeline of engines from `text`, one after the other; each is (engine, properties)."""
    made, source = {}, "text"
    for number, (engine, properties) in enumerate(stages):
        name = f"s{number + 1}"
        made[name] = {"element" if engine == "identity" else "engine": engine, "from": source, "set": properties}
        if engine != "identity":
            made[name]["task"] = "text-to-text/" + engine.removeprefix("fake").replace("medleytemplate", "upper-case")
        source = name
    outputs = outputs or {"out": source}
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}}, "stages": made,
        "outputs": {name: {"from": stage, "type": "text/plain"} for name, stage in outputs.items()},
    }


SLOW = ("fakeslow", {"delay-ms": 1})
PIPELINES = {
    "slow.json": chain(SLOW),
    "slower.json": chain(("fakeslow", {"delay-ms": 2})),
    "lingering.json": chain(("fakeslow", {"delay-ms": 300, "bytes-per-step": 10})),
    "after-identity.json": chain(("identity", {}), SLOW),
    # The third stage takes its time, so that the first two have ended when the fourth one fails.
    "four.json": chain(SLOW, ("fakeslow", {"delay-ms": 3}), ("fakeslow", {"delay-ms": 500}), ("fakeflaky", {})),
    "crash.json": chain(SLOW, ("fakeslow", {"delay-ms": 500}), ("fakecrash", {"where": "process"})),
    "shout.json": chain(("medleytemplate", {})),
    "voice.json": {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"voice": {"task": "text-to-audio/speech", "engine": "fakevoice", "from": "text"}},
        "outputs": {"speech": {"from": "voice", "type": "audio/flac"},
                    "captions": {"from": "voice.captions", "type": "text/vtt"}},
    },
}


class Cached(Daemon):
    """A daemon with a cache, and what can be seen of it."""

    def __init__(self, *settings, **options):
        if not any(s.startswith("cache.bytes=") for s in settings):
            settings = (*settings, "cache.bytes=64MiB")
        super().__init__(*settings, pipelines=PIPELINES, **options)
        self.stages = self.folder / "stages"

    def create(self, **request):
        with tempfile.NamedTemporaryFile("w") as body:
            json.dump(request, body)
            body.flush()
            reply = self.curl("/api/v1/jobs", "-H", "Content-Type: application/json", "--data-binary", f"@{body.name}")
        assert reply.status == 201, reply.body
        return reply.json()

    def run(self, pipeline, text="Some words.\n", states=("done",), **request):
        request.setdefault("inputs", {"text": {"text": text}})
        return self.wait_for(self.create(pipeline=pipeline, **request)["id"], states)

    def wait_for(self, job_id, states=("done",)):
        job = self.wait(job_id)
        assert job["state"] in states, json.dumps(job)
        return job

    def output(self, job, name):
        return self.curl(f"/api/v1/jobs/{job['id']}/outputs/{name}").body

    def events(self, job):
        text = self.curl(f"/api/v1/jobs/{job['id']}/events").body.decode()
        return [json.loads(data) for data in re.findall(r"^data: (.*)$", text, re.M)]

    def engines(self, job, kind):
        return [e["engine"] for e in self.events(job) if e["kind"] == kind]

    def reused(self, job):
        return self.engines(job, "stage-reused")

    def entries(self):
        return sorted(p.name for p in self.stages.glob("*") if re.fullmatch("[0-9a-f]{64}", p.name))

    def settle(self, n, most=None):
        """Waits until so many entries are there: they get their names behind the job's back."""
        deadline = time.monotonic() + PATIENCE
        while not n <= len(self.entries()) <= (most or n) or self.unfinished():
            assert time.monotonic() < deadline, f"{self.entries()} {self.unfinished()} instead of {n} entries"
            time.sleep(0.02)

    def unfinished(self):
        return [p.name for p in self.stages.glob("new-*")]


class Cache(unittest.TestCase):
    def setUp(self):
        self.daemon = Cached()
        self.daemon.start()

    def tearDown(self):
        self.daemon.stop()
        shutil.rmtree(self.daemon.folder, ignore_errors=True)

    def test_a_result_is_given_again(self):
        first = self.daemon.run("slow")
        self.assertEqual(self.daemon.reused(first), [])
        self.assertEqual(self.daemon.engines(first, "stage-recorded"), ["fakeslow"])
        self.daemon.settle(1)
        second = self.daemon.run("slow")
        self.assertEqual(self.daemon.reused(second), ["fakeslow"])
        self.assertEqual(self.daemon.engines(second, "stage-started"), [])
        self.assertEqual(self.daemon.output(second, "out"), b"Some words.\n")
        status = self.daemon.status()["cache"]
        self.assertEqual((status["entries"], status["hits"], status["misses"]), (1, 1, 1))
        self.assertIn("1 stages were not run again", self.daemon.medley("doctor").stdout.decode())
        self.assertGreaterEqual(status["bytes"], 1)
        self.assertEqual(status["maximum"], 64 * MIB)

    def test_sound_and_captions_are_the_same(self):
        text = "One sentence is short. Another one is a good deal longer. The end."
        first = self.daemon.run("voice", text)
        self.daemon.settle(2)
        second = self.daemon.run("voice", text)
        self.assertEqual(self.daemon.reused(second), ["fakevoice"])
        for name in ("speech", "captions"):
            self.assertGreater(len(self.daemon.output(first, name)), 50)
            self.assertEqual(self.daemon.output(first, name), self.daemon.output(second, name), name)
        # One port more than was recorded: it is not there.
        third = self.daemon.run("voice", text + " No.", outputs=["captions"])
        self.daemon.settle(3)
        fourth = self.daemon.run("voice", text + " No.")
        self.assertEqual((self.daemon.reused(third), self.daemon.reused(fourth)), ([], []))
        self.daemon.settle(4)
        fifth = self.daemon.run("voice", text + " No.", outputs=["captions"])
        self.assertEqual(self.daemon.reused(fifth), ["fakevoice"])
        self.assertEqual(self.daemon.output(third, "captions"), self.daemon.output(fifth, "captions"))

    def test_what_a_result_depends_on(self):
        self.daemon.run("slow")
        self.daemon.settle(1)
        for pipeline, text in (("slow", "Other words.\n"), ("slower", "Some words.\n")):
            job = self.daemon.run(pipeline, text)
            self.assertEqual(self.daemon.reused(job), [], pipeline)
            self.assertEqual(self.daemon.output(job, "out").decode(), text)
        self.daemon.settle(3)
        # Nobody knows what an element of GStreamer's does.
        for _ in range(2):
            self.assertEqual(self.daemon.reused(self.daemon.run("after-identity")), [])
        self.daemon.settle(3)

    def test_cleared(self):
        for text in ("One.", "Two.", "Three."):
            self.daemon.run("slow", text)
        self.daemon.settle(3)
        self.assertIn(b"3 results in ", self.daemon.medley("cache", check=True).stdout)
        self.assertEqual(self.daemon.medley("cache", "clear", check=True).stdout, b"3 results removed\n")
        self.assertEqual(self.daemon.entries(), [])
        self.assertEqual(self.daemon.status()["cache"]["bytes"], 0)
        reply = self.daemon.curl("/api/v1/cache", "-X", "DELETE")
        self.assertEqual((reply.status, reply.json()), (200, {"removed": 0}))
        self.assertEqual(self.daemon.reused(self.daemon.run("slow", "One.")), [])
        self.assertEqual(self.daemon.medley("cache", "forget").returncode, 2)

    def test_not_wanted(self):
        job = self.daemon.run("slow", cache=False)
        self.assertEqual(self.daemon.engines(job, "stage-recorded"), [])
        self.daemon.run("slow")
        self.daemon.settle(1)
        counts = self.daemon.status()["cache"]
        job = self.daemon.run("slow", cache=False)
        self.assertEqual(self.daemon.reused(job), [])
        self.assertEqual(self.daemon.engines(job, "stage-started"), ["fakeslow"])
        self.assertEqual(self.daemon.status()["cache"], counts)

    def test_damaged_entries_are_none(self):
        self.daemon.run("slow")
        self.daemon.settle(1)
        entry = self.daemon.stages / self.daemon.entries()[0]
        whole = entry.read_bytes()
        for what, damaged in (
            ("a changed byte", whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]), ("cut off", whole[:-1]),
            ("empty", b""), ("longer", whole + b"\0"), ("another key", whole[:20] + (b"1" if whole[20:21] == b"0" else b"0") + whole[21:]),
        ):
            with self.subTest(what):
                entry.write_bytes(damaged)
                job = self.daemon.run("slow")
                self.assertEqual(self.daemon.reused(job), [])
                self.assertEqual(self.daemon.output(job, "out"), b"Some words.\n")
                self.daemon.settle(1)
                self.assertEqual(self.daemon.reused(self.daemon.run("slow")), ["fakeslow"])
        # Nor is a link followed, wherever it leads.
        kept = self.daemon.folder / "kept"
        entry.rename(kept)
        entry.symlink_to(kept)
        self.assertEqual(self.daemon.reused(self.daemon.run("slow")), [])
        self.daemon.settle(1)
        self.assertFalse(entry.is_symlink())
        self.assertTrue(kept.exists())

    def test_a_restart_keeps_it_and_removes_what_is_unfinished(self):
        self.daemon.run("slow")
        self.daemon.settle(1)
        self.daemon.process.kill()
        self.daemon.process.wait()
        orphan = self.daemon.stages / ("new-" + "0" * 16)
        orphan.write_bytes(b"half a result")
        other = self.daemon.stages / "note.txt"
        other.write_text("not ours")
        self.daemon.start()
        job = self.daemon.run("slow")
        self.assertEqual(self.daemon.reused(job), ["fakeslow"])
        self.daemon.settle(1)
        self.assertFalse(orphan.exists())
        self.assertTrue(other.exists())

    def test_a_killed_worker_leaves_nothing(self):
        job = self.daemon.create(pipeline="lingering", inputs={"text": {"text": "word " * 200}}, attempts=1)
        self.daemon.wait(job["id"], ("running",))
        deadline = time.monotonic() + PATIENCE
        while not self.daemon.unfinished() or self.daemon.job(job["id"])["outputs"]["out"]["size"] == 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        for pid in self.daemon.status()["workers"]["pids"]:
            os.kill(pid, signal.SIGKILL)
        self.daemon.wait_for(job["id"], ("failed",))
        self.daemon.settle(0)

    def test_a_crash_behind_a_stage_that_had_ended(self):
        self.daemon.run("crash", attempts=1, states=("failed",))
        self.daemon.settle(1, 2)
        job = self.daemon.run("crash", attempts=1, states=("failed",))
        self.assertEqual(self.daemon.reused(job)[:1], ["fakeslow"])

    def test_a_failed_job_goes_on_where_it_failed(self):
        job = self.daemon.run("four", states=("failed",))
        self.assertEqual(job["error"]["stage"], "s4")
        self.daemon.settle(2, 3)
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job['id']}/retry", "-X", "POST").status, 200)
        again = self.daemon.wait(job["id"])
        # The worker may be another one, whose first job fails as well.
        if again["state"] == "failed":
            self.daemon.curl(f"/api/v1/jobs/{job['id']}/retry", "-X", "POST")
            again = self.daemon.wait(job["id"])
        self.assertEqual(again["state"], "done", again)
        self.assertEqual(self.daemon.output(again, "out"), b"Some words.\n")
        events = self.daemon.events(again)
        last = max(i for i, e in enumerate(events) if e["kind"] == "state" and e["state"] == "running")
        self.assertEqual([e["stage"] for e in events[last:] if e["kind"] == "stage-reused"][:2], ["s1", "s2"])
        started = {e["stage"] for e in events[last:] if e["kind"] == "stage-started"}
        self.assertIn("s4", started)
        self.assertFalse(started & {"s1", "s2"}, started)

    def test_an_input_that_grows(self):
        """Its content is known when it is whole: nothing is looked up, but what came of it is kept."""
        job = self.daemon.create(pipeline="slow", inputs={"text": {"upload": True}})
        upload = subprocess.run(
            ["curl", "-sS", "--unix-socket", str(self.daemon.socket), "-T", "-",
             f"http://localhost/api/v1/jobs/{job['id']}/inputs/text"],
            input=b"Words that came late.\n", capture_output=True, timeout=PATIENCE, check=True,
        )
        self.assertEqual(upload.stderr, b"")
        self.daemon.wait_for(job["id"])
        self.daemon.settle(1)
        second = self.daemon.run("slow", "Words that came late.\n")
        self.assertEqual(self.daemon.reused(second), ["fakeslow"])

    def test_pause_and_cancel(self):
        text = "word " * 400
        first = self.daemon.run("slow", text)
        self.daemon.settle(1)
        pipeline = chain(SLOW, ("fakeslow", {"delay-ms": 100, "bytes-per-step": 100}))
        job = self.daemon.create(pipeline=pipeline, inputs={"text": {"text": text}})
        self.daemon.wait(job["id"], ("running",))
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job['id']}/pause", "-X", "POST").status, 200)
        time.sleep(0.3)
        size = self.daemon.job(job["id"])["outputs"]["out"]["size"]
        time.sleep(0.3)
        self.assertEqual(self.daemon.job(job["id"])["outputs"]["out"]["size"], size)
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job['id']}/resume", "-X", "POST").status, 200)
        whole = self.daemon.wait_for(job["id"])
        self.assertEqual(self.daemon.reused(whole), ["fakeslow"])
        self.assertEqual(self.daemon.output(whole, "out"), self.daemon.output(first, "out"))
        self.daemon.settle(2)
        job = self.daemon.create(pipeline=chain(SLOW, ("fakeslow", {"delay-ms": 101, "bytes-per-step": 50})),
                                 inputs={"text": {"text": text}})
        self.daemon.wait(job["id"], ("running",))
        self.daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST")
        self.daemon.wait_for(job["id"], ("cancelled",))
        self.daemon.settle(2)


class Bounds(unittest.TestCase):
    def test_it_keeps_within_its_bytes(self):
        with Cached("cache.bytes=64KiB", "cache.entry-bytes=20KiB") as daemon:
            for number in range(12):
                daemon.run("slow", f"{number} " + "x" * 10000)
                deadline = time.monotonic() + PATIENCE
                while daemon.unfinished():
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)
                sizes = [p.stat().st_blocks * 512 for p in daemon.stages.iterdir()]
                self.assertLessEqual(sum(sizes), 64 * 1024)
                # This one is used all the time, so it stays.
                if number > 0:
                    self.assertEqual(daemon.reused(daemon.run("slow", "0 " + "x" * 10000)), ["fakeslow"], number)
            self.assertGreaterEqual(len(daemon.entries()), 4)
            status = daemon.status()["cache"]
            self.assertEqual(status["entries"], len(daemon.entries()))
            self.assertLessEqual(status["bytes"], 64 * 1024)
            self.assertEqual(daemon.reused(daemon.run("slow", "1 " + "x" * 10000)), [])
            before = daemon.entries()
            # Too large for one; the job does not mind.
            job = daemon.run("slow", "x" * 30000)
            self.assertEqual(len(daemon.output(job, "out")), 30000)
            self.assertEqual(daemon.engines(job, "stage-recorded"), [])
            self.assertEqual(daemon.entries(), daemon.entries())
            self.assertGreaterEqual(len(before), 4)

    def test_off(self):
        with Cached("cache.bytes=0") as daemon:
            for _ in range(2):
                job = daemon.run("slow")
                self.assertEqual(daemon.reused(job) + daemon.engines(job, "stage-recorded"), [])
            self.assertFalse(daemon.stages.exists())
            self.assertIn("cache.bytes", daemon.status()["cache"]["off"])
            reply = daemon.curl("/api/v1/cache", "-X", "DELETE")
            self.assertEqual((reply.status, reply.json()["code"]), (503, "unavailable"))

    def test_a_folder_that_cannot_be_used(self):
        daemon = Cached()
        daemon.stages.write_text("a file")
        with daemon:
            job = daemon.run("slow")
            self.assertEqual(daemon.output(job, "out"), b"Some words.\n")
            self.assertIn("stages", daemon.status()["cache"]["off"])

    def test_two_daemons_share_a_folder(self):
        with Cached() as one, tempfile.TemporaryDirectory() as _:
            with Cached() as two:
                two.stop()
                two.settings = [s for s in two.settings if not s.startswith("paths.cache=")]
                two.settings.append(f"paths.cache={one.stages}")
                two.start()
                one.run("slow")
                one.settle(1)
                # Its own recordings are not taken for orphans by the other's start.
                job = one.create(pipeline="lingering", inputs={"text": {"text": "word " * 10}})
                one.wait(job["id"], ("running",))
                two.stop()
                two.start()
                self.assertEqual(two.reused(two.run("slow")), ["fakeslow"])
                one.wait_for(job["id"])
                one.settle(2)
                self.assertEqual(two.reused(two.run("lingering", "word " * 10)), ["fakeslow"])


class ChangedPlugin(unittest.TestCase):
    def test_another_file_is_another_engine(self):
        with tempfile.TemporaryDirectory() as folder:
            plugin = Path(shutil.copy(TEMPLATE, folder))
            with Cached(f"paths.plugins={folder}", f"paths.registry={folder}/registry.bin") as daemon:
                daemon.run("shout", "quiet")
                daemon.settle(1)
                job = daemon.run("shout", "quiet")
                self.assertEqual(daemon.reused(job), ["medleytemplate"])
                self.assertEqual(daemon.output(job, "out"), b"QUIET")
                build = daemon.curl("/api/v1/engines/medleytemplate").json()["build"]
                shutil.copy(TEMPLATE, f"{folder}/new")
                os.replace(f"{folder}/new", plugin)
                deadline = time.monotonic() + PATIENCE
                while daemon.curl("/api/v1/engines/medleytemplate").json().get("build", build) == build:
                    self.assertLess(time.monotonic(), deadline, "the daemon never saw the new file")
                    time.sleep(0.1)
                job = daemon.run("shout", "quiet")
                self.assertEqual(daemon.reused(job), [])
                self.assertEqual(daemon.output(job, "out"), b"QUIET")


@unittest.skipUnless((BUILD / "plugins" / "tesseract").is_dir() and (BUILD / "plugins" / "espeak").is_dir(), "no engines")
class ScanToSpeech(unittest.TestCase):
    def speak(self, daemon, page=PAGE, outputs=("speech", "text", "captions"), **parameters):
        begin = time.monotonic()
        job = daemon.run("scan-to-speech", inputs={"page": {"base64": base64.b64encode(page).decode()}},
                         parameters=parameters, outputs=list(outputs))
        self.seconds = time.monotonic() - begin
        return job

    def test_another_voice_does_not_repeat_the_ocr(self):
        with Cached() as daemon:
            first = self.speak(daemon)
            first_seconds = self.seconds
            self.assertEqual(daemon.reused(first), [])
            self.assertIn("tesseract", daemon.engines(first, "stage-started"))
            daemon.settle(2)
            second = self.speak(daemon, voice="en-us", pitch=80)
            print(f"scan-to-speech: {first_seconds:.2f} s, with another voice {self.seconds:.2f} s", flush=True)
            self.assertEqual(daemon.reused(second), ["tesseract", "speakable"])
            self.assertEqual(daemon.engines(second, "stage-started"), ["espeak"])
            self.assertGreater(len(daemon.output(first, "text")), 200)
            self.assertEqual(daemon.output(first, "text"), daemon.output(second, "text"))
            self.assertNotEqual(daemon.output(first, "speech"), daemon.output(second, "speech"))
            with self.subTest("after a restart"):
                daemon.stop()
                daemon.start()
                job = self.speak(daemon, outputs=["speech"], rate=200)
                self.assertEqual(daemon.reused(job), ["tesseract", "speakable"])
            with self.subTest("another page"):
                job = self.speak(daemon, page=PAGE + b"\0")
                self.assertEqual(daemon.reused(job), [])
            with self.subTest("another language"):
                job = self.speak(daemon, language="eng+deu")
                self.assertEqual(daemon.reused(job), [])

    def test_a_page_that_is_sent_by_the_shell_is_found_too(self):
        # The shell uploads: a picture is waited for until it is whole, so that it can be looked up.
        with Cached() as daemon:
            for voice, expected in (("en-gb", []), ("en-us", ["tesseract", "speakable"])):
                run = daemon.medley("run", "scan-to-speech", f"page={DATA / 'page.png'}", "--set", f"voice={voice}",
                                    "-o", daemon.folder / f"{voice}.ogg")
                self.assertEqual(run.returncode, 0, run.stderr)
                job = daemon.curl("/api/v1/jobs").json()["jobs"][0]
                self.assertEqual(daemon.reused(job), expected)
                daemon.settle(2)

    def test_a_picture_that_comes_slowly_keeps_no_worker(self):
        with Cached("workers.maximum=1") as daemon:
            job = daemon.create(pipeline="read-page", inputs={"page": {"upload": True}})["id"]
            upload = subprocess.Popen(
                ["curl", "-s", "--unix-socket", str(daemon.socket), "-T", ".", "-H", "Expect:",
                 f"http://localhost/api/v1/jobs/{job}/inputs/page"], stdin=subprocess.PIPE)
            upload.stdin.write(PAGE[:1000])
            upload.stdin.flush()
            deadline = time.monotonic() + PATIENCE
            while daemon.job(job)["inputs"]["page"]["size"] == 0:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            self.assertEqual(daemon.job(job)["reason"], "waits for the rest of an input")
            self.assertEqual(daemon.curl("/run/shout", "-d", "quiet").body, b"QUIET")
            upload.stdin.write(PAGE[1000:])
            upload.stdin.close()
            self.assertEqual(upload.wait(PATIENCE), 0)
            self.assertEqual(daemon.wait(job)["state"], "done")

    def test_the_shell_tells_and_private_daemons_share_it(self):
        daemon = Cached()
        try:
            settings = [a for s in daemon.settings if s.startswith(("cache.", "paths.cache", "paths.registry"))
                        for a in ("--set-config", s)]
            texts = []
            for voice in ("en-gb", "en-us"):
                run = subprocess.run(
                    [str(MEDLEY), "run", "scan-to-speech", str(DATA / "page.png"), "--set", f"voice={voice}",
                     "-o", f"speech={daemon.folder}/{voice}.ogg", "-o", f"text={daemon.folder}/{voice}.txt"],
                    env=daemon.environment | self.configure(daemon), capture_output=True, timeout=PATIENCE,
                )
                self.assertEqual(run.returncode, 0, run.stderr.decode())
                texts.append((daemon.folder / f"{voice}.txt").read_bytes())
            self.assertEqual(texts[0], texts[1])
            self.assertEqual(len(daemon.entries()), 2, settings)
        finally:
            shutil.rmtree(daemon.folder)

    def configure(self, daemon):
        folder = daemon.folder / "config" / "medley"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "medley.conf").write_text(
            f"[paths]\ncache={daemon.stages}\nregistry={BUILD}/tests/registry.bin\n[cache]\nbytes=64MiB\n"
        )
        return {}


if __name__ == "__main__":
    main()
