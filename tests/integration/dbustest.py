# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of the D-Bus face share: a message bus of their own, and a client on Gio."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from medleytest import PATIENCE, Daemon, main  # noqa: E402

NAME = "org.medley.Medley1"
ROOT = "/org/medley/Medley1"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
FINAL = ("done", "failed", "cancelled")


def pipeline(engine, **settings):
    task = "text-to-text/" + engine.removeprefix("fake")
    return {
        "medley": 1, "title": f"Title of {engine}", "inputs": {"text": {"type": "text/plain"}},
        "stages": {"work": {"task": task, "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "work", "type": "text/plain"}},
    }


VOICE = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "parameters": {"voice": {"type": "string", "default": "low", "enum": ["low", "high"], "description": "Voice"},
                   "pace": {"type": "integer", "default": 20, "minimum": 1, "maximum": 100, "description": "Pace"}},
    "stages": {"speech": {"task": "text-to-audio/speech", "engine": "fakevoice", "from": "text",
                          "set": {"voice": "${voice}", "ms-per-character": "${pace}"}}},
    "outputs": {"speech": {"from": "speech", "type": "audio/ogg"},
                "captions": {"from": "speech.captions", "type": "text/vtt"}},
}
PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    "slow-echo.json": pipeline("fakeslow", **{"delay-ms": 200, "bytes-per-step": 8}),
    "endless.json": pipeline("fakeendless", **{"delay-ms": 5}),
    "crash.json": pipeline("fakecrash", how="segv"),
    "no-crash.json": pipeline("fakecrash", how="never"),
    "voice.json": VOICE,
    "broken.json": '{ "medley": 1, "stagse": {} }',
}


class Bus:
    """A dbus-daemon of the test's own."""

    def __init__(self, environment=None, services=None):
        self.folder = Path(tempfile.mkdtemp(prefix="medley-bus-"))
        self.address = f"unix:path={self.folder / 'bus'}"
        config = self.folder / "bus.conf"
        config.write_text(
            "<busconfig><type>session</type>"
            f"<listen>{self.address}</listen>"
            + (f"<servicedir>{services}</servicedir>" if services else "")
            + '<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>'
            '<allow own="*"/></policy></busconfig>'
        )
        self.process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--nosyslog", "--print-address"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ, **(environment or {})),
        )
        if not self.process.stdout.readline():
            raise RuntimeError("dbus-daemon did not start")
        self.environment = {"DBUS_SESSION_BUS_ADDRESS": self.address}

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.stop()

    def connect(self):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        return Gio.DBusConnection.new_for_address_sync(self.address, flags, None, None)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process.stdout.close()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)


def iterate_until(condition, what):
    """Runs the main loop until something is so."""
    context = GLib.MainContext.default()
    deadline = time.monotonic() + PATIENCE
    wake = GLib.timeout_add(20, lambda: True)
    try:
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            context.iteration(True)
    finally:
        GLib.source_remove(wake)


class Client:
    """A client on Gio."""

    def __init__(self, bus):
        self.bus = bus
        self.connection = bus.connect()

    def close(self):
        self.connection.close_sync(None)

    def wait_for_name(self):
        def owned():
            arguments = GLib.Variant("(s)", (NAME,))
            return self.connection.call_sync(
                "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", arguments,
                None, Gio.DBusCallFlags.NO_AUTO_START, -1, None,
            ).unpack()[0]
        iterate_until(owned, "nobody owns the name")

    def call_raw(self, path, interface, method, arguments=None, fds=None):
        """Returns the reply's variant and its descriptors."""
        fd_list = Gio.UnixFDList.new()
        for fd in fds or ():
            fd_list.append(fd)
        reply, got = self.connection.call_with_unix_fd_list_sync(
            NAME, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, PATIENCE * 1000, fd_list, None
        )
        return reply, got.steal_fds() if got is not None else []

    def call(self, path, interface, method, arguments=None):
        return self.call_raw(path, interface, method, arguments)[0].unpack()

    def manager(self, method, signature="()", *arguments):
        return self.call(ROOT, "org.medley.Manager1", method, GLib.Variant(signature, arguments))

    def job(self, path, method, signature="()", *arguments):
        return self.call(path, "org.medley.Job1", method, GLib.Variant(signature, arguments))

    def run(self, name, inputs, options=None, fds=None):
        """`inputs`: name → text, bytes, or a number that counts in `fds`."""
        kinds = {str: "s", bytes: "ay", int: "h"}
        given = {key: GLib.Variant(kinds[type(value)], value) for key, value in inputs.items()}
        arguments = GLib.Variant("(sa{sv}a{sv})", (name, given, options or {}))
        return self.call_raw(ROOT, "org.medley.Manager1", "Run", arguments, fds)[0].unpack()[0]

    def properties(self, path, interface="org.medley.Job1"):
        return self.call(path, PROPERTIES, "GetAll", GLib.Variant("(s)", (interface,)))[0]

    def get(self, path, name, interface="org.medley.Job1"):
        return self.call(path, PROPERTIES, "Get", GLib.Variant("(ss)", (interface, name)))[0]

    def wait(self, path, states=FINAL):
        iterate_until(lambda: self.get(path, "State") in states, f"{path} is not {states}")
        return self.properties(path)

    def open_output(self, path, name="", offset=0):
        reply, fds = self.call_raw(path, "org.medley.Job1", "OpenOutput", GLib.Variant("(st)", (name, offset)))
        handle, final = reply.unpack()
        return fds[handle], final

    def objects(self):
        return self.call(ROOT, OBJECT_MANAGER, "GetManagedObjects")[0]

    def subscribe(self, interface, member, path, found):
        def received(connection, sender, where, iface, name, arguments):
            found.append((where, arguments.unpack()))
        return self.connection.signal_subscribe(
            NAME, interface, member, path, None, Gio.DBusSignalFlags.NONE, received
        )


def error_name(error):
    return Gio.DBusError.get_remote_error(error)


def read_all(fd):
    with os.fdopen(fd, "rb") as stream:
        return stream.read()


def read_exactly(fd, length):
    data = b""
    while len(data) < length:
        some = os.read(fd, length - len(data))
        if not some:
            break
        data += some
    return data


class DBusTest(unittest.TestCase):
    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.bus = Bus()
        cls.daemon = Daemon(
            "dbus.bus=session", "dbus.open-outputs=8", "workers.maximum=2", *cls.settings, environment=cls.bus.environment,
            pipelines=PIPELINES,
        )
        cls.daemon.start()
        cls.client = Client(cls.bus)
        cls.client.wait_for_name()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        status = cls.daemon.stop()
        cls.bus.stop()
        log = cls.daemon.log.read_text(errors="replace")
        shutil.rmtree(cls.daemon.folder, ignore_errors=True)
        if status != 0 or "CRITICAL" in log:
            raise AssertionError(f"medleyd ended with {status}:\n{log[-4000:]}")

    def setUp(self):
        self.assertIsNone(self.daemon.process.poll(), self.daemon.log.read_text(errors="replace")[-4000:])

    def assert_refused(self, name, words, call, *arguments, **options):
        with self.assertRaises(GLib.Error) as raised:
            call(*arguments, **options)
        self.assertEqual(error_name(raised.exception), f"org.medley.Error.{name}", raised.exception.message)
        self.assertIn(words, raised.exception.message)

    def cancel(self, path):
        self.client.job(path, "Cancel")
        self.client.wait(path)
