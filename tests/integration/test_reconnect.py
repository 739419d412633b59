# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shell command when its connection to the daemon goes and comes back: a proxy between them cuts it."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import threading
import time
import unittest

from medleytest import MEDLEY, PATIENCE, Daemon, main

TEXT = "".join(f"Line {i} of the text.\n" for i in range(40))


def pipeline(engine, **settings):
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"work": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "work", "type": "text/plain"}},
    }


PIPELINES = {
    "slow.json": pipeline("fakeslow", **{"delay-ms": 50, "bytes-per-step": 16}),
    "endless.json": pipeline("fakeendless", **{"delay-ms": 20}),
    "echo.json": pipeline("fakeecho"),
    # Ogg has a random number in every page.
    "noise.json": {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"slow": {"task": "text-to-text/slow", "engine": "fakeslow", "from": "text",
                            "set": {"delay-ms": 50, "bytes-per-step": 16}},
                   "voice": {"task": "text-to-audio/speech", "engine": "fakevoice", "from": "slow"}},
        "outputs": {"out": {"from": "voice", "type": "audio/ogg"}},
    },
}


class Proxy:
    """Passes TCP on to a Unix socket, until it is cut: then it closes all, and takes no connections."""

    def __init__(self, target):
        self.target = str(target)
        self.room = None  # bytes that a connection may send before it stands still
        self.lock = threading.Lock()
        self.pairs = set()
        self.listener = None
        self.port = 0
        self.mend()

    def mend(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self.serve, args=(listener,), daemon=True).start()

    def cut(self):
        listener, self.listener = self.listener, None
        try:
            listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def serve(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                listener.close()
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.target)
            except OSError:
                near.close()
                far.close()
                continue
            with self.lock:
                self.pairs.add((near, far))
            threading.Thread(target=self.serve_pair, args=(near, far), daemon=True).start()

    def serve_pair(self, near, far):
        back = threading.Thread(target=self.copy, args=(far, near), daemon=True)
        back.start()
        self.copy(near, far, self.room)
        back.join()
        with self.lock:
            self.pairs.discard((near, far))
        near.close()
        far.close()

    def copy(self, one, other, room=None):
        try:
            while data := one.recv(65536 if room is None else max(min(65536, room), 1)):
                other.sendall(data)
                room = None if room is None else room - len(data)
                while room is not None and room <= 0 and self.listener is not None:
                    time.sleep(0.02)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Shell(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("workers.maximum=1", "jobs.attempts=3", pipelines=PIPELINES)
        cls.daemon.start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def setUp(self):
        self.proxy = Proxy(self.daemon.socket)
        self.input = self.daemon.folder / "text"
        self.input.write_text(TEXT)

    def tearDown(self):
        if self.proxy.listener is not None:
            self.proxy.cut()

    def start(self, *arguments, **options):
        return subprocess.Popen(
            [str(MEDLEY), "--host", f"http://127.0.0.1:{self.proxy.port}", *map(str, arguments)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(self.daemon.environment, NO_COLOR="1"),
            cwd=self.daemon.folder, **options,
        )

    def last(self):
        return self.daemon.curl("/api/v1/jobs?limit=1").json()["jobs"][0]

    def cut_while_it_runs(self, seconds):
        job = self.daemon.wait(self.wait_for_a_job(), states=("running",))["id"]
        time.sleep(0.5)
        self.proxy.cut()
        time.sleep(seconds)
        return job

    def wait_for_a_job(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            jobs = self.daemon.curl("/api/v1/jobs?state=running").json()["jobs"]
            if jobs:
                return jobs[0]["id"]
            time.sleep(0.02)
        raise TimeoutError("no job runs")


class Reconnect(Shell):
    def test_run_goes_on_and_its_output_is_whole(self):
        run = self.start("run", "slow", self.input, "-o", "-")
        self.cut_while_it_runs(1.5)
        self.proxy.mend()
        out, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, errors)
        self.assertEqual(out.decode(), TEXT)
        self.assertIn("the daemon is away; waiting for it to come back\nthe daemon is back\n", errors.decode())

    def test_the_job_may_end_meanwhile(self):
        run = self.start("run", "slow", self.input, "-o", "-", "-q")
        job = self.cut_while_it_runs(0)
        self.daemon.wait(job)
        self.proxy.mend()
        out, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual((run.returncode, out.decode(), errors), (0, TEXT, b""))

    def test_a_file_is_fetched_when_the_daemon_is_back(self):
        target = self.daemon.folder / "out.txt"
        run = self.start("run", "slow", self.input, "-o", target, "-q")
        self.cut_while_it_runs(0.5)
        self.assertFalse(target.exists())
        self.proxy.mend()
        self.assertEqual((run.wait(PATIENCE), run.stderr.read()), (0, b""))
        self.assertEqual(target.read_text(), TEXT)
        run.stdout.close()
        run.stderr.close()

    def test_watch_tells_every_event_once(self):
        job = self.daemon.create(pipeline="slow", inputs={"text": {"text": TEXT}})["id"]
        watch = self.start("watch", job, "--json")
        for _ in range(2):
            self.cut_while_it_runs(0.4)
            self.proxy.mend()
        out, errors = watch.communicate(timeout=PATIENCE)
        self.assertEqual(watch.returncode, 0, errors)
        events = [json.loads(line) for line in out.splitlines()]
        seqs = [event["seq"] for event in events]
        self.assertEqual(seqs, sorted(set(seqs)))
        self.assertEqual(events[-1]["state"], "done")
        kinds = [event["kind"] for event in events]
        for kind in ("stage-started", "stage-first-output", "stage-finished"):
            self.assertEqual(kinds.count(kind), 1, kinds)

    def test_a_job_that_is_gone_when_the_daemon_is_back(self):
        job = self.daemon.create(pipeline="slow", inputs={"text": {"text": TEXT}})["id"]
        watch = self.start("watch", job)
        self.cut_while_it_runs(0.5)
        self.daemon.wait(job)
        self.daemon.curl(f"/api/v1/jobs/{job}", "-X", "DELETE")
        self.proxy.mend()
        out, errors = watch.communicate(timeout=PATIENCE)
        self.assertEqual(watch.returncode, 2)
        self.assertIn("came back without the job", errors.decode())

    def test_ctrl_c_while_the_daemon_is_away_leaves(self):
        run = self.start("run", "endless", self.input, "-o", "-")
        job = self.cut_while_it_runs(0.6)
        run.send_signal(signal.SIGINT)
        out, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130)
        self.assertIn(f"the job {job} may go on", errors.decode())
        self.proxy.mend()
        self.daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST")
        self.daemon.wait(job)

    def test_a_job_that_waits_says_why(self):
        block = self.daemon.create(pipeline="endless", inputs={"text": {"text": "Go on.\n"}})["id"]
        self.daemon.wait(block, states=("running",))
        main_end, terminal = pty.openpty()
        run = subprocess.Popen(
            [str(MEDLEY), "run", "slow", str(self.input), "-o", os.devnull], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=terminal, env=dict(self.daemon.environment, TERM="xterm"),
        )
        os.close(terminal)
        shown = b""
        deadline = time.monotonic() + PATIENCE
        while b"place 1" not in shown and time.monotonic() < deadline:
            if select.select([main_end], [], [], 1)[0]:
                shown += os.read(main_end, 4096)
        self.assertRegex(shown, rb"waits .*\(place 1\)")
        jobs = self.daemon.medley("jobs").stdout.decode()
        self.assertRegex(jobs, r"queued +slow +#1 .* waits ")
        self.daemon.curl(f"/api/v1/jobs/{block}/cancel", "-X", "POST")
        while run.poll() is None:
            try:
                select.select([main_end], [], [], 0.1)[0] and os.read(main_end, 4096)
            except OSError:
                break
        self.assertEqual(run.wait(PATIENCE), 0)
        os.close(main_end)


class Restart(Shell):
    """The same with a daemon that is killed."""

    def kill(self):
        self.daemon.process.send_signal(signal.SIGKILL)
        self.daemon.process.wait()
        self.proxy.cut()

    def come_back(self):
        self.daemon.start()
        self.proxy.mend()

    def kill_while_it_runs(self):
        job = self.wait_for_a_job()
        deadline = time.monotonic() + PATIENCE
        while self.daemon.job(job)["outputs"]["out"]["size"] == 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        time.sleep(0.3)
        self.kill()
        time.sleep(0.4)
        self.come_back()
        return job

    def test_run_goes_on_with_the_job(self):
        run = self.start("run", "slow", self.input, "-o", "-")
        job = self.kill_while_it_runs()
        out, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, errors)
        self.assertEqual(out.decode(), TEXT)
        self.assertIn("the daemon is back", errors.decode())
        self.assertIn("interrupted in attempt 1: ", errors.decode())
        found = self.daemon.job(job)
        self.assertEqual((found["state"], found["attempt"]), ("done", 2))

    def test_what_was_streamed_has_to_be_how_the_output_begins(self):
        self.assertEqual(self.daemon.medley("pipelines", "noise").returncode, 0)
        run = self.start("run", "noise", self.input, "-o", "-")
        job = self.kill_while_it_runs()
        out, errors = run.communicate(timeout=PATIENCE)
        final = self.daemon.curl(f"/api/v1/jobs/{job}/outputs/out").body
        self.assertEqual(self.daemon.wait(job)["state"], "done")
        self.assertGreater(len(out), 0)
        self.assertFalse(final.startswith(out), "the output has to differ for this test to mean anything")
        self.assertEqual(run.returncode, 6, errors)
        self.assertIn("interrupted", errors.decode())
        self.assertIn(f'"medley output {job} out" fetches it anew', errors.decode())

    def test_watch_goes_on_with_the_job(self):
        job = self.daemon.create(pipeline="slow", inputs={"text": {"text": TEXT}})["id"]
        watch = self.start("watch", job)
        self.kill_while_it_runs()
        out, errors = watch.communicate(timeout=PATIENCE)
        self.assertEqual(watch.returncode, 0, errors)
        lines = [line.split("  ")[1] for line in out.decode().splitlines() if line[0] != " "]
        self.assertEqual(lines.count("starting"), 2, lines)
        self.assertEqual(lines.count("interrupted in attempt 1: the daemon ended while the job ran"), 1, lines)
        self.assertEqual(lines[-1], "done")

    def test_a_file_that_did_not_arrive_is_sent_again(self):
        big = self.daemon.folder / "big"
        big.write_text(TEXT * 1000)
        self.proxy.room = 200_000
        run = self.start("run", "echo", big, "-o", "-")
        self.wait_for_a_job()
        self.kill()
        self.proxy.room = None
        self.come_back()
        out, errors = run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 0, errors)
        self.assertEqual(out.decode(), TEXT * 1000)

    def test_standard_input_cannot_be_sent_again(self):
        reader, writer = os.pipe()
        run = subprocess.Popen(
            [str(MEDLEY), "--host", f"http://127.0.0.1:{self.proxy.port}", "run", "echo", "-", "-o", "-"], stdin=reader,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(self.daemon.environment, NO_COLOR="1"),
        )
        os.close(reader)
        os.write(writer, TEXT.encode())
        job = self.wait_for_a_job()
        self.kill()
        self.come_back()
        out, errors = run.communicate(timeout=PATIENCE)
        os.close(writer)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("unavailable: input \"text\" broke off when the daemon went away", errors.decode())
        self.assertEqual(self.daemon.wait(job)["state"], "cancelled")


if __name__ == "__main__":
    main()
