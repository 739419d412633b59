# SPDX-License-Identifier: LGPL-2.1-or-later
"""How medleyd ends: what it still does, what it refuses, and what the next one finds."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from dbustest import Bus, Client, GLib, error_name
from medleytest import PATIENCE, Daemon, main
from test_service import Manager, pipeline

TEXT = "The lamp is lit. The keeper climbs the stair. Nobody sees the ship.\n"

PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    # 17 steps: long enough to be stopped, short enough to be done again, also where all else is slow
    "slow.json": pipeline("fakeslow", **{"delay-ms": 200 * max(1, PATIENCE // 120), "bytes-per-step": 4}),
    "endless.json": pipeline("fakeendless", **{"delay-ms": 5}),
}


class Upload:
    """An input that a test sends as it likes: a PUT with a chunked body. A context manager."""

    def __init__(self, daemon, job, name="text"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(daemon.socket))
        self.socket.sendall(
            f"PUT /api/v1/jobs/{job}/inputs/{name} HTTP/1.1\r\nHost: localhost\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode())

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.socket.close()

    def send(self, text):
        data = text.encode()
        self.socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def finish(self):
        """Ends the body; returns the answer's status."""
        self.socket.sendall(b"0\r\n\r\n")
        return int(self.socket.recv(65536).split()[1])


class Start(unittest.TestCase):
    def test_who_is_asked_to_end_while_it_starts_ends_well(self):
        """From the moment when it opens its store: nothing is left, which a sanitizer would say with its status."""
        daemon = Daemon()
        self.addCleanup(shutil.rmtree, daemon.folder, True)
        for pause in (0, 0.02, 0.1, 0.3):
            shutil.rmtree(daemon.folder / "state", ignore_errors=True)
            ready = daemon.launch()
            deadline = time.monotonic() + PATIENCE
            while not list(daemon.folder.glob("state/**/jobs.db")):
                self.assertLess(time.monotonic(), deadline)
                self.assertIsNone(daemon.process.poll())
                time.sleep(0.001)
            time.sleep(pause)
            self.assertEqual(daemon.stop(), 0, (pause, daemon.log.read_text()))
            os.close(ready)


