#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chats, pictures, vectors and videos below /v1, byte by byte: what the official client does not look at."""

import base64
import json
import re
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import modelpipelines
from medleytest import DATA, PATIENCE, Daemon, probe, words
from openapitest import Document

HELLO = [{"role": "user", "content": "Hello there"}]


def events(body):
    """Server-sent events, as (event or None, data)."""
    found = []
    for block in body.decode().split("\n\n")[:-1]:
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        found.append((lines.get("event"), lines["data"]))
    return found


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.enterClassContext(Daemon("workers.maximum=3", pipelines=modelpipelines.all_of_them()))
        cls.document = Document(cls.daemon.curl("/openapi.json").body)

    def ask(self, operation, body=None, *arguments, **names):
        """The answer to a request, which has to be one that is documented."""
        row = self.document[operation]
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        options = {} if body is None else {"input": body.encode() if isinstance(body, str) else body}
        if body is not None:
            arguments = ("-H", "Content-Type: application/json", "--data-binary", "@-", *arguments)
        if row.method != "POST" or body is None:
            arguments = ("-X", row.method, *arguments)
        reply = self.daemon.curl(row.fill(**names), *arguments, **options)
        self.document.check(row, reply)
        return reply

    def refuse(self, operation, body, param, code=None, status=400, **names):
        reply = self.ask(operation, body, **names)
        self.assertEqual(reply.status, status, reply.body)
        error = reply.json()["error"]
        self.assertEqual(error["param"], param, error)
        if code is not None:
            self.assertEqual(error["code"], code, error)
        return error["message"]

    def chat(self, messages, model="chat", **more):
        return self.ask("createChatCompletion", {"model": model, "messages": messages, **more})

    def answer(self, *arguments, **more):
        reply = self.chat(*arguments, **more)
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json()["choices"][0]["message"]["content"]


