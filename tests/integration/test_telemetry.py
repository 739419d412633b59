# SPDX-License-Identifier: LGPL-2.1-or-later
"""Traces as an OpenTelemetry collector gets them, and what the daemon does when the collector is slow, ill or away."""

import http.client
import http.server
import json
import re
import shutil
import socket
import ssl
import tempfile
import threading
import time
import unittest
from pathlib import Path

import medleytest
from medleytest import PATIENCE, Daemon, Http, is_sanitized
from test_tls import make_certificate

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = (f"00-{TRACE_ID}-{SPAN_ID}-{flags}" for flags in ("01", "00"))


def pipeline(engine="fakeecho", **settings):
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"one": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text", "set": settings},
                   "two": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "one"}},
        "outputs": {"out": {"from": "two", "type": "text/plain"}},
    }


PIPELINES = {"echo.json": pipeline(), "trace.json": pipeline(trace=True), "segv.json": pipeline("fakecrash", how="segv"),
             "endless.json": pipeline("fakeendless")}


class Collector(http.server.ThreadingHTTPServer):
    """Takes traces. `answers` are the statuses (and header fields) of the next requests; 200 when there is none."""

    daemon_threads = True

    def __init__(self):
        self.bodies, self.headers, self.paths, self.answers = [], [], [], []
        self.delay, self.lock = 0, threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self):
        with self.lock:
            bodies = [json.loads(body) for status, body in self.bodies if status == 200]
        return [span for body in bodies for one in body["resourceSpans"] for scope in one["scopeSpans"]
                for span in scope["spans"]]

    def wait(self, ready, what="spans"):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            spans = self.spans()
            if ready(spans):
                return spans
            time.sleep(0.05)
        raise TimeoutError(f"no such {what}: {[s['name'] for s in self.spans()]}")

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.delay)
        with self.server.lock:
            status, fields = self.server.answers.pop(0) if self.server.answers else (200, {})
            self.server.bodies.append((status, body))
            self.server.headers.append(dict(self.headers))
            self.server.paths.append(self.path)
        try:
            self.answer(status, fields)
        except BrokenPipeError:
            pass  # the daemon did not wait any longer, as it should

    def answer(self, status, fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


def attributes(span):
    found = {}
    for attribute in span["attributes"]:
        (kind, value), = attribute["value"].items()
        found[attribute["key"]] = int(value) if kind == "intValue" else value
    return found


class TelemetryTest(unittest.TestCase):
    SETTINGS = ()

    def setUp(self):
        self.collector = Collector()
        self.addCleanup(self.collector.close)
        self.daemon = Daemon(f"telemetry.otlp-endpoint={self.endpoint()}", "telemetry.interval=1s", "workers.maximum=1",
                             *self.SETTINGS, pipelines=PIPELINES)
        self.prepare()
        self.daemon.start()
        self.addCleanup(self.daemon.__exit__, None)
        self.http = Http(self.daemon.socket)
        self.addCleanup(self.http.close)

    def endpoint(self):
        return self.collector.url

    def prepare(self):
        pass

    def run_it(self, name="echo", **headers):
        return self.http.ask("POST", f"/run/{name}?output=out", b"x\n", {k.replace("_", "-"): v for k, v in headers.items()})

    def metric(self, name, **labels):
        shown = ",".join(f'{k}="{v}"' for k, v in labels.items())
        text = self.http.ask("GET", "/metrics").body.decode()
        match = re.search("^" + re.escape(name + (f"{{{shown}}}" if shown else "")) + r" (\S+)$", text, re.M)
        return float(match[1]) if match else 0

    def wait_metric(self, name, least, **labels):
        deadline = time.monotonic() + PATIENCE
        while self.metric(name, **labels) < least:
            self.assertLess(time.monotonic(), deadline, name)
            time.sleep(0.05)


class Spans(TelemetryTest):
    def check_form(self, span):
        self.assertRegex(span["traceId"], r"\A[0-9a-f]{32}\Z")
        self.assertRegex(span["spanId"], r"\A[0-9a-f]{16}\Z")
        self.assertNotEqual(span["spanId"], "0" * 16)
        if "parentSpanId" in span:
            self.assertRegex(span["parentSpanId"], r"\A[0-9a-f]{16}\Z")
        for key in ("startTimeUnixNano", "endTimeUnixNano"):
            self.assertIsInstance(span[key], str)
            self.assertRegex(span[key], r"\A[1-9]\d{18}\Z")
        self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
        self.assertIn(span["kind"], (1, 2))
        for event in span["events"]:
            self.assertIsInstance(event["timeUnixNano"], str)

    def test_a_given_trace_goes_on_from_the_request_to_the_stages(self):
        reply = self.run_it("trace", traceparent=SAMPLED, tracestate="a=1", X_Request_Id="r-1")
        job = self.daemon.wait(reply.headers["medley-job"])
        spans = self.collector.wait(lambda s: sum(x["traceId"] == TRACE_ID for x in s) == 6)
        spans = [span for span in spans if span["traceId"] == TRACE_ID]
        for span in spans:
            self.check_form(span)
        by_name = {span["name"]: span for span in spans if not span["name"].startswith("stage")}
        request, whole, queue, attempt = (by_name[n] for n in ("POST /run/{pipeline}", "job trace", "queue", "attempt"))
        self.assertEqual((request["kind"], request["parentSpanId"], request["traceState"]), (2, SPAN_ID, "a=1"))
        self.assertEqual(whole["parentSpanId"], request["spanId"])
        self.assertEqual([queue["parentSpanId"], attempt["parentSpanId"]], [whole["spanId"]] * 2)
        stages = [span for span in spans if span["name"] == "stage fakeecho"]
        self.assertEqual(sorted(attributes(s)["medley.stage"] for s in stages), ["one", "two"])
        for stage in stages:
            self.assertEqual(stage["parentSpanId"], attempt["spanId"])
            self.assertEqual([event["name"] for event in stage["events"]], ["first-output"])
        self.assertEqual(len({span["spanId"] for span in spans}), 6)
        # What the engine saw, and what the job shows, is the job's own span.
        self.assertEqual(job["traceparent"], f"00-{TRACE_ID}-{whole['spanId']}-01")
        self.assertEqual(reply.body.decode().splitlines()[1], f"{job['traceparent']} a=1")
        self.assertEqual(int(whole["startTimeUnixNano"]), job["created"] * 1000)
        self.assertLess(abs(int(whole["endTimeUnixNano"]) - job["finished"] * 1000), 10**9)
        self.assertEqual({k: v for k, v in attributes(whole).items() if k != "medley.job.id"},
                         {"medley.pipeline": "trace", "medley.job.state": "done", "medley.request.id": "r-1",
                          "medley.job.attempts": 1})
        found = attributes(request)
        self.assertEqual((found["http.request.method"], found["http.route"], found["url.path"],
                          found["http.response.status_code"]), ("POST", "/run/{pipeline}", "/run/trace", 200))
        self.assertNotIn("status", whole)

    def test_the_resource_and_the_request(self):
        self.run_it()
        self.collector.wait(lambda s: len(s) >= 5)
        _, body = self.collector.bodies[0]
        resource = attributes(json.loads(body)["resourceSpans"][0]["resource"])
        self.assertEqual(resource["service.name"], "medleyd")
        self.assertEqual(resource["process.pid"], self.daemon.process.pid)
        self.assertEqual(self.collector.paths[0], "/v1/traces")
        self.assertEqual(self.collector.headers[0]["Content-Type"], "application/json")

    def test_a_trace_begins_here(self):
        reply = self.run_it()
        job = self.daemon.wait(reply.headers["medley-job"])
        trace = job["traceparent"].split("-")[1]
        spans = self.collector.wait(lambda s: sum(x["traceId"] == trace for x in s) == 6)
        roots = [s["name"] for s in spans if s["traceId"] == trace and "parentSpanId" not in s]
        self.assertEqual(roots, ["POST /run/{pipeline}"])

    def test_what_is_not_sampled_is_not_sent(self):
        reply = self.run_it("trace", traceparent=UNSAMPLED)
        job = self.daemon.wait(reply.headers["medley-job"])
        self.assertTrue(job["traceparent"].startswith(f"00-{TRACE_ID}-") and job["traceparent"].endswith("-00"), job)
        self.daemon.wait(self.run_it("echo").headers["medley-job"])
        spans = self.collector.wait(lambda s: any(x["name"] == "job echo" for x in s))
        self.assertEqual([s for s in spans if s["traceId"] == TRACE_ID], [])

    def test_who_watches_begins_no_trace(self):
        for path in ("/healthz", "/readyz", "/metrics", "/nowhere"):
            self.http.ask("GET", path)
        self.run_it()
        spans = self.collector.wait(lambda s: any(x["name"] == "job echo" for x in s))
        self.assertEqual([s["name"] for s in spans if s["name"].startswith("GET")], [])

    def test_a_failure_and_its_second_attempt(self):
        job = self.daemon.create(pipeline="segv", inputs={"text": {"text": "x"}}, attempts=2)["id"]
        self.daemon.wait(job)
        spans = self.collector.wait(lambda s: any(x["name"] == "job segv" for x in s))
        whole = next(s for s in spans if s["name"] == "job segv")
        self.assertEqual(whole["status"]["code"], 2)
        self.assertIn("fakecrash", whole["status"]["message"])
        self.assertEqual((attributes(whole)["error.type"], attributes(whole)["medley.job.attempts"]), ("worker-crashed", 2))
        attempts = [s for s in spans if s["name"] == "attempt"]
        self.assertEqual([(attributes(s)["medley.attempt"], attributes(s)["error.type"]) for s in attempts],
                         [(1, "worker-crashed"), (2, "worker-crashed")])
        self.assertEqual(sum(s["name"] == "queue" for s in spans), 2)
        crashed = [s for s in spans if s["name"] == "stage fakecrash"]
        # A worker may die before it has told that the stage began.
        self.assertLessEqual({s["parentSpanId"] for s in crashed}, {s["spanId"] for s in attempts})
        self.assertLessEqual({s["status"]["code"] for s in crashed}, {2})

    def test_a_cancelled_job_is_no_error(self):
        job = self.daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"]
        self.daemon.wait(job, ("running",))
        self.http.ask("POST", f"/api/v1/jobs/{job}/cancel")
        spans = self.collector.wait(lambda s: any(x["name"] == "job endless" for x in s))
        whole = next(s for s in spans if s["name"] == "job endless")
        self.assertEqual(attributes(whole)["medley.job.state"], "cancelled")
        self.assertNotIn("status", whole)

    def test_a_job_that_outlives_its_daemon_keeps_its_span(self):
        job = self.http.ask_json("POST", "/api/v1/jobs", {"pipeline": "endless", "inputs": {"text": {"text": "x"}}, "attempts": 3},
                                 {"traceparent": SAMPLED}).json()
        self.daemon.wait(job["id"], ("running",))
        self.collector.wait(lambda s: any(x["name"] == "POST /api/v1/jobs" for x in s))
        self.daemon.kill()
        self.http.close()
        self.daemon.start()
        self.daemon.wait(job["id"], ("running",))
        self.assertEqual(self.daemon.job(job["id"])["traceparent"], job["traceparent"])
        self.http.ask("POST", f"/api/v1/jobs/{job['id']}/cancel")
        spans = self.collector.wait(lambda s: any(x["name"] == "job endless" for x in s))
        whole = next(s for s in spans if s["name"] == "job endless")
        request = next(s for s in spans if s["name"] == "POST /api/v1/jobs")
        self.assertEqual((whole["spanId"], whole["parentSpanId"]), (job["traceparent"].split("-")[2], request["spanId"]))

    def test_what_waits_is_sent_at_the_end(self):
        self.daemon.wait(self.run_it("echo", traceparent=SAMPLED).headers["medley-job"])
        self.assertEqual(self.daemon.stop(), 0)
        self.assertIn("job echo", [span["name"] for span in self.collector.spans()])

    def test_nothing_of_what_clients_send(self):
        self.http.ask("POST", "/run/echo?output=out&SECRET1=SECRET2", b"SECRET3", {
            "Authorization": "Bearer SECRET4", "Cookie": "SECRET5", "User-Agent": "SECRET6", "traceparent": SAMPLED})
        self.collector.wait(lambda s: any(x["traceId"] == TRACE_ID for x in s))
        self.assertEqual([b for _, b in self.collector.bodies if b"SECRET" in b], [])


class Ill(TelemetryTest):
    """The collector answers with errors."""

    def test_503_is_tried_again_after_the_time_it_says(self):
        self.collector.answers = [(503, {"Retry-After": "2"}), (429, {})]
        begin = time.monotonic()
        self.run_it()
        self.collector.wait(lambda s: any(x["name"] == "job echo" for x in s))
        self.assertGreater(time.monotonic() - begin, 2)
        self.assertEqual([status for status, _ in self.collector.bodies[:3]], [503, 429, 200])
        self.assertEqual(len({body for _, body in self.collector.bodies[:3]}), 1, "the same batch each time")
        self.assertEqual(self.metric("medley_telemetry_requests_total", outcome="failed"), 2)
        self.assertEqual(self.metric("medley_telemetry_spans_total", outcome="failed"), 0)
        log = self.daemon.log.read_text()
        self.assertEqual((log.count("Traces cannot be sent"), log.count("Traces are sent again")), (1, 1))

    def test_400_is_not(self):
        self.collector.answers = [(400, {})]
        self.run_it()
        self.wait_metric("medley_telemetry_spans_total", 5, outcome="failed")
        self.run_it()
        self.collector.wait(lambda s: any(x["name"] == "job echo" for x in s))
        self.assertEqual(self.collector.bodies[0][0], 400)
        self.assertNotIn(self.collector.bodies[0][1], [body for _, body in self.collector.bodies[1:]])

    def test_a_redirect_is_not_followed(self):
        self.collector.answers = [(307, {"Location": "http://127.0.0.1:1/elsewhere"})]
        self.run_it()
        self.wait_metric("medley_telemetry_spans_total", 5, outcome="failed")


class Away(TelemetryTest):
    """Nobody is there, and few spans may wait."""

    SETTINGS = ("telemetry.queue=10",)

    def endpoint(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            return f"http://127.0.0.1:{server.getsockname()[1]}"

    def test_jobs_run_and_spans_are_dropped_and_counted(self):
        def resident():
            return self.metric("process_resident_memory_bytes")

        for _ in range(20):
            self.assertEqual(self.run_it().body, b"x\n")
        before = resident()
        for _ in range(60):
            self.assertEqual(self.run_it().body, b"x\n")
        self.assertLessEqual(self.metric("medley_telemetry_waiting_spans"), 10)
        self.assertGreater(self.metric("medley_telemetry_spans_total", outcome="dropped"), 80 * 6 - 100)
        if not is_sanitized() and not medleytest.WRAPPER:
            self.assertLess(resident() - before, 16 * 2**20)
        begin = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, PATIENCE / 2)


class Slow(TelemetryTest):
    """It takes the request and says nothing."""

    SETTINGS = ("telemetry.queue=50",)

    def prepare(self):
        self.collector.delay = 20

    def test_jobs_do_not_wait_for_it_and_neither_does_the_end(self):
        for _ in range(20):
            self.assertEqual(self.run_it().body, b"x\n")
        self.assertLessEqual(self.metric("medley_telemetry_waiting_spans"), 50)
        begin = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, 15)


