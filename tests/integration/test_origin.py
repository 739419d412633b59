# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a job came from: ids of requests and traces, from each face to the worker, the log and the next daemon."""

import json
import re
import unittest

import medleytest
from dbustest import Bus, Client
from gi.repository import GLib
from medleytest import Daemon, Http

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"


def pipeline(**settings):
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"s": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text", "set": settings}},
        "outputs": {"out": {"from": "s", "type": "text/plain"}},
    }


PIPELINES = {
    "echo.json": pipeline(), "trace.json": pipeline(trace=True),
    "fail.json": {**pipeline(), "stages": {"s": {"task": "text-to-text/crash", "engine": "fakecrash", "from": "text",
                                                 "set": {"how": "segv"}}}},
}


class OriginTest(unittest.TestCase):
    SETTINGS = ()

    def setUp(self):
        self.daemon = Daemon(*self.SETTINGS, pipelines=PIPELINES)
        self.daemon.start()
        self.addCleanup(self.daemon.__exit__, None)
        self.http = Http(self.daemon.socket)
        self.addCleanup(self.http.close)

    def run_it(self, name="trace", **headers):
        reply = self.http.ask("POST", f"/run/{name}", b"x\n", {k.replace("_", "-"): v for k, v in headers.items()})
        self.assertEqual(reply.status, 200, reply.body)
        return reply, self.daemon.wait(reply.headers["medley-job"])


class Requests(OriginTest):
    def test_a_sane_id_is_kept(self):
        for given in ("a", "A-b_c.9", "x" * 64):
            reply, job = self.run_it("echo", X_Request_Id=given)
            self.assertEqual((reply.headers["x-request-id"], job["request"]), (given, given))

    def test_any_other_is_replaced(self):
        for given in ("", "x" * 65, "a b", "a/b", "<script>", "a,b", "ü"):
            reply, job = self.run_it("echo", X_Request_Id=given.encode())
            self.assertRegex(reply.headers["x-request-id"], r"\A[0-9a-f]{16}\Z", given)
            self.assertEqual(job["request"], reply.headers["x-request-id"])

    def test_ids_differ_and_are_in_problems(self):
        ids = set()
        for _ in range(5):
            reply = self.http.ask("GET", "/api/v1/jobs/nothing")
            self.assertEqual(reply.json()["request"], reply.headers["x-request-id"])
            ids.add(reply.headers["x-request-id"])
        self.assertEqual(len(ids), 5)
        reply = self.http.ask("POST", "/api/v1/jobs", b"{", {"Content-Type": "application/json", "X-Request-Id": "mine"})
        self.assertEqual((reply.status, reply.json()["request"]), (400, "mine"))

    def test_a_job_from_json_has_it_too(self):
        reply = self.http.ask_json("POST", "/api/v1/jobs", {"pipeline": "echo", "inputs": {"text": {"text": "x"}}},
                                   {"X-Request-Id": "json-1", "traceparent": TRACE})
        self.assertEqual(reply.status, 201)
        self.assertEqual((reply.json()["request"], reply.json()["traceparent"]), ("json-1", TRACE))