class Chats(Case):
    def test_what_a_pipeline_gets(self):
        talk = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"},
                {"role": "assistant", "content": "Because.", "refusal": None}, {"role": "user", "content": "Of what?"}]
        self.assertEqual(self.answer(talk),
                         "You said: System: Be brief.\n\nUser: Why?\n\nAssistant: Because.\n\nUser: Of what?")
        self.assertEqual(self.answer(talk, "chat-json"), "4 messages, the last by user: Of what?")
        self.assertEqual(self.answer([{"role": "user", "content": [{"type": "text", "text": "Grüß"},
                                                                   {"type": "text", "text": " Gott"}]}]),
                         "You said: Grüß Gott")
        self.assertEqual(self.answer([{**HELLO[0], "name": "Ann"}]), "You said: User (Ann): Hello there")
        self.assertEqual(self.answer(HELLO, temperature=1.5), "YOU SAID: HELLO THERE")
        for name in ("max_tokens", "max_completion_tokens"):
            self.assertEqual(self.answer(HELLO, **{name: 3}), "You said: Hello")

    def test_what_changes_nothing_may_be_said(self):
        self.assertEqual(self.answer(HELLO, n=1, top_p=1, stream=False, tools=[], tool_choice="none", logprobs=False,
                                     frequency_penalty=0, presence_penalty=0.0, user="me", metadata={"a": "b"},
                                     response_format={"type": "text"}, stop=None, seed=None, service_tier="auto",
                                     modalities=["text"], store=False, verbosity="medium",
                                     safety_identifier="me", prompt_cache_key="k"),
                         "You said: Hello there")

    def test_what_cannot_be_done_is_refused(self):
        for param, value in (
            ("n", 2), ("top_p", 0.5), ("logprobs", True), ("top_logprobs", 3), ("tools", [{"type": "function"}]),
            ("tool_choice", "auto"), ("functions", [{}]), ("response_format", {"type": "json_object"}), ("seed", 7),
            ("stop", "x"), ("stop", ["x", "y"]), ("store", True), ("audio", {"voice": "x"}), ("modalities", ["audio"]),
            ("temperature", 3), ("temperature", "hot"), ("max_tokens", 1.5), ("logit_bias", {"50": 1}),
            ("stream_options", {"include_usage": True}), ("service_tier", "flex"), ("reasoning_effort", "low"),
            ("no_such_field", 1), ("user", 7), ("safety_identifier", {}), ("prompt_cache_key", ["x"]), ("metadata", "x"),
            ("metadata", {"a": 1}), ("metadata", ["a"]), ("metadata", {"a": None}),
        ):
            with self.subTest(param=param, value=value):
                self.refuse("createChatCompletion", {"model": "chat", "messages": HELLO, param: value}, param)
        self.refuse("createChatCompletion", {"model": "chat", "messages": HELLO, "stream": True,
                                             "stream_options": {"include_obfuscation": True}}, "stream_options")
        self.refuse("createChatCompletion", {"model": "chat", "messages": []}, "messages")
        self.refuse("createChatCompletion", {"model": "chat", "messages": HELLO + [{"role": "tool", "content": "x"}]},
                    "messages[1].role")
        self.refuse("createChatCompletion", {"messages": HELLO}, "model", "missing_required_parameter")
        self.refuse("createChatCompletion", {"model": "painter", "messages": HELLO}, "model", "unsupported_model")
        self.refuse("createChatCompletion", {"model": "crash", "messages": HELLO}, None, "worker_crashed", 500)

    def test_events(self):
        reply = self.chat(HELLO, "slow-chat", stream=True)
        self.assertEqual(reply.headers["content-type"], "text/event-stream; charset=utf-8")
        found = events(reply.body)
        self.assertEqual(found[-1], (None, "[DONE]"))
        chunks = [json.loads(data) for _, data in found[:-1]]
        self.assertEqual(chunks[0]["choices"],
                         [{"index": 0, "delta": {"role": "assistant", "content": "", "refusal": None}, "logprobs": None,
                           "finish_reason": None}])
        self.assertEqual(chunks[-1]["choices"], [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}])
        self.assertNotIn("usage", chunks[-1])
        self.assertEqual("".join(c["choices"][0]["delta"].get("content", "") for c in chunks), "You said: Hello there")

    def test_a_character_is_never_cut(self):
        # 30,000 characters of three bytes each, in answers of 64 KiB.
        text = "€" * 30_000
        found = events(self.chat([{"role": "user", "content": text}], stream=True).body)
        answer = "".join(json.loads(data)["choices"][0]["delta"].get("content", "") for _, data in found[:-1])
        self.assertEqual(answer, "You said: " + text)

    def test_what_is_no_text_becomes_some(self):
        self.assertEqual(self.answer(HELLO, "broken-chat"), modelpipelines.BROKEN_AS_TEXT)
        found = events(self.chat(HELLO, "broken-chat", stream=True).body)
        pieces = [json.loads(data)["choices"][0]["delta"].get("content", "") for _, data in found[:-1]]
        self.assertEqual("".join(pieces), modelpipelines.BROKEN_AS_TEXT)

    def test_a_failure_before_the_first_word_has_its_status(self):
        reply = self.chat(HELLO, "crash", stream=True)
        self.assertEqual((reply.status, reply.headers["content-type"]), (500, "application/json"))

    def test_a_page_is_read(self):
        url = "data:image/png;base64," + base64.b64encode((DATA / "page.png").read_bytes()).decode()
        part = {"type": "image_url", "image_url": {"url": url}}
        self.assertEqual(words(self.answer([{"role": "user", "content": [part]}], "read-page")),
                         words((DATA / "page.txt").read_text()))
        # As PHP writes it, and blank text beside it.
        body = json.dumps({"model": "read-page", "messages": [{"role": "user", "content": [
            {"type": "text", "text": " "}, part]}]}).replace("/", "\\/")
        self.assertEqual(self.ask("createChatCompletion", body).status, 200)

    def test_pictures_that_cannot_be_taken(self):
        def part(url):
            return {"type": "image_url", "image_url": {"url": url}}

        tiny = "data:image/png;base64,aGVsbG8="
        for model, parts, param in (
            ("read-page", [part("https://example.org/a.png")], "messages"),
            ("read-page", [part("file:///etc/passwd")], "messages"),
            ("read-page", [part("data:image/png;spool,0")], "messages"),
            ("read-page", [part("data:image/png;base64,")], "messages"),
            ("read-page", [part("data:image/png;base64,a?")], None),
            ("read-page", [part(tiny), part(tiny)], "messages"),
            ("read-page", [part(tiny), {"type": "text", "text": "Translate it."}], "messages"),
            ("read-page", [{"type": "text", "text": "What is it?"}], "messages"),
            ("chat", [part(tiny)], "messages"),
            ("read-page", [part(tiny)], None),
        ):
            with self.subTest(model=model, parts=parts):
                self.refuse("createChatCompletion", {"model": model, "messages": [{"role": "user", "content": parts}]}, param)

    def test_pictures_cost_disk_and_not_memory(self):
        with Daemon("limits.input-bytes=1MiB") as daemon:
            def post(size, text=""):
                head = json.dumps({"model": "read-page", "messages": [{"role": "user", "content": [
                    {"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": "@"}}]}]})
                body = head.replace("@", "data:image/png;base64," + "A" * size).encode()
                return daemon.curl("/v1/chat/completions", "-H", "Content-Type: application/json", "--data-binary", "@-",
                                   input=body)

            reply = post(4 << 20)
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (413, "too_large"))
            reply = post(1000, "x" * (2 << 20))
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (413, "too_large"))
            # More than http.json-bytes, and read all the same: no picture.
            reply = post(1_300_000)
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (400, "bad_input"))


