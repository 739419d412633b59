# SPDX-License-Identifier: LGPL-2.1-or-later
"""/openapi.json against the daemon it describes: what is written there is answered, and nothing else."""

import json
import tempfile
import unittest

import jsonschema

import webtest
from httptest import JSON, PIPELINES, pipeline
from medleytest import DATA, SOURCE, Daemon, Http, main
from openapitest import Document

MORE = {
    "broken.json": {"medley": 1, "stages": {}, "outputs": {"out": {"from": "nothing", "type": "text/plain"}}},
    "flaky.json": pipeline("fakeflaky", "text-to-text/flaky", **{"fail-count": 1000}),
}


class Described(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("workers.maximum=2", pipelines={**PIPELINES, **MORE})
        cls.daemon.start()
        cls.text = cls.daemon.curl("/openapi.json")
        cls.document = Document(cls.text.body)

    @classmethod
    def tearDownClass(cls):
        assert cls.daemon.stop() == 0

    def ask(self, operation, query="", body=None, headers=None, **names):
        """The answer to a request, which has to be one that is documented."""
        row = self.document[operation]
        client = Http(self.daemon.socket)
        reply = client.ask(row.method, row.fill(**names) + query, body, headers)
        client.close()
        self.document.check(row, reply)
        return reply

    # -- the document itself

    def test_a_linter_finds_nothing(self):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(self.text.body)
            file.flush()
            self.assertEqual(webtest.node("lint-openapi.cjs", file.name), [])

    def test_a_linter_would_find_something(self):
        bad = json.loads(self.text.body)
        bad["paths"]["/api/v1/jobs"]["get"]["operationId"] = "createJob"
        bad["components"]["schemas"]["Job"]["type"] = "obj"
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(bad, file)
            file.flush()
            rules = {problem["rule"] for problem in webtest.node("lint-openapi.cjs", file.name)}
        self.assertGreaterEqual(rules, {"operation-operationId-unique", "struct"})

    def test_its_schemas_are_schemas(self):
        for name, schema in self.document.raw["components"]["schemas"].items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_it_is_answered_once(self):
        self.assertEqual(self.text.headers["content-type"], "application/json")
        etag = self.text.headers["etag"]
        head = self.daemon.curl("/openapi.json", "-I")
        self.assertEqual((head.status, head.headers["etag"], head.headers["content-length"]),
                         (200, etag, str(len(self.text.body))))
        self.assertEqual(self.daemon.curl("/openapi.json", "-H", f"If-None-Match: W/{etag}").status, 304)
        self.assertEqual(self.daemon.curl("/openapi.json", "-H", 'If-None-Match: "x"').status, 200)

    def test_each_name_of_a_path_is_described(self):
        for row in self.document.operations.values():
            for parameter in row.row["parameters"]:
                self.assertTrue(parameter["description"], (row.id, parameter["name"]))

    # -- every route

    def test_every_path_is_there(self):
        for row in self.document.operations.values():
            with self.subTest(row.id):
                client = Http(self.daemon.socket)
                reply = client.ask("OPTIONS", row.fill())
                client.close()
                self.assertEqual(reply.status, 204)
                self.assertIn(row.method, reply.headers["allow"].split(", "))
        self.assertIn(b"there is no route", self.daemon.curl("/api/v1/job").body)

    def test_every_get_answers_head(self):
        # What answers for as long as something is followed has no end that could be compared.
        for row in self.document.operations.values():
            if row.method != "GET" or "{" in row.path or "101" in row.row["responses"]:
                continue
            with self.subTest(row.id):
                client = Http(self.daemon.socket)
                reply = client.ask("HEAD", row.path)
                client.close()
                self.assertEqual((reply.status, reply.body), (200, b""))

    def test_a_key_that_is_not_described_is_refused(self):
        for row in self.document.operations.values():
            if row.takes_any_key:
                continue
            with self.subTest(row.id):
                client = Http(self.daemon.socket)
                reply = client.ask(row.method, row.fill() + "?no-such-key=1")
                client.close()
                self.assertEqual(reply.status, 400, reply.body)
                self.assertEqual(self.document.check(row, reply), "invalid-argument")
                self.assertIn(b"no-such-key", reply.body)

    def test_the_keys_that_are_described_are_known(self):
        for row in self.document.operations.values():
            for name in row.query:
                if row.takes_any_key and name == "any":
                    continue
                with self.subTest(operation=row.id, key=name):
                    client = Http(self.daemon.socket)
                    reply = client.ask(row.method, f"{row.fill()}?{name}=")
                    client.close()
                    self.assertNotIn(b"is no key of this query", reply.body)

    # -- what is really answered

    def test_jobs(self):
        made = self.ask("createJob", body=json.dumps({
            "pipeline": "voice", "inputs": {"text": {"text": "One. Two."}}, "parameters": {"voice": "high"},
            "priority": 3, "runTime": 60, "cache": False, "outputs": {"captions": {}}}).encode(),
            headers={"Content-Type": "application/json"})
        job = made.json()["id"]
        self.assertEqual(made.headers["location"], f"/api/v1/jobs/{job}")
        self.daemon.wait(job)
        failed = self.daemon.create(pipeline="flaky", inputs={"text": {"text": "x"}})["id"]
        self.daemon.wait(failed)
        late = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}}, startAt=4_000_000_000_000_000,
                                  deadline="2100-01-01T00:00:00Z")["id"]
        for one in (job, failed, late):
            self.ask("getJob", id=one)
            self.ask("followEvents", id=one, headers={"Accept": "application/json"})
        self.ask("listJobs")
        self.assertIn("next", self.ask("listJobs", "?limit=1").json())
        for state in self.document.raw["components"]["schemas"]["JobState"]["enum"]:
            self.ask("listJobs", f"?state={state}")
        stream = self.ask("followEvents", id=job)
        for line in stream.body.decode().splitlines():
            if line.startswith("data: "):
                self.document.validate({"$ref": "#/components/schemas/Event"}, json.loads(line[6:]))
        self.assertEqual(self.ask("getOutput", id=job, name="captions").status, 200)
        self.assertEqual(self.ask("getOutput", id=job, name="captions", headers={"Range": "bytes=0-3"}).status, 206)
        self.assertEqual(self.ask("putInput", id=late, name="text", body=b"x").status, 204)
        self.assertEqual(self.ask("cancelJob", id=late).json()["state"], "cancelled")
        self.assertEqual(self.ask("retryJob", id=failed).status, 200)
        self.assertEqual(self.ask("removeJob", id=job).status, 204)

    def test_pausing(self):
        job = self.daemon.create(pipeline="endless", inputs={"text": {"text": "x\n"}})["id"]
        self.daemon.wait(job, ("running",))
        self.assertEqual(self.ask("pauseJob", id=job).json()["state"], "paused")
        self.assertEqual(self.ask("resumeJob", id=job).json()["state"], "running")
        self.ask("getJob", id=job)
        self.ask("cancelJob", id=job)

    def test_running(self):
        self.assertEqual(self.ask("runPipeline", pipeline="echo", body=b"x").body, b"x")
        detached = self.ask("runPipeline", "?detach", pipeline="echo", body=b"x")
        self.assertEqual(detached.status, 202)

    def test_catalogue(self):
        self.ask("listPipelines")
        for name in ("speak", "voice", "broken"):
            self.ask("getPipeline", name=name)
        self.ask("listEngines")
        for name in ("espeak", "tesseract", "fakevoice", "fakecrash"):
            self.ask("getEngine", name=name)
        self.ask("listVoices", name="espeak")
        for text in ((SOURCE / "pipelines" / "speak.json").read_bytes(), b"{", b'{"medley": 1, "stagse": {}}'):
            self.ask("validatePipeline", body=text, headers={"Content-Type": "application/json"})

    def test_saving(self):
        text = json.dumps(pipeline("fakeecho")).encode()
        json_type = {"Content-Type": "application/json"}
        self.assertEqual(self.ask("savePipeline", name="new", body=text, headers=json_type).status, 201)
        self.assertEqual(self.ask("savePipeline", name="new", body=text, headers=json_type).status, 200)
        for operation in ("getPipeline", "getPipelineFile"):
            tag = self.ask(operation, name="new").headers["etag"]
            self.assertEqual(self.ask(operation, name="new", headers={"If-None-Match": tag}).status, 304)
        for query in ("?format=dot", "?format=svg"):
            self.assertEqual(self.ask("drawPipeline", query, name="new").status, 200)
        self.assertEqual(self.ask("removePipeline", name="new").status, 204)

    def test_server(self):
        for operation in ("getServer", "getHealth", "getReadiness", "getDescription"):
            self.assertEqual(self.ask(operation).status, 200)

    def test_removing_what_is_kept(self):
        with Daemon("cache.bytes=1MiB") as daemon:
            reply = daemon.curl("/api/v1/cache", "-X", "DELETE")
        self.document.check(self.document["clearCache"], reply)


if __name__ == "__main__":
    main()