class Headers(TelemetryTest):
    def prepare(self):
        file = self.daemon.folder / "headers"
        file.write_text("# the collector's key\nAuthorization: Bearer SECRET\nX-Scope-OrgID: 7\n")
        file.chmod(0o600)
        self.daemon.settings += [f"telemetry.otlp-headers={file}", "telemetry.service-name=other", "log.level=debug"]

    def endpoint(self):
        return self.collector.url + "/own/path"

    def test_they_are_sent_and_shown_nowhere(self):
        self.run_it()
        self.collector.wait(lambda s: any(x["name"] == "job echo" for x in s))
        self.assertEqual(self.collector.paths[0], "/own/path")
        self.assertEqual((self.collector.headers[0]["Authorization"], self.collector.headers[0]["X-Scope-OrgID"]),
                         ("Bearer SECRET", "7"))
        self.assertIn(b'"stringValue":"other"', self.collector.bodies[0][1])
        self.assertNotIn("SECRET", self.daemon.log.read_text())
        self.assertNotIn("SECRET", json.dumps(self.daemon.status()))


class Sampling(TelemetryTest):
    SETTINGS = ("telemetry.sampled-percent=0",)

    def test_only_what_others_sampled(self):
        for _ in range(5):
            self.run_it()
        self.run_it(traceparent=SAMPLED)
        spans = self.collector.wait(lambda s: any(x["name"] == "job echo" for x in s))
        self.assertEqual({span["traceId"] for span in spans}, {TRACE_ID})


