# SPDX-License-Identifier: LGPL-2.1-or-later
"""What clients were promised, and whether it was kept.

Each request for a job carries a mark, a parameter of its pipeline that no other request has. The ledger notes what a
client asked and which answers it got; check_promises() then looks at the daemon, its spool and its store.
"""

import base64
import re
import sqlite3
import struct
import threading
import time
from pathlib import Path

from medleytest import PATIENCE, Http

FINAL = ("done", "failed", "cancelled")
JOB_FILE = re.compile(r"([0-9a-z]{16})-(\d+)\.(in|out)")
# What else may be in the spool folder.
OTHER_FILES = (".lock", "store", "cache")
STORE_FILES = ("jobs.db", "jobs.db-wal", "jobs.db-shm", "jobs.db-journal", "lock", ".lock")


def marked(inputs, stages, outputs):
    """A pipeline with a parameter that does nothing but tell its jobs apart."""
    return {
        "medley": 1,
        "inputs": {name: {"type": "text/plain"} for name in inputs},
        "parameters": {"mark": {"type": "string", "default": "", "description": "Tells jobs apart"}},
        "stages": stages,
        "outputs": outputs,
    }


def fake(engine, source="text", **settings):
    return {"task": "text-to-text/" + engine.removeprefix("fake"), "engine": engine, "from": source, "set": settings}


def text_output(stage="work"):
    return {"from": stage, "type": "text/plain"}


PIPELINES = {
    "echo.json": marked(["text"], {"work": fake("fakeecho")}, {"out": text_output()}),
    "slow.json": marked(["text"], {"work": fake("fakeslow", **{"delay-ms": 15, "bytes-per-step": 64})},
                        {"out": text_output()}),
    "long.json": marked(["text"], {"work": fake("fakeslow", **{"delay-ms": 10, "bytes-per-step": 8192})},
                        {"out": text_output()}),
    "endless.json": marked(["text"], {"work": fake("fakeendless", **{"delay-ms": 5})}, {"out": text_output()}),
    "two.json": marked(["left", "right"], {"a": fake("fakeecho", "left"),
                                           "b": fake("fakeslow", "right", **{"delay-ms": 2, "bytes-per-step": 4096})},
                       {"left": text_output("a"), "right": text_output("b")}),
    "say.json": marked(["text"], {"speech": {"task": "text-to-audio/speech", "engine": "espeak", "from": "text"}},
                       {"speech": {"from": "speech", "type": "audio/ogg"},
                        "captions": {"from": "speech.captions", "type": "text/vtt"}}),
}


class Entry:
    """One request for a job, and what came of it."""

    def __init__(self, mark, pipeline, inputs, outputs, key=None, may_fail=(), options=None):
        self.mark, self.pipeline, self.key = mark, pipeline, key
        self.inputs = inputs  # name → (how it is sent, bytes)
        self.outputs = outputs  # name → bytes, or a function that returns what is wrong with them
        self.may_fail = frozenset(may_fail)  # codes
        self.options = options or {}
        self.may_run_again = False  # when it failed because its disk did
        self.id = None  # once its creation was acknowledged
        self.asked = {}  # verb → whether it was answered
        self.state = None  # the last one seen
        self.story = []  # what its client went through

    def document(self):
        """The request as JSON."""
        def value(how, data):
            return {"upload": True} if how == "upload" else {"text": data.decode()} if how == "text" else {
                "base64": base64.b64encode(data).decode()}

        return {"pipeline": self.pipeline, "parameters": {"mark": self.mark}, **self.options,
                "inputs": {name: value(*given) for name, given in self.inputs.items()}}

    def uploads(self):
        return [(name, data) for name, (how, data) in self.inputs.items() if how == "upload"]

    def __str__(self):
        how = ", ".join(f"{name} as {given[0]}" for name, given in self.inputs.items())
        story = f": {', '.join(self.story)}" if self.story else ""
        return f"job {self.id} ({self.pipeline}, {how}, {self.mark}{story})"


