# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon is killed at random moments while clients create and control jobs; what was acknowledged is kept.

MEDLEY_TEST_KILLS says how often it is killed (30), MEDLEY_TEST_SEED repeats the choices of an earlier run.
"""

import os
import random
import shutil
import threading
import time
import unittest

from dbustest import Bus
from faceclients import Broken, BusFace, HttpFace, Refused
from leftovers import descendants, users_of, wait_until_gone
from ledger import (FINAL, PIPELINES, Entry, Ledger, all_jobs, check_output, check_promises, check_store, speech_like)
from medleytest import PATIENCE, Daemon, Http, cues, main

KILLS = int(os.environ.get("MEDLEY_TEST_KILLS", "30"))
SEED = int(os.environ.get("MEDLEY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
HTTP_CLIENTS, BUS_CLIENTS = 3, 2
# Of one client at once: more would only wait.
UNENDED = 4
WORDS = "a quick brown fox naïve café jumps über the lazy dog while it rains in the evening".split()
SENTENCE = "The quick brown fox jumps over the lazy dog."
SETTINGS = (
    "dbus.bus=session", "workers.preload=espeak", "workers.maximum=2", "workers.grace=1s",
    # Nobody is to blame for the interruptions, and nothing may be forgotten.
    "jobs.attempts=1000", "jobs.poison=1000", "jobs.keep=1000000", "jobs.keep-bytes=0", "limits.free-space=0",
)


class Clock:
    """Whether clients shall go on, and how many there are of what they did."""

    def __init__(self):
        self.stop = threading.Event()
        self.counts = {}
        self.lock = threading.Lock()

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1


class TortureClient(threading.Thread):
    """Creates jobs, looks at them and controls them; asks again when the connection broke."""

    def __init__(self, face, number, ledger, clock, checks, captions):
        super().__init__(name=f"{face.name} {number}")
        self.face, self.ledger, self.clock = face, ledger, clock
        self.rng = random.Random(f"{SEED} {self.name}")
        self.speech_check, self.captions = checks, captions
        self.made = 0
        self.live = []

    def run(self):
        try:
            while not self.clock.stop.is_set():
                self.step()
                time.sleep(self.rng.random() * 0.02)
            # What was begun is brought to its end, as a user would.
            deadline = time.monotonic() + PATIENCE
            while self.live and time.monotonic() < deadline:
                self.look(self.live[0], self.rng.random() < 0.2)
                time.sleep(0.005)
            for entry in self.live:
                self.ledger.fault(f"{entry} has not ended: {entry.state}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test has to fail with it
            self.ledger.fault(f"client {self.name} gave up: {error!r}")
        finally:
            self.face.close()

    def step(self):
        if len(self.live) < UNENDED and self.rng.random() < 0.6:
            self.create()
        elif self.live:
            self.look(self.rng.choice(self.live), True)

    # ---- creating ----

    def long_text(self):
        """More than lies in the store itself: a file that has to be synced."""
        return (self.text(40, 60) + b"\n") * self.rng.randrange(150, 400)

    def text(self, least, most):
        some = " ".join(self.rng.choice(WORDS) for _ in range(self.rng.randrange(least, most)))
        return f"{some} {self.rng.getrandbits(64):x}".encode()

    def make_entry(self):
        self.made += 1
        mark = f"{self.name.replace(' ', '-')}-{self.made}"
        key = f"{SEED}-{mark}" if self.rng.random() < 0.7 else None
        inline = ["text", "bytes"]
        slow = ["upload", "stream"] if self.face.name == "http" else ["file", "pipe"]
        kind = self.rng.choice(["echo", "slow", "slow", "long", "two", "say", "endless"])
        if kind == "say":
            return Entry(mark, kind, {"text": ("text", SENTENCE.encode())},
                         {"speech": self.speech_check, "captions": self.captions}, key)
        if kind == "endless":
            return Entry(mark, kind, {"text": ("text", b"again and again\n")}, {}, key)
        if kind == "two":
            left, right = self.text(1, 20), self.long_text()
            how = [self.rng.choice(inline), self.rng.choice(inline + slow[:1])]
            entry = Entry(mark, kind, {"left": (how[0], left), "right": (how[1], right)},
                          {"left": left, "right": right}, key)
        else:
            text = self.long_text() if kind == "long" else self.text(5, 150)
            how = [self.rng.choice(inline + slow)]
            entry = Entry(mark, kind, {"text": (how[0], text)}, {"out": text}, None if how[0] == "stream" else key)
        if any(h in ("stream", "file", "pipe") for h in how):
            # The daemon died before it had all of it, and the client cannot give it again.
            entry.may_fail = frozenset(("bad-input",))
        return entry

    def create(self):
        entry = self.ledger.add(self.make_entry())
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.ledger.acknowledge(entry, self.face.create(entry))
                self.clock.count(f"created over {self.face.name}")
                break
            except Broken:
                self.clock.count("creations that broke off")
                if entry.key is None:
                    return  # Nobody knows: asking again could make two.
                if self.rng.random() < 0.3:
                    self.face.come_back()
                time.sleep(0.01)
            except Refused as refused:
                if refused.code != "unavailable":
                    self.ledger.fault(f"{entry} was refused: {refused}")
                    return
                time.sleep(0.05)
        if entry.id is None:
            self.ledger.fault(f"{entry} could not be created for {PATIENCE} s")
            return
        self.live.append(entry)
        if entry.key is not None and self.rng.random() < 0.1 and not any(
                how in ("file", "pipe") for how, _ in entry.inputs.values()):
            self.once(lambda: self.ledger.acknowledge(entry, self.face.create(entry)))
        for name, data in entry.uploads():
            self.upload(entry, name, data)

    def upload(self, entry, name, data):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.face.upload(entry.id, name, data)
                entry.story.append(f"upload of {name} answered")
                return
            except Broken:
                self.clock.count("uploads that broke off")
                entry.story.append(f"upload of {name} broke off")
                time.sleep(0.01)
            except Refused as refused:
                if refused.code == "unavailable":
                    time.sleep(0.05)
                    continue
                # The daemon died after it had all of it, and before it could say so.
                entry.story.append(f"upload of {name} refused with {refused.code}")
                if refused.code != "wrong-state":
                    self.ledger.fault(f"{entry}: its upload was refused: {refused}")
                return
        self.ledger.fault(f"{entry}: its input could not be sent for {PATIENCE} s")

    # ---- looking and controlling ----

    def once(self, function):
        """Returns whether there was an answer, and the error it told."""
        try:
            function()
            return True, None
        except Broken:
            return False, None
        except Refused as refused:
            return True, refused

    def look(self, entry, may_control):
        job = None
        try:
            job = self.face.job(entry.id)
        except Broken:
            return
        self.ledger.saw(entry, job)
        if job is None:
            self.live.remove(entry)
        elif job["state"] in FINAL:
            self.ended(entry, job)
        elif entry.pipeline == "endless" and job["state"] == "running":
            if self.rng.random() < 0.5:
                self.control(entry, "cancel")
        elif job["state"] == "paused":
            if self.rng.random() < 0.4:
                self.control(entry, "resume")
        elif may_control and self.rng.random() < 0.02:
            self.control(entry, "cancel")
        elif may_control and job["state"] == "running" and self.rng.random() < 0.1:
            self.control(entry, "pause")

    def control(self, entry, verb):
        entry.asked.setdefault(verb, False)
        answered, refused = self.once(lambda: self.face.verb(entry.id, verb))
        entry.story.append(f"{verb} " + ("broke off" if not answered else refused.code if refused else "answered"))
        if answered and refused is None:
            entry.asked[verb] = True
            self.clock.count(f"{verb} answered")
        elif refused is not None and refused.code not in ("wrong-state", "unavailable"):
            self.ledger.fault(f"{entry}: {verb} was refused: {refused}")

    def ended(self, entry, job):
        self.clock.count(job["state"])
        self.live.remove(entry)
        if job["state"] == "done" and self.face.name == "http" and self.rng.random() < 0.5:
            # At once, while it is new: an output must not be complete before it is whole.
            try:
                for name, expected in entry.outputs.items():
                    fault = check_output(self.face.http, job, name, expected)
                    if fault:
                        self.ledger.fault(f"{entry}: just done: {fault}")
            except Broken:
                pass
        if self.rng.random() < 0.2:
            self.remove(entry)

    def remove(self, entry):
        entry.asked.setdefault("remove", False)
        answered, refused = self.once(lambda: self.face.verb(entry.id, "remove"))
        if answered and refused is None:
            entry.asked["remove"] = True
            self.clock.count("remove answered")


class Kill(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(SEED)
        self.bus = Bus()
        self.addCleanup(self.bus.stop)
        self.daemon = Daemon(*SETTINGS, environment=self.bus.environment, pipelines=PIPELINES)
        self.addCleanup(self.clean_up)
        self.daemon.start()
        self.ledger, self.clock = Ledger(), Clock()
        self.killed = []  # processes of dead daemons
        self.starts = []  # seconds
        self.precious = self.daemon.folder / "precious"
        self.precious.write_bytes(b"not the daemon's")

    def clean_up(self):
        if self.daemon.process is not None:
            self.daemon.stop()
        shutil.rmtree(self.daemon.folder, ignore_errors=True)

    def say_reference(self):
        """What speech is like while nothing is killed."""
        job = self.daemon.create(pipeline="say", inputs={"text": {"text": SENTENCE}}, parameters={"mark": "reference"})
        self.assertEqual(self.daemon.wait(job["id"])["state"], "done")
        http = Http(self.daemon.socket)
        speech = http.ask("GET", f"/api/v1/jobs/{job['id']}/outputs/speech").body
        http.close()

        def check_captions(data):
            found = [text for _, _, text in cues(data.decode())]
            return None if found == [SENTENCE] else f"captions are torn: {data!r}"

        return speech_like(speech), check_captions

    def kill(self):
        self.killed += descendants(self.daemon.process.pid)
        self.daemon.kill()

    def litter(self):
        """Files as a daemon may leave them that dies between making and recording them, and a trap."""
        name = "".join(self.rng.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(16))
        (self.spool() / f"{name}-0.in").write_bytes(b"a part of")
        (self.spool() / f"{name}-1.out").symlink_to(self.precious)

    def kill_and_start(self):
        time.sleep(self.rng.choice((self.rng.uniform(0, 0.08), self.rng.uniform(0.08, 1.2))))
        self.assertIsNone(self.daemon.process.poll(), "medleyd ended by itself")
        self.kill()
        # Now and then it dies while it still takes up what the last one left.
        while self.rng.random() < 0.15:
            os.close(self.daemon.launch())
            time.sleep(self.rng.uniform(0, 0.1))
            self.kill()
        if self.rng.random() < 0.3:
            self.litter()
        begin = time.monotonic()
        self.daemon.start()
        self.starts.append(time.monotonic() - begin)

    def test_nothing_acknowledged_is_lost(self):
        print(f"MEDLEY_TEST_SEED={SEED} MEDLEY_TEST_KILLS={KILLS}", flush=True)
        checks = self.say_reference()
        clients = [TortureClient(HttpFace(self.daemon), i, self.ledger, self.clock, *checks) for i in range(HTTP_CLIENTS)]
        clients += [TortureClient(BusFace(self.bus), i, self.ledger, self.clock, *checks) for i in range(BUS_CLIENTS)]
        begin = time.monotonic()
        for client in clients:
            client.start()
        try:
            for _ in range(KILLS):
                self.kill_and_start()
        finally:
            self.clock.stop.set()
            for client in clients:
                client.join(2 * PATIENCE)
        self.finish_endless_ones()
        self.report(time.monotonic() - begin)
        self.check("after the last start")
        self.assertEqual(wait_until_gone(self.killed), [], "processes outlived the daemon that started them")
        self.stop_quietly()
        self.assertEqual(check_store(self.spool()), [])
        self.daemon.start()
        self.check("after a quiet stop and start")
        self.stop_quietly()
        self.assertEqual(users_of(self.daemon.folder), [], "processes outlived the last daemon")
        self.assertNotIn("CRITICAL", self.daemon.log.read_text(errors="replace"))

    def stop_quietly(self):
        self.assertEqual(self.daemon.stop(), 0, self.daemon.log.read_text(errors="replace")[-6000:])

    def finish_endless_ones(self):
        """Those whose creation broke off have nobody else to end them."""
        http = Http(self.daemon.socket)
        unknown = {entry.mark: entry for entry in self.ledger.entries if entry.id is None}
        for job in http.ask("GET", "/api/v1/jobs?limit=500&pipeline=endless").json()["jobs"]:
            entry = unknown.get(job["parameters"]["mark"])
            if entry is not None and job["state"] not in FINAL:
                self.assertLess(http.ask("POST", f"/api/v1/jobs/{job['id']}/cancel").status, 300)
        self.forget_missing_uploads(http, unknown)
        http.close()

    def forget_missing_uploads(self, http, unknown):
        for mark, entry in unknown.items():
            if not entry.uploads():
                continue
            for job in http.ask("GET", "/api/v1/jobs?limit=500&state=queued").json()["jobs"]:
                if job["parameters"]["mark"] == mark:
                    reply = http.ask("POST", f"/api/v1/jobs/{job['id']}/cancel")
                    self.assertEqual(reply.status, 200, reply.body)

    def spool(self):
        return self.daemon.folder / "state" / "medley" / "spool"

    def check(self, when):
        http = Http(self.daemon.socket)
        faults = check_promises(self.ledger, http, self.spool(), may_be_unknown=("reference",))
        http.close()
        self.assertEqual(self.precious.read_bytes(), b"not the daemon's")
        self.assertEqual(faults, [], f"{len(faults)} promises were not kept {when} (MEDLEY_TEST_SEED={SEED}):\n"
                         + "\n".join(faults[:40]))

    def report(self, seconds):
        http = Http(self.daemon.socket)
        jobs = all_jobs(http).values()
        http.close()
        again = sum(job["attempt"] > 1 for job in jobs)
        counts = ", ".join(f"{n} {what}" for what, n in sorted(self.clock.counts.items()))
        print(f"{KILLS} kills in {seconds:.1f} s, a start took {max(self.starts) * 1000:.0f} ms at most; "
              f"{len(self.ledger.entries)} requests: {counts}; {again} jobs were started more than once", flush=True)



if __name__ == "__main__":
    main()