class Drain(unittest.TestCase):
    def daemon(self, *settings, **options):
        if not any(setting.startswith("jobs.drain=") for setting in settings):
            settings = ("jobs.drain=1h", *settings)
        daemon = Daemon(*settings, pipelines=PIPELINES, **options)
        self.addCleanup(self.clean_up, daemon)
        daemon.start()
        return daemon

    def clean_up(self, daemon):
        if daemon.process is not None:
            daemon.process.send_signal(signal.SIGTERM)  # the second one is Daemon's
        daemon.__exit__(None)

    def start_upload(self, daemon, name="echo"):
        """A job that runs for as long as the test keeps its input open."""
        job = daemon.create(pipeline=name, inputs={"text": {"upload": True}})["id"]
        upload = Upload(daemon, job)
        self.addCleanup(upload.__exit__, None)
        upload.send(TEXT)
        daemon.wait(job, ["running"])
        return job, upload

    def drain(self, daemon):
        daemon.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while not daemon.status()["draining"]:
            self.assertLess(time.monotonic(), deadline, "it does not drain")

    def end(self, daemon, status=0):
        self.assertEqual(daemon.process.wait(PATIENCE), status, daemon.log.read_text(errors="replace")[-2000:])
        daemon.process = None

    def follow(self, daemon, path, *arguments):
        """A curl that fails when the answer is an error or breaks off."""
        process = subprocess.Popen(
            ["curl", "-sSfN", "--unix-socket", str(daemon.socket), "--max-time", str(PATIENCE), *arguments,
             f"http://localhost{path}"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)

        def clean_up():
            process.kill()
            process.communicate()

        self.addCleanup(clean_up)
        return process

    def read(self, daemon, job, output="out"):
        return daemon.curl(f"/api/v1/jobs/{job}/outputs/{output}")

    # -- while it drains

    def test_what_runs_is_finished_and_can_be_read(self):
        daemon = self.daemon()
        job, upload = self.start_upload(daemon)
        reader = self.follow(daemon, f"/api/v1/jobs/{job}/outputs/out")
        watcher = self.follow(daemon, f"/api/v1/jobs/{job}/events")
        # Both are there before the end begins.
        first = reader.stdout.read(1)
        self.assertTrue(watcher.stdout.readline())
        self.drain(daemon)
        self.assertEqual(daemon.job(job)["state"], "running")
        upload.send(TEXT)
        self.assertEqual(upload.finish(), 204)
        self.assertEqual((first + reader.communicate(timeout=PATIENCE)[0]).decode(), TEXT * 2)
        events = watcher.communicate(timeout=PATIENCE)[0].decode()
        self.assertEqual(reader.returncode, 0)
        self.assertEqual(watcher.returncode, 0)
        states = [json.loads(line[6:]).get("state") for line in events.splitlines() if line.startswith("data: ")]
        self.assertEqual([state for state in states if state][-1], "done")
        self.end(daemon)

    def test_no_job_is_taken(self):
        with Bus() as bus:
            daemon = self.daemon("dbus.bus=session", environment=bus.environment)
            client = Client(bus)
            client.wait_for_name()
            job, upload = self.start_upload(daemon)
            self.drain(daemon)

            reply = daemon.curl("/run/echo", "--data-binary", TEXT)
            self.assertEqual(reply.status, 503)
            self.assertEqual(reply.json()["code"], "unavailable")
            self.assertIn("stop", reply.json()["detail"])
            self.assertGreater(int(reply.headers["retry-after"]), 0)
            reply = daemon.curl("/api/v1/jobs", "-H", "Content-Type: application/json", "--data-binary",
                                json.dumps({"pipeline": "echo", "inputs": {"text": {"text": TEXT}}}))
            self.assertEqual((reply.status, reply.json()["code"]), (503, "unavailable"))
            with self.assertRaises(GLib.Error) as raised:
                client.run("echo", {"text": TEXT})
            self.assertEqual(error_name(raised.exception), "org.medley.Error.Unavailable")
            run = daemon.medley("run", "echo", ":=x", "-o", "-")
            self.assertEqual(run.returncode, 5, run.stderr)
            self.assertIn(b"stop", run.stderr)

            # What can be looked at still can.
            self.assertEqual([j["id"] for j in daemon.curl("/api/v1/jobs").json()["jobs"]], [job])
            self.assertIs(client.manager("GetStatus")[0]["draining"], True)
            ready = daemon.curl("/readyz")
            self.assertEqual((ready.status, ready.json()["code"], ready.json()["check"]), (503, "unavailable", "drain"))
            self.assertEqual(daemon.curl("/healthz").status, 200)
            self.assertIn(b"is stopping", daemon.medley("doctor").stdout)
            self.assertEqual(upload.finish(), 204)
            self.end(daemon)
            client.close()

    def test_service_manager_is_told(self):
        with Manager() as manager:
            daemon = self.daemon("workers.maximum=1", environment=manager.environment())
            manager.expect(lambda line: line == "READY=1")
            _, upload = self.start_upload(daemon)
            daemon.create(pipeline="echo", inputs={"text": {"text": TEXT}})
            manager.expect(lambda line: line == "STATUS=1 job runs, 1 waits")
            self.drain(daemon)
            lines = [line for _, line in manager.expect(lambda line: line == "STATUS=Draining: 1 job runs, 1 waits")]
            self.assertIn("STOPPING=1", lines)
            extended = [int(line.partition("=")[2]) for line in lines if line.startswith("EXTEND_TIMEOUT_USEC=")]
            self.assertGreater(extended[0], 3600 * 1_000_000)
            upload.finish()
            self.end(daemon)

    def test_cancelling_all_ends_it(self):
        daemon = self.daemon()
        job = daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"]
        daemon.wait(job, ["running"])
        self.drain(daemon)
        daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST")
        self.end(daemon)

    def test_pausing_all_ends_it(self):
        daemon = self.daemon()
        job = daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"]
        daemon.wait(job, ["running"])
        self.drain(daemon)
        daemon.curl(f"/api/v1/jobs/{job}/pause", "-X", "POST")
        self.end(daemon)

    def test_slow_readers_get_a_moment(self):
        daemon = self.daemon()
        text = TEXT * 60_000  # more than sockets hold
        job = daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        with Upload(daemon, job) as upload:
            upload.send(text)
            self.assertEqual(upload.finish(), 204)
        self.assertEqual(daemon.wait(job)["state"], "done", daemon.job(job))
        with socket.socket(socket.AF_UNIX) as reader:
            reader.settimeout(PATIENCE)
            reader.connect(str(daemon.socket))
            reader.sendall(f"GET /api/v1/jobs/{job}/outputs/out HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            received = reader.recv(1000)
            daemon.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            while some := reader.recv(1 << 20):
                received += some
        self.assertEqual(received.partition(b"\r\n\r\n")[2].decode(), text)
        self.end(daemon)

    # -- ends that are not waited for

    def test_idle_daemon_ends_at_once(self):
        daemon = self.daemon()
        daemon.wait(daemon.create(pipeline="echo", inputs={"text": {"text": TEXT}})["id"])
        daemon.process.send_signal(signal.SIGTERM)
        self.end(daemon)

    def test_asked_twice_it_ends_at_once(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)):
            with self.subTest(first=first):
                daemon = self.daemon()
                job = daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"]
                daemon.wait(job, ["running"])
                daemon.process.send_signal(first)
                while not daemon.status()["draining"]:
                    pass
                daemon.process.send_signal(second)
                self.end(daemon)

    def test_private_daemon_does_not_drain(self):
        daemon = self.daemon(options=["--private"])
        daemon.wait(daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"], ["running"])
        daemon.process.send_signal(signal.SIGTERM)
        self.end(daemon)

    def test_workers_are_gone(self):
        daemon = self.daemon("jobs.drain=0")
        daemon.wait(daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"], ["running"])
        pids = daemon.status()["workers"]["pids"]
        self.assertTrue(pids)
        daemon.process.send_signal(signal.SIGTERM)
        self.end(daemon)
        deadline = time.monotonic() + PATIENCE
        while any(os.path.exists(f"/proc/{pid}") for pid in pids):
            self.assertLess(time.monotonic(), deadline, f"workers {pids} outlive their daemon")
            time.sleep(0.02)

    def test_streams_of_jobs_that_go_on_later_end(self):
        daemon = self.daemon("jobs.drain=1s")
        job = daemon.create(pipeline="endless", inputs={"text": {"text": "x"}})["id"]
        daemon.wait(job, ["running"])
        reader = self.follow(daemon, f"/api/v1/jobs/{job}/outputs/out")
        watcher = self.follow(daemon, f"/api/v1/jobs/{job}/events")
        self.assertTrue(reader.stdout.read(1))
        self.assertTrue(watcher.stdout.readline())
        daemon.process.send_signal(signal.SIGTERM)
        text = watcher.communicate(timeout=PATIENCE)[0].decode()
        self.assertEqual(watcher.returncode, 0)
        self.assertIn("event: interrupted", text)
        # Not whole, and so it looks.
        reader.communicate(timeout=PATIENCE)
        self.assertNotEqual(reader.returncode, 0)
        self.end(daemon)

    # -- the next daemon

    def test_nothing_is_lost_over_a_restart(self):
        daemon = self.daemon("jobs.drain=0", "workers.maximum=2")
        done = daemon.create(pipeline="echo", inputs={"text": {"text": TEXT}})["id"]
        self.assertEqual(daemon.wait(done)["state"], "done")
        paused = daemon.create(pipeline="slow", inputs={"text": {"text": TEXT}})["id"]
        daemon.wait(paused, ["running"])
        self.assertEqual(daemon.curl(f"/api/v1/jobs/{paused}/pause", "-X", "POST").status, 200)
        running = daemon.create(pipeline="slow", inputs={"text": {"text": TEXT}})["id"]
        daemon.wait(running, ["running"])
        queued = [daemon.create(pipeline="echo", inputs={"text": {"text": f"{i}"}})["id"] for i in range(20)]
        self.assertEqual(daemon.stop(), 0)

        daemon.start()
        ids = {j["id"] for j in daemon.curl("/api/v1/jobs?limit=500").json()["jobs"]}
        self.assertEqual(ids, {done, paused, running, *queued})
        self.assertEqual(self.read(daemon, done).body.decode(), TEXT)
        for i, job in enumerate(queued):
            self.assertEqual(daemon.wait(job)["state"], "done")
            self.assertEqual(self.read(daemon, job).body.decode(), f"{i}")
        found = daemon.wait(running)
        self.assertEqual(found["state"], "done", found)
        self.assertEqual(self.read(daemon, running).body.decode(), TEXT)
        # It was stopped by its daemon: that costs nothing, and is told.
        self.assertEqual([a.get("error", {}).get("code") for a in found["attempts"]], ["interrupted", None])
        kinds = [e["kind"] for e in daemon.curl(f"/api/v1/jobs/{running}/events", "-H", "Accept: application/json")
                 .json()["events"]]
        self.assertIn("interrupted", kinds)
        # What was paused is, until somebody goes on with it.
        daemon.wait(paused, ["paused"])
        self.assertEqual(daemon.curl(f"/api/v1/jobs/{paused}/resume", "-X", "POST").status, 200)
        self.assertEqual(daemon.wait(paused)["state"], "done")
        self.assertEqual(self.read(daemon, paused).body.decode(), TEXT)

    def test_an_orderly_stop_costs_no_attempt(self):
        daemon = self.daemon("jobs.drain=0", "jobs.attempts=1")
        job = daemon.create(pipeline="slow", inputs={"text": {"text": TEXT}})["id"]
        for _ in range(3):
            daemon.wait(job, ["running"])
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
        self.assertEqual(daemon.wait(job)["state"], "done")

    def test_an_upload_that_breaks_off_can_be_sent_again(self):
        daemon = self.daemon("jobs.drain=0")
        job, _ = self.start_upload(daemon)
        self.assertEqual(daemon.stop(), 0)
        daemon.start()
        found = daemon.job(job)
        self.assertEqual((found["state"], found["reason"]), ("queued", "waits for the upload of an input"), found)
        with Upload(daemon, job) as upload:
            upload.send(TEXT)
            self.assertEqual(upload.finish(), 204)
        self.assertEqual(daemon.wait(job)["state"], "done")
        self.assertEqual(self.read(daemon, job).body.decode(), TEXT)

    def test_nothing_is_lost_that_was_just_acknowledged(self):
        daemon = self.daemon("jobs.drain=0")
        for round_ in range(2):
            jobs, refused = {}, []

            def create(worker, jobs=jobs, refused=refused):
                while not refused:
                    text = f"{round_}.{worker}.{len(jobs)}"
                    reply = daemon.curl("/api/v1/jobs", "-H", "Content-Type: application/json", "--data-binary",
                                        json.dumps({"pipeline": "echo", "inputs": {"text": {"text": text}}}))
                    if reply.status != 201:
                        refused.append(reply.status)
                        return
                    jobs[reply.json()["id"]] = text

            threads = [threading.Thread(target=create, args=(worker,)) for worker in range(4)]
            for thread in threads:
                thread.start()
            while len(jobs) < 20:
                time.sleep(0.01)
            self.assertEqual(daemon.stop(), 0)
            for thread in threads:
                thread.join(PATIENCE)
            # Refused while it drains, or because nobody listens any more.
            self.assertIn(refused[0], (503, 0))
            daemon.start()
            for job, text in jobs.items():
                self.assertEqual(daemon.wait(job)["state"], "done")
                self.assertEqual(self.read(daemon, job).body.decode(), text)

    def test_a_client_that_waits_does_not_cancel_what_is_kept(self):
        daemon = self.daemon("jobs.drain=0", "workers.maximum=1")
        clients = []
        for name in ("slow", "echo"):
            clients.append(self.follow(daemon, f"/run/{name}", "--data-binary", TEXT))
            while len(daemon.curl("/api/v1/jobs").json()["jobs"]) < len(clients):
                time.sleep(0.02)
        jobs = [j["id"] for j in daemon.curl("/api/v1/jobs").json()["jobs"]]
        daemon.wait(jobs[-1], ["running"])
        self.assertEqual(daemon.stop(), 0)
        for client in clients:
            client.communicate(timeout=PATIENCE)
            self.assertNotEqual(client.returncode, 0)
        daemon.start()
        for job in jobs:
            self.assertEqual(daemon.wait(job)["state"], "done")
            self.assertEqual(self.read(daemon, job).body.decode(), TEXT)

    def test_a_second_daemon_says_why_it_does_not_start(self):
        daemon = self.daemon()
        _, upload = self.start_upload(daemon)
        self.drain(daemon)
        second = Daemon(*daemon.settings, f"paths.spool={daemon.folder}/state/medley/spool", pipelines={})
        try:
            with self.assertRaises(RuntimeError) as raised:
                second.start()
            self.assertIn("unavailable", str(raised.exception))
            self.assertIn(str(daemon.folder), str(raised.exception))
        finally:
            second.__exit__(None)
        upload.finish()
        self.end(daemon)


if __name__ == "__main__":
    main()
