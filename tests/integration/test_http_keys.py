# SPDX-License-Identifier: LGPL-2.1-or-later
"""Idempotency keys, options as headers, and what is answered when there is no room, over HTTP."""

import json
import os
import shutil
import socket
import subprocess
import time
import unittest

from medleytest import PATIENCE, Daemon, main


def pipeline(engine, **settings):
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "parameters": {"priority": {"type": "string", "default": "none", "description": "A name that is an option's as well"}},
        "stages": {"work": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "work", "type": "text/plain"}},
    }


PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    "slow.json": pipeline("fakeslow", **{"delay-ms": 100, "bytes-per-step": 16}),
    "endless.json": pipeline("fakeendless", **{"delay-ms": 20}),
}
TEXT = "".join(f"Line {i} of the text.\n" for i in range(20)).encode()


class Face(unittest.TestCase):
    SETTINGS = ("workers.maximum=1",)

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(*cls.SETTINGS, pipelines=PIPELINES)
        cls.daemon.start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()
        log = cls.daemon.log.read_text(errors="replace")
        shutil.rmtree(cls.daemon.folder, ignore_errors=True)
        if "CRITICAL" in log:
            raise AssertionError(log[-4000:])

    def run_pipeline(self, target, key=None, body=TEXT, headers=()):
        words = [w for h in headers for w in ("-H", h)]
        if key is not None:
            words += ["-H", f'Idempotency-Key: "{key}"']
        return self.daemon.curl(f"/run/{target}", *words, "--data-binary", "@-", input=body)

    def create(self, *headers, **request):
        words = [w for h in ("Content-Type: application/json", *headers) for w in ("-H", h)]
        request.setdefault("inputs", {"text": {"text": "One line.\n"}})
        return self.daemon.curl("/api/v1/jobs", *words, "--data-binary", json.dumps(request))

    def problem(self, reply, status, code):
        self.assertEqual((reply.status, reply.json()["code"]), (status, code), reply.body)
        self.assertEqual(reply.json()["status"], status)
        if status in (429, 503):
            self.assertGreater(int(reply.headers["retry-after"]), 0)
        return reply.json()


