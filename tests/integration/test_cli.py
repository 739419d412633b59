# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shell command with the real daemon: a private one of its own, and one that stands."""

import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from medleytest import BUILD, DATA, MEDLEY, MEDLEYD, PATIENCE, Daemon, decoded_seconds, main, probe, words

SENTENCES = "The lamp is lit. The keeper climbs the stair. Nobody sees the ship.\n"


def pipeline(engine, **settings):
    return {
        "medley": 1, "title": f"Test of {engine}",
        "inputs": {"text": {"type": "text/plain"}},
        "stages": {"work": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "work", "type": "text/plain"}},
    }


PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    "endless.json": pipeline("fakeendless", **{"delay-ms": 5}),
    "crash.json": pipeline("fakecrash", how="segv"),
    "hang.json": pipeline("fakehang"),
}

BAD = """{
  "medley": 1,
  "inputs": { "text": { "type": "text/plain" } },
  "stages": {
    "speech": { "task": "text-to-audio/speech", "engine": "espaek", "from": "txet" }
  },
  "outputs": { "speech": { "from": "speech", "tpye": "audio/ogg" } }
}
"""


class Shell(unittest.TestCase):
    """A folder to work in, and an environment without a daemon."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="medley-cli-"))
        self.work = self.folder / "work"
        self.tmp = self.folder / "tmp"
        for name in ("work", "tmp", "runtime", "config"):
            (self.folder / name).mkdir(mode=0o700)
        self.environment = dict(
            os.environ, TMPDIR=str(self.tmp), XDG_RUNTIME_DIR=str(self.folder / "runtime"),
            XDG_CONFIG_HOME=str(self.folder / "config"), XDG_STATE_HOME=str(self.folder / "state"),
            XDG_DATA_HOME=str(self.folder / "data"), NO_COLOR="1",
        )
        for name in ("MEDLEY_HOST", "MEDLEY_TOKEN", "MEDLEY_DEBUG"):
            self.environment.pop(name, None)

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *arguments):
        return [str(MEDLEY), "--conf", f"paths.registry={BUILD / 'tests' / 'registry.bin'}",
                "--conf", f"paths.cache={self.folder / 'stages'}", *map(str, arguments)]

    def medley(self, *arguments, text=None, environment=None):
        return subprocess.run(
            self.command(*arguments), cwd=self.work, env=environment or self.environment, timeout=PATIENCE,
            capture_output=True, input=text.encode() if isinstance(text, str) else text or b"",
        )

    def start(self, *arguments, **options):
        return subprocess.Popen(
            self.command(*arguments), cwd=self.work, env=self.environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )

    def install(self, pipelines):
        target = self.folder / "config" / "medley" / "pipelines"
        target.mkdir(parents=True)
        for name, content in pipelines.items():
            (target / name).write_text(json.dumps(content))

    def check(self, run, code=0):
        self.assertEqual(run.returncode, code, run.stderr.decode(errors="replace"))
        return run.stdout

    def private_daemons(self):
        """Pids of the daemons that serve a command of this test."""
        found = []
        for status in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = status.read_bytes()
            except OSError:
                continue
            if b"medleyd" in line and str(self.tmp).encode() in line:
                found.append(int(status.parent.name))
        return found

    def wait_until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.02)

    def check_nothing_is_left(self):
        self.wait_until(lambda: not self.private_daemons(), "the private daemon goes on")
        self.wait_until(lambda: not list(self.tmp.iterdir()), "the private daemon's folder stays")


class Private(Shell):
    def test_text_from_standard_input_becomes_speech_on_standard_output(self):
        out = self.check(self.medley("run", "speak", "-", "-o", "-", text=SENTENCES))
        (self.work / "out.ogg").write_bytes(out)
        self.assertEqual(probe(self.work / "out.ogg")["by_kind"]["audio"]["codec_name"], "opus")
        self.assertGreater(decoded_seconds(self.work / "out.ogg"), 3)
        self.check_nothing_is_left()

    def test_speech_comes_before_the_text_is_whole(self):
        run = self.start("run", "speak", "-", "-o", "-")
        run.stdin.write(SENTENCES.encode() * 20)
        run.stdin.flush()
        first = os.read(run.stdout.fileno(), 4)
        self.assertEqual(first, b"OggS")
        self.assertIsNone(run.poll())
        run.stdin.write(b"And this is the end.\n")
        rest, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, errors)
        (self.work / "out.ogg").write_bytes(first + rest)
        self.assertGreater(decoded_seconds(self.work / "out.ogg"), 60)

    def test_the_file_name_chooses_type_and_each_output_its_file(self):
        (self.work / "a.txt").write_text(SENTENCES)
        self.check(self.medley("run", "speak", "a.txt", "-o", "a.flac", "-o", "captions=a.vtt"))
        found = probe(self.work / "a.flac")
        self.assertEqual(found["by_kind"]["audio"]["codec_name"], "flac")
        self.assertTrue((self.work / "a.vtt").read_text().startswith("WEBVTT"))
        self.assertEqual(sorted(p.name for p in self.work.iterdir()), ["a.flac", "a.txt", "a.vtt"])

    def test_without_a_name_a_file_is_made_and_never_overwritten(self):
        self.check(self.medley("run", "speak", ":=Hello."))
        first = (self.work / "speak.ogg").stat()
        refused = self.medley("run", "speak", ":=Hello.")
        self.check(refused, 2)
        self.assertIn(b"speak.ogg is there already", refused.stderr)
        self.assertEqual((self.work / "speak.ogg").stat().st_ino, first.st_ino)
        self.check(self.medley("run", "speak", ":=Hello.", "--force"))
        self.assertNotEqual((self.work / "speak.ogg").stat().st_ino, first.st_ino)

    def test_text_goes_to_standard_output(self):
        out = self.check(self.medley("run", "read-page", DATA / "page.png")).decode()
        self.assertEqual(words(out), words((DATA / "page.txt").read_text()))

    def test_the_first_run_ever_passes_many_descriptors(self):
        # Building the registry loads a plugin whose control message takes four descriptors for a time stamp.
        outputs = [argument for name, ending in (("speech", "ogg"), ("text", "txt"), ("spoken", "txt"), ("captions", "vtt"))
                   for argument in ("-o", f"{name}={name}.{ending}")]
        self.check(self.medley("run", "scan-to-speech", DATA / "page.png", *outputs, "--conf",
                               f"paths.registry={self.folder / 'registry.bin'}"))
        self.assertTrue((self.folder / "registry.bin").exists())
        self.assertEqual(len(list(self.work.iterdir())), 4)

    def test_json_tells_events_then_the_job(self):
        out = self.check(self.medley("run", "--json", "speak", ":=Hello.", "-o", "a.ogg"))
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([line["seq"] for line in lines[:-1]], list(range(1, len(lines))))
        self.assertEqual(lines[-2]["state"], "done")
        self.assertEqual(lines[-1]["outputs"]["speech"]["state"], "complete")
        self.assertEqual(lines[-1]["outputs"]["speech"]["size"], (self.work / "a.ogg").stat().st_size)

    def test_a_file_of_ones_own_is_run(self):
        (self.work / "mine.json").write_text(json.dumps(pipeline("fakeecho")))
        self.assertEqual(self.check(self.medley("run", "mine.json", "-", text="ein Wörtchen\n")), "ein Wörtchen\n".encode())

    def test_faults_of_a_file_are_told_with_their_places(self):
        (self.work / "bad.json").write_text(BAD)
        for arguments in (("validate", "bad.json"), ("run", "./bad.json", ":=x")):
            run = self.medley(*arguments)
            self.check(run, 4)
            lines = run.stderr.decode().splitlines()
            self.assertEqual(len(lines), 3, lines)
            for line, place, hint in zip(lines, ("5:49", "5:69", "7:46"), ("espeak", "text", "type")):
                self.assertRegex(line, rf"^(\./)?bad\.json:{place}: error: .*{hint}")
        reply = json.loads(self.medley("validate", "--json", "bad.json").stdout)
        self.assertEqual((reply["valid"], len(reply["faults"])), (False, 3))
        broken = self.medley("validate", "-", text='{ "medley": 1,')
        self.check(broken, 4)
        self.assertIn(b"standard input:1:", broken.stderr)

    def test_every_shipped_pipeline_is_valid(self):
        listed = self.check(self.medley("pipelines", "--json")).splitlines()
        names = [json.loads(line)["name"] for line in listed]
        self.assertLessEqual({"speak", "read-page", "scan-to-speech", "narrated-video"}, set(names))
        self.check(self.medley("validate", *names))

    def test_help_of_a_pipeline_shows_what_it_takes(self):
        out = self.check(self.medley("run", "narrated-video", "--help")).decode()
        for expected in ("article", "text/plain", "1280", "16 to 7680", "video/webm", "captions", "medley run narrated-video"):
            self.assertIn(expected, out)

    def test_catalogue(self):
        self.assertIn(b"text-to-audio/speech", self.check(self.medley("engines")))
        self.assertIn(b"rate", self.check(self.medley("engines", "espeak")))
        only = self.check(self.medley("engines", "--json", "--task", "image-to-text")).splitlines()
        self.assertEqual([json.loads(line)["name"] for line in only], ["tesseract"])
        german = self.check(self.medley("voices", "--json", "--language", "de")).splitlines()
        self.assertIn("de", [json.loads(line)["name"] for line in german])
        self.assertNotIn("en-gb", [json.loads(line)["name"] for line in german])

    def test_wrong_words_are_answered_with_the_right_ones(self):
        cases = (
            (("rnu",), 2, 'did you mean "run"?'),
            (("run", "spaek", ":=x"), 2, 'did you mean "speak"?'),
            (("run", "speak", "texd=-"), 2, 'did you mean "text"?'),
            (("run", "speak", ":=x", "--set", "voise=de"), 4, 'did you mean "voice"?'),
            (("run", "speak", ":=x", "--outptu", "x"), 2, "did you mean --output?"),
            (("run", "speak", "nowhere.txt"), 2, 'there is no file "nowhere.txt"'),
            (("run", "speak", ":=x", "-o", "no/such/folder/x.ogg"), 1, "cannot write"),
            (("run", "speak", ":=x", "--detach"), 2, "needs a daemon that goes on"),
            (("engines", "espaek"), 2, "espaek"),
            (("jobs",), 5, "no daemon listens"),
            (("jobs", "--conf", "limits.stage=1"), 7, 'did you mean "stages"?'),
            (("run", "speak", ":=x", "--conf", "limits.stages=0"), 7, "1 to 10000"),
        )
        for arguments, code, says in cases:
            with self.subTest(arguments=arguments):
                run = self.medley(*arguments)
                self.check(run, code)
                self.assertIn(says, run.stderr.decode())
        self.assertEqual(list(self.work.iterdir()), [])
        self.check_nothing_is_left()

    def test_bad_input_has_its_exit_status_and_leaves_no_file(self):
        cases = (
            ((":=x", "--set", "voice=xx-none"), None, 4, "unknown-voice"),
            ((":=x", "--set", "rate=9999"), None, 4, "invalid-parameter"),
            (("-",), b"", 3, "empty-input"),
            (("-",), b"caf\xe9 und mehr", 3, "bad-encoding"),
            (("-",), b"a\0b", 3, "nul-in-text"),
        )
        for arguments, text, code, name in cases:
            with self.subTest(name=name):
                run = self.medley("run", "speak", *arguments, "-o", "x.ogg", text=text)
                self.check(run, code)
                self.assertTrue(run.stderr.decode().startswith(f"medley: {name}: "), run.stderr)
                self.assertEqual(list(self.work.iterdir()), [])
        told = self.medley("run", "--json", "speak", ":=x", "--set", "voice=xx-none", "-o", "x.ogg")
        self.assertEqual(json.loads(told.stdout.splitlines()[-1])["error"]["code"], "unknown-voice")

    def test_a_crashing_engine_is_named(self):
        self.install(PIPELINES)
        run = self.medley("run", "crash", ":=x")
        self.check(run, 6)
        self.assertIn(b"worker-crashed", run.stderr)
        self.assertIn(b"fakecrash", run.stderr)

    def test_ctrl_c_cancels_and_leaves_nothing(self):
        self.install(PIPELINES)
        run = self.start("run", "endless", ":=x\n", "-o", "x.txt", start_new_session=True)
        self.wait_until(self.private_daemons, "no daemon came")
        time.sleep(0.5)
        os.killpg(run.pid, signal.SIGINT)
        _, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130, errors)
        self.assertIn(b"cancelled", errors)
        self.assertEqual(list(self.work.iterdir()), [])
        self.check_nothing_is_left()

    def test_a_second_ctrl_c_leaves_at_once(self):
        self.install(PIPELINES)
        run = self.start(
            "run", "hang", ":=x", "-o", "x.txt", "--json", "--conf", "workers.grace=1h", start_new_session=True
        )
        for line in run.stdout:  # until the engine has its input: from then on it listens to nobody
            if b"stage-started" in line:
                break
        time.sleep(0.5)
        os.killpg(run.pid, signal.SIGINT)
        time.sleep(0.5)
        self.assertIsNone(run.poll(), "it did not wait for the job")
        os.killpg(run.pid, signal.SIGINT)
        run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130)
        self.check_nothing_is_left()
        self.assertEqual(list(self.work.iterdir()), [])

    def test_binary_is_not_written_to_a_terminal(self):
        ours, theirs = pty.openpty()
        run = subprocess.run(self.command("run", "speak", ":=x", "-o", "-"), cwd=self.work, env=self.environment,
                             stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, timeout=PATIENCE)
        os.close(theirs)
        os.close(ours)
        self.check(run, 2)
        self.assertIn(b"will not write audio/ogg to a terminal", run.stderr)

    def test_sigkill_leaves_nothing_either(self):
        self.install(PIPELINES)
        run = self.start("run", "endless", ":=x\n", "-o", "x.txt")
        self.wait_until(self.private_daemons, "no daemon came")
        time.sleep(0.5)
        run.kill()
        run.communicate(timeout=PATIENCE)
        self.check_nothing_is_left()
        self.assertEqual(list(self.work.iterdir()), [])

    def test_a_starter_that_leaves_at_once_leaves_nothing(self):
        # Before the daemon knows its engines, and after.
        for delay in (0, 0.05, 0.2, 0.6):
            folder = self.folder / f"private-{delay}"
            folder.mkdir(mode=0o700)
            daemon = Daemon(f"paths.runtime={folder}", f"paths.spool={folder / 'spool'}",
                            f"paths.temporary={folder / 'temporary'}")
            self.addCleanup(shutil.rmtree, daemon.folder, ignore_errors=True)
            alive, ours = os.pipe()
            with open(daemon.log, "wb") as log:
                process = subprocess.Popen(
                    [str(MEDLEYD), "--private", "--alive-fd", str(alive), *(f"--set={s}" for s in daemon.settings)],
                    env=daemon.environment, pass_fds=[alive], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            os.close(alive)
            time.sleep(delay)
            os.close(ours)
            self.assertEqual(process.wait(PATIENCE), 0, daemon.log.read_text())
            self.assertFalse(folder.exists(), sorted(folder.rglob("*")) if folder.exists() else None)

    def end_private_daemon(self, folder, **environment):
        """Starts a private daemon whose runtime folder is given, runs a job on it, and ends it."""
        with Daemon(f"paths.runtime={folder}", options=["--private"], pipelines=PIPELINES, environment=environment) as daemon:
            daemon.socket = folder / "http.sock"
            self.assertEqual(daemon.curl("/run/echo", "--data-binary", "x").status, 200)
            self.assertEqual(daemon.stop(), 0)

    def test_a_private_daemon_removes_nothing_but_its_own(self):
        home = self.folder / "home"
        (home / "sub").mkdir(parents=True, mode=0o700)
        for name in ("a.txt", "log", "sub/b", "sub/c.out"):
            (home / name).write_text("mine")
        self.end_private_daemon(home)
        found = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
        self.assertEqual(found, ["a.txt", "log", "sub", "sub/b", "sub/c.out"])
        with self.subTest("where the spool is in a folder with other files"):
            with Daemon(f"paths.runtime={home}", f"paths.spool={home / 'sub'}", options=["--private"]) as daemon:
                daemon.stop()
            self.assertEqual(sorted(str(path.relative_to(home)) for path in home.rglob("*")), found)
        with self.subTest("a folder that is empty then"):
            made = self.folder / "made"
            made.mkdir(mode=0o700)
            self.end_private_daemon(made)
            self.assertFalse(made.exists())

    def test_a_run_leaves_nothing_in_the_home(self):
        home = self.folder / "home"
        (home / "work").mkdir(parents=True)
        self.environment = {name: value for name, value in self.environment.items() if not name.startswith("XDG_")}
        self.environment["HOME"] = str(home)
        for arguments in (("speak", ":=Hello."), ("narrated-video", ":=Hello."), ("read-page", DATA / "page.png")):
            with self.subTest(arguments):
                run = self.medley("run", *arguments, "-o", self.work / "out", "--force", environment=dict(
                    self.environment, MEDLEY_DEBUG="1"))
                self.check(run)
                self.assertNotIn(b"secure directory", run.stderr)
                self.assertEqual([path.name for path in home.rglob("*")], ["work"])

    def test_a_reader_that_leaves_ends_it_without_a_word(self):
        self.install(PIPELINES)
        run = self.start("run", "endless", ":=x\n", "-o", "-")
        self.assertTrue(os.read(run.stdout.fileno(), 10))
        run.stdout.close()
        self.assertEqual(run.wait(PATIENCE), 130)
        self.assertEqual(run.stderr.read(), b"")
        run.stdin.close()
        run.stderr.close()
        self.check_nothing_is_left()

    def test_the_daemon_dies_and_the_command_says_so(self):
        self.install(PIPELINES)
        run = self.start("run", "endless", ":=x\n", "-o", "x.txt")
        self.wait_until(self.private_daemons, "no daemon came")
        time.sleep(0.5)
        for pid in self.private_daemons():
            os.kill(pid, signal.SIGKILL)
        _, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 5, errors)
        self.assertIn(b"unavailable", errors)

    def test_doctor_works_without_a_daemon(self):
        out = self.check(self.medley("doctor")).decode()
        for expected in ("said by a private one", "espeak", "tesseract", "pipelines"):
            self.assertIn(expected, out)
        self.assertNotIn(b"?", self.check(self.medley("doctor", environment=dict(self.environment, LC_ALL="C"))))
        lines = [json.loads(line) for line in self.medley("doctor", "--json").stdout.splitlines()]
        self.assertFalse([line for line in lines if line["verdict"] == "failure"], lines)
        (self.folder / "config" / "medley").mkdir()
        (self.folder / "config" / "medley" / "medley.conf").write_text("[limits]\nstagse=3\n")
        broken = self.medley("doctor")
        self.check(broken, 7)
        self.assertIn(b'medley.conf:2: unknown key "stagse" in [limits]; did you mean "stages"?', broken.stdout)

    def test_doctor_tells_which_plugin_cannot_be_loaded(self):
        plugins = self.folder / "data" / "medley" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "libgstbroken.so").write_bytes(b"\x7fELF, but no more of it")
        out = self.check(self.medley("doctor", "--conf", f"paths.registry={self.folder / 'registry.bin'}")).decode()
        self.assertRegex(out, r"WARN +plugin +.*libgstbroken\.so: ")

    def test_play_streams_to_the_player(self):
        played = self.folder / "played.ogg"
        player = self.folder / "gst-launch-1.0"
        player.write_text(f'#!/bin/sh\nexec cat >"{played}"\n')
        player.chmod(0o755)
        environment = dict(self.environment, PATH=f"{self.folder}:{os.environ['PATH']}", PULSE_SERVER="somewhere")
        self.check(self.medley("run", "speak", ":=Hello there.", "--play", environment=environment))
        self.assertGreater(decoded_seconds(played), 0.5)
        self.assertEqual(list(self.work.iterdir()), [])
        refused = self.medley("run", "read-page", DATA / "page.png", "--play", environment=environment)
        self.check(refused, 2)
        self.assertIn(b"--play is for audio and video", refused.stderr)

    def test_a_terminal_sees_progress_and_what_was_written(self):
        ours, theirs = pty.openpty()
        run = subprocess.Popen(
            self.command("run", "--no-cache", "scan-to-speech", DATA / "page.png", "-o", "a.ogg"), cwd=self.work,
            env=dict(self.environment, TERM="xterm"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
        )
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:
            pass
        os.close(ours)
        self.assertEqual(run.wait(PATIENCE), 0, seen)
        lines = seen.decode().replace("\x1b[K", "").split("\r")
        self.assertTrue([line for line in lines if line.startswith("scan-to-speech  ocr")], lines)
        self.assertRegex(lines[-2], r"^a\.ogg: audio/ogg, [0-9.]+ kB$")

    def test_configuration(self):
        template = self.check(self.medley("config", "template"))
        (self.work / "medley.conf").write_bytes(template)
        self.check(self.medley("config", "check", "medley.conf"))
        (self.work / "medley.conf").write_text("[limits]\nstages=7\n")
        out = self.check(self.medley("config", "--json", "--config", "medley.conf", "-c", "limits.fan-out=3"))
        rows = {row["name"]: row for row in map(json.loads, out.splitlines())}
        self.assertEqual(rows["limits.stages"]["origin"], "medley.conf:2")
        self.assertEqual(rows["limits.fan-out"]["origin"], "command line")
        self.assertEqual(rows["limits.events"]["origin"], "built in")

    def test_help_says_when_a_file_appears(self):
        out = self.check(self.medley("run", "--help")).decode()
        self.assertIn('A file appears when it is complete; "-o -" streams', out)

    def test_help_of_each_command_has_a_usage_line(self):
        listed = self.check(self.medley("help")).decode()
        commands = [line.split()[0] for line in listed.split("Commands")[1].split("\n\n")[0].splitlines() if line.strip()]
        self.assertIn("run", commands)
        for name in commands:
            out = self.check(self.medley("help", name)).decode()
            self.assertIn(f"Usage: medley {name}", out)
            self.assertIn("Examples", out)
            if name not in ("run", "help"):
                self.assertEqual(self.check(self.medley(name, "--help")).decode(), out)


class Standing(Shell):
    def setUp(self):
        super().setUp()
        self.daemon = Daemon("http.tcp=true", pipelines=PIPELINES)
        self.daemon.start()
        self.environment.update(
            {name: self.daemon.environment[name] for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
        )

    def tearDown(self):
        self.daemon.stop()
        shutil.rmtree(self.daemon.folder, ignore_errors=True)
        super().tearDown()

    def jobs(self, *arguments):
        return [json.loads(line) for line in self.check(self.medley("jobs", "--json", *arguments)).splitlines()]

    def detach(self, *arguments, text=None):
        return self.check(self.medley("run", "--detach", *arguments, text=text)).decode().strip()

    def test_a_run_is_a_job_of_the_daemon(self):
        self.check(self.medley("run", "echo", ":=one", "-o", "one.txt"))
        self.assertEqual(self.private_daemons(), [])
        self.assertEqual([(job["pipeline"], job["state"]) for job in self.jobs()], [("echo", "done")])
        table = self.check(self.medley("jobs")).decode().splitlines()
        self.assertRegex(table[0], r"^JOB +STATE +PIPELINE")
        self.assertRegex(table[1], r"^\w+ +done +echo")
        self.assertRegex(self.check(self.medley("show", "last")).decode(), r"state +done")

    def test_a_detached_job_is_watched_and_fetched(self):
        job = self.detach("speak", "-", text=SENTENCES)
        self.check(self.medley("watch", job))
        self.check(self.medley("output", job[:-2], "-o", "a.ogg"))
        self.assertGreater(decoded_seconds(self.work / "a.ogg"), 3)
        captions = self.check(self.medley("output", "last", "captions")).decode()
        self.assertTrue(captions.startswith("WEBVTT"))
        log = self.check(self.medley("logs", job)).decode()
        self.assertIn("stage-finished speech (espeak)", log)
        self.assertRegex(log, r"done\n$")
        self.check(self.medley("rm", job))
        self.assertEqual(self.jobs(), [])
        gone = self.medley("show", job)
        self.check(gone, 2)
        self.assertIn(b"there is no job", gone.stderr)

    def test_cancel_pause_and_resume(self):
        job = self.detach("endless", ":=x\n")
        self.daemon.wait(job, ("running",))
        self.assertIn(b"paused", self.check(self.medley("pause", job)))
        self.assertIn(b"running", self.check(self.medley("resume", job)))
        refused = self.medley("rm", job)
        self.check(refused, 2)
        self.assertIn(b"wrong-state", refused.stderr)
        self.assertIn(b"cancelled", self.check(self.medley("cancel", "last")))
        self.check(self.medley("watch", job), 130)
        self.assertEqual([j["id"] for j in self.jobs("--state", "cancelled", "--pipeline", "endless")], [job])
        self.assertEqual(self.jobs("--state", "done"), [])

    def test_a_job_cancelled_by_another_ends_the_run(self):
        run = self.start("run", "endless", ":=x\n", "-o", "x.txt")
        self.wait_until(lambda: [j for j in self.jobs() if j["state"] == "running"], "it does not run")
        self.check(self.medley("cancel", "last"))
        _, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130, errors)
        self.assertEqual(list(self.work.iterdir()), [])

    def test_a_growing_output_is_read_while_it_grows(self):
        job = self.detach("endless", ":=line\n")
        run = self.start("output", job)
        self.assertEqual(os.read(run.stdout.fileno(), 4), b"line")
        self.check(self.medley("cancel", job))
        _, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130, errors)

    def test_tcp_needs_the_token(self):
        faces = self.daemon.status()["faces"]
        url = next(word for word in json.dumps(faces).replace('"', " ").replace(",", " ").split() if "127.0.0.1" in word)
        url = url[url.index("127.0.0.1"):].rstrip("/")
        # Without its runtime folder the command does not know the token.
        elsewhere = dict(self.environment, XDG_RUNTIME_DIR=str(self.folder / "runtime"))
        refused = self.medley("jobs", "--host", url, environment=elsewhere)
        self.check(refused, 5)
        self.assertIn(b"unauthorized", refused.stderr)
        token = (self.daemon.socket.parent / "token").read_text().strip()
        self.check(self.medley("jobs", "--host", url, "--token", token, environment=elsewhere))
        self.check(self.medley("run", "--host", f"http://{url}", "echo", ":=far", "-o", "far.txt"))
        self.assertEqual((self.work / "far.txt").read_text(), "far")

    def test_many_pages_of_jobs_are_listed(self):
        for _ in range(25):
            self.daemon.create(pipeline="echo", inputs={"text": {"text": "x"}})
        self.assertEqual(len(self.jobs()), 20)
        self.assertEqual(len(self.jobs("--limit", "3")), 3)
        self.assertEqual(len({job["id"] for job in self.jobs("--all")}), 25)

    def test_an_upload_past_the_limit_is_told(self):
        self.daemon.stop()
        self.daemon.settings.append("limits.text-bytes=100kB")
        self.daemon.start()
        run = self.medley("run", "echo", "-", "-o", "x.txt", text="long line\n" * 300000)
        self.check(run, 3)
        self.assertTrue(run.stderr.startswith(b"medley: too-large: "), run.stderr)
        self.assertEqual(list(self.work.iterdir()), [])

    def test_completion_offers_what_there_is(self):
        self.check(self.medley("run", "echo", ":=x", "-o", "x.txt"))
        job = self.jobs()[0]["id"]
        script = Path(__file__).parents[2] / "data" / "completion" / "medley"
        cases = (("medley ru", {"run"}), ("medley run ech", {"echo"}), ("medley engines esp", {"espeak"}),
                 (f"medley show {job[:3]}", {job}), ("medley jobs --sta", {"--state"}), ("medley jobs --state fa", {"failed"}))
        for line, expected in cases:
            with self.subTest(line=line):
                text = line.split(" ")
                code = (f"source {script}; COMP_WORDS=({' '.join(text)}); COMP_CWORD={len(text) - 1}; _medley; "
                        'printf "%s\\n" "${COMPREPLY[@]}"')
                environment = dict(self.environment, PATH=f"{MEDLEY.parent}:{os.environ['PATH']}")
                run = subprocess.run(["bash", "-c", code], cwd=self.folder, env=environment, capture_output=True,
                                     timeout=PATIENCE, check=True, text=True)
                self.assertEqual(set(run.stdout.split()), expected, run.stderr)


if __name__ == "__main__":
    main()
