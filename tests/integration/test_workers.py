# SPDX-License-Identifier: LGPL-2.1-or-later
"""Engines that crash, hang and leak: the job fails with a name to it, others go on, and the pool is whole again."""

import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

from medleytest import PATIENCE, Daemon, main


def pipeline(engine, **settings):
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"bad": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "bad", "type": "text/plain"}},
    }


def between_others(engine, **settings):
    """The bad stage between two good ones: which one it was is not a guess."""
    middle = pipeline(engine, **settings)
    stages = middle["stages"]
    stages["before"] = {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text"}
    stages["bad"]["from"] = "before"
    stages["after"] = {"task": "text-to-text/echo", "engine": "fakeecho", "from": "bad"}
    middle["outputs"]["out"]["from"] = "after"
    return middle


PIPELINES = {
    "segv3.json": between_others("fakecrash", how="segv"),
    "abort3.json": between_others("fakecrash", how="abort"),
    "hang3.json": between_others("fakehang"),
    "echo.json": pipeline("fakeecho"),
    "slow.json": pipeline("fakeslow", **{"delay-ms": 300}),
    "segv.json": pipeline("fakecrash", how="segv"),
    "abort.json": pipeline("fakecrash", how="abort"),
    "exit.json": pipeline("fakecrash", how="exit"),
    "hang.json": pipeline("fakehang"),
    "leak.json": pipeline("fakeleak", mib=4000),
    "endless.json": pipeline("fakeendless"),
}


class Workers(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(
            "workers.memory-bytes=300MiB", "workers.stall=3s", "workers.grace=1s", "workers.maximum=2",
            "workers.heartbeat=3s", "workers.answer=2s", pipelines=PIPELINES
        )
        self.daemon.start()

    def tearDown(self):
        self.daemon.stop()

    def run_job(self, name, text="One line.\n"):
        return self.daemon.wait(self.daemon.create(pipeline=name, inputs={"text": {"text": text}})["id"])

    def check_whole_again(self):
        deadline = time.monotonic() + PATIENCE
        job = self.run_job("echo")
        self.assertEqual(job["state"], "done", job)
        while time.monotonic() < deadline:
            workers = self.daemon.status()["workers"]
            if workers["busy"] == 0 and workers["idle"] >= 1 and workers["starting"] == 0:
                return
            time.sleep(0.05)
        self.fail(f"the pool did not recover: {workers}")

    def check_failure(self, name, code):
        other = self.daemon.create(pipeline="slow", inputs={"text": {"text": "Another job.\n"}})
        job = self.run_job(name)
        self.assertEqual(job["state"], "failed", job)
        self.assertEqual(job["error"]["code"], code, job["error"])
        self.assertEqual(job["error"].get("stage"), "bad", job["error"])
        self.assertTrue(job["error"].get("engine", "").startswith("fake"), job["error"])
        self.assertEqual(self.daemon.wait(other["id"])["state"], "done")
        self.check_whole_again()
        return job

    def test_segmentation_fault(self):
        job = self.check_failure("segv", "worker-crashed")
        self.assertIn("signal 11", job["error"]["message"])

    def test_abort(self):
        job = self.check_failure("abort", "worker-crashed")
        self.assertIn("signal 6", job["error"]["message"])

    def test_exit(self):
        self.check_failure("exit", "worker-crashed")

    def test_hang(self):
        self.check_failure("hang", "worker-hung")

    def test_leak(self):
        self.check_failure("leak", "memory-limit")

    def test_the_right_one_of_three_stages_is_named(self):
        for name, code in (("segv3", "worker-crashed"), ("abort3", "worker-crashed"), ("hang3", "worker-hung")):
            with self.subTest(name):
                self.check_failure(name, code)

    def test_cancel_when_the_engine_ignores_it(self):
        job = self.daemon.create(pipeline="hang", inputs={"text": {"text": "x\n"}})
        self.daemon.wait(job["id"], ("running",))
        self.assertIn(self.daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST").status, (200, 202, 204))
        self.assertEqual(self.daemon.wait(job["id"])["state"], "cancelled")
        # Idempotent.
        self.assertIn(self.daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST").status, (200, 202, 204))
        self.check_whole_again()

    def test_cancel_of_an_endless_job_keeps_its_worker(self):
        self.check_whole_again()
        before = self.daemon.status()["workers"]
        job = self.daemon.create(pipeline="endless", inputs={"text": {"text": "x\n"}})
        self.daemon.wait(job["id"], ("running",))
        self.daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST")
        self.assertEqual(self.daemon.wait(job["id"])["state"], "cancelled")
        self.check_whole_again()
        self.assertEqual(self.daemon.status()["workers"]["lost"], before["lost"])

    def test_a_queued_job_is_cancelled_at_once(self):
        running = [self.daemon.create(pipeline="endless", inputs={"text": {"text": "x\n"}}) for _ in range(2)]
        for job in running:
            self.daemon.wait(job["id"], ("running",))
        waiting = self.daemon.create(pipeline="echo", inputs={"text": {"text": "x\n"}})
        self.assertEqual(waiting["state"], "queued")
        self.assertIn("reason", self.daemon.job(waiting["id"]))
        self.daemon.curl(f"/api/v1/jobs/{waiting['id']}/cancel", "-X", "POST")
        self.assertEqual(self.daemon.job(waiting["id"])["state"], "cancelled")
        for job in running:
            self.daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST")
            self.daemon.wait(job["id"])
        self.check_whole_again()

    def stop_process(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(lambda: alive(pid) and os.kill(pid, signal.SIGKILL))

    def test_a_worker_that_stands_still_is_found_even_while_input_comes(self):
        job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})
        upload = subprocess.Popen(
            ["curl", "-sS", "--unix-socket", str(self.daemon.socket), "-T", "-",
             f"http://localhost/api/v1/jobs/{job['id']}/inputs/text"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        upload.stdin.write(b"One line.\n")
        upload.stdin.flush()
        self.daemon.wait(job["id"], ("running",))
        stopped = self.daemon.status()["workers"]["pids"]
        for pid in stopped:
            self.stop_process(pid)
        job = self.daemon.wait(job["id"])
        for pid in filter(alive, stopped):  # the idle one
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while set(self.daemon.status()["workers"]["pids"]) & set(stopped):
            self.assertLess(time.monotonic(), deadline, "a killed worker is still in the pool")
            time.sleep(0.02)
        upload.stdin.close()
        upload.wait()
        self.assertEqual((job["state"], job["error"]["code"]), ("failed", "worker-hung"), job)
        self.assertIn("sign of life", job["error"]["message"])
        self.check_whole_again()

    def test_a_job_that_waits_for_input_is_left_alone(self):
        job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})
        upload = subprocess.Popen(
            ["curl", "-sS", "--unix-socket", str(self.daemon.socket), "-T", "-",
             f"http://localhost/api/v1/jobs/{job['id']}/inputs/text"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        upload.stdin.write(b"One line.\n")
        upload.stdin.flush()
        time.sleep(5)  # longer than workers.stall and workers.heartbeat
        self.assertEqual(self.daemon.job(job["id"])["state"], "running")
        upload.stdin.close()
        upload.wait()
        self.assertEqual(self.daemon.wait(job["id"])["state"], "done")

    def test_a_worker_that_gives_no_answer_is_replaced(self):
        self.check_whole_again()
        known = set(self.daemon.status()["workers"]["pids"])
        for pid in children_named("medley-worker", self.daemon.process.pid):
            if pid not in known and pid != self.daemon.status()["workers"]["zygote"]:
                self.stop_process(pid)
        reply = self.daemon.curl("/api/v1/engines/fakeecho")
        self.assertEqual(reply.json()["code"], "worker-hung", reply.body)
        reply = self.daemon.curl("/api/v1/engines/fakeecho")
        self.assertEqual(reply.status, 200, reply.body)

    def test_a_worker_that_died_idle_is_not_counted_as_starting(self):
        self.check_whole_again()
        workers = self.daemon.status()["workers"]
        # A job asks for it when it is gone, and the zygote has not yet told of it.
        os.kill(workers["zygote"], signal.SIGSTOP)
        for pid in workers["pids"]:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        job = self.daemon.create(pipeline="echo", inputs={"text": {"text": "One line.\n"}})
        os.kill(workers["zygote"], signal.SIGCONT)
        self.assertEqual(self.daemon.wait(job["id"])["state"], "done")
        self.check_whole_again()

    def test_a_flood_of_messages_is_cut(self):
        begin = time.monotonic()
        with Daemon(pipelines=PIPELINES, environment={"GST_DEBUG": "GST_*:7"}) as daemon:
            for _ in range(3):
                self.assertEqual(daemon.curl("/run/echo", "--data-binary", "Hello.").status, 200)
            reply = daemon.curl("/run/segv", "--data-binary", "Boom.")
            self.assertEqual((reply.json()["code"], reply.json()["engine"]), ("worker-crashed", "fakecrash"))
            daemon.stop()
            lines = daemon.log.read_text(errors="replace").splitlines()
        self.assertLess(len(lines), (time.monotonic() - begin + 2) * 55 + 50)
        self.assertTrue([line for line in lines if "more lines of workers were left out" in line], lines[-5:])

    def test_workers_go_with_the_daemon(self):
        job = self.daemon.create(pipeline="endless", inputs={"text": {"text": "x\n"}})
        self.daemon.wait(job["id"], ("running",))
        pids = self.daemon.status()["workers"]["pids"]
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.daemon.process = None
        deadline = time.monotonic() + 10
        while any(alive(pid) for pid in pids):
            self.assertLess(time.monotonic(), deadline, "workers outlived the daemon")
            time.sleep(0.05)


def children_named(name, pid):
    """Processes of a name below a process, at any depth."""
    found, parents = [], {pid}
    table = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue
        table.append((int(folder.name), stat[stat.index("(") + 1:stat.rindex(")")], int(stat.rpartition(")")[2].split()[1])))
    while parents:
        below = [(p, n) for p, n, parent in table if parent in parents]
        found += [p for p, n in below if n == name]
        parents = {p for p, _ in below}
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    main()
