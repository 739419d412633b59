# SPDX-License-Identifier: LGPL-2.1-or-later
"""How each error that /openapi.json documents is provoked, in real daemons.

provocations() maps (operation's id, code) to a function that returns the answer; where one code comes with several
statuses, each is (id, "code:status"). A new route brings its rows here: test_openapi_errors.py fails for an error that
has none.
"""

import json
import re
import socket
import subprocess
import threading
import time
import urllib.parse

from httptest import PIPELINES, pipeline
from medleytest import PATIENCE, Broken, Daemon, Http, Reply
from openaiprovocations import model_files, model_rows
from test_bad_input import PAGE, png_header
from test_sandbox import WITHOUT_SECCOMP, fail_calls

JSON = {"Content-Type": "application/json"}
PLAIN = {"Content-Type": "text/plain"}
NOTHING = "nothing-of-that-name"
MP4 = "type=audio/mp4"


def spoken(engine, task, **settings):
    """What an engine makes of a text, spoken: an output that is there only if the engine gets so far."""
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"work": {"task": task, "engine": engine, "from": "text", "set": settings},
                   "speech": {"task": "text-to-audio/speech", "engine": "fakevoice", "from": "work"}},
        "outputs": {"speech": {"from": "speech", "type": "audio/ogg"},
                    "captions": {"from": "speech.captions", "type": "text/vtt"}},
    }


def flood():
    """An output that grows without end, and a first one that never begins."""
    made = spoken("fakeslow", "text-to-text/slow", **{"delay-ms": 3_600_000})
    made["stages"]["much"] = {"task": "text-to-text/endless", "engine": "fakeendless", "from": "text", "set": {"delay-ms": 1}}
    made["outputs"]["much"] = {"from": "much", "type": "text/plain"}
    return made


FILES = {
    **PIPELINES,
    "flaky-speech.json": spoken("fakeflaky", "text-to-text/flaky", **{"fail-count": 1000}),
    "crash-speech.json": spoken("fakecrash", "text-to-text/crash", how="segv"),
    "hang-speech.json": spoken("fakehang", "text-to-text/hang"),
    "leak-speech.json": spoken("fakeleak", "text-to-text/leak", mib=4000),
    "late-speech.json": spoken("fakeslow", "text-to-text/slow", **{"delay-ms": 3_600_000}),
    "flood.json": flood(),
    **model_files(),
    "broken.json": {"medley": 1, "stages": {}, "outputs": {"out": {"from": "nothing", "type": "text/plain"}}},
}

# Daemons by name: what they are set to.
SETTINGS = {
    "plain": ("limits.text-bytes=64KiB", "limits.pipeline-bytes=64KiB", "http.json-bytes=64KiB"),
    "hasty": ("http.idle-timeout=1s",),
    "crowded": ("limits.queue=1", "workers.maximum=1"),
    "full": ("limits.free-space=4000000GiB",),
    "strict": ("workers.stall=2s", "workers.memory-bytes=300MiB", "limits.output-bytes=64KiB"),
    "poison": ("jobs.attempts=5", "jobs.poison=1"),
    "mortal": (),
    "weary": ("jobs.drain=1h",),
    "bare": (),
    "undrawn": ("paths.dot=",),
    "slow-dot": ("limits.drawing-time=1s",),
    "loud-dot": ("limits.drawing-bytes=4KiB",),
    "busy-dot": ("limits.drawing-time=1h",),
}
SCRIPTS = {"slow-dot": "exec sleep 1000", "loud-dot": "exec yes", "busy-dot": "exec sleep 1000"}