class Strangers(TelemetryTest):
    """Who shows no token, under TLS."""

    def prepare(self):
        self.folder = Path(tempfile.mkdtemp(prefix="medley-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        certificate, key = make_certificate(self.folder)
        self.daemon.settings += ["http.tcp=true", f"http.tls-certificate={certificate}", f"http.tls-key={key}"]

    def test_they_leave_no_spans(self):
        port = int(re.search(r"https://127\.0\.0\.1:(\d+)", self.daemon.status()["faces"]["http"])[1])
        token = (self.daemon.folder / "runtime" / "medley" / "token").read_text().strip()

        def ask(method, path, **headers):
            context = ssl.create_default_context(cafile=self.folder / "server.pem")
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=context)
            connection.request(method, path, b"x\n" if method == "POST" else None, {"traceparent": SAMPLED, **headers})
            status = connection.getresponse().status
            connection.close()
            return status

        for path, status in (("/api/v1", 401), ("/nowhere", 401), ("/healthz", 200), ("/readyz", 200)):
            self.assertEqual(ask("GET", path), status, path)
        self.assertEqual(ask("POST", "/run/echo"), 401)
        self.assertEqual(ask("GET", "/api/v1", Authorization="Bearer wrong"), 401)
        self.assertEqual(ask("GET", "/nowhere", Authorization=f"Bearer {token}"), 404)
        # All of these would have been sent before that of the last one.
        self.assertEqual(ask("GET", "/api/v1", Authorization=f"Bearer {token}"), 200)
        spans = self.collector.wait(lambda s: any(x["traceId"] == TRACE_ID and attributes(x)["http.response.status_code"] == 200
                                                  for x in s))
        found = [(span["name"], attributes(span)["url.scheme"]) for span in spans if span["traceId"] == TRACE_ID]
        self.assertEqual(found, [("GET /api/v1", "https")])


class Refused(unittest.TestCase):
    def test_an_endpoint_that_is_none(self):
        for value, words in (("localhost:4318", "no address"), ("ftp://x", "no address"), ("http://", "no address"),
                             ("http://user:SECRET@localhost", "user or password"),
                             ("http://localhost/v1/traces?key=SECRET", "query"), ("http://localhost#SECRET", "fragment")):
            daemon = Daemon(f"telemetry.otlp-endpoint={value}")
            with self.assertRaises(RuntimeError) as raised:
                daemon.start()
            self.assertIn(words, str(raised.exception))
            self.assertNotIn("SECRET", str(raised.exception))
            daemon.__exit__(None)


if __name__ == "__main__":
    medleytest.main()
