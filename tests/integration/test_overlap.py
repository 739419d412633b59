# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is asked of a job while something else of it is still being written: syncs of some files are made to wait."""

import errno
import json
import re
import sqlite3
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from failio import FailingDaemon
from httptest import Client
from medleytest import PATIENCE, main
from test_durable import PIPELINES

LARGE = b"0123456789abcdef" * 8192


class Overlap(unittest.TestCase):
    def setUp(self):
        self.daemon = FailingDaemon("workers.maximum=2", pipelines=PIPELINES)
        self.addCleanup(self.daemon.discard)
        self.daemon.hold(error=errno.ENOSPC)
        self.daemon.start()
        self.pool = ThreadPoolExecutor(2)
        self.addCleanup(self.pool.shutdown)
        self.addCleanup(self.release)

    def release(self):
        (self.daemon.folder / "hold").unlink(missing_ok=True)

    def wait_until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def create(self):
        return self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]

    def upload(self, job, content=LARGE):
        return self.daemon.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", "-", input=content)

    def stored(self, job):
        """Its row, and the states of its files."""
        store = sqlite3.connect(f"file:{self.daemon.spool}/store/jobs.db?mode=ro", uri=True)
        try:
            finished, = store.execute("SELECT finished FROM jobs WHERE id = ?", (job,)).fetchone()
            states = [store.execute(f"SELECT state FROM {table} WHERE job = ?", (job,)).fetchone()[0]
                      for table in ("inputs", "outputs")]
            return (finished, *states)
        finally:
            store.close()

    def test_a_job_is_not_done_before_its_output_is_synced(self):
        job = self.create()
        self.daemon.hold("-0.in")
        answer = self.pool.submit(self.upload, job)
        # The worker has it all before the input is where a loss of power does not reach.
        output = self.daemon.spool / f"{job}-0.out"
        self.wait_until(lambda: self.daemon.is_held(".in") and output.stat().st_size == len(LARGE))
        self.assertFalse(answer.done())
        self.assertNotEqual(self.stored(job)[1], 0, "the store takes the input for whole")
        time.sleep(0.3)  # the job has ended by then, but for the disk
        self.daemon.hold("-0.out")
        self.assertEqual(answer.result(PATIENCE).status, 204)
        finished, received, made = self.stored(job)
        self.assertEqual((finished, received), (0, 0))
        self.assertNotEqual(made, 2, "the store takes the output for whole")
        self.assertNotEqual(self.daemon.job(job)["state"], "done")
        self.release()
        self.assertEqual(self.daemon.wait(job)["state"], "done")
        self.assertEqual((self.stored(job)[0] > 0, *self.stored(job)[1:]), (True, 0, 2))
        self.assertEqual(self.daemon.curl(f"/api/v1/jobs/{job}/outputs/out").body, LARGE)

    def test_a_job_that_is_being_cancelled_takes_no_upload(self):
        job = self.create()
        self.daemon.hold("jobs.db")
        answer = self.pool.submit(self.daemon.curl, f"/api/v1/jobs/{job}/cancel", "-X", "POST")
        self.wait_until(lambda: self.daemon.is_held("jobs.db"))
        late = self.pool.submit(self.upload, job, b"too late")
        time.sleep(0.3)
        self.release()
        self.assertEqual(answer.result(PATIENCE).status, 200)
        late = late.result(PATIENCE)
        self.assertEqual((late.status, late.json()["code"]), (409, "wrong-state"), late.body)
        time.sleep(0.3)
        self.assertEqual(self.daemon.job(job)["state"], "cancelled")
        self.assertEqual(self.daemon.status()["jobs"]["cancelled"], 1)

    def test_a_page_is_full_while_some_are_being_removed(self):
        jobs = [self.create() for _ in range(3)]
        for job in jobs:
            self.upload(job, b"text")
            self.daemon.wait(job)
        self.daemon.hold("jobs.db")
        answer = self.pool.submit(self.daemon.curl, f"/api/v1/jobs/{jobs[2]}", "-X", "DELETE")
        self.wait_until(lambda: self.daemon.is_held("jobs.db"))
        for query in ("", "&state=done"):
            page = self.daemon.curl(f"/api/v1/jobs?limit=1{query}").json()
            self.assertEqual(([job["id"] for job in page["jobs"]], page.get("next")), ([jobs[1]], jobs[1]))
            page = self.daemon.curl(f"/api/v1/jobs?limit=1&cursor={jobs[1]}{query}").json()
            self.assertEqual(([job["id"] for job in page["jobs"]], page.get("next")), ([jobs[0]], None))
        self.release()
        self.assertEqual(answer.result(PATIENCE).status, 204)

    def test_who_waits_for_an_output_does_not_wait_for_the_disk(self):
        self.daemon.hold("jobs.db")
        # Whoever does not wait for it is told of a job that no loss of power takes away.
        created = self.pool.submit(self.daemon.curl, "/run/echo?detach", "--data-binary", "Later.\n")
        self.wait_until(lambda: self.daemon.is_held("jobs.db"))
        self.assertFalse(created.done())
        self.release()
        self.assertEqual(created.result(PATIENCE).status, 202)
        self.assertEqual(self.daemon.wait(created.result().json()["id"])["state"], "done")
        self.daemon.hold("jobs.db")
        client = Client(self.daemon)
        self.addCleanup(client.close)
        client.send(b"POST /run/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.chunk(b"A first sentence. And")
        client.wait_for(b"A first sentence. ")
        client.chunk(b" a second one.")
        client.send(b"0\r\n\r\n")
        client.wait_for(b"second one.")
        # It is done once that is on the disk, though, and its output has no end before.
        time.sleep(0.3)
        job, = self.daemon.curl("/api/v1/jobs?limit=1").json()["jobs"]
        self.assertEqual(job["state"], "running")
        client.socket.setblocking(False)
        self.assertRaises(BlockingIOError, client.socket.recv, 1)
        client.socket.settimeout(PATIENCE)
        self.release()
        client.wait_for(b"\r\n0\r\n\r\n")
        self.assertEqual(self.daemon.wait(job["id"])["state"], "done")

    def test_a_job_that_somebody_waits_for_is_there_after_a_kill(self):
        client = Client(self.daemon)
        self.addCleanup(client.close)
        client.send(b"POST /run/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.chunk(b"A first sentence. And")
        client.wait_for(b"A first sentence. ")
        job = re.search(rb"Medley-Job: (\S+)", client.received).group(1).decode()
        self.daemon.kill()
        self.daemon.start()
        job = self.daemon.wait(job)
        self.assertEqual((job["state"], job["error"]["code"]), ("failed", "bad-input"))

    def test_who_changes_a_job_is_not_told_what_went_wrong_with_another(self):
        job = self.create()
        self.daemon.hold(".in")
        answer = self.pool.submit(self.daemon.curl, "/api/v1/jobs", "-H", "Content-Type: application/json", "--data-binary", "@-",
                                  input=json.dumps({"pipeline": "echo", "inputs": {"text": {"text": LARGE.decode()}}}).encode())
        self.wait_until(lambda: self.daemon.is_held(".in"))
        cancel = self.pool.submit(self.daemon.curl, f"/api/v1/jobs/{job}/cancel", "-X", "POST")
        # The cancel is carried out, and waits for what is being written.
        self.wait_until(lambda: self.stored(job)[0] > 0)
        self.daemon.refuse(".in")
        self.release()
        reply = answer.result(PATIENCE)
        self.assertEqual((reply.status, reply.json()["code"]), (507, "no-space"), reply.body)
        reply = cancel.result(PATIENCE)
        self.assertEqual((reply.status, reply.json().get("state")), (200, "cancelled"), reply.body)
        # ... but of its own job it is told.
        upload = self.create()
        reply = self.upload(upload)
        self.assertEqual((reply.status, reply.json()["code"]), (507, "no-space"), reply.body)


if __name__ == "__main__":
    main()
