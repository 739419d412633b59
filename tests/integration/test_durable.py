# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs that outlive the daemon, and the order in which they run.

Every case looks at what a client sees after the daemon was killed with SIGKILL (or the disk was tampered with, as a loss of
power would) and started again on the same folders.
"""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import unittest

from leftovers import descendants
from medleytest import PATIENCE, Daemon, main


def pipeline(engine, **settings):
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"work": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "work", "type": "text/plain"}},
    }


PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    "slow.json": pipeline("fakeslow", **{"delay-ms": 100, "bytes-per-step": 4}),
    "endless.json": pipeline("fakeendless", **{"delay-ms": 20}),
    "crash.json": pipeline("fakecrash", how="segv"),
    "hang.json": pipeline("fakehang"),
    "flaky.json": pipeline("fakeflaky", **{"fail-count": 1}),
}


def text(value):
    return {"text": {"text": value}}


class Case(unittest.TestCase):
    settings = ()

    def setUp(self):
        self.daemon = Daemon("jobs.attempts=3", "jobs.retry-delay=0", *self.settings, pipelines=PIPELINES)
        self.enterContext(self.daemon)

    def restart(self):
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.daemon.start()

    def create(self, name, value="Some text.", **options):
        return self.daemon.create(pipeline=name, inputs=text(value), **options)["id"]

    def state(self, job):
        return self.daemon.job(job)["state"]

    def output(self, job):
        return self.daemon.curl(f"/api/v1/jobs/{job}/outputs/out")

    def events(self, job, after=0):
        return self.daemon.curl(f"/api/v1/jobs/{job}/events?after={after}", "-H", "Accept: application/json").json()["events"]

    def wait_until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def spool(self):
        return self.daemon.folder / "state" / "medley" / "spool"

    def files(self):
        return sorted(p.name for p in self.spool().iterdir() if p.is_file() and p.name != ".lock")

    def problem(self, reply, status, code):
        self.assertEqual((reply.status, reply.json()["code"]), (status, code), reply.body)
        return reply.json()["detail"]


class Recovery(Case):
    def test_a_finished_job_is_what_it_was(self):
        job = self.create("slow", "twelve bytes")
        before = self.daemon.wait(job)
        events = self.events(job)
        self.restart()
        self.assertEqual(self.daemon.job(job), before)
        self.assertEqual(self.output(job).body, b"twelve bytes")
        self.assertEqual(self.events(job), events)

    def test_what_ran_runs_again_and_what_waited_runs(self):
        running = [self.create("slow", "x" * 40) for _ in range(2)]
        queued = self.create("echo", "waits")
        self.wait_until(lambda: all(self.state(job) == "running" for job in running))
        time.sleep(0.3)  # their start is in the store by then
        last = self.daemon.job(running[0])["lastEvent"]
        self.restart()
        for job in running:
            found = self.daemon.wait(job)
            self.assertEqual((found["state"], found["attempt"]), ("done", 2))
            self.assertEqual(found["attempts"][0]["error"]["code"], "interrupted")
            self.assertEqual(self.output(job).body, b"x" * 40)
        self.assertIn("interrupted", [e["kind"] for e in self.events(running[0])])
        self.assertEqual(self.daemon.wait(queued)["attempt"], 1)
        # Whoever followed it finds the rest beyond what it has seen.
        later = [e["seq"] for e in self.events(running[0], after=last)]
        self.assertTrue(later and min(later) > last, (last, later))

    def test_attempts_run_out(self):
        job = self.create("endless", attempts=2)
        for _ in range(2):
            self.wait_until(lambda: self.state(job) == "running")
            time.sleep(0.3)
            self.restart()
        found = self.daemon.wait(job)
        self.assertEqual((found["state"], found["error"]["code"]), ("failed", "interrupted"))
        self.assertEqual(len(found["attempts"]), 2)

    def test_a_cancel_that_was_answered_holds(self):
        job = self.create("endless")
        waiting = [self.create("endless") for _ in range(3)]
        self.wait_until(lambda: self.state(job) == "running")
        for each in (job, waiting[-1]):
            self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{each}/cancel", "-X", "POST").status, 200)
        self.restart()
        self.assertEqual(self.daemon.wait(job)["state"], "cancelled")
        self.assertEqual(self.daemon.wait(waiting[-1])["state"], "cancelled")

    def test_a_removed_job_stays_away(self):
        job = self.create("echo")
        self.daemon.wait(job)
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}", "-X", "DELETE").status, 204)
        self.restart()
        self.problem(self.daemon.curl(f"/api/v1/jobs/{job}"), 404, "not-found")
        self.assertEqual(self.files(), [])

    def test_a_paused_job_is_paused_again(self):
        job = self.create("slow", "y" * 200)
        self.wait_until(lambda: self.state(job) == "running")
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/pause", "-X", "POST").status, 200)
        self.restart()
        self.wait_until(lambda: self.state(job) == "paused")
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/resume", "-X", "POST").status, 200)
        self.assertEqual(self.daemon.wait(job)["state"], "done")
        self.assertEqual(self.output(job).body, b"y" * 200)

    def test_an_upload_is_awaited_anew(self):
        job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        self.restart()
        self.assertEqual(self.daemon.job(job)["reason"], "waits for the upload of an input")
        self.assertEqual(
            self.daemon.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", "-", input=b"late").status, 204)
        self.daemon.wait(job)
        self.restart()
        self.assertEqual(self.output(job).body, b"late")

    def test_an_answered_upload_is_kept(self):
        jobs = [self.create("endless") for _ in range(3)]  # so that it waits
        job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        content = b"0123456789abcdef" * 8192
        self.assertEqual(
            self.daemon.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", "-", input=content).status, 204)
        self.restart()
        for each in jobs:
            self.daemon.curl(f"/api/v1/jobs/{each}/cancel", "-X", "POST")
        self.daemon.wait(job)
        self.assertEqual(self.output(job).body, content)

    def test_small_files_come_back_after_a_loss_of_power(self):
        done, held = self.create("echo", "result"), [self.create("endless") for _ in range(2)]
        waiting = self.create("echo", "input")
        self.daemon.wait(done)
        self.daemon.process.kill()
        self.daemon.process.wait()
        (self.spool() / f"{done}-0.out").write_bytes(b"")
        (self.spool() / f"{waiting}-0.in").unlink()
        self.daemon.start()
        self.assertEqual(self.output(done).body, b"result")
        for each in held:
            self.daemon.curl(f"/api/v1/jobs/{each}/cancel", "-X", "POST")
        self.assertEqual(self.daemon.wait(waiting)["state"], "done")
        self.assertEqual(self.output(waiting).body, b"input")

    def test_a_lost_large_file_is_told(self):
        job = self.create("echo", "z" * 100000)
        self.daemon.wait(job)
        self.daemon.process.kill()
        self.daemon.process.wait()
        (self.spool() / f"{job}-0.out").write_bytes(b"z" * 99999)
        self.daemon.start()
        self.assertIn("the disk lost them", self.problem(self.output(job), 500, "io-error"))

    def test_files_of_no_job_go_and_others_stay(self):
        job = self.create("echo")
        self.daemon.wait(job)
        self.daemon.process.kill()
        self.daemon.process.wait()
        (self.spool() / "0123456789abcdef-0.out").write_bytes(b"orphan")
        (self.spool() / "notes.out").write_bytes(b"mine")
        self.daemon.start()
        self.assertEqual(self.files(), sorted([f"{job}-0.in", f"{job}-0.out", "notes.out"]))

    def test_a_damaged_store_is_told_and_kept(self):
        self.daemon.wait(self.create("echo"))
        self.daemon.stop()
        store = self.spool() / "store" / "jobs.db"
        with sqlite3.connect(store) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            db.execute("PRAGMA user_version = 99")
        db.close()
        before = store.read_bytes()
        with self.assertRaisesRegex(RuntimeError, "bad-store: .*newer Medley.*left as it is"):
            self.daemon.start()
        self.assertEqual(store.read_bytes(), before)
        with sqlite3.connect(store) as db:
            db.execute(f"PRAGMA user_version = {version}")
        db.close()
        self.daemon.start()
        self.assertEqual(self.daemon.status()["jobs"]["done"], 1)

    def test_a_lost_store_takes_no_files_with_it(self):
        self.daemon.wait(self.create("echo"))
        self.daemon.stop()
        store, aside = self.spool() / "store", self.daemon.folder / "aside"
        store.rename(aside)
        files = self.files()
        for _ in range(2):
            with self.assertRaisesRegex(RuntimeError, "bad-store: .*holds files of jobs"):
                self.daemon.start()
            self.assertEqual(self.files(), files)
        aside.rename(store)
        self.daemon.start()
        self.assertEqual(self.daemon.status()["jobs"]["done"], 1)
        self.assertGreaterEqual(self.daemon.status()["store"]["version"], 1)

    def test_without_durability_nothing_is_kept(self):
        self.daemon.stop()
        self.daemon.settings.append("jobs.durable=false")
        self.daemon.start()
        self.daemon.wait(self.create("echo"))
        self.restart()
        self.assertEqual(self.daemon.curl("/api/v1/jobs").json()["jobs"], [])
        self.assertEqual(self.files(), [])


class Order(Case):
    settings = ("workers.maximum=1",)

    def started(self, jobs):
        return sorted(jobs, key=lambda job: self.daemon.job(job)["started"])

    def test_priority_goes_first_and_places_are_told(self):
        first = self.create("slow", "x" * 40)
        self.wait_until(lambda: self.state(first) == "running")
        low, middle, high = (self.create("echo", priority=p) for p in (-5, 0, 5))
        self.assertEqual([self.daemon.job(j)["position"] for j in (low, middle, high)], [3, 2, 1])
        self.assertEqual(self.daemon.job(low)["reason"], "waits for a free worker")
        for job in (low, middle, high):
            self.daemon.wait(job)
        self.assertEqual(self.started([low, middle, high]), [high, middle, low])

    def test_priority_survives(self):
        first = self.create("slow", "x" * 40)
        low, high = self.create("echo", priority=-5), self.create("echo", priority=5)
        self.restart()
        for job in (first, low, high):
            self.daemon.wait(job)
        self.assertEqual(self.started([low, high]), [high, low])

    def test_a_scheduled_job_waits_for_its_time(self):
        begin = int(time.time() * 1e6)
        late = self.create("echo", startAt=begin + 3_600_000_000)
        soon = self.create("echo", startAt=begin + 1_500_000)
        found = self.daemon.job(late)
        self.assertEqual(found["state"], "queued")
        self.assertRegex(found["reason"], "is scheduled for [0-9-]+ [0-9:]+")
        self.restart()
        self.assertEqual(self.state(late), "queued")
        self.assertGreaterEqual(self.daemon.wait(soon)["started"], begin + 1_500_000)
        self.assertEqual(self.state(late), "queued")

    def test_a_deadline_ends_what_waits_and_what_runs(self):
        deadline = int(time.time() * 1e6) + 1_000_000
        jobs = [self.create("endless", deadline=deadline), self.create("echo", deadline=deadline)]
        for job in jobs:
            found = self.daemon.wait(job)
            self.assertEqual((found["state"], found["error"]["code"]), ("failed", "deadline"))
            self.assertGreaterEqual(found["finished"], deadline)
        late = self.daemon.curl("/api/v1/jobs", "-H", "Content-Type: application/json", "-d", json.dumps(
            {"pipeline": "echo", "inputs": text("x"), "deadline": deadline}))
        self.problem(late, 400, "invalid-argument")

    def test_a_run_may_be_short(self):
        found = self.daemon.wait(self.create("endless", runTime=1))
        self.assertEqual((found["state"], found["error"]["code"]), ("failed", "time-limit"))
        self.assertEqual(len(found["attempts"]), 1)

    def test_a_pause_is_no_part_of_a_run(self):
        job = self.create("slow", "x" * 40, runTime=2)
        self.wait_until(lambda: self.state(job) == "running")
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/pause", "-X", "POST").status, 200)
        time.sleep(2.5)
        self.assertEqual(self.state(job), "paused")
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/resume", "-X", "POST").status, 200)
        self.assertEqual(self.daemon.wait(job)["state"], "done")


class Grace(Case):
    settings = ("workers.grace=3s",)

    def test_a_cancel_counts_also_while_the_job_is_stopped_for_something_else(self):
        deadline = int(time.time() * 1e6) + 1_500_000
        job = self.create("hang", deadline=deadline)
        self.wait_until(lambda: self.state(job) == "running")
        time.sleep(max(0, deadline / 1e6 - time.time()) + 0.5)
        self.assertEqual(self.state(job), "running")
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST").status, 200)
        self.assertEqual(self.daemon.wait(job)["state"], "cancelled")


class Between(Case):
    """While a job waits for its next attempt."""

    settings = ("jobs.retry-delay=1h",)

    def test_nobody_reads_what_the_attempt_before_left(self):
        """Its bytes and those of the next attempt would make one output that no attempt made."""
        job = self.create("slow", "Some text that is long enough to be killed in the middle of it. " * 20)
        self.wait_until(lambda: self.daemon.job(job)["outputs"]["out"]["size"] > 8)
        for pid, _ in descendants(self.daemon.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: self.state(job) == "queued")
        with socket.socket(socket.AF_UNIX) as reader:
            reader.settimeout(1)
            reader.connect(str(self.daemon.socket))
            reader.sendall(f"GET /api/v1/jobs/{job}/outputs/out HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            with self.assertRaises(TimeoutError):
                self.fail(f"read {reader.recv(4096)}")
            self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST").status, 200)
            reader.settimeout(PATIENCE)
            self.assertIn(b"HTTP/1.1 409", reader.recv(4096))


class Again(Case):
    def test_a_killer_of_workers_is_put_away_with_its_last_words(self):
        found = self.daemon.wait(self.create("crash", attempts=10))
        error = found["error"]
        self.assertEqual((found["state"], error["code"]), ("failed", "poisoned"))
        self.assertEqual((error["stage"], error["engine"]), ("work", "fakecrash"))
        self.assertEqual([a["number"] for a in found["attempts"]], [1, 2, 3])
        for attempt in found["attempts"]:
            self.assertEqual(attempt["error"]["code"], "worker-crashed")
            self.assertTrue(any("signal" in line for line in attempt["log"]), attempt)
        self.assertEqual([e["kind"] for e in self.events(found["id"])].count("retry"), 2)

    def test_fewer_attempts_end_with_the_attempts_error(self):
        found = self.daemon.wait(self.create("crash", attempts=2))
        self.assertEqual((found["error"]["code"], len(found["attempts"])), ("worker-crashed", 2))

    def test_a_failed_job_is_retried_when_asked(self):
        job = self.create("flaky")
        self.assertEqual(self.daemon.wait(job)["error"]["code"], "engine-failed")
        self.restart()
        self.problem(self.daemon.curl(f"/api/v1/jobs/{job}/pause", "-X", "POST"), 409, "wrong-state")
        for _ in range(3):  # the new worker's engine fails once as well
            reply = self.daemon.curl(f"/api/v1/jobs/{job}/retry", "-X", "POST")
            self.assertEqual(reply.status, 200, reply.body)
            self.assertNotIn("error", reply.json())
            if self.daemon.wait(job)["state"] == "done":
                break
        self.assertEqual(self.output(job).body, b"Some text.")
        self.assertEqual(self.daemon.status()["jobs"]["failed"], 0)
        self.problem(self.daemon.curl(f"/api/v1/jobs/{job}/retry", "-X", "POST"), 409, "wrong-state")
        self.restart()
        self.assertEqual(self.state(job), "done")

    def test_what_a_retried_job_does_is_written_down(self):
        job = self.create("endless", runTime=1, attempts=1)
        self.assertEqual(self.daemon.wait(job)["error"]["code"], "time-limit")
        self.restart()
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/retry", "-X", "POST").status, 200)
        self.wait_until(lambda: self.state(job) == "running")
        time.sleep(0.3)
        self.restart()
        found = self.daemon.wait(job)
        self.assertEqual([a["error"]["code"] for a in found["attempts"]], ["time-limit", "interrupted"])

    def test_a_reader_is_told_that_an_output_began_anew(self):
        # The first attempt writes, then its worker is killed; who has read of it cannot go on.
        job = self.create("slow", "abcd" * 30)
        reader = subprocess.Popen(
            ["curl", "-sSN", "--unix-socket", str(self.daemon.socket),
             f"http://localhost/api/v1/jobs/{job}/outputs/out"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(reader.stdout.read(4), b"abcd")
        self.daemon.kill_workers(job)
        rest, errors = reader.communicate(timeout=PATIENCE)
        self.assertNotEqual(reader.returncode, 0, rest)
        found = self.daemon.wait(job)
        self.assertEqual((found["state"], found["attempt"]), ("done", 2))
        self.assertEqual(self.output(job).body, b"abcd" * 30)


class Retention(Case):
    settings = ("jobs.keep=5",)

    def kept(self):
        return [job["id"] for job in self.daemon.curl("/api/v1/jobs").json()["jobs"]]

    def test_the_newest_are_kept(self):
        jobs = [self.create("echo", f"job {i}") for i in range(9)]
        for job in jobs[-2:]:
            self.daemon.wait(job)
        self.wait_until(lambda: len(self.kept()) == 5 and self.daemon.status()["jobs"]["queued"] == 0)
        self.wait_until(lambda: len(self.files()) == 10)
        self.restart()
        self.assertEqual(len(self.kept()), 5)
        self.assertEqual(self.daemon.status()["jobs"]["done"], 5)


class Space(Case):
    settings = ("jobs.keep-bytes=30000",)

    def test_old_jobs_go_when_they_take_too_much(self):
        for _ in range(4):
            self.daemon.wait(self.create("echo", "b" * 6000))
        self.wait_until(lambda: self.daemon.status()["store"]["endedBytes"] <= 30000)
        self.assertEqual(self.daemon.status()["jobs"]["done"], 2)

    def test_a_disk_that_is_nearly_full_takes_no_jobs(self):
        self.daemon.stop()
        self.daemon.settings.append(f"limits.free-space={2**60}")
        self.daemon.start()
        reply = self.daemon.curl("/run/echo", "-d", "x")
        self.assertIn("limits.free-space", self.problem(reply, 507, "no-space"))


class Age(Case):
    settings = ("jobs.keep-time=1",)

    def test_old_jobs_go_at_the_next_look(self):
        job = self.create("echo")
        self.daemon.wait(job)
        time.sleep(1.2)
        self.restart()
        self.wait_until(lambda: self.daemon.curl(f"/api/v1/jobs/{job}").status == 404)
        self.wait_until(lambda: self.files() == [])


if __name__ == "__main__":
    main()