class Pictures(Case):
    def decode(self, reply):
        with tempfile.NamedTemporaryFile() as file:
            file.write(base64.b64decode(reply.json()["data"][0]["b64_json"]))
            file.flush()
            return probe(file.name)["by_kind"]["video"]

    def test_painting(self):
        reply = self.ask("createImage", {"model": "painter", "prompt": "a fox", "size": "96x32", "output_format": "jpeg"})
        found = self.decode(reply)
        self.assertEqual((found["codec_name"], found["width"], found["height"]), ("mjpeg", 96, 32))
        self.assertEqual(reply.json()["size"], "96x32")
        first, same, other = (self.ask("createImage", {"model": "stamp", "prompt": text}).json()["data"]
                              for text in ("a fox", "a fox", "a hen"))
        self.assertEqual(first, same)
        self.assertNotEqual(first, other)

    def test_several(self):
        whole = self.ask("createImage", {"model": "painter", "prompt": "a fox", "n": 3, "seed": 7}).json()
        self.assertEqual((len(whole["data"]), whole["usage"]["output_tokens"]), (3, 3))
        for i, picture in enumerate(whole["data"]):
            one = self.ask("createImage", {"model": "painter", "prompt": "a fox", "seed": 7 + i}).json()
            self.assertEqual(one["data"], [picture])
        linked = self.ask("createImage", {"model": "painter", "prompt": "a fox", "n": 2, "response_format": "url"}).json()
        jobs = [re.search(r"jobs/(\w+)/", picture["url"])[1] for picture in linked["data"]]
        self.assertEqual([self.daemon.job(job)["state"] for job in jobs], ["done", "done"])
        self.assertEqual(len(set(jobs)), 2)

    def test_several_differ(self):
        for model in ("painter", "seedless"):
            whole = self.ask("createImage", {"model": model, "prompt": "a fox", "n": 3}).json()
            self.assertEqual(len({picture["b64_json"] for picture in whole["data"]}), 3, model)
        two = self.ask("createImage", {"model": "two-seeds", "prompt": "a fox", "n": 2}).json()
        self.assertNotEqual(*two["data"])
        before = self.daemon.curl("/api/v1/jobs").json()["jobs"]
        self.refuse("createImage", {"model": "two-seeds", "prompt": "x", "n": 3}, "n", "invalid_value")
        self.refuse("createImage", {"model": "two-seeds", "prompt": "x", "n": 2, "seed": 2}, "n", "invalid_value")
        self.assertEqual(self.daemon.curl("/api/v1/jobs").json()["jobs"], before)

    def test_a_link_is_the_jobs_output(self):
        reply = self.ask("createImage", {"model": "painter", "prompt": "a fox", "response_format": "url"})
        url = reply.json()["data"][0]["url"]
        path = re.fullmatch(r"http://localhost(/api/v1/jobs/\w+/outputs/picture)", url)[1]
        self.assertIn(reply.headers["medley-job"], path)
        self.assertEqual(self.daemon.curl(path).headers["content-type"], "image/png")

    def test_events(self):
        body = {"model": "painter", "prompt": "a fox", "stream": True}
        found = events(self.ask("createImage", body).body)
        self.assertEqual([event for event, _ in found], ["image_generation.completed"])
        found = events(self.ask("createImage", {**body, "partial_images": 3}).body)
        self.assertEqual([event for event, _ in found], ["image_generation.partial_image", "image_generation.completed"])
        preview, whole = (json.loads(data) for _, data in found)
        self.assertEqual((preview["type"], preview["partial_image_index"], preview["size"]), (found[0][0], 0, "64x64"))
        self.assertNotEqual(preview["b64_json"], whole["b64_json"])

    def test_what_cannot_be_done_is_refused(self):
        for model, param, value in (
            ("painter", "n", 11), ("painter", "n", 0), ("painter", "size", "8x8"), ("painter", "size", "large"), ("painter", "size", "0x9"),
            ("painter", "size", "64x64x64"), ("stamp", "size", "64x64"), ("painter", "quality", "high"),
            ("painter", "style", "vivid"), ("painter", "background", "green"), ("stamp", "background", "transparent"),
            ("painter", "output_format", "webp"), ("painter", "output_compression", 50), ("painter", "moderation", "no"),
            ("painter", "partial_images", 2), ("painter", "partial_images", 4), ("painter", "prompt", ""),
            ("painter", "prompt", None), ("painter", "prompt", 7), ("painter", "mask", "x"),
            ("painter", "metadata", {"a": "b"}), ("painter", "user", 7), ("stamp", "seed", 1),
        ):
            with self.subTest(model=model, param=param, value=value):
                self.refuse("createImage", {"model": model, "prompt": "x", param: value}, param)
        self.refuse("createImage", {"model": "stamp", "prompt": "x", "stream": True, "partial_images": 1}, "partial_images")
        self.refuse("createImage", {"model": "stamp", "prompt": "x", "stream": True, "n": 2}, "n")
        self.refuse("createImage", {"model": "stamp", "prompt": "x", "stream": True, "response_format": "url"},
                    "response_format")

    def edit(self, *fields):
        arguments = [argument for field in fields for argument in ("-F", field)]
        reply = self.daemon.curl("/v1/images/edits", *arguments)
        self.document.check(self.document["editImage"], reply)
        return reply

    def test_edits(self):
        page = DATA / "page.png"
        inverted = self.edit(f"image=@{page}", "model=retoucher", "prompt=invert")
        framed = self.edit(f"image[]=@{page}", "model=retoucher", "prompt=a frame", "n=1", "size=auto")
        original, found = probe(page)["by_kind"]["video"], self.decode(inverted)
        self.assertEqual((found["width"], found["height"]), (original["width"], original["height"]))
        self.assertNotEqual(inverted.json()["data"], framed.json()["data"])
        several = self.edit(f"image=@{page}", "model=retoucher", "prompt=invert", "n=2").json()["data"]
        self.assertEqual(several, inverted.json()["data"] * 2)
        streamed = events(self.edit(f"image=@{page}", "model=retoucher", "prompt=invert", "stream=true").body)
        self.assertEqual([event for event, _ in streamed], ["image_edit.completed"])
        self.assertEqual(json.loads(streamed[0][1])["b64_json"], inverted.json()["data"][0]["b64_json"])

    def test_edits_that_cannot_be_made(self):
        page = f"image=@{DATA / 'page.png'}"
        for fields, param in (
            (("model=retoucher", "prompt=x"), "image"), ((page, "model=retoucher"), "prompt"), ((page, "prompt=x"), "model"),
            ((page, "model=painter", "prompt=x"), "model"), ((page, "model=retoucher", "prompt=x", "n=20"), "n"),
            ((page, "model=retoucher", "prompt=x", f"mask=@{DATA / 'page.png'}"), "mask"),
            (("image=no picture", "model=retoucher", "prompt=x"), None),
            ((page, page, "model=retoucher", "prompt=x"), "image"),
        ):
            with self.subTest(fields=fields):
                reply = self.edit(*fields)
                self.assertEqual((reply.status, reply.json()["error"]["param"]), (400, param), reply.body)


