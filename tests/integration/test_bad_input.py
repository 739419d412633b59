# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bad-input list: each gets its own code, the daemon stays up, and the next job runs."""

import json
import os
import random
import struct
import unittest
import zlib

from medleytest import DATA, Daemon, main


def png_header(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


PAGE = (DATA / "page.png").read_bytes()

# what is sent where, and the code and HTTP status that must come back
CASES = {
    "empty text": ("speak", b"", {"empty-input": 422}),
    "empty page": ("read-page", b"", {"empty-input": 422}),
    "Latin-1": ("speak", "Une idée fixe.".encode("latin-1"), {"bad-encoding": 422}),
    "NUL": ("speak", b"One\0two.", {"nul-in-text": 422}),
    "UTF-16": ("speak", "Hello there.".encode("utf-16"), {"bad-encoding": 422, "nul-in-text": 422}),
    "half a character at the end": ("speak", "Café".encode()[:-1], {"bad-encoding": 422}),
    "pixel bomb": ("read-page", png_header(100_000, 100_000), {"image-too-large": 413}),
    "truncated PNG": ("read-page", PAGE[: len(PAGE) // 3], {"bad-input": 422}),
    "only a PNG's signature": ("read-page", PAGE[:8], {"bad-input": 422}),
    "random image": ("read-page", random.Random(1).randbytes(50_000), {"bad-input": 422}),
    "text as an image": ("read-page", b"I am no picture.\n" * 50, {"bad-input": 422}),
    "unknown voice": ("speak?voice=klingon-9", b"Hello.", {"unknown-voice": 422}),
    "unknown language": ("read-page?language=xyz", PAGE, {"unknown-language": 422}),
    "unknown parameter": ("speak?vioce=de", b"Hello.", {"invalid-parameter": 422}),
    "unknown pipeline": ("speek", b"Hello.", {"not-found": 404}),
    "unknown output": ("speak?output=video", b"Hello.", {"unknown-output": 422}),
}


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("limits.text-bytes=4MiB", "limits.upload-wait=1s")
        cls.daemon.start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def tearDown(self):
        reply = self.daemon.curl("/run/speak", "--data-binary", "Still here.")
        self.assertEqual(reply.status, 200, reply.body[:300])
        self.assertEqual(reply.body[:4], b"OggS")

    def check_problem(self, reply, codes):
        self.assertEqual(reply.headers.get("content-type"), "application/problem+json", reply.body[:200])
        problem = reply.json()
        self.assertIn(problem["code"], codes, problem)
        self.assertEqual(reply.status, codes[problem["code"]])
        self.assertEqual(problem["status"], reply.status)
        self.assertGreater(len(problem["detail"]), 10)
        return problem

    def test_inputs_over_http(self):
        for name, (target, body, codes) in CASES.items():
            with self.subTest(name):
                reply = self.daemon.curl(f"/run/{target}", "--data-binary", "@-", input=body)
                self.check_problem(reply, codes)

    def test_inputs_from_the_shell(self):
        for name, (target, body, codes) in CASES.items():
            with self.subTest(name):
                pipeline, _, query = target.partition("?")
                arguments = ["run", pipeline, "-", "-o", os.devnull]
                if query.startswith("output="):
                    arguments = ["run", pipeline, "-", "-o", f"{query[7:]}={os.devnull}"]
                elif query:
                    arguments += ["--set", query]
                done = self.daemon.medley(*arguments, input=body)
                self.assertNotEqual(done.returncode, 0)
                message = done.stderr.decode()
                self.assertTrue(any(code in message for code in codes), message)

    def test_text_whose_length_is_past_the_limit(self):
        reply = self.daemon.curl("/run/speak", "--data-binary", "@-", input=b"All work and no play. " * 400_000)
        self.check_problem(reply, {"too-large": 413})

    def test_text_that_grows_past_the_limit(self):
        # Of unknown length: it is spoken as it comes, so that the failure may come after the first sound. Then the body
        # is cut off, and the job tells why.
        reply = self.daemon.curl("/run/speak", "-T", "-", "-X", "POST", input=b"All work and no play. " * 400_000)
        if reply.status == 200:
            self.assertNotEqual(reply.exit_code, 0, "a body that was cut off looked whole")
            job = self.daemon.wait(reply.headers["medley-job"])
            self.assertEqual((job["state"], job["error"]["code"]), ("failed", "too-large"))
        else:
            self.check_problem(reply, {"too-large": 413})

    def test_an_upload_that_never_comes(self):
        job = self.daemon.create(pipeline="speak", inputs={"text": {"upload": True}})
        self.assertEqual(job["state"], "queued")
        self.assertIn("upload", self.daemon.job(job["id"])["reason"])
        self.assertEqual(self.daemon.wait(job["id"])["error"]["code"], "empty-input")

    def faulty(self, text):
        reply = self.daemon.curl(
            "/api/v1/jobs", "-H", "Content-Type: application/json", "--data-binary", "@-",
            input=b'{"pipeline": ' + (text if isinstance(text, bytes) else json.dumps(text).encode()) + b', "inputs": {"t": {"text": "Hello."}}}',
        )
        return reply

    def test_a_cycle_is_named(self):
        reply = self.faulty({
            "medley": 1, "name": "round", "inputs": {"t": {"type": "text/plain"}},
            "stages": {"a": {"task": "text-to-text/echo", "from": "b"}, "b": {"task": "text-to-text/echo", "from": "a"}},
            "outputs": {"o": {"from": "a", "type": "text/plain"}},
        })
        problem = self.check_problem(reply, {"invalid-pipeline": 422})
        self.assertTrue(any(f["code"] == "cycle" for f in problem["faults"]), problem)

    def test_a_property_out_of_range_is_placed(self):
        reply = self.faulty({
            "medley": 1, "name": "loud", "inputs": {"t": {"type": "text/plain"}},
            "stages": {"s": {"task": "text-to-audio/speech", "engine": "espeak", "from": "t", "set": {"rate": 100000}}},
            "outputs": {"o": {"from": "s", "type": "audio/ogg"}},
        })
        problem = self.check_problem(reply, {"invalid-pipeline": 422})
        fault = problem["faults"][0]
        self.assertEqual(fault["pointer"], "/stages/s/set/rate")
        self.assertIn("450", fault["message"])

    def test_elements_that_open_files_are_not_for_clients(self):
        reply = self.faulty({
            "medley": 1, "name": "thief", "inputs": {"t": {"type": "text/plain"}},
            "stages": {"s": {"element": "filesrc", "from": "t", "set": {"location": "/etc/passwd"}}},
            "outputs": {"o": {"from": "s", "type": "text/plain"}},
        })
        problem = self.check_problem(reply, {"invalid-pipeline": 422})
        self.assertTrue(any(f["code"] == "not-allowed" for f in problem["faults"]), problem)

    def test_ten_faults_are_told_at_once(self):
        reply = self.faulty({
            "medley": 1, "name": "ten", "titel": "1", "inputs": {"t": {"type": "text/plian"}, "u": {"type": "text/plain"}},
            "parameters": {"p": {"type": "integer", "default": 9, "maximum": 5}},
            "stages": {
                "s": {"task": "text-to-audio/speech", "engine": "espeak", "from": "u", "set": {"rat": 100, "pitch": 500}},
                "v": {"task": "text-to-video", "engine": "storyboard", "from": "s.caption", "set": {"theme": "${q}"}},
                "a": {"element": "filesrc"},
                "b": {"element": "identity", "from": "c"},
                "c": {"element": "identity", "from": "b"},
            },
            "outputs": {"o": {"from": ["v", "sp"], "type": "video/webm"}, "n": {"from": "s", "type": "text/vtt"}},
        })
        problem = self.check_problem(reply, {"invalid-pipeline": 422})
        found = {(f["code"], f["pointer"]) for f in problem["faults"] if f["severity"] == "error"}
        self.assertEqual(found, {
            ("unknown-key", "/titel"),
            ("unsupported-type", "/inputs/t/type"),
            ("bad-value", "/parameters/p/default"),
            ("unknown-property", "/stages/s/set/rat"),
            ("bad-value", "/stages/s/set/pitch"),
            ("unknown-name", "/stages/v/from"),
            ("unknown-name", "/stages/v/set/theme"),
            ("not-allowed", "/stages/a/element"),
            ("cycle", "/stages/b/from"),
            ("unknown-name", "/outputs/o/from/1"),
            ("caps-mismatch", "/outputs/n/from"),
        })
        self.assertTrue(all(f["line"] >= 1 and f["column"] >= 1 for f in problem["faults"]), problem)

    def test_a_key_that_stands_twice_hides_no_other_fault(self):
        text = b"""{"medley": 1, "name": "twice", "inputs": {"t": {"type": "text/plain"}},
            "stages": {"s": {"task": "text-to-audio/speech", "engine": "espeak", "from": "t", "set": {"rat": 1}},
                       "s": {}},
            "outputs": {"o": {"from": "s", "type": "audio/ogg"}}, "medley": 1}"""
        reply = self.daemon.curl("/api/v1/pipelines:validate", "-H", "Content-Type: application/json",
                                 "--data-binary", "@-", input=text)
        found = {(f["code"], f["pointer"], f["line"]) for f in reply.json()["faults"]}
        self.assertEqual(found, {("unknown-property", "/stages/s/set/rat", 2), ("duplicate-key", "/stages/s", 3),
                                 ("duplicate-key", "/medley", 4)})

    def test_deeply_nested_json(self):
        reply = self.faulty(b"[" * 80_000 + b"]" * 80_000)
        self.check_problem(reply, {"invalid-json": 400})


if __name__ == "__main__":
    main()