class Keys(Face):
    def test_a_job_is_created_once(self):
        first = self.create("Idempotency-Key: one", pipeline="echo")
        second = self.create('Idempotency-Key: "one"', pipeline="echo")
        third = self.create(pipeline="echo", idempotencyKey="one")
        self.assertEqual([r.status for r in (first, second, third)], [201, 201, 201])
        self.assertNotIn("idempotency-replayed", first.headers)
        for reply in (second, third):
            self.assertEqual(reply.headers["idempotency-replayed"], "true")
            self.assertEqual(reply.headers["location"], first.headers["location"])
            self.assertEqual(reply.json()["id"], first.json()["id"])
        self.problem(self.create("Idempotency-Key: one", pipeline="slow"), 422, "key-reused")
        self.problem(self.create("Idempotency-Key: one", pipeline="echo", inputs={"text": {"text": "Two."}}), 422, "key-reused")

    def test_two_at_once_are_one(self):
        words = ["curl", "-sS", "--unix-socket", str(self.daemon.socket), "--max-time", str(PATIENCE), "-H",
                 "Content-Type: application/json", "-H", "Idempotency-Key: at-once", "--data-binary",
                 json.dumps({"pipeline": "echo", "inputs": {"text": {"text": "One line.\n"}}}), "http://localhost/api/v1/jobs"]
        calls = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(8)]
        found = {json.loads(call.communicate(timeout=PATIENCE)[0])["id"] for call in calls}
        self.assertEqual(len(found), 1)

    def test_a_key_knows_how_an_input_comes(self):
        upload = {"text": {"upload": True}}
        first = self.create("Idempotency-Key: how", pipeline="echo", inputs=upload)
        self.problem(self.create("Idempotency-Key: how", pipeline="echo", inputs={"text": {"text": ""}}), 422, "key-reused")
        self.problem(self.run_pipeline("echo", "how", body=b""), 422, "key-reused")
        again = self.create("Idempotency-Key: how", pipeline="echo", inputs=upload)
        self.assertEqual((again.status, again.json()["id"]), (201, first.json()["id"]))

    def test_a_request_that_is_refused_leaves_no_key(self):
        self.problem(self.create("Idempotency-Key: fresh", pipeline="none"), 404, "not-found")
        self.assertEqual(self.create("Idempotency-Key: fresh", pipeline="echo").status, 201)

    def test_a_run_is_answered_again(self):
        first = self.run_pipeline("echo", "run")
        self.assertEqual((first.status, first.body), (200, TEXT))
        again = self.run_pipeline("echo", "run")
        self.assertEqual((again.status, again.body), (200, TEXT))
        self.assertEqual(again.headers["medley-job"], first.headers["medley-job"])
        self.assertEqual(again.headers["idempotency-replayed"], "true")
        self.assertNotIn("idempotency-replayed", first.headers)
        self.problem(self.run_pipeline("echo?priority=x", "run"), 422, "key-reused")

    def test_a_large_body_that_is_not_needed_is_no_trouble(self):
        text = TEXT * 20_000
        first = self.run_pipeline("echo", "large", text)
        again = self.run_pipeline("echo", "large", text)
        self.assertEqual([first.status, again.status], [200, 200])
        self.assertEqual((first.body, again.body), (text, text))
        self.assertEqual(again.headers["idempotency-replayed"], "true")
        detached = self.run_pipeline("echo?detach", "large-detached", text)
        again = self.run_pipeline("echo?detach", "large-detached", text)
        self.assertEqual([detached.status, again.status], [202, 202])
        self.assertEqual(again.json()["id"], detached.json()["id"])

    def test_a_second_one_joins_while_the_first_runs(self):
        with subprocess.Popen(
            ["curl", "-sS", "--unix-socket", str(self.daemon.socket), "-H", "Idempotency-Key: join", "--data-binary", "@-",
             "http://localhost/run/slow"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as first:
            first.stdin.write(TEXT)
            first.stdin.close()
            first.stdin = None
            self.wait_until(lambda: self.daemon.status()["jobs"]["running"] == 1)
            second = self.run_pipeline("slow", "join")
            self.assertEqual((second.status, second.body), (200, TEXT))
            self.assertEqual(first.communicate(timeout=PATIENCE)[0], TEXT)

    def wait_until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_a_client_that_leaves_may_come_back(self):
        for key, state in (("leaves", "done"), (None, "cancelled")):
            with self.subTest(key=key):
                client = socket.socket(socket.AF_UNIX)
                client.connect(str(self.daemon.socket))
                head = f"POST /run/slow HTTP/1.1\r\nHost: a\r\nContent-Length: {len(TEXT)}\r\n"
                head += f"Idempotency-Key: {key}\r\n" if key else ""
                client.sendall(head.encode() + b"\r\n" + TEXT)
                self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 200 "))
                client.close()
                job = self.daemon.curl("/api/v1/jobs?limit=1").json()["jobs"][0]["id"]
                self.assertEqual(self.daemon.wait(job)["state"], state)
        self.assertEqual(self.run_pipeline("slow", "leaves").body, TEXT)

    def test_keys_outlive_the_daemon(self):
        daemon = Daemon(pipelines=PIPELINES)
        try:
            daemon.start()
            words = ("-H", "Idempotency-Key: durable", "--data-binary", "@-")
            first = daemon.curl("/run/echo", *words, input=TEXT)
            daemon.process.kill()
            daemon.process.wait()
            daemon.start()
            again = daemon.curl("/run/echo", *words, input=TEXT)
            self.assertEqual((again.status, again.body, again.headers["medley-job"], again.headers["idempotency-replayed"]),
                             (200, TEXT, first.headers["medley-job"], "true"))
        finally:
            daemon.stop()
            shutil.rmtree(daemon.folder, ignore_errors=True)


class Headers(Face):
    def test_options_do_not_stand_in_a_parameters_way(self):
        reply = self.run_pipeline("echo?priority=mine", headers=["Medley-Priority: 7", "Medley-Cache: false"])
        self.assertEqual((reply.status, reply.body), (200, TEXT))
        job = self.daemon.job(reply.headers["medley-job"])
        self.assertEqual((job["priority"], job["parameters"]["priority"]), (7, "mine"))

    def test_a_form_takes_them_as_well(self):
        reply = self.daemon.curl("/run/echo", "-H", "Medley-Priority: -7", "-F", "text=One line.", "-F", "priority=mine")
        self.assertEqual(reply.status, 200, reply.body)
        job = self.daemon.job(reply.headers["medley-job"])
        self.assertEqual((job["priority"], job["parameters"]["priority"]), (-7, "mine"))

    def test_a_header_counts_more_than_the_body(self):
        reply = self.create("Medley-Priority: 3", pipeline="echo", priority=5)
        self.assertEqual((reply.status, reply.json()["priority"]), (201, 3))

    def test_bad_ones_are_named(self):
        for header in ("Medley-Priority: high", "Medley-Prio: 5", "Medley-Deadline: tomorrow", 'Idempotency-Key: "',
                       "Idempotency-Key: " + "k" * 256):
            for reply in (self.run_pipeline("echo", headers=[header]), self.create(header, pipeline="echo")):
                with self.subTest(header=header):
                    found = self.problem(reply, 400, "invalid-argument")
                    self.assertIn(header.partition(":")[0], found["detail"])


    def test_programs_of_a_user_take_turns(self):
        def make(pipeline, name):
            return self.create(f"Medley-Client: {name}", pipeline=pipeline).json()["id"]

        first = make("endless", "greedy")
        self.daemon.wait(first, ("running",))
        greedy, modest = [make("echo", "greedy") for _ in range(3)], make("echo", "modest")
        self.assertEqual([self.daemon.job(job)["position"] for job in (*greedy, modest)], [1, 3, 4, 2])
        self.daemon.curl(f"/api/v1/jobs/{first}/cancel", "-X", "POST")
        started = {job: self.daemon.wait(job)["started"] for job in (*greedy, modest)}
        self.assertEqual(sorted(started, key=started.get), [greedy[0], modest, *greedy[1:]])
        for name in ("", "a/b", "a b", "x" * 65):
            self.problem(self.create(f"Medley-Client: {name}" if name else "Medley-Client;", pipeline="echo"), 400,
                         "invalid-argument")


class NoRoom(Face):
    SETTINGS = ("workers.maximum=1", "limits.queue-per-client=2")

    def test_a_full_queue(self):
        block = self.create(pipeline="endless").json()["id"]
        self.daemon.wait(block, states=("running",))
        waiting = [self.create(pipeline="echo").json()["id"] for _ in range(2)]
        before = len(self.daemon.curl("/api/v1/jobs?limit=500").json()["jobs"])
        files = sorted(os.listdir(self.daemon.folder / "state" / "medley" / "spool"))
        for _ in range(3):
            self.problem(self.create(pipeline="echo"), 429, "queue-full")
            self.problem(self.run_pipeline("echo"), 429, "queue-full")
            self.problem(self.create("Idempotency-Key: full", pipeline="echo"), 429, "queue-full")
        self.assertEqual(len(self.daemon.curl("/api/v1/jobs?limit=500").json()["jobs"]), before)
        self.assertEqual(sorted(os.listdir(self.daemon.folder / "state" / "medley" / "spool")), files)
        for job in [block, *waiting]:
            self.daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST")
        self.assertEqual(self.create("Idempotency-Key: full", pipeline="echo").status, 201)


    def test_jobs_that_wait_for_their_time_count(self):
        later = int(time.time() * 1e6) + 3600 * 10**6
        waiting = [self.create(pipeline="echo", startAt=later).json()["id"] for _ in range(2)]
        self.problem(self.create(pipeline="echo", startAt=later), 429, "queue-full")
        self.daemon.curl(f"/api/v1/jobs/{waiting[0]}/cancel", "-X", "POST")
        self.assertEqual(self.create(pipeline="echo", startAt=later).status, 201)
        self.problem(self.create(pipeline="echo"), 429, "queue-full")


class NoSpace(Face):
    SETTINGS = ("limits.free-space=1000000GiB",)

    def test_a_full_disk(self):
        self.problem(self.create(pipeline="echo"), 507, "no-space")
        self.problem(self.run_pipeline("echo"), 507, "no-space")
        self.assertEqual(self.daemon.curl("/api/v1/jobs").json()["jobs"], [])


if __name__ == "__main__":
    main()