class Vectors(Case):
    def test_shapes(self):
        several = self.ask("createEmbedding", {"model": "embedder", "input": ["a", "b a"], "dimensions": 4}).json()
        self.assertEqual([item["index"] for item in several["data"]], [0, 1])
        self.assertEqual(several["usage"], {"prompt_tokens": 4, "total_tokens": 4})
        one = self.ask("createEmbedding", {"model": "one-embedder", "input": ["b a"], "dimensions": 4}).json()
        self.assertEqual(one["data"][0]["embedding"], several["data"][1]["embedding"])
        packed = self.ask("createEmbedding", {"model": "one-embedder", "input": "b a", "dimensions": 4,
                                              "encoding_format": "base64"}).json()
        for a, b in zip(struct.unpack("<4f", base64.b64decode(packed["data"][0]["embedding"])),
                        one["data"][0]["embedding"]):
            self.assertAlmostEqual(a, b, places=6)

    def test_a_pipeline_that_takes_one_text_at_a_time(self):
        texts = [f"{n} and {n * n}" for n in range(20)]
        for encoding in ("float", "base64"):
            one, many = (self.ask("createEmbedding", {"model": model, "input": texts, "encoding_format": encoding}).json()
                         for model in ("one-embedder", "embedder"))
            self.assertEqual(one["data"], many["data"])
            self.assertEqual(one["usage"], many["usage"])

    def test_many(self):
        found = self.ask("createEmbedding", {"model": "embedder", "input": [f"text {i}" for i in range(2000)]}).json()
        self.assertEqual(len(found["data"]), 2000)

    def test_what_cannot_be_done_is_refused(self):
        for model, param, value in (
            ("embedder", "input", []), ("embedder", "input", [1, 2]), ("embedder", "input", [[1]]), ("embedder", "input", ""),
            ("embedder", "input", ["a", ""]), ("one-embedder", "input", ["a"] * 65), ("embedder", "dimensions", 1),
            ("embedder", "dimensions", 65), ("embedder", "encoding_format", "int8"), ("embedder", "input", {"a": 1}),
        ):
            with self.subTest(model=model, param=param, value=value):
                self.refuse("createEmbedding", {"model": model, "input": "x", param: value}, param)


