# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is the same on all faces: the codes of the bad-input list (test_bad_input.py has HTTP and the shell), orders in every
state, and the options of a job."""

import json
import os
import time

from dbustest import DBusTest, GLib, error_name, iterate_until, main
from test_bad_input import CASES

HOSTILE = {
    "nested brackets": ("[" * 80_000 + "]" * 80_000, "invalid-json"),
    "no object": ("42", "wrong-type"),
}


def dbus_name(code):
    return "org.medley.Error." + "".join(part.capitalize() for part in code.split("-"))


class Parity(DBusTest):
    def check(self, pipeline, given, codes, options, fds=None):
        try:
            path = self.client.run(pipeline, {"": given}, options, fds)
        except GLib.Error as error:
            self.assertIn(error_name(error), [dbus_name(code) for code in codes], error.message)
            return
        found = self.client.wait(path)
        self.assertEqual(found["State"], "failed")
        self.assertIn(found["Error"]["code"], codes, found["Error"])

    def each_case(self):
        for name, (target, body, codes) in CASES.items():
            pipeline, _, query = target.partition("?")
            key, _, value = query.partition("=")
            options = {}
            if key == "output":
                options["outputs"] = GLib.Variant("as", [value])
            elif key:
                options["parameters"] = GLib.Variant("a{sv}", {key: GLib.Variant("s", value)})
            yield name, pipeline, body, codes, options

    def test_bytes(self):
        for name, pipeline, body, codes, options in self.each_case():
            with self.subTest(name):
                self.check(pipeline, body, codes, options)

    def test_descriptors(self):
        for name, pipeline, body, codes, options in self.each_case():
            with self.subTest(name):
                fd = os.memfd_create("input")
                try:
                    os.write(fd, body)
                    os.lseek(fd, 0, os.SEEK_SET)
                    self.check(pipeline, 0, codes, options, [fd])
                finally:
                    os.close(fd)

    def test_a_gigabyte_of_text(self):
        fd = os.memfd_create("input")
        try:
            os.ftruncate(fd, 1 << 30)  # a hole: it takes no memory, and its length is past the limit
            self.check("speak", 0, {"too-large", "nul-in-text"}, {}, [fd])
        finally:
            os.close(fd)

    def test_hostile_pipelines(self):
        for name, (text, code) in HOSTILE.items():
            with self.subTest(name):
                valid, faults = self.client.manager("Validate", "(s)", text)
                self.assertFalse(valid)
                self.assertEqual(faults[0]["code"], code, faults[0])

    def test_the_next_job_runs(self):
        self.test_bytes()
        path = self.client.run("speak", {"": "Still here."})
        self.assertEqual(self.client.wait(path)["State"], "done")


JOBS = "/org/medley/Medley1/job/"
STATES = {"queued", "running", "paused", "done", "failed", "cancelled"}
# order → state before → state after; in all other states it is refused
ORDERS = {
    "cancel": {"queued": "cancelled", "running": "cancelled", "paused": "cancelled", "cancelled": "cancelled"},
    "pause": {"running": "paused", "paused": "paused"},
    "resume": {"paused": "running", "running": "running"},
    "retry": {"failed": "queued"},
    "remove": {"done": None, "failed": None, "cancelled": None},
}


class Faces(DBusTest):
    """The three faces behind one set of functions; what fails is told by its code."""

    # What crashes here on purpose is not to be kept from starting.
    settings = ("workers.circuit-crashes=0",)

    def http(self, order, job):
        path = f"/api/v1/jobs/{job}"
        reply = self.daemon.curl(path, "-X", "DELETE") if order == "remove" else \
            self.daemon.curl(f"{path}/{order}", "-X", "POST")
        if reply.status >= 400:
            self.assertEqual(reply.headers["content-type"], "application/problem+json")
            self.assertEqual(reply.json()["status"], reply.status)
            return reply.json()["code"]
        return None

    def dbus(self, order, job):
        try:
            self.client.job(JOBS + job, order.capitalize())
        except GLib.Error as error:
            return self.code(error)
        return None

    def shell(self, order, job):
        done = self.daemon.medley("rm" if order == "remove" else order, job, "--json")
        if done.returncode == 0:
            return None
        return json.loads(done.stdout)["error"]["code"]

    def code(self, error):
        name = error_name(error)
        self.assertIsNotNone(name, error.message)
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name.removeprefix("org.medley.Error."))[1:]

    def faces(self):
        return {"http": self.http, "dbus": self.dbus, "shell": self.shell}

    def state(self, job):
        reply = self.daemon.curl(f"/api/v1/jobs/{job}")
        return reply.json()["state"] if reply.status == 200 else None

    def make(self, state):
        """A job in a state."""
        text = {"text": {"text": "One line.\n"}}
        if state == "queued":
            return self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        job = self.daemon.create(pipeline={"done": "echo", "failed": "crash"}.get(state, "endless"), inputs=text,
                                 attempts=1)["id"]
        if state in ("done", "failed"):
            self.assertEqual(self.daemon.wait(job)["state"], state)
            return job
        self.daemon.wait(job, states=("running",))
        if state != "running":
            self.assertIsNone(self.http("pause" if state == "paused" else "cancel", job))
            self.daemon.wait(job, states=(state,))
        return job


class Orders(Faces):
    def check(self, face, send, order, before):
        job = self.make(before)
        allowed = before in ORDERS[order]
        self.assertEqual(send(order, job), None if allowed else "wrong-state")
        after = ORDERS[order].get(before, before)
        if after is not None and order != "retry":
            self.assertEqual(self.daemon.wait(job, states=(after,))["state"], after)
        elif order == "retry" and allowed:
            events = self.daemon.curl(f"/api/v1/jobs/{job}/events", "-H", "Accept: application/json").json()["events"]
            states = [e["state"] for e in events if e["kind"] == "state"]
            self.assertIn("queued", states[states.index("failed"):])
            self.assertEqual(self.daemon.wait(job)["state"], "failed")
        elif after is None:
            self.assertIsNone(self.state(job))
        if self.state(job) in ("queued", "running", "paused", "starting"):
            self.http("cancel", job)
            self.daemon.wait(job)

    def check_order(self, order):
        for face, send in self.faces().items():
            for state in sorted(STATES):
                with self.subTest(face=face, state=state):
                    self.check(face, send, order, state)

    def test_cancel(self):
        self.check_order("cancel")

    def test_pause(self):
        self.check_order("pause")

    def test_resume(self):
        self.check_order("resume")

    def test_retry(self):
        self.check_order("retry")

    def test_remove(self):
        self.check_order("remove")

    def test_a_job_that_is_not_there(self):
        for order in ORDERS:
            self.assertEqual(self.http(order, "none0none0none00"), "not-found")
            self.assertEqual(self.shell(order, "none0none0none00"), "not-found")
        for method in ("RetryJob", "RemoveJob", "GetJob"):
            self.assert_refused("NotFound", "none0none0none00", self.client.manager, method, "(s)", "none0none0none00")

    def test_the_manager_retries_and_removes_by_id(self):
        job = self.make("failed")
        path = self.client.manager("RetryJob", "(s)", job)[0]
        self.assertEqual(path, JOBS + job)
        self.assertEqual(self.client.wait(path)["State"], "failed")
        self.client.manager("RemoveJob", "(s)", job)
        self.assertIsNone(self.state(job))

    def test_the_shell_takes_all_that_can_be(self):
        failed, done = self.make("failed"), self.make("done")
        waiting = [self.make("queued"), self.make("queued")]
        cancelled = self.daemon.medley("cancel", "--all", "--json")
        self.assertEqual(cancelled.returncode, 0, cancelled.stderr)
        ended = {job["id"]: job["state"] for job in map(json.loads, cancelled.stdout.splitlines())}
        self.assertEqual(ended, {job: "cancelled" for job in waiting})
        removed = self.daemon.medley("rm", "--all", "--state", "failed")
        self.assertIn(f"{failed}: removed\n", removed.stdout.decode())
        self.assertEqual([self.state(failed), self.state(done)], [None, "done"])
        self.assertEqual(self.daemon.medley("rm", "--all", "--older", "1h").stdout, b"")
        self.assertEqual(self.daemon.medley("rm", "--all", "--pipeline", "crash").returncode, 0)
        self.assertEqual(self.state(done), "done")
        self.assertEqual(self.daemon.medley("rm", "--all").returncode, 0)
        self.assertEqual(self.daemon.curl("/api/v1/jobs").json()["jobs"], [])
        for words in (["rm"], ["rm", "--all", "last"], ["rm", "--state", "done", "last"], ["rm", "--all", "--state", "queued"],
                      ["rm", "--all", "--older", "soon"]):
            self.assertEqual(self.daemon.medley(*words).returncode, 2, words)


class Options(Faces):
    """Priority, deadline and the like, asked for on each face."""

    TYPES = {"priority": "i", "startAt": "x", "deadline": "x", "runTime": "t", "attempts": "u", "cache": "b",
             "idempotencyKey": "s"}

    def run_http(self, pipeline, **options):
        reply = self.daemon.curl("/api/v1/jobs", "-H", "Content-Type: application/json", "--data-binary", json.dumps(
            dict(options, pipeline=pipeline, inputs={"text": {"text": "One line.\n"}})))
        return (reply.json()["id"], None) if reply.status == 201 else (None, reply.json()["code"])

    def run_headers(self, pipeline, **options):
        names = {"priority": "Medley-Priority", "startAt": "Medley-Start-At", "deadline": "Medley-Deadline",
                 "runTime": "Medley-Run-Time", "attempts": "Medley-Attempts", "cache": "Medley-Cache",
                 "idempotencyKey": "Idempotency-Key"}
        headers = [w for key, value in options.items() for w in ("-H", f"{names[key]}: {json.dumps(value)}")]
        reply = self.daemon.curl(f"/run/{pipeline}?detach", *headers, "--data-binary", "One line.\n")
        return (reply.json()["id"], None) if reply.status == 202 else (None, reply.json()["code"])

    def run_dbus(self, pipeline, **options):
        given = {key: GLib.Variant(self.TYPES[key], value) for key, value in options.items()}
        try:
            return self.client.run(pipeline, {"text": "One line.\n"}, given).removeprefix(JOBS), None
        except GLib.Error as error:
            return None, self.code(error)

    def run_shell(self, pipeline, **options):
        words = []
        for key, value in options.items():
            name = "--" + "".join(f"-{c.lower()}" if c.isupper() else c for c in key)
            if key == "cache":
                words += [] if value else ["--no-cache"]
            elif key in ("startAt", "deadline"):
                words += [name, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(value / 1e6))]
            else:
                words += [name, str(value)]
        done = self.daemon.medley("run", pipeline, ":=One line.\n", "--detach", *words)
        if done.returncode == 0:
            return done.stdout.decode().strip(), None
        return None, done.stderr.decode().split(":")[1].strip()

    def runners(self):
        return {"json": self.run_http, "headers": self.run_headers, "dbus": self.run_dbus, "shell": self.run_shell}

    def test_bad_values_have_one_code(self):
        now = int(time.time()) * 1000000
        bad = [{"priority": 101}, {"priority": -101}, {"attempts": 1001}, {"idempotencyKey": ""},
               {"idempotencyKey": "x" * 256}, {"idempotencyKey": "a\tb"}, {"idempotencyKey": "Schl\u00fcssel"},
               {"startAt": now + 60000000, "deadline": now + 30000000}]
        for face, run in self.runners().items():
            for options in bad:
                with self.subTest(face=face, options=options):
                    self.assertEqual(run("echo", **options), (None, "invalid-argument"))

    def test_good_values_are_taken(self):
        now = int(time.time()) * 1000000
        for face, run in self.runners().items():
            with self.subTest(face=face):
                job, code = run("echo", priority=-100, deadline=now + 3600_000000, runTime=60, attempts=2, cache=False,
                                idempotencyKey=f"{face} {'k' * 200}")
                self.assertIsNone(code)
                self.assertEqual(self.daemon.wait(job)["state"], "done")


    def test_a_key_makes_one_job(self):
        for face, run in self.runners().items():
            with self.subTest(face=face):
                key = f"one {face}"
                job, code = run("echo", idempotencyKey=key, priority=1)
                self.assertIsNone(code)
                self.assertEqual(run("echo", idempotencyKey=key, priority=1), (job, None))
                self.daemon.wait(job)
                self.assertEqual(run("echo", idempotencyKey=key, priority=1), (job, None))
                self.assertEqual(run("echo", idempotencyKey=key, priority=2), (None, "key-reused"))
                self.assertEqual(run("endless", idempotencyKey=key, priority=1), (None, "key-reused"))
                other, code = run("echo", idempotencyKey=f"other {face}", priority=1)
                self.assertIsNone(code)
                self.assertNotEqual(other, job)

    def test_a_key_is_the_users_on_all_faces(self):
        job, _ = self.run_http("echo", idempotencyKey="shared", attempts=2)
        self.assertEqual(self.run_dbus("echo", idempotencyKey="shared", attempts=2), (job, None))

    def block(self):
        jobs = [self.make("running") for _ in range(2)]
        self.addCleanup(lambda: [(self.http("cancel", job), self.daemon.wait(job)) for job in jobs])

    def test_a_higher_priority_is_nearer_the_front(self):
        self.block()
        for face, run in self.runners().items():
            with self.subTest(face=face):
                made = {priority: run("echo", priority=priority)[0] for priority in (-5, 10, 0)}
                found = {priority: self.daemon.job(job) for priority, job in made.items()}
                self.assertEqual({p: job["priority"] for p, job in found.items()}, {p: p for p in made})
                self.assertLess(found[10]["position"], found[0]["position"])
                self.assertLess(found[0]["position"], found[-5]["position"])
                self.assertIn("waits", found[10]["reason"])
                bus = self.client.properties(JOBS + made[10])
                self.assertEqual((bus["Priority"], bus["Reason"], bus["Position"]),
                                 (10, found[10]["reason"], found[10]["position"]))
                for job in made.values():
                    self.http("cancel", job)
                self.assertEqual(self.client.get(JOBS + made[10], "Position"), 0)
                self.assertEqual(self.client.get(JOBS + made[10], "Reason"), "")

    def test_a_deadline_fails_what_still_waits(self):
        self.block()
        for face, run in self.runners().items():
            with self.subTest(face=face):
                deadline = (int(time.time()) + 2) * 1000000
                job, code = run("echo", deadline=deadline)
                self.assertIsNone(code)
                found = self.daemon.wait(job)
                self.assertEqual((found["state"], found["error"]["code"], found["deadline"]),
                                 ("failed", "deadline", deadline))
                self.assertEqual(self.client.get(JOBS + job, "Deadline"), deadline)
                self.assertGreaterEqual(found["finished"], deadline)

    def test_a_start_is_waited_for(self):
        for face, run in self.runners().items():
            with self.subTest(face=face):
                start = (int(time.time()) + 2) * 1000000
                job, code = run("echo", startAt=start)
                self.assertIsNone(code)
                found = self.daemon.job(job)
                if found["state"] == "queued":
                    self.assertEqual(found["startAt"], start)
                    self.assertEqual(self.client.get(JOBS + job, "StartAt"), start)
                found = self.daemon.wait(job)
                self.assertEqual(found["state"], "done")
                self.assertGreaterEqual(found["started"], start)

    def test_attempts_end(self):
        for face, run in self.runners().items():
            with self.subTest(face=face):
                job, code = run("crash", attempts=2)
                self.assertIsNone(code)
                found = self.daemon.wait(job)
                self.assertEqual((found["state"], found["error"]["code"]), ("failed", "worker-crashed"))
                self.assertEqual([a["number"] for a in found["attempts"]], [1, 2])
                bus = self.client.properties(JOBS + job)
                self.assertEqual((bus["Attempt"], [a["number"] for a in bus["Attempts"]]), (2, [1, 2]))
                shown = self.daemon.medley("show", job).stdout.decode()
                self.assertRegex(shown, r"attempt +1  .*worker-crashed: ")
                self.assertIn("tries again after attempt 1, in ", self.daemon.medley("logs", job).stdout.decode())


class Restarts(Faces):
    """What an earlier daemon knew is there on all faces."""

    def restart(self):
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.daemon.start()
        self.client.wait_for_name()

    def test_retry_and_removal_after_a_kill(self):
        failed = {face: self.make("failed") for face in self.faces()}
        done = {face: self.make("done") for face in self.faces()}
        self.restart()
        for face, send in self.faces().items():
            with self.subTest(face=face):
                before = self.daemon.job(failed[face])
                self.assertEqual((before["state"], before["error"]["code"]), ("failed", "worker-crashed"))
                self.assertIsNone(send("retry", failed[face]))
                after = self.daemon.wait(failed[face])
                self.assertEqual(after["state"], "failed")
                self.assertGreater(after["attempt"], before["attempt"])
                self.assertEqual(self.client.get(JOBS + failed[face], "State"), "failed")
                self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{done[face]}/outputs/out").body, b"One line.\n")
                self.assertIsNone(send("remove", done[face]))
                self.assertIsNone(self.state(done[face]))

    def test_a_job_that_waits_and_one_that_runs_go_on(self):
        running, waiting = self.make("running"), self.make("queued")
        time.sleep(0.3)  # what a job does is in the store a moment later: nobody was promised more
        self.restart()
        self.assertEqual(self.client.properties(JOBS + waiting)["State"], "queued")
        listed = self.client.manager("ListJobs", "(a{sv}s)", {}, "")[0]
        self.assertLessEqual({running, waiting}, {job["id"] for job in listed})
        # They go on once the new daemon knows its engines.
        iterate_until(lambda: "interrupted in attempt 1: " in self.daemon.medley("logs", running).stdout.decode(),
                      "the job does not go on")
        events = self.client.job(JOBS + running, "GetEvents", "(t)", 0)[0]
        self.assertIn("interrupted", [event["kind"] for event in events])
        for job in (running, waiting):
            if self.state(job) not in ("failed", "cancelled"):
                self.assertIsNone(self.dbus("cancel", job))
            self.daemon.wait(job)


if __name__ == "__main__":
    main()
