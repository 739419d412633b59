# SPDX-License-Identifier: LGPL-2.1-or-later
"""What keeps a job from harming others: each limit ends it with an error that names the stage, the engine and the cause."""

import json
import time
import unittest

from medleytest import MEMORY_FACTOR, PATIENCE, Daemon, main


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
    "maybe.json": pipeline(bad=stage("fakecrash", "text", how="${how}")) | {
        "parameters": {"how": {"type": "string", "default": "segv"}}},
    "either.json": pipeline(s=stage("fakecrash", "text") | {"engine": ["fakecrash", "fakeecho"]}),
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
        daemon = self.serve(f"workers.memory-bytes={64 * MEMORY_FACTOR}MiB", "workers.maximum=1")
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


class Concurrency(Case):
    """What keeps a job waiting although a worker is free."""

    def check_waits(self, reason, *settings):
        daemon = self.serve("workers.maximum=4", *settings)
        first, second = (daemon.create(pipeline="endless", inputs={"text": {"text": "x\n"}}) for _ in range(2))
        daemon.wait(first["id"], ("running",))
        waiting = daemon.job(second["id"])
        self.assertEqual((waiting["state"], waiting["reason"], waiting["position"]), ("queued", reason, 1))
        daemon.curl(f"/api/v1/jobs/{first['id']}/cancel", "-X", "POST")
        daemon.wait(second["id"], ("running",))
        self.assertNotIn("reason", daemon.job(second["id"]))

    def test_classes(self):
        self.check_waits('waits for class "cpu": 1 of 1 jobs run (jobs.classes)', "jobs.classes=gpu=1;cpu=1")

    def test_clients(self):
        self.check_waits("1 of 1 jobs of this client run (limits.running-per-client)", "limits.running-per-client=1")

    def test_a_bad_limit_is_refused_where_it_stands(self):
        done = Daemon().medley("config", "--conf", "jobs.classes=gpu=none")
        self.assertEqual(done.returncode, 7, done)
        self.assertIn(b'jobs.classes: bad value "gpu=none": expected name=number', done.stderr)


class Circuits(Case):
    def serve_circuits(self, seconds):
        return self.serve("workers.circuit-crashes=3", f"workers.circuit-time={seconds}s")

    def crash(self, daemon, times):
        for _ in range(times):
            self.check_failure(self.run_job(daemon, "maybe"), "worker-crashed", "bad", "fakecrash")

    def engines(self, daemon):
        return {engine["name"]: engine for engine in daemon.curl("/api/v1/engines").json()["engines"]}

    def test_an_engine_that_keeps_crashing_is_suspended(self):
        daemon = self.serve_circuits(300)
        self.assertEqual(daemon.status()["circuits"], [])
        self.crash(daemon, 2)
        self.assertEqual(self.run_job(daemon, "maybe", parameters={"how": "never"})["state"], "done")
        self.assertEqual(daemon.status()["circuits"], [], "a success wipes out the crashes before it")
        self.crash(daemon, 3)

        circuit, = daemon.status()["circuits"]
        self.assertEqual((circuit["engine"], circuit["state"], circuit["crashes"]), ("fakecrash", "open", 3))
        self.assertIn("signal 11", circuit["error"])
        self.assertLess(abs(circuit["until"] / 1e6 - time.time() - 300), PATIENCE)
        waiting = daemon.create(pipeline="maybe", inputs={"text": {"text": "x\n"}}, parameters={"how": "never"})
        job = daemon.job(waiting["id"])
        self.assertEqual(job["state"], "queued")
        self.assertRegex(job["reason"], r'^engine "fakecrash" is suspended after 3 crashes until \d\d:\d\d:\d\d$')
        engines = self.engines(daemon)
        self.assertTrue(engines["fakecrash"]["suspended"])
        self.assertEqual(engines["fakecrash"]["suspension"], job["reason"])
        self.assertFalse(engines["fakeecho"]["suspended"])
        self.assertEqual(daemon.medley("engines").stderr.decode().strip(), job["reason"])
        self.assertIn(job["reason"], daemon.medley("engines", "fakecrash").stdout.decode())
        lines = [json.loads(line) for line in daemon.medley("doctor", "--json").stdout.splitlines()]
        self.assertEqual([(line["verdict"], line["detail"].partition(" until ")[0])
                          for line in lines if line["subject"] == "engine"],
                         [("warning", "fakecrash: suspended after 3 crashes")], lines)
        # Others go on, past the one that waits.
        self.assertEqual(self.run_job(daemon, "echo")["state"], "done")
        self.assertEqual(daemon.job(waiting["id"])["state"], "queued")

    def test_a_trial_that_succeeds_ends_it(self):
        daemon = self.serve_circuits(2)
        self.crash(daemon, 3)
        self.assertEqual(self.run_job(daemon, "maybe", parameters={"how": "never"})["state"], "done")
        self.assertEqual(daemon.status()["circuits"], [])
        self.assertFalse(self.engines(daemon)["fakecrash"]["suspended"])

    def test_one_job_tries(self):
        daemon = self.serve_circuits(2)
        self.crash(daemon, 3)
        first = daemon.create(pipeline="maybe", inputs={"text": {"text": "x\n"}})
        second = daemon.create(pipeline="maybe", inputs={"text": {"text": "x\n"}}, parameters={"how": "never"})
        first, second = daemon.wait(first["id"]), daemon.wait(second["id"])
        self.assertEqual((first["state"], second["state"]), ("failed", "done"))
        # Not before the first had ended, and then it was suspended for twice as long.
        self.assertGreater(second["started"] - first["finished"], 3.9e6)

    def test_a_trial_that_is_cancelled_leaves_the_try_to_the_next(self):
        daemon = self.serve_circuits(2)
        self.crash(daemon, 3)
        waiting = [daemon.create(pipeline="maybe", inputs={"text": {"text": "x\n"}}, parameters={"how": "never"})
                   for _ in range(2)]
        daemon.curl(f"/api/v1/jobs/{waiting[0]['id']}/cancel", "-X", "POST")
        self.assertEqual(daemon.wait(waiting[1]["id"])["state"], "done")

    def test_a_list_takes_its_next_engine(self):
        daemon = self.serve_circuits(300)
        for _ in range(3):
            self.check_failure(self.run_job(daemon, "either"), "worker-crashed", "s", "fakecrash")
        job = self.run_job(daemon, "either")
        self.assertEqual(job["state"], "done", job)
        reply = daemon.curl(f"/api/v1/jobs/{job['id']}/events", "-H", "Accept: application/json").json()
        told = [event for event in reply["events"] if event["kind"] == "stage-fallback"]
        self.assertEqual([(event["stage"], event["engine"]) for event in told], [("s", "fakeecho")], reply)
        self.assertIn('engine "fakecrash" is suspended after 3 crashes', told[0]["message"])

    def test_it_can_be_switched_off(self):
        daemon = self.serve("workers.circuit-crashes=0")
        self.crash(daemon, 6)
        self.assertEqual(daemon.status()["circuits"], [])


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