class Jobs(Case):
    def list(self, pipeline):
        return self.daemon.curl(f"/api/v1/jobs?pipeline={pipeline}").json()["jobs"]

    def test_a_client_that_leaves_cancels_all(self):
        body = json.dumps({"model": "slow-painter", "prompt": "a fox", "n": 4})
        with subprocess.Popen(["curl", "-sS", "--unix-socket", self.daemon.socket, "http://localhost/v1/images/generations",
                               "-H", "Content-Type: application/json", "-d", body], stderr=subprocess.DEVNULL) as curl:
            limit = time.monotonic() + PATIENCE
            while len(self.list("slow-painter")) < 4 and time.monotonic() < limit:
                time.sleep(0.02)
            curl.kill()
        jobs = self.list("slow-painter")
        self.assertEqual(len(jobs), 4)
        self.assertEqual({self.daemon.wait(job["id"])["state"] for job in jobs}, {"cancelled"})

    def test_a_key_is_that_of_all_jobs(self):
        for model in ("painter", "seedless"):
            body = {"model": model, "prompt": "a hen", "n": 3, "response_format": "url"}
            first, again = (self.ask("createImage", body, "-H", f"Idempotency-Key: {model}") for _ in range(2))
            self.assertEqual(first.status, 200, first.body)
            self.assertEqual(first.json()["data"], again.json()["data"])
            self.assertEqual(again.headers["idempotency-replayed"], "true")
            self.assertEqual(len({picture["url"] for picture in first.json()["data"]}), 3)
        body = {"model": "one-embedder", "input": ["a", "b", "c"]}
        first, again = (self.ask("createEmbedding", body, "-H", "Idempotency-Key: vectors") for _ in range(2))
        self.assertEqual(first.json(), again.json())
        self.assertEqual(len(self.list("one-embedder")), 3)

    def test_a_key_has_room_for_more(self):
        body, key = {"model": "painter", "prompt": "a hen"}, "k" * 254
        self.assertEqual(self.ask("createImage", body, "-H", f"Idempotency-Key: {key}").status, 200)
        reply = self.ask("createImage", {**body, "n": 2}, "-H", f"Idempotency-Key: {key}")
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (400, "invalid_argument"), reply.body)
        self.assertIn("limits.request-key", reply.json()["error"]["message"])

    def test_a_client_with_a_key_may_leave(self):
        body = json.dumps({"model": "keyed-painter", "prompt": "a fox", "n": 3})
        with subprocess.Popen(["curl", "-sS", "--unix-socket", self.daemon.socket, "http://localhost/v1/images/generations",
                               "-H", "Content-Type: application/json", "-H", "Idempotency-Key: leaving", "-d", body],
                              stderr=subprocess.DEVNULL) as curl:
            limit = time.monotonic() + PATIENCE
            while len(self.list("keyed-painter")) < 3 and time.monotonic() < limit:
                time.sleep(0.02)
            curl.kill()
        again = self.ask("createImage", body, "-H", "Idempotency-Key: leaving")
        self.assertEqual((again.status, len(again.json()["data"])), (200, 3), again.body)
        self.assertEqual([job["state"] for job in self.list("keyed-painter")], ["done"] * 3)

    def test_one_that_cannot_be_made_ends_the_others(self):
        with Daemon("limits.queue=2", "workers.maximum=1", pipelines=modelpipelines.all_of_them()) as daemon:
            reply = daemon.curl("/v1/images/generations", "-H", "Content-Type: application/json", "-d",
                                json.dumps({"model": "slow-painter", "prompt": "a fox", "n": 10}))
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (429, "rate_limit_exceeded"))
            for job in daemon.curl("/api/v1/jobs").json()["jobs"]:
                self.assertEqual(daemon.wait(job["id"])["state"], "cancelled")


