# SPDX-License-Identifier: LGPL-2.1-or-later
"""/metrics as Prometheus' own Python library reads it: everything parses, agrees with what was run, and is documented."""

import http.client
import re
import time
import unittest
import urllib.parse
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_plain

import medleytest
from medleytest import DATA, SOURCE, Daemon, Http

ECHO = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "stages": {"s": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text"}},
    "outputs": {"out": {"from": "s", "type": "text/plain"}},
}


def with_engine(engine, **settings):
    return {**ECHO, "stages": {"s": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text",
                                     "set": settings}}}


PIPELINES = {
    "echo.json": ECHO,
    "segv.json": with_engine("fakecrash", how="segv"),
    "hang.json": with_engine("fakehang"),
    "endless.json": with_engine("fakeendless"),
    "slow.json": with_engine("fakeslow"),
}


class Metrics:
    """What one scrape had, by name of the sample and labels."""

    def __init__(self, text, parse=parse_plain):
        self.families = {family.name: family for family in parse(text)}
        self.samples = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
                        for family in self.families.values() for sample in family.samples}

    def get(self, name, **labels):
        return self.samples.get((name, tuple(sorted(labels.items()))), 0)

    def total(self, name, **labels):
        return sum(value for (found, having), value in self.samples.items()
                   if found == name and set(labels.items()) <= set(having))


class MetricsTest(unittest.TestCase):
    SETTINGS = ()

    def setUp(self):
        self.daemon = Daemon("workers.maximum=1", "workers.grace=1s", *self.SETTINGS, pipelines=PIPELINES)
        self.daemon.start()
        self.addCleanup(self.daemon.__exit__, None)
        self.http = Http(self.daemon.socket)
        self.addCleanup(self.http.close)

    def scrape(self, open_metrics=False):
        headers = {"Accept": "application/openmetrics-text; version=1.0.0,text/plain;q=0.5"} if open_metrics else {}
        reply = self.http.ask("GET", "/metrics", headers=headers)
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.headers["content-type"],
                         "application/openmetrics-text; version=1.0.0; charset=utf-8" if open_metrics
                         else "text/plain; version=0.0.4; charset=utf-8")
        return Metrics(reply.body.decode(), parse_open if open_metrics else parse_plain)

    def run_echo(self, text, name="echo"):
        reply = self.http.ask("POST", f"/run/{name}", text)
        self.assertEqual((reply.status, reply.body), (200, text))
        return reply.headers["medley-job"]

    def wait_at_work(self, job):
        """Until the engine has its input: before that it could still be cancelled in time."""
        deadline = time.monotonic() + medleytest.PATIENCE
        while time.monotonic() < deadline:
            events = self.http.ask("GET", f"/api/v1/jobs/{job}/events", headers={"Accept": "application/json"}).json()
            if any(event["kind"] == "stage-started" for event in events["events"]):
                time.sleep(0.2)
                return
            time.sleep(0.02)
        self.fail("the stage does not begin")

    def wait_ended(self, job, state):
        self.assertEqual(self.daemon.wait(job)["state"], state)