class Stage:
    """Daemons in all the states that errors need, each started when it is first asked for."""

    def __init__(self, document):
        self.document = document
        self.daemons = {}
        self.processes = []

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        for daemon in self.daemons.values():
            if daemon.process is not None:
                daemon.process.kill()
            daemon.stop()

    def daemon(self, name="plain"):
        if name not in self.daemons:
            daemon = Daemon(*SETTINGS[name], "http.tcp=true", pipelines=FILES)
            self.daemons[name] = daemon
            if name in SCRIPTS:
                script = daemon.folder / "dot"
                script.write_text(f"#!/bin/sh\n{SCRIPTS[name]}\n")
                script.chmod(0o755)
                daemon.settings.append(f"paths.dot={script}")
            start_bare(daemon) if name == "bare" else daemon.start()
            prepare = {"crowded": self.crowd, "weary": self.wear, "busy-dot": self.keep_drawing}.get(name)
            if prepare is not None:
                prepare(daemon)
        return self.daemons[name]

    def crowd(self, daemon):
        for _ in range(2):
            job = daemon.create(pipeline="late-speech", inputs={"text": {"text": "x"}})["id"]
            if _ == 0:
                daemon.wait(job, ("running",))

    def wear(self, daemon):
        """It drains, for as long as its one job runs."""
        job = daemon.create(pipeline="late-speech", inputs={"text": {"text": "x"}})["id"]
        daemon.wait(job, ("running",))
        daemon.process.terminate()
        deadline = time.monotonic() + PATIENCE
        while not daemon.status()["draining"]:
            assert time.monotonic() < deadline, "the daemon does not drain"
            time.sleep(0.02)

    def keep_drawing(self, daemon):
        path = "http://localhost/api/v1/pipelines/speak/graph?format=svg"
        self.processes += [subprocess.Popen(["curl", "-s", "--unix-socket", str(daemon.socket), path],
                                            stdout=subprocess.DEVNULL) for _ in range(4)]

    def ask(self, operation, query="", body=None, headers=None, on="plain", path=None, **names):
        row = self.document[operation]
        client = Http(self.daemon(on).socket)
        try:
            return client.ask(row.method, (path or row.fill(**names)) + query, body, headers)
        finally:
            client.close()

    def ask_tcp(self, operation, headers):
        """A request over TCP, with just these header fields."""
        face = self.daemon().status()["faces"]["http"]
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)", face)[1])
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            row = self.document[operation]
            return converse(client, row.method, row.fill(), headers)

    def ask_bare(self, operation, headers, body=b"", on="plain", query="", **names):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(self.daemon(on).socket))
            row = self.document[operation]
            return converse(client, row.method, row.fill(**names) + query, headers, body)

    def token(self, scope):
        made = self.daemon().medley("token", "add", f"{scope}-{time.monotonic_ns()}", "--scope", scope, check=True)
        return made.stdout.decode().split()[-1]

    def job(self, name, on="plain", state=None, **more):
        job = self.daemon(on).create(pipeline=name, inputs={"text": {"text": "One. Two.\n"}}, **more)["id"]
        if state is not None:
            self.daemon(on).wait(job, (state,))
        return job


def start_bare(daemon):
    """On a system that lacks a part of the sandbox."""
    original, enter = subprocess.Popen, fail_calls(*WITHOUT_SECCOMP["names"], then=WITHOUT_SECCOMP["then"])
    subprocess.Popen = lambda *arguments, **options: original(*arguments, preexec_fn=enter, **options)
    try:
        daemon.start()
    finally:
        subprocess.Popen = original


def converse(client, method, path, headers, body=b""):
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    client.sendall("\r\n".join(lines).encode() + body)
    received = b""
    while b"\r\n\r\n" not in received:
        data = client.recv(65536)
        if not data:
            raise Broken(f"no answer to {method} {path}: {received!r}")
        received += data
    head, _, rest = received.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    fields = {k.lower(): v.strip() for k, _, v in (field.partition(":") for field in fields)}
    while len(rest) < int(fields["content-length"]):
        rest += client.recv(65536)
    return Reply(int(status.split()[1]), fields, rest, 0, "")


# -- the door: what all operations give alike

def door(operation):
    def unknown_key(stage):
        if operation.takes_any_key:
            return stage.ask_bare(operation.id, {"Host": "a b"})
        return stage.ask(operation.id, "?no-such-key=1")

    def small_scope(stage):
        token = stage.token("run" if operation.scopes == ["admin"] else "read")
        return stage.ask_tcp(operation.id, {"Host": "localhost", "Content-Length": 0, "Authorization": f"Bearer {token}"})

    return {
        "invalid-argument:400": unknown_key,
        "not-allowed": lambda stage: stage.ask_tcp(operation.id, {"Host": "example.org", "Content-Length": 0}),
        "unauthorized": lambda stage: stage.ask_tcp(operation.id, {"Host": "localhost", "Content-Length": 0}),
        "forbidden": small_scope,
        "not-found:404": lambda stage: stage.ask(operation.id, body=b"x" if operation.method in ("POST", "PUT") else None),
    }


def body_errors(operation, headers=None, query="", **names):
    """A body that is longer than any, and one that pauses."""
    head = {"Host": "localhost", **(headers or {})}
    return {
        (operation, "too-large"): lambda stage: stage.ask_bare(
            operation, {**head, "Content-Length": 1 << 50}, query=query, **names),
        (operation, "timed-out"): lambda stage: stage.ask_bare(
            operation, {**head, "Content-Length": 100}, b"{", "hasty", query=query, **names),
    }


def json_errors(operation, **names):
    return {
        **body_errors(operation, JSON, **names),
        (operation, "unsupported-type"): lambda stage: stage.ask(operation, body=b"x", headers=PLAIN, **names),
    }