class Ledger:
    """All requests of a test, from any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.entries = []
        self.faults = []

    def add(self, entry):
        with self.lock:
            self.entries.append(entry)
        return entry

    def fault(self, text):
        with self.lock:
            self.faults.append(text)

    def acknowledge(self, entry, job_id):
        if entry.id is not None and entry.id != job_id:
            self.fault(f"{entry}: a second job {job_id} for its key {entry.key}")
        entry.id = job_id

    def saw(self, entry, job):
        """A client looked at its job, or found that there is none (None)."""
        if job is None:
            if "remove" not in entry.asked:
                self.fault(f"{entry}: it is lost; its last state was {entry.state}")
            return
        if entry.state in FINAL and job["state"] != entry.state:
            self.fault(f"{entry}: it was {entry.state} and is {job['state']}")
        entry.state = job["state"]


def all_jobs(http):
    """Every job the daemon knows, by id."""
    found, cursor = {}, ""
    while True:
        page = http.ask("GET", "/api/v1/jobs?limit=500" + cursor)
        if page.status != 200:
            raise RuntimeError(f"the list of jobs: {page.status} {page.body[:300]!r}")
        page = page.json()
        for job in page["jobs"]:
            if job["id"] in found:
                raise RuntimeError(f"job {job['id']} is listed twice")
            found[job["id"]] = job
        if "next" not in page:
            return found
        cursor = f"&cursor={page['next']}"


def wait_until_ended(http):
    """Until no job waits or runs, or too long; returns all jobs."""
    deadline = time.monotonic() + PATIENCE
    while True:
        jobs = all_jobs(http)
        if all(job["state"] in FINAL for job in jobs.values()) or time.monotonic() > deadline:
            return jobs
        time.sleep(0.05)


def check_output(http, job, name, expected):
    """Returns what is wrong with an output of a job that is done, or None."""
    stated = job["outputs"].get(name)
    if stated is None or stated["state"] != "complete":
        return f"output {name} of a job that is done is {stated}"
    reply = http.ask("GET", f"/api/v1/jobs/{job['id']}/outputs/{name}")
    if reply.status != 200:
        return f"output {name}: {reply.status} {reply.body[:300]!r}"
    if len(reply.body) != stated["size"]:
        return f"output {name} has {len(reply.body)} bytes and is said to have {stated['size']}"
    if callable(expected):
        return expected(reply.body)
    if reply.body != expected:
        return f"output {name} is torn: {len(reply.body)} bytes {reply.body[:60]!r} instead of {len(expected)}"
    return None


def check_entry(http, entry, job):
    """What is wrong with the job of an acknowledged request, as texts."""
    if job is None:
        return [] if "remove" in entry.asked else ["it is lost"]
    faults = []
    if entry.asked.get("remove"):
        faults.append(f"it was removed and is back, {job['state']}")
    if entry.state in FINAL and job["state"] != entry.state and not (entry.may_run_again and entry.state == "failed"):
        faults.append(f"it was {entry.state} and is {job['state']}")
    if job["state"] == "done":
        if entry.asked.get("cancel"):
            faults.append(f"its cancellation was acknowledged, and it is done: {job}")
        faults += [f for f in (check_output(http, job, n, e) for n, e in entry.outputs.items()) if f]
    elif any(output["state"] in ("complete", "growing") for output in job["outputs"].values()):
        faults.append(f"it is {job['state']} and shows outputs as {job['outputs']}")
    if job["state"] == "cancelled" and "cancel" not in entry.asked:
        faults.append("nobody cancelled it")
    if job["state"] == "failed" and job["error"]["code"] not in entry.may_fail:
        faults.append(f"it failed: {job['error']}")
    return faults


def check_promises(ledger, http, spool, may_be_unknown=()):
    """Everything that is wrong once all jobs have ended, as a list of texts."""
    faults = list(ledger.faults)
    jobs = wait_until_ended(http)
    by_mark = {}
    for job in jobs.values():
        if job["state"] not in FINAL:
            faults.append(f"it does not end: {job}")
        by_mark.setdefault(job["parameters"].get("mark"), []).append(job["id"])
    entries = {entry.mark: entry for entry in ledger.entries}
    for mark, ids in by_mark.items():
        if mark not in entries:
            if mark not in may_be_unknown:
                faults.append(f"nobody asked for the jobs {ids}")
        elif len(ids) > 1:
            faults.append(f"{entries[mark]}: {len(ids)} jobs for one request (key {entries[mark].key}): {ids}")
        elif entries[mark].id not in (None, ids[0]):
            faults.append(f"{entries[mark]}: it is another job {ids[0]} now")
    for entry in ledger.entries:
        if entry.id is not None:
            faults += [f"{entry}: {text}" for text in check_entry(http, entry, jobs.get(entry.id))]
    return faults + check_spool(spool, jobs)


def check_spool(spool, jobs):
    """Files that no job names, and files that a job should have."""
    faults, counts = [], {}
    for path in Path(spool).iterdir():
        name = JOB_FILE.fullmatch(path.name)
        if name is None:
            if path.name not in OTHER_FILES:
                faults.append(f"what is {path} in the spool?")
        elif name[1] not in jobs:
            faults.append(f"{path.name} belongs to no job")
        else:
            counts[name[1], name[3]] = counts.get((name[1], name[3]), 0) + 1
    for job in jobs.values():
        files = {kind: counts.get((job["id"], kind), 0) for kind in ("in", "out")}
        if files["in"] > len(job["inputs"]) or files["out"] > len(job["outputs"]):
            faults.append(f"job {job['id']} has more files than inputs and outputs: {files}")
    store = Path(spool) / "store"
    for path in store.iterdir() if store.exists() else ():
        if path.name not in STORE_FILES:
            faults.append(f"what is {path} in the store?")
    return faults


def check_store(spool):
    """The integrity of the store of a daemon that does not run."""
    path = Path(spool) / "store" / "jobs.db"
    if not path.exists():
        return [f"there is no store {path}"]
    connection = sqlite3.connect(path)
    try:
        found = [row[0] for row in connection.execute("pragma integrity_check")]
        faults = [] if found == ["ok"] else [f"the store is damaged: {found}"]
        return faults + [f"the store refers to what is not there: {row}"
                         for row in connection.execute("pragma foreign_key_check")]
    except sqlite3.DatabaseError as error:
        return [f"the store is damaged: {error}"]
    finally:
        connection.close()


# ---- Ogg, since a cut Ogg file still plays ----

def make_crc_table():
    table = []
    for i in range(256):
        r = i << 24
        for _ in range(8):
            r = (r << 1) ^ (0x04C11DB7 if r & 0x80000000 else 0)
        table.append(r & 0xFFFFFFFF)
    return table


CRC = make_crc_table()


def ogg_crc(page):
    crc = 0
    for byte in page:
        crc = ((crc << 8) & 0xFFFFFFFF) ^ CRC[(crc >> 24) ^ byte]
    return crc


def read_ogg(data):
    """Returns the last granule position of one whole Ogg stream; ValueError tells what is wrong with it."""
    at, number, granule, ended = 0, 0, 0, False
    while at < len(data):
        if ended:
            raise ValueError(f"{len(data) - at} bytes after the stream's end")
        if data[at : at + 4] != b"OggS" or len(data) < at + 27:
            raise ValueError(f"no page at byte {at} of {len(data)}")
        flags, position, _, sequence, crc, segments = struct.unpack_from("<xBqIIIB", data, at + 4)
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        if end > len(data):
            raise ValueError(f"the page at byte {at} is cut off")
        if ogg_crc(data[at : at + 22] + b"\0\0\0\0" + data[at + 26 : end]) != crc:
            raise ValueError(f"the page at byte {at} is damaged")
        if sequence != number or bool(flags & 2) != (number == 0):
            raise ValueError(f"page {sequence} where page {number} should be")
        granule, ended, number, at = max(position, granule), bool(flags & 4), number + 1, end
    if not ended:
        raise ValueError(f"it stops after {number} pages without an end")
    return granule


def speech_like(reference):
    """A check that a spoken output is whole and as long as one that was made in peace."""
    expected = read_ogg(reference)

    def check(data):
        try:
            found = read_ogg(data)
        except ValueError as error:
            return f"the speech is torn: {error}"
        # espeak-ng's samples depend a little on what the process said before.
        return None if abs(found - expected) <= expected * 0.1 else f"{found} samples instead of {expected}"

    return check
