# SPDX-License-Identifier: LGPL-2.1-or-later
"""The D-Bus face and its bus: none, lost, shared, or one that starts the daemon."""

import os
import re
import shutil
import signal
import tempfile
import unittest
from pathlib import Path

from dbustest import (
    NAME, PIPELINES, PROPERTIES, Bus, Client, Gio, GLib, iterate_until, read_exactly,
)
from medleytest import BUILD, MEDLEYD, Daemon, main


class OtherBuses(unittest.TestCase):
    def setUp(self):
        self.cleanup = []

    def tearDown(self):
        for step in reversed(self.cleanup):
            step()

    def start_bus(self, **options):
        bus = Bus(**options)
        self.cleanup.append(bus.stop)
        return bus

    def start_daemon(self, *settings, environment):
        daemon = Daemon(
            "dbus.bus=session", "workers.maximum=1", *settings, environment=environment, pipelines=PIPELINES
        )
        daemon.start()
        self.cleanup.append(lambda: shutil.rmtree(daemon.folder, ignore_errors=True))
        self.cleanup.append(daemon.stop)
        return daemon

    def connect(self, bus):
        client = Client(bus)
        client.connection.set_exit_on_close(False)
        client.wait_for_name()
        return client

    def wait_for_face(self, daemon, words):
        iterate_until(lambda: words in daemon.status()["faces"]["dbus"],
                      f"the face does not say {words!r}: {daemon.status()['faces']}")

    def check_works(self, daemon):
        job = daemon.create(pipeline="echo", inputs={"text": {"text": "x\n"}})
        self.assertEqual(daemon.wait(job["id"])["state"], "done")

    def test_without_a_bus_the_face_is_off_and_says_so(self):
        daemon = self.start_daemon(environment={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"})
        self.wait_for_face(daemon, "off: no session bus (")
        self.check_works(daemon)
        self.assertEqual(daemon.stop(), 0)

    def test_a_bus_that_goes_takes_only_the_face(self):
        bus = self.start_bus()
        daemon = self.start_daemon(environment=bus.environment)
        client = self.connect(bus)
        path = client.run("endless", {"text": "x\n"})
        client.wait(path, ("running",))
        stream, _ = client.open_output(path)
        bus.stop()
        self.wait_for_face(daemon, "off: the connection to the session bus was lost")
        # A stream needs no bus once it is open.
        self.assertEqual(read_exactly(stream, 200), b"x\n" * 100)
        os.close(stream)
        job = path.rpartition("/")[2]
        self.assertEqual(daemon.job(job)["state"], "running")
        self.assertIn(daemon.curl(f"/api/v1/jobs/{job}/cancel", "-X", "POST").status, (200, 202, 204))
        self.check_works(daemon)
        self.assertEqual(daemon.stop(), 0)

    def test_a_second_daemon_waits_for_the_name(self):
        bus = self.start_bus()
        first = self.start_daemon(environment=bus.environment)
        client = self.connect(bus)
        second = self.start_daemon(environment=bus.environment)
        self.wait_for_face(second, "off: another process is org.medley.Medley1")
        self.check_works(second)
        self.assertEqual(first.stop(), 0)
        self.wait_for_face(second, "org.medley.Medley1 on the session bus")
        client.wait_for_name()
        self.assertEqual(client.wait(client.run("echo", {"text": "x\n"}))["State"], "done")
        client.close()

    def test_only_the_latest_finished_jobs_stay_objects(self):
        bus = self.start_bus()
        daemon = self.start_daemon("dbus.finished-jobs=2", environment=bus.environment)
        client = self.connect(bus)
        running = client.run("endless", {"text": "x\n"}, {})
        client.wait(running, ("running",))
        client.job(running, "Cancel")
        changes = []
        client.subscribe(PROPERTIES, "PropertiesChanged", None, changes)
        made = [running]
        for _ in range(4):
            path = client.run("echo", {"text": "x\n"})
            made.append(path)
            iterate_until(lambda: any(w == path and c[1].get("State") == "done" for w, c in changes), "no end")
        present = sorted(path for path in client.objects() if "/job/" in path)
        self.assertEqual(present, made[-2:])
        ids = [path.rpartition("/")[2] for path in made]
        pages, cursor = [], ""
        while True:
            page, cursor = client.manager("ListJobs", "(a{sv}s)", {"limit": GLib.Variant("u", 2)}, cursor)
            pages.append([job["id"] for job in page])
            if not cursor:
                break
        self.assertEqual(pages, [ids[:2:-1], ids[2:0:-1], ids[:1]])
        self.assertEqual(client.manager("GetJob", "(s)", ids[0])[0]["state"], "cancelled")
        client.close()
        self.assertEqual(daemon.stop(), 0)

    def test_a_message_starts_the_daemon(self):
        folder = Path(tempfile.mkdtemp(prefix="medley-services-"))
        self.cleanup.append(lambda: shutil.rmtree(folder, ignore_errors=True))
        service = (BUILD / "data" / "dbus" / "org.medley.Medley1.service").read_text()
        (folder / "org.medley.Medley1.service").write_text(
            re.sub(r"(?m)^Exec=.*/medleyd$", f"Exec={MEDLEYD}", service)
        )
        environment = {}
        for name in ("RUNTIME_DIR", "CONFIG_HOME", "STATE_HOME", "DATA_HOME"):
            (folder / name).mkdir(mode=0o700)
            environment[f"XDG_{name}"] = str(folder / name)
        (folder / "CONFIG_HOME" / "medley").mkdir()
        (folder / "CONFIG_HOME" / "medley" / "medley.conf").write_text(
            f"[http]\ntcp=false\n[paths]\nregistry={BUILD / 'tests' / 'registry.bin'}\n"
        )
        bus = self.start_bus(environment=environment, services=folder)
        client = Client(bus)
        status = client.manager("GetStatus")[0]
        self.assertEqual(status["faces"]["dbus"], "org.medley.Medley1 on the session bus")
        pid = client.connection.call_sync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixProcessID",
            GLib.Variant("(s)", (NAME,)), None, Gio.DBusCallFlags.NONE, -1, None,
        ).unpack()[0]
        os.kill(pid, signal.SIGTERM)
        iterate_until(lambda: not Path(f"/proc/{pid}").exists(), "medleyd does not end")
        client.close()


if __name__ == "__main__":
    main()