class Reading(MetricsTest):
    def test_both_formats_say_the_same(self):
        self.run_echo(b"a\n")
        self.wait_ended(self.http.ask("GET", "/api/v1/jobs").json()["jobs"][0]["id"], "done")
        plain, opened = self.scrape(), self.scrape(open_metrics=True)
        self.assertEqual({n.removesuffix("_total") for n in plain.families}, set(opened.families))
        for family in plain.families.values():
            self.assertIn(family.type, ("counter", "gauge", "histogram"), family.name)
            self.assertTrue(family.documentation)
            if family.type == "counter":
                self.assertTrue(all(s.name.endswith("_total") for s in family.samples), family.name)
        for key, value in plain.samples.items():
            if key[0].startswith(("medley_job", "medley_stage", "medley_build")):
                self.assertEqual(opened.samples[key], value, key)

    def test_histograms_are_cumulative_and_end_in_the_count(self):
        for text in (b"a\n", b"b\n"):
            self.run_echo(text)
        metrics = self.scrape()
        seen = 0
        for family in metrics.families.values():
            if family.type != "histogram":
                continue
            series = {}
            for sample in family.samples:
                labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
                series.setdefault(labels, {})[sample.name.rpartition("_")[2], sample.labels.get("le")] = sample.value
            for values in series.values():
                buckets = sorted((float(le), v) for (kind, le), v in values.items() if kind == "bucket")
                counts = [v for _, v in buckets]
                self.assertEqual(counts, sorted(counts), family.name)
                self.assertEqual((buckets[-1][0], counts[-1]), (float("inf"), values["count", None]), family.name)
                self.assertGreaterEqual(values["sum", None], 0)
                seen += 1
        self.assertGreater(seen, 6)

    def test_the_page_of_documentation_has_exactly_these(self):
        page = (SOURCE / "docs" / "observability.md").read_text()
        rows = {m[1]: (m[2], m[3]) for m in re.finditer(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", page, re.M)}
        for key in [n for n in rows if not n.startswith(("medley_", "process_"))]:
            del rows[key]
        served = self.http.ask("GET", "/metrics").body.decode()
        kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", served, re.M))
        self.assertEqual({name: kind for name, (kind, _) in rows.items()}, kinds)
        for job in (self.run_echo(b"x\n"),):
            self.wait_ended(job, "done")
        for (name, labels), _ in self.scrape().samples.items():
            base = re.sub(r"_(bucket|sum|count)$", "", name) if name not in rows else name
            documented = re.findall(r"`(\w+)`", rows[base][1])
            self.assertEqual(sorted(k for k, _ in labels if k != "le"), sorted(documented), name)

    def test_head_has_no_body(self):
        reply = self.http.ask("HEAD", "/metrics")
        self.assertEqual((reply.status, reply.body), (200, b""))


class Counting(MetricsTest):
    def test_jobs_stages_and_bytes(self):
        before = self.scrape()
        texts = [b"one\n", b"two two\n", b"three\n"]
        jobs = [self.daemon.wait(self.run_echo(text)) for text in texts]
        after = self.scrape()
        self.assertEqual(before.total("medley_jobs_ended_total"), 0)
        self.assertEqual(after.get("medley_jobs_ended_total", pipeline="echo", outcome="done", code=""), 3)
        self.assertEqual(after.get("medley_jobs_created_total", pipeline="echo"), 3)
        self.assertEqual(after.get("medley_job_attempts_total", pipeline="echo"), 3)
        self.assertEqual(after.total("medley_jobs"), 0)
        self.assertEqual(after.get("medley_jobs_kept", state="done"), 3)
        size = sum(map(len, texts))
        self.assertEqual(after.get("medley_job_input_bytes_total", pipeline="echo"), size)
        self.assertEqual(after.get("medley_job_output_bytes_total", pipeline="echo"), size)
        self.assertEqual(after.get("medley_stage_output_bytes_total", engine="fakeecho"), size)
        for name, labels in (("medley_job_queue_seconds", {"pipeline": "echo"}),
                             ("medley_job_first_output_seconds", {"pipeline": "echo"}),
                             ("medley_job_seconds", {"pipeline": "echo", "outcome": "done"}),
                             ("medley_stage_seconds", {"engine": "fakeecho"}),
                             ("medley_stage_first_output_seconds", {"engine": "fakeecho"})):
            self.assertEqual(after.get(name + "_count", **labels), 3, name)
        took = sum(job["finished"] - job["created"] for job in jobs) / 1e6
        self.assertAlmostEqual(after.get("medley_job_seconds_sum", pipeline="echo", outcome="done"), took, 3)
        self.assertEqual(after.get("medley_store_writes_total"), after.get("medley_store_commit_writes_sum"))
        self.assertEqual(after.get("medley_store_commit_seconds_count"), after.get("medley_store_commit_writes_count"))
        self.assertGreater(after.get("medley_store_bytes"), 0)

    def test_failures_lost_workers_and_retries(self):
        crash = self.daemon.create(pipeline="segv", inputs={"text": {"text": "x"}}, attempts=2)["id"]
        self.wait_ended(crash, "failed")
        hang = self.daemon.create(pipeline="hang", inputs={"text": {"text": "x"}})["id"]
        self.wait_at_work(hang)
        self.http.ask("POST", f"/api/v1/jobs/{hang}/cancel")
        self.wait_ended(hang, "cancelled")
        metrics = self.scrape()
        self.assertEqual(metrics.get("medley_jobs_ended_total", pipeline="segv", outcome="failed",
                                     code="worker-crashed"), 1)
        self.assertEqual(metrics.get("medley_job_retries_total", pipeline="segv", code="worker-crashed"), 1)
        self.assertEqual(metrics.get("medley_job_attempts_total", pipeline="segv"), 2)
        self.assertEqual(metrics.get("medley_workers_lost_total", cause="worker-crashed"), 2)
        self.assertEqual(metrics.get("medley_jobs_ended_total", pipeline="hang", outcome="cancelled",
                                     code="cancelled"), 1)
        self.assertEqual(metrics.get("medley_workers_lost_total", cause="cancelled"), 1)
        self.assertEqual(metrics.total("medley_workers_lost_total"), self.daemon.status()["workers"]["lost"])

    def test_jobs_by_state_and_workers(self):
        first = self.daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"]
        self.daemon.wait(first, ("running",))
        others = [self.daemon.create(pipeline="echo", inputs={"text": {"text": "x"}})["id"] for _ in range(3)]
        metrics = self.scrape()
        self.assertEqual(metrics.get("medley_jobs", state="running", pipeline="endless"), 1)
        self.assertEqual(metrics.get("medley_jobs", state="queued", pipeline="echo"), 3)
        self.assertEqual(metrics.get("medley_workers", state="busy"), 1)
        self.assertEqual(metrics.get("medley_workers_maximum"), 1)
        self.http.ask("POST", f"/api/v1/jobs/{first}/pause")
        self.daemon.wait(first, ("paused",))
        metrics = self.scrape()
        self.assertEqual(metrics.get("medley_jobs", state="paused", pipeline="endless"), 1)
        self.assertEqual(metrics.get("medley_jobs", state="running", pipeline="endless"), 0)
        self.http.ask("POST", f"/api/v1/jobs/{first}/cancel")
        for job in others:
            self.wait_ended(job, "done")
        self.assertEqual(self.scrape().total("medley_jobs"), 0)

    def test_http_requests(self):
        for _ in range(3):
            self.http.ask("GET", "/healthz")
        for path in ("/api/v1/jobs/none", "/api/v1/jobs/other", "/nowhere/at-all?x=1", "/" + "y" * 900):
            self.assertEqual(self.http.ask("GET", path).status, 404)
        self.http.ask("INVENTED", "/healthz")
        self.run_echo(b"12345\n")
        metrics = self.scrape()
        self.assertEqual(metrics.get("medley_http_requests_total", route="/healthz", method="GET", status="2xx"), 3)
        self.assertEqual(metrics.get("medley_http_requests_total", route="/api/v1/jobs/{id}", method="GET",
                                     status="4xx"), 2)
        self.assertEqual(metrics.get("medley_http_requests_total", route="none", method="GET", status="4xx"), 2)
        self.assertEqual(metrics.get("medley_http_requests_total", route="none", method="other", status="4xx"), 1)
        self.assertEqual(metrics.get("medley_http_received_bytes_total", route="/run/{pipeline}"), 6)
        self.assertGreater(metrics.get("medley_http_sent_bytes_total", route="/run/{pipeline}"), 6)
        self.assertEqual(metrics.get("medley_http_requests_in_flight", route="/metrics"), 1)
        self.assertEqual(metrics.total("medley_http_requests_in_flight"), 1)
        self.assertGreaterEqual(metrics.get("medley_http_connections"), 1)
        self.assertLessEqual(metrics.get("medley_http_connections"), metrics.get("medley_http_connections_accepted_total"))
        self.assertEqual(metrics.get("medley_http_request_seconds_count", route="/healthz"), 3)

    def test_no_label_is_a_clients(self):
        own = {**ECHO, "name": "SECRET-NAME"}
        self.wait_ended(self.daemon.create(pipeline=own, inputs={"text": {"text": "SECRET-TEXT"}})["id"], "done")
        self.http.ask("GET", "/SECRET-PATH?SECRET-KEY=SECRET-VALUE", headers={"X-Request-Id": "SECRET-ID",
                                                                              "User-Agent": "SECRET-AGENT"})
        self.http.ask("POST", "/run/SECRET-PIPELINE?" + urllib.parse.urlencode({"SECRET": "x"}), b"x")
        text = self.http.ask("GET", "/metrics").body.decode()
        self.assertNotIn("SECRET", text)
        self.assertEqual(Metrics(text).get("medley_jobs_ended_total", pipeline="other", outcome="done", code=""), 1)

    def test_process(self):
        metrics = self.scrape()
        status = dict(line.split(":", 1) for line in
                      Path(f"/proc/{self.daemon.process.pid}/status").read_text().splitlines())
        resident = int(status["VmRSS"].split()[0]) * 1024
        if not medleytest.WRAPPER:
            self.assertLess(abs(metrics.get("process_resident_memory_bytes") - resident), resident / 2)
        self.assertGreater(metrics.get("process_open_fds"), 5)
        self.assertGreater(metrics.get("process_start_time_seconds"), 1e9)


class Recovered(MetricsTest):
    SETTINGS = ("workers.warm=0",)

    def test_what_an_earlier_daemon_left_is_counted(self):
        first = self.daemon.create(pipeline="endless", inputs={"text": {"text": "x"}}, attempts=5)["id"]
        self.daemon.wait(first, ("running",))
        waiting = self.daemon.create(pipeline="echo", inputs={"text": {"text": "x"}})["id"]
        self.daemon.kill()
        self.http.close()
        self.daemon.start()
        self.daemon.wait(first, ("running",))
        metrics = self.scrape()
        self.assertEqual(metrics.get("medley_jobs", state="running", pipeline="endless"), 1)
        self.assertEqual(metrics.get("medley_jobs", state="queued", pipeline="echo"), 1)
        self.http.ask("POST", f"/api/v1/jobs/{first}/cancel")
        self.wait_ended(waiting, "done")
        self.assertEqual(self.scrape().total("medley_jobs"), 0)


class Caching(MetricsTest):
    SETTINGS = ("cache.bytes=1MiB",)

    def test_hits_and_misses(self):
        for _ in range(2):
            self.daemon.wait(self.daemon.create(pipeline="slow", inputs={"text": {"text": "same"}})["id"])
        metrics = self.scrape()
        cache = self.daemon.status()["cache"]
        self.assertEqual((metrics.get("medley_cache_hits_total"), metrics.get("medley_cache_misses_total")),
                         (cache["hits"], cache["misses"]))
        self.assertEqual((cache["hits"], cache["misses"]), (1, 1))
        self.assertGreater(metrics.get("medley_cache_bytes"), 0)


class Suspending(MetricsTest):
    SETTINGS = ("workers.circuit-crashes=2",)

    def test_a_suspended_engine(self):
        for _ in range(2):
            self.wait_ended(self.daemon.create(pipeline="segv", inputs={"text": {"text": "x"}})["id"], "failed")
        self.assertEqual(self.scrape().get("medley_engine_suspended", engine="fakecrash"), 1)


class Access(unittest.TestCase):
    def test_a_token_is_needed_over_tcp(self):
        with Daemon("http.tcp=true") as daemon:
            port = re.search(r"http://127.0.0.1:(\d+)", daemon.status()["faces"]["http"])[1]
            token = (daemon.folder / "runtime" / "medley" / "token").read_text().strip()

            def ask(headers):
                connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=medleytest.PATIENCE)
                connection.request("GET", "/metrics", headers=headers)
                reply = connection.getresponse()
                text = reply.read().decode()
                connection.close()
                return reply.status, text

            self.assertEqual(ask({})[0], 401)
            status, text = ask({"Authorization": f"Bearer {token}"})
            self.assertEqual(status, 200)
            self.assertIn("medley_build_info", text)


if __name__ == "__main__":
    medleytest.main()