class Answers(unittest.TestCase):
    def test_they_are_not_larger_than_they_may_be(self):
        with Daemon("http.answer-bytes=4KiB", pipelines=modelpipelines.all_of_them()) as daemon:
            for path, body in (
                ("chat/completions", {"model": "chat", "messages": [{"role": "user", "content": "x" * 5000}]}),
                ("images/generations", {"model": "painter", "prompt": "a b c d e f", "size": "1024x1024"}),
                ("embeddings", {"model": "embedder", "input": ["a"] * 200}),
            ):
                reply = daemon.curl(f"/v1/{path}", "-H", "Content-Type: application/json", "-d", json.dumps(body))
                self.assertEqual((reply.status, reply.json()["error"]["code"]), (500, "output_too_large"), path)
                self.assertIn("http.answer-bytes", reply.json()["error"]["message"])


class Videos(Case):
    def make(self, model="film", **more):
        reply = self.ask("createVideo", {"model": model, "prompt": "One sentence is told here. And another.", **more})
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json()["id"]

    def wait(self, video, *states):
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            found = self.ask("showVideo", video=video).json()
            if found["status"] in (states or ("completed", "failed")):
                return found
            time.sleep(0.05)
        raise TimeoutError(f"{video} is still {found['status']}")

    def test_a_video_is_a_job(self):
        video = self.make(size="320x240")
        job = video.removeprefix("video_")
        found = self.wait(video)
        self.assertEqual((found["status"], found["progress"], found["size"]), ("completed", 100, "320x240"))
        self.assertEqual(self.daemon.job(job)["state"], "done")
        whole = self.ask("downloadVideo", video=video)
        self.assertEqual((whole.headers["content-type"], whole.headers["medley-job"]), ("video/mp4", job))
        part = self.ask("downloadVideo", None, "-H", "Range: bytes=4-11", video=video)
        self.assertEqual((part.status, part.body), (206, whole.body[4:12]))
        self.assertEqual(self.ask("downloadVideo", None, "-H", f"If-None-Match: {whole.headers['etag']}",
                                  video=video).status, 304)
        past = self.ask("downloadVideo", None, "-H", "Range: bytes=99999999-", video=video)
        self.assertEqual((past.status, past.json()["error"]["type"]), (416, "invalid_request_error"))
        made = self.daemon.create(pipeline="film", inputs={"article": {"text": "Made elsewhere."}})["id"]
        self.assertEqual(self.wait("video_" + made)["model"], "film")

    def test_it_is_watched_while_it_is_made(self):
        video = self.make("slow-film", prompt="A sentence that is told slowly. " * 20)
        path = self.document["downloadVideo"].fill(video=video)
        with subprocess.Popen(["curl", "-sSN", "--unix-socket", self.daemon.socket, "http://localhost" + path],
                              stdout=subprocess.PIPE) as curl:
            beginning = curl.stdout.read(64)
            state = self.ask("showVideo", video=video).json()
            curl.kill()
        self.assertEqual(beginning[4:8], b"ftyp")
        self.assertEqual((state["status"], state["completed_at"]), ("in_progress", None))
        deleted = self.ask("deleteVideo", video=video)
        self.assertEqual(deleted.json(), {"id": video, "object": "video.deleted", "deleted": True})
        self.assertEqual(self.daemon.curl("/api/v1/jobs/" + video.removeprefix("video_")).status, 404)

    def test_one_that_is_cancelled_has_failed(self):
        video = self.make("slow-film", prompt="A sentence that is told slowly. " * 50)
        self.daemon.curl(f"/api/v1/jobs/{video.removeprefix('video_')}/cancel", "-X", "POST")
        found = self.wait(video)
        self.assertEqual((found["status"], found["error"]["code"]), ("failed", "cancelled"))
        self.assertLess(found["progress"], 100)
        reply = self.ask("downloadVideo", video=video)
        self.assertEqual(reply.status, 409)

    def test_pages(self):
        with Daemon(pipelines={"film.json": modelpipelines.film(), "chat.json": modelpipelines.chat()}) as daemon:
            videos = []
            for n in range(5):
                reply = daemon.curl("/v1/videos", "-F", "model=film", "-F", f"prompt=Video {n}.")
                videos.append(reply.json()["id"])
                daemon.create(pipeline="chat", inputs={"talk": {"text": "no video"}})

            def page(query):
                reply = daemon.curl("/v1/videos?" + query)
                self.document.check(self.document["listVideos"], reply)
                return reply

            def ids(query):
                return [video["id"] for video in page(query).json()["data"]]

            self.assertEqual(ids("limit=100"), videos[::-1])
            self.assertEqual(ids("order=asc"), videos)
            first = page("limit=2").json()
            self.assertEqual((first["has_more"], first["first_id"], first["last_id"]), (True, videos[4], videos[3]))
            self.assertEqual(ids(f"limit=2&after={videos[3]}"), [videos[2], videos[1]])
            last = page(f"limit=2&after={videos[1]}").json()
            self.assertEqual((last["has_more"], last["last_id"]), (False, videos[0]))
            self.assertEqual(ids(f"order=asc&limit=2&after={videos[1]}"), videos[2:4])
            self.assertFalse(page(f"order=asc&after={videos[2]}").json()["has_more"])
            none = page(f"after={videos[0]}").json()
            self.assertEqual((none["data"], none["first_id"], none["has_more"]), ([], None, False))
            for query, param in (("limit=0", "limit"), ("limit=101", "limit"), ("order=up", "order"),
                                 ("after=video_no", "after"), ("after=no", "after")):
                reply = page(query)
                self.assertEqual((reply.status, reply.json()["error"]["param"]), (400, param))

    def test_what_cannot_be_done_is_refused(self):
        for param, value in (("seconds", "8"), ("size", "wide"), ("prompt", ""), ("input_reference", {"file_id": "x"}),
                             ("input_reference", {"image_url": "https://example.org/a.png"}), ("n", 2)):
            with self.subTest(param=param, value=value):
                self.refuse("createVideo", {"model": "film", "prompt": "x", param: value}, param)
        job = self.daemon.create(pipeline="chat", inputs={"talk": {"text": "x"}})["id"]
        for operation in ("showVideo", "downloadVideo", "deleteVideo"):
            for video in ("nothing", "video_nothing", job, "video_" + job):
                self.refuse(operation, None, "video_id", "not_found", 404, video=video)
        video = self.make()
        reply = self.daemon.curl(f"/v1/videos/{video}/content?variant=thumbnail")
        self.assertEqual((reply.status, reply.json()["error"]["param"]), (400, "variant"))
        self.wait(video)


if __name__ == "__main__":
    unittest.main(verbosity=2)
