# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs that are created from bodies of all kinds, and found again by filters."""

import json
import time
import urllib.parse

from httptest import Client, Face
from medleytest import PATIENCE, main

JSON = "application/json"


class Bodies(Face):
    def post(self, query, *arguments, **options):
        return self.curl(f"/api/v1/jobs{query}", *arguments, **options)

    def done(self, reply, status=201):
        self.assertEqual(reply.status, status, reply.body[:500])
        self.assertEqual(reply.headers["location"], f"/api/v1/jobs/{reply.json()['id']}")
        return self.daemon.wait(reply.json()["id"])

    def output(self, job, name):
        return self.curl(f"/api/v1/jobs/{job['id']}/outputs/{name}")

    def test_a_body_is_an_input(self):
        made = self.post("?pipeline=echo", "-H", "Content-Type: text/plain", "--data-binary", "One. Two.\n")
        # It is whole when it is answered, and on the disk.
        self.assertEqual(made.json()["inputs"]["text"], {"type": "text/plain", "size": 10, "complete": True})
        job = self.done(made)
        self.assertEqual((job["state"], self.output(job, "out").body), ("done", b"One. Two.\n"))

    def test_a_body_of_unknown_length_is_worked_on_as_it_arrives(self):
        client = Client(self.daemon)
        client.send(b"POST /api/v1/jobs?pipeline=echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.chunk(b"One sentence. ")
        deadline = time.monotonic() + PATIENCE
        jobs = []
        while not jobs and time.monotonic() < deadline:
            jobs = self.curl("/api/v1/jobs?state=running").json()["jobs"]
        listed = jobs[0]["id"]
        while b"One" not in self.curl(f"/api/v1/jobs/{listed}/outputs/out", "--max-time", "1").body:
            self.assertLess(time.monotonic(), deadline)
        client.chunk(b"Another.")
        client.send(b"0\r\n\r\n")
        client.wait_for(b'"lastEvent"')
        self.assertTrue(client.received.startswith(b"HTTP/1.1 201 "))
        self.assertIn(listed.encode(), client.received)
        client.close()
        self.assertEqual(self.output(self.daemon.wait(listed), "out").body, b"One sentence. Another.")

    def test_a_form_has_all_inputs(self):
        job = self.done(self.post("?pipeline=pair", "-F", "a=first", "-F", "b=second"))
        self.assertEqual([self.output(job, f"of-{name}").body for name in "ab"], [b"first", b"second"])
        job = self.done(self.post("?pipeline=voice", "-F", "text=Hello.", "-F", "voice=high"))
        self.assertEqual(job["parameters"], {"voice": "high"})

    def test_the_query_says_the_rest(self):
        made = self.post("?pipeline=voice&voice=high&output=captions&output=speech", "--data-binary", "Hello.",
                         "-H", "Medley-Priority: 7", "-H", "Accept: text/html")
        job = self.done(made)
        self.assertEqual((job["parameters"], job["priority"]), ({"voice": "high"}, 7))
        self.assertEqual(sorted(job["outputs"]), ["captions", "speech"])
        job = self.done(self.post("?pipeline=voice&output=speech&type=audio/flac", "--data-binary", "Hello."))
        self.assertEqual(list(job["outputs"].items())[0][1]["type"], "audio/flac")
        job = self.done(self.post("?pipeline=pair&input=b&output=of-b", "-F", "a=x", "-F", "b=y"))
        self.assertEqual(list(job["outputs"]), ["of-b"])

    def test_a_key_finds_the_same_job(self):
        def again(text="Once."):
            return self.post("?pipeline=echo", "-H", "Idempotency-Key: body", "-H", "Content-Type: text/plain",
                             "--data-binary", text)

        first, second = again(), again()
        self.assertEqual((first.status, second.status, second.json()["id"]), (201, 201, first.json()["id"]))
        self.assertNotIn("idempotency-replayed", first.headers)
        self.assertEqual(second.headers["idempotency-replayed"], "true")
        form = [self.post("?pipeline=echo", "-H", "Idempotency-Key: form", "-F", "text=x") for _ in range(2)]
        self.assertEqual(form[0].json()["id"], form[1].json()["id"])

    def test_a_client_that_leaves_takes_its_job_along(self):
        client = Client(self.daemon)
        client.send(b"POST /api/v1/jobs?pipeline=echo&output=out HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nOne. ")
        deadline = time.monotonic() + PATIENCE
        while not (jobs := self.curl("/api/v1/jobs?state=running").json()["jobs"]):
            self.assertLess(time.monotonic(), deadline)
        client.close()
        self.assertEqual(self.daemon.wait(jobs[0]["id"])["state"], "cancelled")

    def test_what_cannot_be_made_says_why(self):
        plain = ("-H", "Content-Type: text/plain", "--data-binary", "x")
        cases = [
            ("", plain, 415, "unsupported-type"),
            ("?output=out", plain, 400, "invalid-argument"),
            ("?output=out", ("-H", f"Content-Type: {JSON}", "--data-binary", "{}"), 400, "invalid-argument"),
            ("?pipeline=ecko", plain, 404, "not-found"),
            ("?pipeline=echo&voice=x", plain, 422, "invalid-parameter"),
            ("?pipeline=echo&input=tekst", plain, 422, "unknown-input"),
            ("?pipeline=echo&output=ouch", plain, 422, "unknown-output"),
            ("?pipeline=pair", plain, 400, "invalid-argument"),
            ("?pipeline=pair", ("-F", "a=x"), 422, "missing-input"),
            ("?pipeline=echo&type=audio/ogg", plain, 415, "unsupported-type"),
            ("?pipeline=echo", (*plain[:-1], "\n" * 2_000_000), 413, "too-large"),
            ("?pipeline=echo", ("--data-binary", "x", "-H", "Content-Type: multipart/form-data"), 400, "invalid-argument"),
            ("?pipeline=echo", (*plain, "-H", "Medley-Priority: high"), 400, "invalid-argument"),
        ]
        for query, arguments, status, code in cases:
            with self.subTest(query=query, arguments=arguments[:3]):
                options = {}
                if len(arguments[-1]) > 100_000:
                    options, arguments = {"input": arguments[-1].encode()}, (*arguments[:-1], "@-")
                self.problem(self.post(query, *arguments, **options), status, code)

    def test_an_upload_past_its_limit_is_refused(self):
        reply = self.post("?pipeline=echo", "-H", "Content-Type: text/plain", "-T", "-", "-X", "POST",
                          input=b"All work and no play. " * 100_000)
        self.problem(reply, 413, "too-large")

    def test_an_empty_body(self):
        self.problem(self.post("?pipeline=echo", "-H", "Content-Type: text/plain", "--data-binary", ""), 422, "empty-input")


class Found(Face):
    def list(self, limit=500, **filters):
        query = urllib.parse.urlencode({**filters, "limit": limit})
        found, cursor = [], ""
        while True:
            page = self.curl(f"/api/v1/jobs?{query}{cursor}").json()
            found += [job["id"] for job in page["jobs"]]
            if "next" not in page:
                return found
            self.assertEqual(len(page["jobs"]), limit)
            cursor = f"&cursor={page['next']}"

    def test_filters(self):
        jobs = []
        for n in range(12):
            reply = self.curl(f"/api/v1/jobs?pipeline={('echo', 'voice')[n % 2]}", "-H", f"Medley-Client: page-{n % 3}",
                              "-H", "Content-Type: text/plain", "--data-binary", f"{n}")
            jobs.append(self.daemon.wait(reply.json()["id"]))
        held = self.create("echo", startAt=4_000_000_000_000_000)
        client = jobs[0]["client"].rpartition("/")[0]
        self.assertEqual(held["client"], client)
        all_ids = [job["id"] for job in [*jobs, held]][::-1]
        self.assertEqual(self.list(), all_ids)
        for limit in (1, 3, 500):
            for filters, wanted in (
                ({"pipeline": "voice"}, lambda j: j["pipeline"] == "voice"),
                ({"client": f"{client}/page-1"}, lambda j: j["client"].endswith("page-1")),
                ({"client": client}, lambda j: j is held),
                ({"client": "token:nobody"}, lambda j: False),
                ({"state": "done", "client": f"{client}/page-2"}, lambda j: j["client"].endswith("page-2")),
                ({"state": "queued"}, lambda j: j is held),
                ({"state": "queued", "pipeline": "voice"}, lambda j: False),
                ({"createdFrom": jobs[5]["created"]}, lambda j: j["created"] >= jobs[5]["created"]),
                ({"createdBefore": jobs[5]["created"]}, lambda j: j["created"] < jobs[5]["created"]),
                ({"createdFrom": jobs[2]["created"], "createdBefore": jobs[9]["created"], "pipeline": "echo"},
                 lambda j: jobs[2]["created"] <= j["created"] < jobs[9]["created"] and j["pipeline"] == "echo"),
                ({"createdFrom": "2100-01-01T00:00:00Z"}, lambda j: False),
                ({"createdBefore": "2100-01-01T00:00:00+01:00"}, lambda j: True),
            ):
                with self.subTest(limit=limit, **filters):
                    self.assertEqual(self.list(limit, **filters), [j["id"] for j in [*jobs, held][::-1] if wanted(j)])
        for query in ("state=gone", "createdFrom=yesterday", "createdBefore=-1", "limit=0"):
            self.problem(self.curl(f"/api/v1/jobs?{query}"), 400, "invalid-argument")


if __name__ == "__main__":
    main()