class Traces(OriginTest):
    def test_a_trace_reaches_the_engine(self):
        reply, job = self.run_it(traceparent=TRACE, tracestate=STATE)
        self.assertEqual(reply.body.decode(), f"x\n{TRACE} {STATE}\n")
        self.assertEqual((job["traceparent"], job["tracestate"]), (TRACE, STATE))

    def test_the_next_job_of_a_warm_engine_has_none(self):
        self.run_it(traceparent=TRACE, tracestate=STATE)
        reply, job = self.run_it()
        self.assertEqual(reply.body, b"x\n- -\n")
        self.assertNotIn("traceparent", job)
        self.assertNotIn("tracestate", job)

    def test_what_is_malformed_is_ignored(self):
        for parent, state in ((TRACE.upper(), STATE), (TRACE + "-1", STATE), ("ff" + TRACE[2:], STATE), ("", STATE)):
            reply, job = self.run_it(traceparent=parent, tracestate=state)
            self.assertEqual(reply.body, b"x\n- -\n", parent)
            self.assertNotIn("traceparent", job)
        reply, job = self.run_it(traceparent=TRACE, tracestate="not a tracestate")
        self.assertEqual(reply.body.decode(), f"x\n{TRACE} -\n")

    def test_it_survives_the_daemon(self):
        _, job = self.run_it(traceparent=TRACE, tracestate=STATE, X_Request_Id="kept")
        waiting = self.http.ask_json("POST", "/api/v1/jobs", {
            "pipeline": "trace", "inputs": {"text": {"text": "y\n"}}, "startAt": job["created"] + 3600 * 10**6,
        }, {"traceparent": TRACE, "X-Request-Id": "later"}).json()
        self.daemon.kill()
        self.http.close()
        self.daemon.start()
        self.assertEqual({k: self.daemon.job(job["id"])[k] for k in ("request", "traceparent", "tracestate")},
                         {"request": "kept", "traceparent": TRACE, "tracestate": STATE})
        found = self.daemon.job(waiting["id"])
        self.assertEqual((found["request"], found["traceparent"]), ("later", TRACE))

    def test_the_shell_sends_its_environment(self):
        self.daemon.environment.update(TRACEPARENT=TRACE, TRACESTATE=STATE)
        done = self.daemon.medley("run", "trace", "-", "-o", "-", input=b"x\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.decode(), f"x\n{TRACE} {STATE}\n")
        self.daemon.environment.update(TRACEPARENT="nonsense")
        done = self.daemon.medley("run", "trace", "-", "-o", "-", input=b"x\n")
        self.assertEqual((done.returncode, done.stdout), (0, b"x\n- -\n"))


class OnDBus(unittest.TestCase):
    def test_options(self):
        with Bus() as bus, Daemon("dbus.bus=session", environment=bus.environment, pipelines=PIPELINES) as daemon:
            client = Client(bus)
            client.wait_for_name()
            path = client.run("trace", {"": "x\n"}, {"traceparent": GLib.Variant("s", TRACE),
                                                     "tracestate": GLib.Variant("s", STATE)})
            job = daemon.wait(path.rpartition("/")[2])
            self.assertEqual((job["state"], job["traceparent"], job["tracestate"]), ("done", TRACE, STATE))
            for options in ({"traceparent": GLib.Variant("s", TRACE.upper())},
                            {"traceparent": GLib.Variant("s", TRACE), "tracestate": GLib.Variant("s", "=")},
                            {"traceparent": GLib.Variant("x", 1)}):
                with self.assertRaises(GLib.Error) as caught:
                    client.run("trace", {"": "x\n"}, options)
                self.assertIn("InvalidArgument", caught.exception.message)
            client.close()


class Logs(OriginTest):
    SETTINGS = ("log.format=json", "log.level=debug", "log.requests=info")

    def lines(self):
        found = []
        for line in self.daemon.log.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                self.fail(f"no JSON: {line}")
        return found

    def test_each_line_is_an_object_with_the_jobs_and_requests_ids(self):
        _, job = self.run_it("echo", X_Request_Id="good-1")
        failed = self.http.ask("POST", "/run/fail", b"x", {"X-Request-Id": "bad-1"}).headers.get("medley-job")
        failed = failed or self.http.ask("GET", "/api/v1/jobs?state=failed").json()["jobs"][0]["id"]
        self.daemon.wait(failed)
        self.daemon.stop()
        lines = self.lines()
        done = [x for x in lines if x.get("job") == job["id"] and "is done" in x["message"]]
        self.assertEqual([(x["level"], x["request"], x["pipeline"]) for x in done], [("info", "good-1", "echo")])
        told = [x for x in lines if x.get("job") == failed and "has failed" in x["message"]]
        self.assertEqual([(x["level"], x["request"], x["stage"], x["engine"], x["code"]) for x in told],
                         [("message", "bad-1", "s", "fakecrash", "worker-crashed")])
        asked = [x for x in lines if x.get("request") == "good-1" and "route" in x]
        self.assertEqual([(x["level"], x["route"], x["status"]) for x in asked], [("info", "/run/{pipeline}", "200")])
        self.assertRegex(asked[0]["message"], r"\APOST /run/echo 200, 2 bytes in, \d+ bytes out, [\d.]+ ms\Z")
        self.assertTrue(any("worker" in x for x in lines), "a crashed worker's line")
        for line in lines:
            self.assertRegex(line["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")

    def test_nothing_that_a_client_sends_apart_from_paths(self):
        self.http.ask("POST", "/run/echo?output=SECRET1", b"SECRET2", {
            "Authorization": "Bearer SECRET3", "Cookie": "SECRET4", "Idempotency-Key": "SECRET5", "X-Request-Id": "a b SECRET6",
        })
        self.http.ask("GET", "/api/v1?SECRET7=SECRET8")
        self.http.ask_json("POST", "/api/v1/jobs", {"pipeline": "echo", "inputs": {"text": {"text": "SECRET9"}}})
        self.http.ask("GET", "/forged%0aline%1b%5b31m")
        self.daemon.stop()
        text = self.daemon.log.read_text()
        self.assertEqual(re.findall("SECRET.", text), [])
        self.assertIn("/api/v1", text)
        self.lines()


class Text(OriginTest):
    def test_by_default_failures_are_lines_of_text(self):
        self.http.ask("POST", "/run/fail", b"x", {"X-Request-Id": "bad-1"})
        self.run_it("echo")
        self.daemon.stop()
        text = self.daemon.log.read_text()
        self.assertRegex(text, r"(?m)^medleyd: job \w+ has failed: .* \[job=\w+ request=bad-1 pipeline=fail stage=s "
                               r"engine=fakecrash code=worker-crashed\]$")
        self.assertNotIn("is done", text)
        self.assertNotIn("POST", text)




if __name__ == "__main__":
    medleytest.main()