# -- what a run ends with: pipeline, body, query, header fields and daemon

FAILURES = {
    "bad-input": ("scan-to-speech", b"I am no picture.\n" * 50),
    "image-too-large": ("scan-to-speech", png_header(100_000, 100_000)),
    "unknown-language": ("scan-to-speech", PAGE, "language=xyz"),
    "unknown-voice": ("speak", b"Hello.", "voice=klingon-9"),
    "bad-encoding": ("speak", "Une idée fixe.".encode("latin-1")),
    "nul-in-text": ("speak", b"One\0two."),
    "engine-failed": ("flaky-speech",),
    "worker-crashed": ("crash-speech",),
    "worker-hung": ("hang-speech", b"x", "", {}, "strict"),
    "memory-limit": ("leak-speech", b"x", "", {}, "strict"),
    "output-too-large": ("flood", b"All work and no play. " * 100, "", {}, "strict"),
    "time-limit": ("late-speech", b"x", "", {"Medley-Run-Time": "1"}),
    "deadline": ("late-speech", b"x", "", {"Medley-Deadline": "soon"}),
    "poisoned": ("crash-speech", b"x", "", {}, "poison"),
}


def soon(headers):
    """A time that is near when the request is sent."""
    return {k: str(int((time.time() + 1.5) * 1e6)) if v == "soon" else v for k, v in headers.items()}


def failing_run(failure):
    name, body, query, headers, on = (*failure, *(None, b"x", "", {}, "plain")[len(failure):])
    return lambda stage: stage.ask("runPipeline", f"?{query}" if query else "", body, soon(headers), on, pipeline=name)


def make_failed(stage, failure, query=MP4):
    """A job that has failed so; returns its id and the daemon's name."""
    name, body, more, headers, on = (*failure, *(None, b"x", "", {}, "plain")[len(failure):])
    made = stage.ask("createJob", "?" + "&".join(part for part in (f"pipeline={name}", more, query) if part), body,
                     {**PLAIN, **soon(headers)}, on)
    job = json.loads(made.body)["id"] if made.status == 201 else find_latest(stage, on)
    stage.daemon(on).wait(job)
    return job, on


def find_latest(stage, on):
    return stage.daemon(on).curl("/api/v1/jobs?limit=1").json()["jobs"][0]["id"]


def cancelled_run(stage):
    daemon = stage.daemon()
    before = {job["id"] for job in daemon.curl("/api/v1/jobs?pipeline=late-speech").json()["jobs"]}
    replies = []
    thread = threading.Thread(target=lambda: replies.append(
        stage.ask("runPipeline", body=b"x", pipeline="late-speech")))
    thread.start()
    new = set()
    while not new:
        new = {job["id"] for job in daemon.curl("/api/v1/jobs?pipeline=late-speech&state=running").json()["jobs"]} - before
    stage.ask("cancelJob", id=new.pop())
    thread.join()
    return replies[0]


def interrupt(stage, key):
    """A job whose daemon died; it had one attempt."""
    daemon = stage.daemon("mortal")
    made = stage.ask("runPipeline", f"?detach&{MP4}", b"x", {"Idempotency-Key": key}, "mortal", pipeline="late-speech")
    job = json.loads(made.body)["id"]
    daemon.wait(job, ("running",))
    while not daemon.job(job)["inputs"]["text"]["complete"]:
        time.sleep(0.02)
    time.sleep(0.5)  # what nobody is answered for is on the disk a tenth of a second later
    daemon.kill()
    daemon.start()
    daemon.wait(job)
    return job


def interrupted_run(stage):
    """The client comes back with its key, without which it would not hear of it."""
    key = f"run-{time.monotonic_ns()}"
    interrupt(stage, key)
    return stage.ask("runPipeline", f"?{MP4}", b"x", {"Idempotency-Key": key}, "mortal", pipeline="late-speech")


def readers(operation):
    """An output of a job that did not come so far."""
    rows = {}

    def read(job, on):
        return lambda stage: stage.ask(operation, id=job, name="speech", captions="captions", on=on)

    for code, failure in FAILURES.items():
        def provoke(stage, failure=failure):
            job, on = make_failed(stage, failure)
            return read(job, on)(stage)
        rows[operation, code] = provoke

    def empty(stage):
        job = stage.daemon().create(pipeline="speak", inputs={"text": {"upload": True}},
                                    outputs={"speech": {"type": "audio/mp4"}, "captions": {}})["id"]
        stage.ask("putInput", id=job, name="text", body=b"")
        stage.daemon().wait(job)
        return read(job, "plain")(stage)

    def cancelled(stage):
        job = stage.job("late-speech", state="running", outputs={"speech": {"type": "audio/mp4"}, "captions": {}})
        stage.ask("cancelJob", id=job)
        stage.daemon().wait(job)
        return read(job, "plain")(stage)

    def interrupted(stage):
        return read(interrupt(stage, f"key-{time.monotonic_ns()}"), "mortal")(stage)

    rows[operation, "empty-input"] = empty
    rows[operation, "cancelled"] = cancelled
    rows[operation, "interrupted:500"] = interrupted
    return rows


