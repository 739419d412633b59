# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each file operation of the commit path fails, once for every operation and every way to fail.

A fixed scenario runs until its n-th operation in the spool folder fails, is cut short, or is where the daemon is killed
or loses power; then the daemon is started again without faults, and every promise has to be kept. In CI some n are left
out: MEDLEY_TEST_STRIDE says how many (1 for none), MEDLEY_TEST_SEED where to begin.
"""

import errno
import os
import random
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from faceclients import Broken, HttpFace, Refused
from failio import POWER, FailingDaemon
from ledger import FINAL, PIPELINES, Entry, Ledger, check_output, check_promises, check_store
from medleytest import Http, is_sanitized, main

STRIDE = int(os.environ.get("MEDLEY_TEST_STRIDE", "37" if is_sanitized() else "5"))
SEED = int(os.environ.get("MEDLEY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
SETTINGS = (
    "workers.preload=", "workers.maximum=1", "workers.grace=1s", "limits.free-space=0", "jobs.attempts=1000",
    "jobs.poison=1000", "jobs.retry-delay=0",
)
# What a sync costs is not the question here.
MEMORY_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
AT_ONCE = 3
# A job must end, one way or the other, while the disk fails.
GUARD = 20
TYPED = frozenset(("io-error", "no-space", "bad-store", "unavailable"))


class Way:
    """A way to fail."""

    def __init__(self, name, mode, error=0, duration=1):
        self.name, self.mode, self.error, self.duration = name, mode, error, duration
        self.dies = mode in ("kill", "torn", *POWER)
        # A short write is no error: whoever writes goes on with the rest.
        self.codes = TYPED if mode == "error" else frozenset()


WAYS = (
    Way("an I/O error", "error", errno.EIO),
    Way("I/O errors from there on", "error", errno.EIO, 0),
    Way("no space", "error", errno.ENOSPC),
    Way("no space from there on", "error", errno.ENOSPC, 0),
    Way("a short write", "short"),
    Way("killed before it", "kill"),
    Way("killed within a write", "torn"),
    Way("power lost before it", "power"),
    Way("power lost before it, unsynced files zeroed", "power-zeros"),
)


class Scenario:
    """What a client does; it notes each answer, and takes errors with a code for an answer."""

    def __init__(self, daemon, way, ledger):
        self.face, self.way, self.ledger = HttpFace(daemon), way, ledger

    def entry(self, mark, pipeline, inputs, outputs, key=None):
        entry = Entry(mark, pipeline, inputs, outputs, key, self.way.codes)
        # That it failed could not be written either: the next daemon does not know of it.
        entry.may_run_again = self.way.duration == 0
        return self.ledger.add(entry)

    def attempt(self, what, function, *allowed):
        try:
            return function()
        except Refused as refused:
            if refused.code not in (*self.way.codes, *allowed):
                self.ledger.fault(f"{what}: {refused}")
            return None

    def create(self, entry):
        job_id = self.attempt(f"creating {entry}", lambda: self.face.create(entry))
        if job_id is not None:
            self.ledger.acknowledge(entry, job_id)
        return entry.id is not None

    def wait(self, entry, states=FINAL):
        deadline = time.monotonic() + GUARD
        while True:
            job = self.attempt(f"looking at {entry}", lambda: self.face.job(entry.id))
            if job is not None:
                self.ledger.saw(entry, job)
                if job["state"] in states:
                    break
            if time.monotonic() > deadline:
                self.ledger.fault(f"{entry} did not end within {GUARD} s: {job}")
                return
            time.sleep(0.005)
        if job["state"] == "done":
            for name, expected in entry.outputs.items():
                fault = check_output(self.face.http, job, name, expected)
                if fault:
                    self.ledger.fault(f"{entry}, just done: {fault}")

    def control(self, entry, verb):
        entry.asked[verb] = False
        before = len(self.ledger.faults)
        self.attempt(f"{verb} {entry}", lambda: (self.face.verb(entry.id, verb), entry.asked.update({verb: True})),
                     "wrong-state")
        return len(self.ledger.faults) == before

    def run(self):
        try:
            self.steps()
        except Broken as broken:
            if not self.way.dies:
                self.ledger.fault(f"the daemon broke off: {broken}")
        except TimeoutError as error:
            self.ledger.fault(f"no answer: {error!r}")
        finally:
            self.face.close()

    def steps(self):
        text = b"It was a bright cold day in April, and the clocks were striking thirteen.\n"
        first = self.entry("first", "echo", {"text": ("text", text)}, {"out": text})
        if self.create(first):
            self.wait(first)
        # One that lies in the store itself, and one that is a file to be synced.
        left, right = text * 3, text * 700
        second = self.entry("second", "two", {"left": ("bytes", left), "right": ("upload", right)},
                            {"left": left, "right": right}, "a-key")
        if self.create(second):
            self.attempt(f"uploading to {second}", lambda: self.face.upload(second.id, "right", right), "wrong-state")
            self.wait(second)
            self.create(second)
        third = self.entry("third", "endless", {"text": ("text", b"again\n")}, {})
        if self.create(third):
            self.wait(third, (*FINAL, "running"))
            if third.state not in FINAL:
                self.control(third, "cancel")
                self.wait(third)
        if first.state in FINAL:
            self.control(first, "remove")


def run_once(way, n):
    """Returns whether the n-th operation came, and what was wrong."""
    daemon = FailingDaemon(*SETTINGS, pipelines=PIPELINES, parent=MEMORY_DISK)
    ledger = Ledger()
    try:
        daemon.fail_at(n, way.mode, way.error, way.duration)
        status, words = play(daemon, way, ledger)
        fired = daemon.fired()
        faults = judge_end(way, fired, status, words)
        daemon.remove_shim()
        if fired and way.mode in POWER:
            daemon.lose_power(zeros=way.mode == "power-zeros")
        faults += look_after(daemon, ledger, fired, way)
        where = fired[0] if fired else "nothing"
        return bool(fired), [f"{way.name}, n={n} ({where}): {text}" for text in faults]
    finally:
        daemon.discard()


def play(daemon, way, ledger):
    """The scenario on the failing disk; returns how the daemon ended."""
    try:
        daemon.start()
    except RuntimeError as error:
        return daemon.end(), str(error)
    Scenario(daemon, way, ledger).run()
    return daemon.end(), daemon.log.read_text(errors="replace")


def judge_end(way, fired, status, words):
    if not fired:
        return [] if status == 0 else [f"it ended with {status}: {words[-1000:]}"]
    if way.dies:
        # A folder cannot be written half-way: then nothing happened.
        return [] if status in (-9, 0) else [f"it ended with {status}: {words[-1000:]}"]
    if status < 0:
        return [f"it was killed by signal {-status}: {words[-1000:]}"]
    if status > 0 and "medleyd: " not in words:
        return [f"it ended with {status} and no word why"]
    return []


def look_after(daemon, ledger, fired, way):
    try:
        daemon.start()
    except RuntimeError as error:
        return [*ledger.faults, f"it does not start again: {error}"]
    http = Http(daemon.socket)
    try:
        end_what_nobody_ends(http, ledger)
        faults = check_promises(ledger, http, daemon.spool)
        if not fired:
            faults += [f"{entry}: nothing failed, and it is {entry.state}" for entry in ledger.entries
                       if entry.state != ("cancelled" if entry.pipeline == "endless" else "done")]
    except (Broken, RuntimeError, TimeoutError) as error:
        faults = [*ledger.faults, f"after the next start: {error!r}"]
    finally:
        http.close()
    status = daemon.end()
    if status != 0:
        faults.append(f"the daemon after it ended with {status}: {daemon.log.read_text(errors='replace')[-1000:]}")
    return faults + check_store(daemon.spool)


def end_what_nobody_ends(http, ledger):
    """What the client did not come to: uploads to be sent, an endless job to be cancelled."""
    for job in http.ask("GET", "/api/v1/jobs?limit=500").json()["jobs"]:
        if job["state"] in FINAL:
            continue
        entry = next(entry for entry in ledger.entries if entry.mark == job["parameters"]["mark"])
        for name, data in entry.uploads():
            http.ask("PUT", f"/api/v1/jobs/{job['id']}/inputs/{name}", data)
        if entry.pipeline == "endless":
            if entry.asked.get("cancel"):
                ledger.fault(f"{entry} runs again, though its cancellation was acknowledged")
            entry.asked.setdefault("cancel", False)
            http.ask("POST", f"/api/v1/jobs/{job['id']}/cancel")


class Commit(unittest.TestCase):
    def test_the_shim_sees_the_commit_path(self):
        daemon = FailingDaemon(*SETTINGS, pipelines=PIPELINES, parent=MEMORY_DISK)
        self.addCleanup(daemon.discard)
        daemon.set_shim(TRACE=daemon.trace)
        ledger = Ledger()
        self.assertEqual(play(daemon, WAYS[0], ledger)[0], 0)
        self.assertEqual(ledger.faults, [])
        seen, lines = {}, daemon.trace.read_text().splitlines()
        for line in lines:
            _, call, path = line.split(" ", 2)
            seen.setdefault(path.rpartition("/")[2].rpartition(".")[2], set()).add(call)
        for kind, calls in {"db-wal": ("pwrite64", "write"), "in": ("write", "pwrite64"), "out": ("fsync", "fdatasync")}.items():
            self.assertTrue(seen.get(kind, set()) & set(calls), f"{kind}: {seen}")
        self.assertTrue(seen["db-wal"] & {"fsync", "fdatasync"}, seen)
        self.assertTrue(seen["in"] & {"fsync", "fdatasync"}, f"an input is acknowledged before it is on disk: {seen}")
        self.assertTrue(seen["out"] & {"openat"} and seen["out"] & {"unlinkat", "unlink"}, seen)
        print(f"{len(lines)} operations: {seen}", flush=True)

    def check_way(self, way, pool):
        n, faults, runs, untouched = random.Random(f"{SEED} {way.name}").randrange(STRIDE) + 1, [], 0, False
        while not untouched and len(faults) < 20:
            batch = [pool.submit(run_once, way, n + i * STRIDE) for i in range(AT_ONCE)]
            results = [run.result() for run in batch]
            # How many operations there are differs a little, since writes that come together share a commit.
            untouched = not any(fired for fired, _ in results)
            faults += [fault for _, found in results for fault in found]
            runs += len(results)
            n += AT_ONCE * STRIDE
        print(f"{way.name}: {runs} runs, the last at operation {n - STRIDE}", flush=True)
        return faults

    def test_every_step(self):
        print(f"MEDLEY_TEST_SEED={SEED} MEDLEY_TEST_STRIDE={STRIDE}", flush=True)
        begin = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for way in WAYS:
                with self.subTest(way.name):
                    faults = self.check_way(way, pool)
                    self.assertEqual(faults, [], f"(MEDLEY_TEST_SEED={SEED})\n" + "\n".join(faults))
        print(f"{time.monotonic() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
