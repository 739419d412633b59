# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk without space: typed refusals on every face, a store that stays whole, and service again when there is space.

The same cases run on a folder that tests/shims/fail-io.c takes for a small disk, which works for everybody but does not
reach the workers, and on a tmpfs, where one can be mounted: by root, or by anybody in a user namespace.
"""

import ctypes
import os
import subprocess
import sys
import unittest

from dbustest import Bus
from faceclients import BusFace, HttpFace, Refused
from failio import FailingDaemon
from ledger import FINAL, PIPELINES, Entry, Ledger, check_promises, check_store
from medleytest import Http, main

KIB, MIB = 1024, 1024 * 1024
SIZE = 8 * MIB
FLOOR = 2 * MIB
MAY_NOT_MOUNT = "MEDLEY_TEST_MAY_NOT_MOUNT"
SETTINGS = ("dbus.bus=session", "workers.preload=", "workers.maximum=1", "jobs.retry-delay=0", "workers.grace=1s")
TEXT = b"All the world's a stage, and all the men and women merely players.\n"
EXIT_UNAVAILABLE = 5


def text_of(size):
    return (TEXT * (size // len(TEXT) + 1))[:size]


def mount(folder):
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.mount(b"medley-test", str(folder).encode(), b"tmpfs", 0, f"size={SIZE},mode=0700".encode()) == 0


def unmount(folder):
    ctypes.CDLL(None).umount2(str(folder).encode(), 2)  # MNT_DETACH


class FullDisk:
    """The cases; forms of it make the disk."""

    floor = 0

    def setUp(self):
        self.bus = Bus()
        self.addCleanup(self.bus.stop)
        self.daemon = FailingDaemon(*SETTINGS, f"limits.free-space={self.floor}", environment=self.bus.environment,
                                    pipelines=PIPELINES)
        self.addCleanup(self.daemon.discard)
        self.daemon.spool.mkdir(parents=True, mode=0o700)
        self.make_disk()
        self.filler = self.daemon.spool / "filler"
        self.daemon.start()
        self.ledger = Ledger()
        self.http, self.dbus = HttpFace(self.daemon), BusFace(self.bus)
        self.dbus.client.wait_for_name()
        self.addCleanup(self.http.close)
        self.addCleanup(self.dbus.close)
        self.n = 0

    def tearDown(self):
        # Whatever was refused: what was not is whole, now and after the next start, and there is no litter.
        self.leave(4 * MIB)
        self.check("at the end")
        self.assertEqual(self.daemon.end(), 0, self.daemon.log.read_text(errors="replace")[-6000:])
        self.filler.unlink()
        self.assertEqual(check_store(self.daemon.spool), [])
        self.daemon.start()
        self.check("after the next start")

    def check(self, when):
        http = Http(self.daemon.socket)
        faults = check_promises(self.ledger, http, self.daemon.spool)
        http.close()
        faults = [fault for fault in faults if "/filler" not in fault]
        self.assertEqual(faults, [], when + ":\n" + "\n".join(faults))

    def leave(self, free):
        """Makes so many bytes free."""
        size = self.filler.stat().st_size if self.filler.exists() else 0
        size = max(0, size + self.free() - free)
        with open(self.filler, "ab") as stream:
            stream.truncate(min(size, stream.tell()))
            left = size - stream.tell()
            while left > 0:
                left -= stream.write(b"\0" * min(left, 65536))

    def entry(self, size, how="text", pipeline="echo"):
        self.n += 1
        text = text_of(size)
        return self.ledger.add(Entry(f"job-{self.n}", pipeline, {"text": (how, text)}, {"out": text},
                                     may_fail=("no-space",)))

    def create(self, face, entry):
        self.ledger.acknowledge(entry, face.create(entry))
        return entry

    def ended(self, entry):
        job = self.daemon.wait(entry.id, FINAL)
        self.ledger.saw(entry, job)
        return job

    def assert_no_space(self, function, *arguments):
        with self.assertRaises(Refused) as raised:
            function(*arguments)
        self.assertEqual(raised.exception.code, "no-space", raised.exception)
        return raised.exception

    def assert_failed(self, entry):
        job = self.ended(entry)
        self.assertEqual((job["state"], job["error"]["code"]), ("failed", "no-space"), job)

    def assert_works(self):
        for face, how in ((self.http, "text"), (self.http, "stream"), (self.dbus, "file")):
            job = self.ended(self.create(face, self.entry(20 * KIB, how)))
            self.assertEqual(job["state"], "done", job)

    def files(self):
        return sorted(path.name for path in self.daemon.spool.iterdir())


class FloorCases(FullDisk):
    floor = FLOOR

    def test_new_jobs_are_refused_before_the_disk_is_full(self):
        old = self.create(self.http, self.entry(10 * KIB))
        self.assertEqual(self.ended(old)["state"], "done")
        waiting = self.create(self.http, self.entry(10 * KIB, "upload"))
        self.leave(FLOOR // 2)
        before = self.files()
        refusal = self.assert_no_space(self.http.create, self.entry(100))
        self.assertIn("507", str(refusal))
        self.assertIn("limits.free-space", str(refusal))
        self.assertIn("507", str(self.assert_no_space(self.http.create, self.entry(100, "stream"))))
        self.assert_no_space(self.dbus.create, self.entry(100))
        self.assert_no_space(self.dbus.create, self.entry(100, "pipe"))
        shell = self.daemon.medley("run", "echo", "-", input=b"Hello.\n")
        self.assertEqual(shell.returncode, EXIT_UNAVAILABLE, shell.stderr)
        self.assertIn(b"no-space", shell.stderr)
        self.assertEqual(self.files(), before, "refused requests left files")
        # What is there is served, and a job that was accepted goes on.
        self.assertEqual(self.http.output(old.id, "out"), old.outputs["out"])
        self.http.upload(waiting.id, "text", waiting.outputs["out"])
        self.assertEqual(self.ended(waiting)["state"], "done")
        old.asked["remove"] = False
        self.http.verb(old.id, "remove")
        old.asked["remove"] = True
        self.leave(2 * FLOOR)
        self.assert_works()


class FullCases(FullDisk):
    def test_an_input_that_does_not_fit(self):
        self.leave(600 * KIB)
        self.assertEqual(self.ended(self.create(self.http, self.entry(10 * KIB)))["state"], "done")
        self.leave(200 * KIB)
        before = self.files()
        self.assertIn("507", str(self.assert_no_space(self.http.create, self.entry(400 * KIB))))
        self.assert_no_space(self.dbus.create, self.entry(400 * KIB))
        self.assertEqual(self.files(), before, "refused requests left files")
        upload = self.create(self.http, self.entry(400 * KIB, "upload"))
        self.assertIn("507", str(self.assert_no_space(self.http.upload, upload.id, "text", upload.outputs["out"])))
        self.assert_failed(upload)
        for how in ("file", "pipe"):
            self.leave(200 * KIB)
            self.assert_failed(self.create(self.dbus, self.entry(400 * KIB, how)))
        self.leave(4 * MIB)
        self.assert_works()

    def test_no_space_at_all(self):
        running = self.create(self.http, self.entry(20 * KIB, "upload"))
        self.leave(0)
        for _ in range(20):
            # The store may have room left in what it holds of the disk.
            try:
                self.create(self.http, self.entry(9 * KIB))
            except Refused as refused:
                self.assertEqual(refused.code, "no-space", refused)
        self.assert_no_space(self.http.create, self.entry(300 * KIB))
        self.assert_no_space(self.http.upload, running.id, "text", running.outputs["out"])
        # Looking is for free, and the daemon says that it lives.
        self.assertEqual(self.http.job(running.id)["state"], "failed")
        self.assertEqual(self.daemon.curl("/healthz").status, 200)
        self.leave(4 * MIB)
        self.assert_works()

    def test_a_start_without_space(self):
        kept = self.create(self.http, self.entry(20 * KIB))
        self.assertEqual(self.ended(kept)["state"], "done")
        self.assertEqual(self.daemon.end(), 0)
        self.leave(0)
        self.http.close()
        begins = self.daemon.log.stat().st_size
        try:
            self.daemon.start()
            self.assertEqual(self.http.output(kept.id, "out"), kept.outputs["out"])
        except RuntimeError:
            # No store can be opened where nothing can be written; that has to be said.
            self.assertGreater(self.daemon.end(), 0)
            self.assertRegex(self.daemon.log.read_text()[begins:], r"medleyd: (no-space|bad-store|io-error): ")
            self.leave(4 * MIB)
            self.daemon.start()
        self.dbus.client.wait_for_name()
        self.leave(4 * MIB)
        self.assert_works()


class ShimDisk:
    def make_disk(self):
        self.daemon.limit_disk(SIZE)

    def free(self):
        used = sum(path.stat().st_size for path in self.daemon.spool.rglob("*") if path.is_file())
        return max(0, SIZE - used)


class MountedDisk:
    def make_disk(self):
        if not mount(self.daemon.spool):
            self.fail("a tmpfs could be mounted a moment ago")
        self.addCleanup(unmount, self.daemon.spool)

    def free(self):
        state = os.statvfs(self.daemon.spool)
        return state.f_bavail * state.f_frsize


class ShimFloor(ShimDisk, FloorCases, unittest.TestCase):
    pass


class ShimFull(ShimDisk, FullCases, unittest.TestCase):
    pass


class MountedFloor(MountedDisk, FloorCases, unittest.TestCase):
    pass


class MountedFull(MountedDisk, FullCases, unittest.TestCase):
    def test_an_output_that_does_not_fit(self):
        # Here the worker's disk is full as well.
        for face, how in ((self.http, "stream"), (self.dbus, "file")):
            self.leave(900 * KIB)
            self.assert_failed(self.create(face, self.entry(600 * KIB, how)))
        self.leave(4 * MIB)
        self.assert_works()


def may_mount(folder):
    if not mount(folder):
        return False
    unmount(folder)
    return True


def load_tests(loader, tests, pattern):
    """Without the right to mount this program runs again in a namespace where it has it, and else says what is left out."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        if may_mount(folder):
            return tests
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in (ShimFloor, ShimFull))
    again = [sys.executable, *sys.argv]
    if MAY_NOT_MOUNT not in os.environ and subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0:
        os.environ[MAY_NOT_MOUNT] = "1"
        os.execvp("unshare", ["unshare", "-rm", *again])
    print("no tmpfs can be mounted here, nor a user namespace made: only the shim's disk is tested", flush=True)
    return suite


if __name__ == "__main__":
    main()