# -- what a new job is refused with

def reused(stage, first, second):
    """Two requests with one key."""
    first(stage)
    return second(stage)


def run(query="", body=b"x", on="plain", name="echo", headers=None):
    return lambda stage: stage.ask("runPipeline", query, body, headers, on, pipeline=name)


def create(value=None, on="plain", headers=None, **more):
    request = value if value is not None else {"pipeline": "echo", "inputs": {"text": {"text": "x"}}, **more}
    return lambda stage: stage.ask("createJob", body=json.dumps(request).encode(), headers={**JSON, **(headers or {})}, on=on)


def creating():
    rows = {}
    for operation, make in (("runPipeline", run), ("createJob", create)):
        rows[operation, "queue-full"] = make(on="crowded")
        rows[operation, "no-space"] = make(on="full")
        rows[operation, "unavailable"] = make(on="weary")
        rows[operation, "sandbox-missing"] = make(on="bare")
        key = {"Idempotency-Key": f"{operation}-key"}
        rows[operation, "key-reused"] = lambda stage, make=make, key=key: reused(
            stage, make(headers=key), make(headers={**key, "Medley-Priority": "3"}))
    rows |= body_errors("runPipeline", pipeline="late-speech")
    rows |= {
        ("runPipeline", "unsupported-type:415"): run("?type=audio/ogg"),
        ("runPipeline", "unsupported-type:406"): run(headers={"Accept": "model/gltf-binary"}),
        ("runPipeline", "invalid-pipeline"): run(name="broken"),
        ("runPipeline", "invalid-parameter"): run("?no=1"),
        ("runPipeline", "missing-input"): run("?input=a", name="pair"),
        ("runPipeline", "unknown-input"): run("?input=c"),
        ("runPipeline", "unknown-output"): run("?output=c"),
        ("runPipeline", "empty-input"): run(body=b"", headers={"Content-Length": "0"}),
        ("runPipeline", "cancelled"): cancelled_run,
        ("runPipeline", "interrupted"): interrupted_run,
        **{("runPipeline", code): failing_run(failure) for code, failure in FAILURES.items()},
    }
    rows |= json_errors("createJob")
    rows |= {
        ("createJob", "invalid-json"): lambda stage: stage.ask("createJob", body=b"{", headers=JSON),
        ("createJob", "not-found:404"): create({"pipeline": NOTHING}),
        ("createJob", "invalid-pipeline"): create({"pipeline": "broken"}),
        ("createJob", "invalid-parameter"): create(parameters={"no": 1}),
        ("createJob", "missing-input"): create({"pipeline": "echo"}),
        ("createJob", "unknown-input"): create({"pipeline": "echo", "inputs": {"c": {"text": "x"}}}),
        ("createJob", "unknown-output"): create(outputs=["c"]),
        ("createJob", "empty-input"): create({"pipeline": "echo", "inputs": {"text": {"text": ""}}}),
    }
    return rows


# -- jobs and their files

def wrong_states():
    rows = {}
    for operation, state in (("removeJob", "running"), ("cancelJob", "done"), ("pauseJob", "done"), ("resumeJob", "done"),
                             ("retryJob", "done")):
        name = "late-speech" if state == "running" else "echo"
        rows[operation, "wrong-state"] = lambda stage, operation=operation, name=name, state=state: stage.ask(
            operation, id=stage.job(name, state=state))
    return rows


def inputs():
    def announced(stage, on="plain"):
        return stage.daemon(on).create(pipeline="echo", inputs={"text": {"upload": True}})["id"]

    def put(head, body=b"", on="plain"):
        return lambda stage: stage.ask_bare("putInput", {"Host": "localhost", **head}, body, on, id=announced(stage, on),
                                            name="text")

    return {
        ("putInput", "too-large"): put({"Content-Length": 1 << 50}),
        ("putInput", "timed-out"): put({"Content-Length": 100}, b"x", "hasty"),
        ("putInput", "wrong-state"): lambda stage: stage.ask("putInput", body=b"x", id=stage.job("echo", state="done"),
                                                             name="text"),
    }


