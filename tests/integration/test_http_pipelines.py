# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pipelines that are saved, removed and drawn over HTTP, while a real daemon runs."""

import json
import subprocess
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree as tree
from pathlib import Path

from httptest import Face, pipeline
from medleytest import PATIENCE, Daemon, Http, main

JSON = {"Content-Type": "application/json"}
SVG = "{http://www.w3.org/2000/svg}"


def named(name, engine="fakeecho", **more):
    return dict(pipeline(engine), name=name, **more)


class Saved(Face):
    def ask(self, method, name, value=None, headers=None):
        client = Http(self.daemon.socket)
        body = json.dumps(value).encode() if isinstance(value, dict) else value
        reply = client.ask(method, f"/api/v1/pipelines/{name}", body, {**(JSON if body else {}), **(headers or {})})
        client.close()
        return reply

    @property
    def saved(self):
        return self.daemon.folder / "config" / "medley" / "pipelines"

    def test_a_saved_pipeline_runs_at_once(self):
        made = self.ask("PUT", "fresh", named("fresh", title="Fresh"))
        self.assertEqual((made.status, made.headers["location"]), (201, "/api/v1/pipelines/fresh"), made.body)
        self.assertEqual(made.json()["title"], "Fresh")
        self.assertEqual(self.curl("/run/fresh", "--data-binary", "x").body, b"x")
        again = self.ask("PUT", "fresh", named("fresh", title="Another"))
        self.assertEqual((again.status, again.json()["title"]), (200, "Another"))
        self.assertNotIn("location", again.headers)
        shown = self.ask("GET", "fresh")
        self.assertEqual((shown.body, shown.headers["etag"]), (again.body, again.headers["etag"]))
        self.assertNotEqual(made.headers["etag"], again.headers["etag"])
        self.assertEqual(self.ask("GET", "fresh", headers={"If-None-Match": again.headers["etag"]}).status, 304)
        self.assertEqual(self.ask("DELETE", "fresh").status, 204)
        self.assertEqual(self.ask("GET", "fresh").status, 404)
        self.assertEqual(self.curl("/run/fresh", "--data-binary", "x").status, 404)

    def test_the_file_is_what_was_sent(self):
        text = json.dumps(named("exact"), indent=7).encode() + b"\n\n"
        self.assertEqual(self.ask("PUT", "exact", text).status, 201)
        self.assertEqual((self.saved / "exact.json").read_bytes(), text)
        file = self.ask("GET", "exact/file")
        self.assertEqual(file.body, text)
        self.assertEqual(self.ask("GET", "exact/file", headers={"If-None-Match": file.headers["etag"]}).status, 304)

    def test_a_saved_pipeline_stands_before_an_installed_one(self):
        before = self.ask("GET", "speak")
        self.assertEqual(self.ask("PUT", "speak", named("speak", title="Mine")).status, 200)
        self.assertEqual(self.ask("GET", "speak").json()["title"], "Mine")
        self.assertEqual(self.ask("DELETE", "speak").status, 204)
        self.assertEqual(self.ask("GET", "speak").body, before.body)
        refused = self.ask("DELETE", "speak")
        self.problem(refused, 403, "not-allowed")
        self.assertEqual(self.ask("GET", "speak").status, 200)

    def test_a_pipeline_with_faults_is_not_saved(self):
        cases = {
            "no-json": (b"{", "invalid-json"),
            "another": (named("name"), "bad-value"),
            "lost": (named("lost", engine="fakeeko"), "unknown-engine"),
            "loop": ({"medley": 1, "inputs": {"t": {"type": "text/plain"}}, "stages": {"a": {"pipeline": "loop", "from": "t"}},
                      "outputs": {"o": {"from": "a", "type": "text/plain"}}}, "cycle"),
            # Only a worker knows that.
            "property": (dict(pipeline("fakeslow", "text-to-text/slow", **{"delay-mz": 1})), "unknown-property"),
        }
        for name, (value, code) in cases.items():
            with self.subTest(name):
                refused = self.problem(self.ask("PUT", name, value), 422, "invalid-pipeline")
                self.assertIn(code, [fault["code"] for fault in refused["faults"]])
                self.assertTrue(all(fault["line"] >= 1 for fault in refused["faults"]))
                self.assertFalse((self.saved / f"{name}.json").exists())
        self.assertEqual(self.ask("PUT", "kept", named("kept")).status, 201)
        self.assertEqual(self.ask("PUT", "kept", b"{").status, 422)
        self.assertEqual(self.ask("GET", "kept").status, 200)
        self.assertEqual([p.name for p in self.saved.iterdir() if not p.name.endswith(".json")], [])

    def test_a_pipeline_cannot_come_to_contain_itself_by_another(self):
        def around(other):
            return {"medley": 1, "inputs": {"t": {"type": "text/plain"}}, "stages": {"a": {"pipeline": other, "from": "t"}},
                    "outputs": {"o": {"from": "a", "type": "text/plain"}}}

        self.assertEqual(self.ask("PUT", "inner", named("inner")).status, 201)
        self.assertEqual(self.ask("PUT", "outer", around("inner")).status, 201)
        refused = self.problem(self.ask("PUT", "inner", around("outer")), 422, "invalid-pipeline")
        self.assertEqual(refused["faults"][0]["code"], "cycle")
        self.assertTrue(self.ask("GET", "outer").json()["valid"])

    def test_any_element_may_be_used(self):
        value = {"medley": 1, "inputs": {"sound": {"type": "audio/*"}},
                 "stages": {"s": {"element": "audiofirfilter", "from": "sound"}},
                 "outputs": {"o": {"from": "s", "type": "audio/wav"}}}
        checked = self.curl("/api/v1/pipelines:validate", "-H", "Content-Type: application/json", "--data-binary",
                            json.dumps(value)).json()
        self.assertIn("not-allowed", [fault["code"] for fault in checked["faults"]])
        self.assertEqual(self.ask("PUT", "element", value).status, 201)

    def test_names_that_are_no_names(self):
        for name in ("..%2Fx", "a.b", "a%20b", "a%00", "%2e%2e", "x" * 129, "ä"):
            with self.subTest(name):
                reply = self.curl(f"/api/v1/pipelines/{name}", "-X", "PUT", "-H", "Content-Type: application/json",
                                  "--data-binary", json.dumps(named("x")))
                self.assertIn(reply.status, (400, 404), reply.body)
        self.assertFalse((self.saved.parent / "x.json").exists())

    # -- conditions

    def test_changes_that_depend_on_what_there_is(self):
        make, any_one = {"If-None-Match": "*"}, {"If-Match": "*"}
        self.problem(self.ask("PUT", "careful", named("careful"), any_one), 412, "precondition-failed")
        self.assertEqual(self.ask("PUT", "careful", named("careful"), make).status, 201)
        self.problem(self.ask("PUT", "careful", named("careful"), make), 412, "precondition-failed")
        first = self.ask("GET", "careful").headers["etag"]
        file = self.ask("GET", "careful/file").headers["etag"]
        self.assertNotEqual(first, file)
        for tag in (first, file, f'"other", {first}'):
            self.assertEqual(self.ask("PUT", "careful", named("careful"), {"If-Match": tag}).status, 200)
        for tag in ('"other"', f"W/{first}"):
            self.problem(self.ask("PUT", "careful", named("careful"), {"If-Match": tag}), 412, "precondition-failed")
        self.assertEqual(self.ask("PUT", "careful", named("careful", title="2"), {"If-Match": first}).status, 200)
        self.problem(self.ask("DELETE", "careful", headers={"If-Match": first}), 412, "precondition-failed")
        self.assertEqual(self.ask("DELETE", "careful", headers=any_one).status, 204)

    def test_of_two_changes_at_once_one_is_made(self):
        tag = {"If-Match": self.ask("PUT", "race", named("race")).headers["etag"]}
        replies = []

        def change(n):
            replies.append(self.ask("PUT", "race", named("race", title=f"{n}"), tag).status)

        for turn in range(3):
            threads = [threading.Thread(target=change, args=(turn * 8 + n,)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(replies), [200] + [412] * 7)
            replies.clear()
            tag = {"If-Match": self.ask("GET", "race").headers["etag"]}

    # -- who may

    def test_a_token_that_runs_jobs_may_not_save(self):
        token = self.daemon.medley("token", "add", "runner", "--scope", "run", check=True).stdout.decode().split()[-1]
        admin = self.daemon.medley("token", "add", "boss", "--scope", "admin", check=True).stdout.decode().split()[-1]
        put = ("-X", "PUT", "-H", "Content-Type: application/json", "--data-binary", json.dumps(named("remote")))
        path = "/api/v1/pipelines/remote"
        self.assertEqual(self.tcp(path, *put, "-H", f"Authorization: Bearer {token}"), 403)
        self.assertEqual(self.tcp(path, "-X", "DELETE", "-H", f"Authorization: Bearer {token}"), 403)
        self.assertEqual(self.tcp(path, *put, "-H", f"Authorization: Bearer {admin}"), 201)
        self.assertEqual(self.tcp(path, "-X", "DELETE", "-H", f"Authorization: Bearer {admin}"), 204)

    # -- graphs

    def test_a_graph_shows_what_there_is(self):
        dot = self.ask("GET", "voice/graph")
        self.assertEqual(dot.headers["content-type"], "text/vnd.graphviz; charset=utf-8")
        plain = subprocess.run(["dot", "-Tplain"], input=dot.body, capture_output=True, check=True).stdout.decode()
        for node in ('"input text"', '"stage speech"', '"output speech"', '"output captions"'):
            self.assertIn(f"node {node} ", plain)
        self.assertEqual(plain.count("\nedge "), 3)
        self.assertIn(b'"stage speech" -> "output captions" [taillabel="captions"];', dot.body)

    def test_a_picture_shows_text_as_it_is(self):
        title = 'A "title" \\n \\G <b>bold</b> &amp; &#65; äöü 語 \u202e\u0007'
        self.assertEqual(self.ask("PUT", "odd", named("odd", title=title)).status, 201)
        svg = self.ask("GET", "odd/graph", headers={"Accept": "image/svg+xml"})
        self.assertEqual((svg.status, svg.headers["content-type"]), (200, "image/svg+xml"))
        self.assertIn("sandbox", svg.headers["content-security-policy"])
        texts = [t.text for t in tree.fromstring(svg.body).iter(f"{SVG}text")]
        self.assertIn('A "title" \\n \\G <b>bold</b> &amp; &#65; äöü 語', texts[0].strip())
        self.assertIn("text/plain", texts)

    def test_a_broken_pipeline_is_drawn_as_far_as_it_goes(self):
        (self.saved / "torn.json").write_text(json.dumps(dict(pipeline("fakeecho"), outputs={
            "o": {"from": "nothing", "type": "text/plain"}})))
        deadline = time.monotonic() + PATIENCE
        while (dot := self.ask("GET", "torn/graph")).status != 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertIn(b'"missing nothing" [label="nothing", style=dashed];', dot.body)
        subprocess.run(["dot", "-Tplain"], input=dot.body, capture_output=True, check=True)

    def test_the_format_is_chosen(self):
        svg, dot = "image/svg+xml", "text/vnd.graphviz; charset=utf-8"
        cases = [("", None, dot), ("", "*/*", dot), ("", svg, svg), ("", "image/*", svg), ("", "text/*;q=0.1, image/*", svg),
                 ("", "text/html, image/webp, */*;q=0.8", dot), ("?format=svg", "text/vnd.graphviz", svg),
                 ("?format=dot", svg, dot)]
        tags = set()
        for query, accept, kind in cases:
            with self.subTest(query=query, accept=accept):
                reply = self.ask("GET", f"voice/graph{query}", headers={"Accept": accept} if accept else None)
                self.assertEqual((reply.status, reply.headers["content-type"]), (200, kind))
                tags.add((kind, reply.headers["etag"]))
                again = self.ask("GET", f"voice/graph{query}",
                                 headers={"If-None-Match": reply.headers["etag"], **({"Accept": accept} if accept else {})})
                self.assertEqual(again.status, 304)
        self.assertEqual(len(tags), 2)
        self.problem(self.ask("GET", "voice/graph?format=png"), 400, "invalid-argument")
        self.problem(self.ask("GET", "voice/graph", headers={"Accept": "image/png"}), 406, "unsupported-type")

    def test_a_graph_in_the_shell(self):
        file = self.daemon.folder / "drawn.svg"
        done = self.daemon.medley("graph", "voice", "-o", file)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(tree.parse(file).getroot().tag, f"{SVG}svg")
        self.assertEqual(self.daemon.medley("graph", "voice").stdout, self.ask("GET", "voice/graph").body)
        self.assertEqual(self.daemon.medley("graph", "voice", "--format", "svg").stdout, file.read_bytes())
        for arguments, said in ((("voise",), b"did you mean"), (("voice", "--format", "png"), b"dot and svg"),
                                (("voice", "-o", "x.png"), b".svg are"), ((), b"")):
            done = self.daemon.medley("graph", *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(said, done.stderr)


class Drawing(unittest.TestCase):
    """Graphviz that is not there, or does not do what it should."""

    def draw(self, program, *settings, times=1):
        with Daemon(*settings, f"paths.dot={program}") as daemon:
            replies = [daemon.curl("/api/v1/pipelines/speak/graph?format=svg") for _ in range(times)]
            self.assertEqual(daemon.curl("/api/v1/pipelines/speak/graph").status, 200)
        return [(reply.status, reply.json()["code"]) for reply in replies]

    def script(self, text):
        self.file = Path(self.folder) / "dot"
        self.file.write_text(f"#!/bin/sh\n{text}\n")
        self.file.chmod(0o755)
        return self.file

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def test_none(self):
        for program in ("", "no-such-program", "/nonexistent/dot"):
            self.assertEqual(self.draw(program), [(501, "unsupported-type")])

    def test_one_that_fails(self):
        self.assertEqual(self.draw(self.script("exit 3")), [(500, "failed")])
        self.assertEqual(self.draw(self.script("kill -SEGV $$")), [(500, "failed")])

    def test_one_that_does_not_end(self):
        self.assertEqual(self.draw(self.script("exec sleep 1000"), "limits.drawing-time=1s"), [(500, "time-limit")])

    def test_one_that_says_too_much(self):
        # More often than are drawn at once: each is counted to its end.
        self.assertEqual(self.draw(self.script("exec yes"), "limits.drawing-bytes=64KiB", times=6),
                         [(500, "output-too-large")] * 6)

    def test_too_many_at_once(self):
        with Daemon(f"paths.dot={self.script('exec sleep 1000')}", "limits.drawing-time=1h") as daemon:
            path = "/api/v1/pipelines/speak/graph?format=svg"
            waiting = [subprocess.Popen(["curl", "-s", "--unix-socket", str(daemon.socket), f"http://localhost{path}"],
                                        stdout=subprocess.DEVNULL) for _ in range(4)]
            reply = daemon.curl(path, "--max-time", "10")
            while reply.status == 0:
                reply = daemon.curl(path, "--max-time", "10")
            self.assertEqual((reply.status, reply.json()["code"]), (503, "unavailable"))
            self.assertIn("retry-after", reply.headers)
            for process in waiting:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
