# SPDX-License-Identifier: LGPL-2.1-or-later
"""What keeps a job from harming others: each limit ends it with an error that names the stage, the engine and the cause."""

import json
import time
import unittest

from medleytest import PATIENCE, Daemon, main


def stage(engine, source, stall=None, **settings):
    described = {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": source, "set": settings}
    return described if stall is None else described | {"stall": stall}


def pipeline(**stages):
    """The last stage gives the output."""
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}}, "stages": stages,
        "outputs": {"out": {"from": list(stages)[-1], "type": "text/plain"}},
    }


PIPELINES = {
    "echo.json": pipeline(s=stage("fakeecho", "text")),
    "slow.json": pipeline(s=stage("fakeslow", "text", **{"delay-ms": 6000})),
    "patient.json": pipeline(s=stage("fakeslow", "text", 60, **{"delay-ms": 6000})),
    "hang.json": pipeline(s=stage("fakehang", "text")),
    "impatient.json": pipeline(
        before=stage("fakeecho", "text", 50), bad=stage("fakehang", "before", 1), after=stage("fakeecho", "bad", 50)),
    "other-is-patient.json": pipeline(bad=stage("fakehang", "text"), after=stage("fakeecho", "bad", 50)),
    "leak.json": pipeline(before=stage("fakeecho", "text"), bad=stage("fakeleak", "before", mib=4000)),
    "endless.json": pipeline(s=stage("fakeendless", "text")),
    "segv.json": pipeline(before=stage("fakeecho", "text"), bad=stage("fakecrash", "before", how="segv")),
    # It ends without a word: only where there is one stage is there no doubt.
    "exit.json": pipeline(bad=stage("fakecrash", "text", how="exit")),
}
ONE_ATTEMPT = ("jobs.attempts=1", "workers.grace=1s")


class Case(unittest.TestCase):
    def serve(self, *settings):
        daemon = Daemon(*ONE_ATTEMPT, *settings, pipelines=PIPELINES)
        daemon.start()
        self.addCleanup(daemon.stop)
        return daemon

    def run_job(self, daemon, name, **request):
        created = daemon.create(pipeline=name, inputs={"text": {"text": "One line.\n"}}, **request)
        return daemon.wait(created["id"])

    def check_failure(self, job, code, stage, engine, *causes):
        self.assertEqual(job["state"], "failed", job)
        error = job["error"]
        self.assertEqual((error["code"], error.get("stage"), error.get("engine")), (code, stage, engine), error)
        for cause in (f'stage "{stage}"', engine, *causes):
            self.assertIn(cause, error["message"])


class Limits(Case):
    def test_stall_of_a_stage_is_shorter(self):
        daemon = self.serve("workers.stall=10min")
        begin = time.monotonic()
        self.check_failure(self.run_job(daemon, "impatient"), "worker-hung", "bad", "fakehang",
                           "no progress for 1 s", "\"stall\"")
        self.assertLess(time.monotonic() - begin, PATIENCE)

    def test_stall_of_a_stage_is_longer(self):
        daemon = self.serve("workers.stall=2s")
        self.check_failure(self.run_job(daemon, "slow"), "worker-hung", "s", "fakeslow", "2 s (workers.stall)")
        self.assertEqual(self.run_job(daemon, "patient")["state"], "done")

    def test_stall_is_that_of_the_stage_at_work(self):
        daemon = self.serve("workers.stall=2s")
        self.check_failure(self.run_job(daemon, "other-is-patient"), "worker-hung", "bad", "fakehang",
                           "2 s (workers.stall)")

    def test_memory(self):
        daemon = self.serve("workers.memory-bytes=300MiB")
        self.check_failure(self.run_job(daemon, "leak"), "memory-limit", "bad", "fakeleak", "limit of 300 MiB")
        self.assertEqual(self.run_job(daemon, "echo")["state"], "done")
        self.assertIn(daemon.status()["workers"]["memoryLimit"], ("cgroup", "watched"))

    def test_memory_shared_with_the_zygote_is_not_counted(self):
        # A worker shares more than this with its zygote.
        daemon = self.serve("workers.memory-bytes=64MiB", "workers.maximum=1")
        self.assertEqual(self.run_job(daemon, "patient")["state"], "done")
        self.assertEqual(daemon.status()["workers"]["lost"], 0)

    def test_run_time(self):
        daemon = self.serve("limits.run-time=2s")
        self.check_failure(self.run_job(daemon, "endless"), "time-limit", "s", "fakeendless", "limit of 2 s")
        self.assertEqual(self.run_job(daemon, "echo")["state"], "done")

    def test_signal_and_exit_status(self):
        daemon = self.serve()
        self.check_failure(self.run_job(daemon, "segv"), "worker-crashed", "bad", "fakecrash", "signal 11")
        self.check_failure(self.run_job(daemon, "exit"), "worker-crashed", "bad", "fakecrash", "exited with status")


class Replacement(Case):
    def test_workers_that_end_at_once_are_seen(self):
        daemon = self.serve("paths.worker=/bin/false", "workers.mode=exec")
        reply = daemon.curl("/run/echo", "--data-binary", "One line.")
        self.assertEqual((reply.status, reply.json()["code"]), (503, "unavailable"), reply.body)
        self.assertIn("no worker can be started: worker", reply.json()["detail"])
        workers = daemon.status()["workers"]
        self.assertGreaterEqual(workers["failures"], 4)
        self.assertIn("exited with status 1", workers["lastFailure"])
        # With back-off: hundreds would have been started by now.
        self.assertLess(workers["started"], 40)
        lines = [json.loads(line) for line in daemon.medley("doctor", "--json").stdout.splitlines()]
        told = [line for line in lines if "ended before they had a job" in line["detail"]]
        self.assertEqual([(line["subject"], line["verdict"]) for line in told], [("workers", "failure")], lines)


if __name__ == "__main__":
    main()