def outputs():
    def get(headers):
        return lambda stage: stage.ask("getOutput", headers=headers, id=stage.job("echo", state="done"), name="out")

    def hls(operation):
        return lambda stage: stage.ask(operation, id=stage.job("echo", state="done"), name="out", segment="1", captions="out")

    return {
        **readers("getOutput"), **readers("getHlsIndex"), **readers("getHlsMedia"), **readers("getHlsCaptions"),
        ("getOutput", "invalid-argument:416"): get({"Range": "bytes=999999-"}),
        ("getOutput", "wrong-state:412"): get({"If-Match": '"x"'}),
        **{(operation, "unsupported-type"): hls(operation)
           for operation in ("getHlsIndex", "getHlsMedia", "getHlsCaptions", "getHlsInit", "getHlsSegment",
                             "getHlsCaptionsSegment")},
    }


# -- pipelines

def pipelines():
    def save(value, headers=None, on="plain", name="saved"):
        return lambda stage: stage.ask("savePipeline", body=json.dumps(value).encode(), headers={**JSON, **(headers or {})},
                                       on=on, name=name)

    def draw(query="", headers=None, on="plain"):
        return lambda stage: stage.ask("drawPipeline", query, headers=headers, on=on, name="speak")

    def unavailable(stage):
        deadline = time.monotonic() + PATIENCE
        while True:  # the four that are asked for first may not be there yet
            client = Http(stage.daemon("busy-dot").socket, timeout=2)
            try:
                return client.ask("GET", "/api/v1/pipelines/speak/graph?format=svg")
            except TimeoutError:
                assert time.monotonic() < deadline
            finally:
                client.close()

    good = pipeline("fakeecho")
    return {
        **json_errors("savePipeline"), **json_errors("validatePipeline"),
        ("savePipeline", "invalid-pipeline"): save({"medley": 1}),
        ("savePipeline", "precondition-failed"): save(good, {"If-Match": '"x"'}),
        ("savePipeline", "sandbox-missing"): save(good, on="bare"),
        ("validatePipeline", "sandbox-missing"): lambda stage: stage.ask(
            "validatePipeline", body=json.dumps(good).encode(), headers=JSON, on="bare"),
        ("removePipeline", "precondition-failed"): lambda stage: stage.ask(
            "removePipeline", headers={"If-Match": '"x"'}, name="echo"),
        ("drawPipeline", "unsupported-type:406"): draw(headers={"Accept": "image/png"}),
        ("drawPipeline", "unsupported-type:501"): draw("?format=svg", on="undrawn"),
        ("drawPipeline", "time-limit"): draw("?format=svg", on="slow-dot"),
        ("drawPipeline", "output-too-large"): draw("?format=svg", on="loud-dot"),
        ("drawPipeline", "unavailable"): unavailable,
    }


def sessions():
    return {("openSession", "invalid-argument:426"): lambda stage: stage.ask("openSession")}


def server():
    def ready(on):
        return lambda stage: stage.ask("getReadiness", on=on)

    return {
        ("getReadiness", "unavailable"): ready("weary"),
        ("getReadiness", "no-space"): ready("full"),
        ("getReadiness", "sandbox-missing"): ready("bare"),
    }


# Where a job of OpenAI's interface ends, it ends as one of /run does; tests of those routes look at the shapes. What a
# watcher of HLS meets while a job is begun anew is in test_hls.py, how many sessions and tickets there may be in
# test_sessions.py.
ELSEWHERE = {
    ("getHlsIndex", "unavailable"), ("getHlsCaptions", "unavailable"), ("getHlsMedia", "unavailable"), ("getHlsMedia", "interrupted:410"),
    ("getHlsInit", "interrupted:410"), ("getHlsSegment", "interrupted:410"), ("getReadiness", "io-error"), ("openSession", "unavailable"), ("issueTicket", "unavailable"),
}


def is_elsewhere(operation, code, status):
    door_codes = ("invalid-argument", "not-allowed", "unauthorized", "forbidden")
    return (operation.id, code) in ELSEWHERE or (operation.id, f"{code}:{status}") in ELSEWHERE \
        or (operation.path.startswith("/v1/") and (code not in door_codes or status == 416))


def provocations(document):
    rows = {}
    for operation in document.operations.values():
        known = {name for code, status in operation.errors for name in (code, f"{code}:{status}")}
        rows |= {(operation.id, code): provoke for code, provoke in door(operation).items()
                 if code in known and (code != "not-found:404" or "{" in operation.path)}
    return rows | creating() | wrong_states() | inputs() | outputs() | pipelines() | sessions() | server() \
        | model_rows(soon, body_errors)
