# SPDX-License-Identifier: LGPL-2.1-or-later
"""The D-Bus face of a real daemon on a message bus of its own, with Gio, gdbus and busctl as its clients."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from medleytest import BUILD, MEDLEYD, PATIENCE, Daemon, decoded_seconds, main  # noqa: E402

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
    @classmethod
    def setUpClass(cls):
        cls.bus = Bus()
        cls.daemon = Daemon(
            "dbus.bus=session", "dbus.open-outputs=8", "workers.maximum=2", environment=cls.bus.environment,
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


class Inputs(DBusTest):
    def echo(self, value, fds=None, name="text"):
        path = self.client.run("echo", {name: value}, fds=fds)
        job = self.client.wait(path)
        self.assertEqual(job["State"], "done", job)
        stream, final = self.client.open_output(path)
        self.assertTrue(final)
        return read_all(stream)

    def test_text(self):
        self.assertEqual(self.echo("Grüße.\n"), "Grüße.\n".encode())

    def test_the_only_input_needs_no_name(self):
        self.assertEqual(self.echo("One line.\n", name=""), b"One line.\n")

    def test_bytes(self):
        self.assertEqual(self.echo(b"Some bytes.\n"), b"Some bytes.\n")

    def test_a_file_is_read_from_its_position(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"Not this. This line.\n")
            file.flush()
            file.seek(10)
            self.assertEqual(self.echo(0, fds=[file.fileno()]), b"This line.\n")

    def test_a_socket(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(b"Over a socket.\n")
            ours.shutdown(socket.SHUT_WR)
            self.assertEqual(self.echo(0, fds=[theirs.fileno()]), b"Over a socket.\n")

    def test_a_pipe_of_the_client_keeps_its_flags(self):
        read_end, write_end = os.pipe()
        path = self.client.run("echo", {"text": 0}, fds=[read_end])
        self.assertTrue(os.get_blocking(read_end))
        os.close(read_end)
        os.write(write_end, b"A line.\n")
        os.close(write_end)
        self.assertEqual(self.client.wait(path)["State"], "done")

    def test_text_is_spoken_while_it_is_written(self):
        read_end, write_end = os.pipe()
        options = {"outputs": GLib.Variant("a{ss}", {"speech": "audio/wav"})}
        path = self.client.run("voice", {"text": 0}, options, fds=[read_end])
        os.close(read_end)
        os.write(write_end, b"This is the first sentence of all. And this")
        stream, final = self.client.open_output(path, "speech")
        self.assertFalse(final)
        # Of the 34 letters, at 20 ms each; the header is 44 bytes.
        first = read_exactly(stream, 10000)
        self.assertEqual(len(first), 10000)
        self.assertEqual(first[:4], b"RIFF")
        self.assertTrue(any(first[1000:]), "only silence")
        self.assertEqual(self.client.get(path, "State"), "running")
        os.write(write_end, b" is the second one.\n")
        os.close(write_end)
        rest = read_all(stream)
        job = self.client.wait(path)
        self.assertEqual(job["State"], "done", job)
        self.assertEqual(list(job["Outputs"]), ["speech"])
        self.assertGreater(len(first) + len(rest), 34000)

    def test_an_empty_file_is_a_typed_error_of_the_job(self):
        with open("/dev/null", "rb") as empty:
            path = self.client.run("echo", {"text": 0}, fds=[empty.fileno()])
        job = self.client.wait(path)
        self.assertEqual((job["State"], job["Error"]["code"]), ("failed", "empty-input"), job)

    def test_useless_descriptors_are_refused(self):
        folder = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        read_end, write_end = os.pipe()
        try:
            self.assert_refused("InvalidArgument", "is a folder", self.client.run, "echo", {"text": 0}, fds=[folder])
            self.assert_refused("InvalidArgument", "is not open for reading", self.client.run, "echo", {"text": 0},
                                fds=[write_end])
            self.assert_refused("InvalidArgument", "input “text” refers to descriptor 5", self.client.run, "echo",
                                {"text": 5}, fds=[read_end])
            self.assert_refused("InvalidArgument", "input “text” refers to descriptor 0", self.client.run, "echo",
                                {"text": 0})
        finally:
            for fd in (folder, read_end, write_end):
                os.close(fd)

    def test_other_types_are_refused(self):
        with self.assertRaises(GLib.Error) as raised:
            self.client.manager("Run", "(sa{sv}a{sv})", "echo", {"text": GLib.Variant("as", ["a"])}, {})
        self.assertEqual(error_name(raised.exception), "org.medley.Error.InvalidArgument")
        self.assertIn("input “text” has D-Bus type as", raised.exception.message)


class Outputs(DBusTest):
    def test_a_complete_output_is_a_file_of_the_callers_own(self):
        path = self.client.run("voice", {"text": "One sentence is spoken. Another one follows it.\n"})
        job = self.client.wait(path)
        self.assertEqual(job["State"], "done", job)
        self.assertEqual(list(job["Outputs"]), ["speech", "captions"])
        first, final = self.client.open_output(path)
        self.assertTrue(final)
        whole = os.pread(first, 1 << 20, 0)
        self.assertEqual(len(whole), job["Outputs"]["speech"]["size"])
        self.assertEqual(job["Outputs"]["speech"], {"type": "audio/ogg", "size": len(whole), "state": "complete"})
        with self.assertRaises(OSError):
            os.write(first, b"x")
        second, _ = self.client.open_output(path, "speech", 100)
        self.assertEqual(os.lseek(second, 0, os.SEEK_CUR), 100)
        self.assertEqual(read_all(second), whole[100:])
        self.assertEqual(os.lseek(first, 0, os.SEEK_CUR), 0)
        self.assertAlmostEqual(decoded_seconds(f"/proc/{os.getpid()}/fd/{first}"), 47 * 0.02, delta=0.15)
        os.close(first)
        captions, _ = self.client.open_output(path, "captions")
        text = read_all(captions).decode()
        self.assertTrue(text.startswith("WEBVTT"), text)
        self.assertIn("Another one follows it.", text)

    def test_a_growing_output_is_read_as_it_grows(self):
        text = b"0123456789abcdef" * 4
        path = self.client.run("slow-echo", {"text": text})
        self.client.wait(path, ("running",))
        stream, final = self.client.open_output(path)
        later, _ = self.client.open_output(path, "out", 20)
        self.assertFalse(final)
        self.assertEqual(read_exactly(stream, 8), text[:8])
        self.assertEqual(self.client.get(path, "State"), "running")
        self.assertEqual(read_all(stream), text[8:])
        self.assertEqual(read_all(later), text[20:])
        self.assertEqual(self.client.wait(path)["State"], "done")

    def test_a_slow_reader_gets_everything_and_holds_nobody_up(self):
        text = os.urandom(3 << 20).hex().encode()  # six times what the pipe takes
        read_end, write_end = os.pipe()
        path = self.client.run("echo", {"text": 0}, fds=[read_end])
        os.close(read_end)
        stream, final = self.client.open_output(path)
        self.assertFalse(final)
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(text)
        self.assertEqual(self.client.wait(path)["State"], "done")
        self.assertEqual(read_all(stream), text)

    def test_a_pipe_ends_when_the_job_is_cancelled(self):
        path = self.client.run("endless", {"text": "again and again\n"})
        self.client.wait(path, ("running",))
        stream, _ = self.client.open_output(path)
        self.assertEqual(read_exactly(stream, 16), b"again and again\n")
        self.client.job(path, "Cancel")
        read_all(stream)  # it ends
        job = self.client.wait(path)
        self.assertEqual((job["State"], job["Outputs"]["out"]["state"]), ("cancelled", "failed"))

    def test_a_reader_that_leaves_frees_its_pipe(self):
        def descriptors():
            return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

        path = self.client.run("endless", {"text": "again and again\n"})
        self.client.wait(path, ("running",))
        # A paused job grows no further: its reader is missed all the same.
        self.client.job(path, "Pause")
        before = descriptors()
        streams = [self.client.open_output(path)[0] for _ in range(8)]
        self.assertGreaterEqual(descriptors(), before + 16)
        self.assert_refused("Unavailable", "dbus.open-outputs", self.client.open_output, path)
        for stream in streams:
            os.close(stream)
        iterate_until(lambda: descriptors() <= before, "descriptors are left open")
        stream, _ = self.client.open_output(path)
        os.close(stream)
        self.client.job(path, "Resume")
        self.cancel(path)

    def test_errors(self):
        path = self.client.run("echo", {"text": "x\n"})
        self.client.wait(path)
        self.assert_refused("NotFound", "it has: out", self.client.open_output, path, "outt")
        self.assert_refused("InvalidArgument", "beyond any file", self.client.open_output, path, "out", 1 << 63)
        stream, final = self.client.open_output(path, "out", 1000)
        self.assertEqual((read_all(stream), final), (b"", True))


class Jobs(DBusTest):
    def test_events_and_properties_tell_what_happens(self):
        events, changes = [], []
        self.client.subscribe("org.medley.Job1", "Event", None, events)
        self.client.subscribe(PROPERTIES, "PropertiesChanged", None, changes)
        path = self.client.run("slow-echo", {"text": "0123456789abcdef"})

        def ended():
            return any(where == path and details.get("state") == "done"
                       for where, (seq, kind, details) in events)

        iterate_until(ended, "no event tells the end")
        iterate_until(lambda: any(w == path and c[1].get("State") == "done" for w, c in changes), "no change of State")
        ours = [arguments for where, arguments in events if where == path]
        sequence = [seq for seq, kind, details in ours]
        self.assertEqual(sequence, sorted(set(sequence)))
        states = [details["state"] for seq, kind, details in ours if kind == "state"]
        self.assertEqual(states[-3:], ["starting", "running", "done"])
        kinds = {kind for seq, kind, details in ours}
        self.assertLessEqual({"state", "stage-started", "stage-first-output", "stage-finished"}, kinds)
        self.assertTrue(all("time" in details and "seq" not in details for seq, kind, details in ours))
        kept = self.client.job(path, "GetEvents", "(t)", 0)[0]
        self.assertLessEqual(set(s for s in sequence if s >= kept[0]["seq"]),
                             {event["seq"] for event in kept} | {s for s, k, d in ours if k == "progress"})
        after = self.client.job(path, "GetEvents", "(t)", kept[1]["seq"])[0]
        self.assertEqual(after, kept[2:])
        job = self.client.properties(path)
        self.assertEqual((job["Progress"], job["Remaining"], job["Error"]), (1, -1, {}))
        self.assertLessEqual(job["Created"], job["Started"])
        self.assertLess(job["Started"], job["Finished"])
        description = self.client.job(path, "Describe")[0]
        self.assertEqual(description["id"], job["Id"])
        self.assertEqual(description["lastEvent"], kept[-1]["seq"])
        self.assertNotIn("client", description)

    def test_cancel_is_idempotent(self):
        path = self.client.run("endless", {"text": "x\n"})
        self.client.wait(path, ("running",))
        self.client.job(path, "Cancel")
        job = self.client.wait(path)
        self.assertEqual((job["State"], job["Error"]["code"]), ("cancelled", "cancelled"))
        self.client.job(path, "Cancel")

    def test_orders_out_of_place_are_typed_errors(self):
        path = self.client.run("echo", {"text": "x\n"})
        self.client.wait(path)
        for order in ("Cancel", "Pause", "Resume"):
            self.assert_refused("WrongState", "it is done", self.client.job, path, order)
        path = self.client.run("endless", {"text": "x\n"})
        self.assert_refused("WrongState", "", self.client.job, path, "Remove")
        self.cancel(path)

    def test_a_failure_names_stage_and_engine(self):
        path = self.client.run("crash", {"text": "x\n"})
        error = self.client.wait(path)["Error"]
        self.assertEqual((error["code"], error["stage"], error["engine"]), ("worker-crashed", "work", "fakecrash"))

    def test_a_caller_that_leaves_cancels_nothing(self):
        other = Client(self.bus)
        read_end, write_end = os.pipe()
        path = other.run("echo", {"text": 0}, fds=[read_end])
        os.close(read_end)
        other.close()
        os.write(write_end, b"Still here.\n")
        os.close(write_end)
        self.assertEqual(self.client.wait(path)["State"], "done")
        self.assertEqual(read_all(self.client.open_output(path)[0]), b"Still here.\n")

    def test_remove_takes_the_object_away(self):
        added, removed = [], []
        self.client.subscribe(OBJECT_MANAGER, "InterfacesAdded", ROOT, added)
        self.client.subscribe(OBJECT_MANAGER, "InterfacesRemoved", ROOT, removed)
        path = self.client.run("echo", {"text": "x\n"})
        iterate_until(lambda: any(arguments[0] == path for _, arguments in added), "not announced")
        job = self.client.wait(path)
        self.assertIn(path, self.client.objects())
        self.client.job(path, "Remove")
        iterate_until(lambda: (ROOT, (path, ["org.medley.Job1"])) in removed, "not taken back")
        self.assertNotIn(path, self.client.objects())
        self.assert_refused("NotFound", job["Id"], self.client.manager, "GetJob", "(s)", job["Id"])

    def test_the_same_job_on_http(self):
        path = self.client.run("echo", {"text": "x\n"})
        job = self.client.wait(path)
        self.assertEqual(path, f"{ROOT}/job/{job['Id']}")
        self.assertEqual(self.daemon.job(job["Id"])["state"], "done")
        made = self.daemon.create(pipeline="echo", inputs={"text": {"text": "y\n"}})
        self.assertEqual(self.client.wait(f"{ROOT}/job/{made['id']}")["State"], "done")


class Manager(DBusTest):
    def test_parameters_and_outputs(self):
        options = {"parameters": GLib.Variant("a{sv}", {"voice": GLib.Variant("s", "high"),
                                                        "pace": GLib.Variant("u", 5)}),
                   "outputs": GLib.Variant("as", ["captions"])}
        path = self.client.run("voice", {"text": "Ten letters in a sentence.\n"}, options)
        job = self.client.wait(path)
        self.assertEqual((job["State"], list(job["Outputs"])), ("done", ["captions"]), job)
        self.assertEqual(self.client.job(path, "Describe")[0]["parameters"], {"voice": "high", "pace": 5})

    def test_a_pipeline_in_the_call(self):
        text = json.dumps(dict(PIPELINES["echo.json"], name="mine"))
        path = self.client.run("", {"text": "x\n"}, {"pipeline-text": GLib.Variant("s", text)})
        job = self.client.wait(path)
        self.assertEqual((job["State"], job["Pipeline"]), ("done", "mine"), job)

    def test_refused_calls_are_typed(self):
        def options(**given):
            return {key: GLib.Variant(*value) for key, value in given.items()}

        def parameters(**given):
            return options(parameters=("a{sv}", {key: GLib.Variant(*value) for key, value in given.items()}))

        cases = [
            ("NotFound", "did you mean “echo”", "ecko", {"text": "x"}, {}),
            ("NotFound", "did you mean “text”", "echo", {"txt": "x"}, {}),
            ("NotFound", "outt", "echo", {"text": "x"}, options(outputs=("as", ["outt"]))),
            ("InvalidArgument", "did you mean “outputs”", "echo", {"text": "x"}, options(output=("as", ["out"]))),
            ("InvalidArgument", "option “parameters” has D-Bus type s", "echo", {"text": "x"},
             options(parameters=("s", "x"))),
            ("InvalidArgument", "no pipeline is named", "", {"text": "x"}, {}),
            ("InvalidParameter", "voice", "voice", {"text": "x"}, parameters(voice=("s", "shrill"))),
            ("InvalidParameter", "pace", "voice", {"text": "x"}, parameters(pace=("i", 101))),
            ("InvalidParameter", "pase", "voice", {"text": "x"}, parameters(pase=("i", 1))),
            ("InvalidPipeline", "stagse", "broken", {}, {}),
        ]
        before = len(self.client.manager("ListJobs", "(a{sv}s)", {}, "")[0])
        for name, words, pipeline_name, inputs, given in cases:
            with self.subTest(words=words):
                self.assert_refused(name, words, self.client.run, pipeline_name, inputs, given)
        self.assertEqual(len(self.client.manager("ListJobs", "(a{sv}s)", {}, "")[0]), before)

    def test_all_faults_are_told(self):
        faulty = json.dumps({"medley": 1, "inputs": {"text": {"type": "text/plain"}},
                             "stages": {"a": {"task": "text-to-text/echo", "engine": "fakeeco", "from": "text"},
                                        "b": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "txt"}},
                             "outputs": {"out": {"from": "b", "type": "text/plain"}}}, indent=1)
        valid, faults = self.client.manager("Validate", "(s)", faulty)
        self.assertFalse(valid)
        found = {fault["pointer"]: fault for fault in faults}
        self.assertEqual(found["/stages/a/engine"]["suggestion"], "fakeecho", faults)
        self.assertEqual(found["/stages/b/from"]["suggestion"], "text", faults)
        self.assertTrue(all(fault["line"] > 1 and fault["message"] for fault in faults))
        with self.assertRaises(GLib.Error) as raised:
            self.client.run("", {"text": "x"}, {"pipeline-text": GLib.Variant("s", faulty)})
        self.assertEqual(error_name(raised.exception), "org.medley.Error.InvalidPipeline")
        for fault in faults:
            self.assertIn(f"{fault['line']}:{fault['column']}: {fault['severity']}: {fault['message']}",
                          raised.exception.message)

    def test_validate(self):
        self.assertEqual(self.client.manager("Validate", "(s)", json.dumps(PIPELINES["echo.json"])), (True, []))
        for text in ("", "[" * 80000, "{", "null"):
            valid, faults = self.client.manager("Validate", "(s)", text)
            self.assertFalse(valid)
            self.assertEqual(len(faults), 1, faults)
        # Only a worker knows properties.
        wrong = json.dumps(pipeline("fakeslow", **{"delay-msec": 1}))
        valid, faults = self.client.manager("Validate", "(s)", wrong)
        self.assertEqual((valid, [f["code"] for f in faults]), (False, ["unknown-property"]), faults)

    def test_status_and_version(self):
        status = self.client.manager("GetStatus")[0]
        self.assertEqual(status["faces"]["dbus"], "org.medley.Medley1 on the session bus")
        self.assertEqual(status["version"], self.client.get(ROOT, "Version", "org.medley.Manager1"))
        self.assertGreaterEqual(status["pipelines"], len(PIPELINES))
        self.assertIn("limits.text-bytes", [key["name"] for key in status["configuration"]])

    def test_filters_are_checked(self):
        def list_jobs(**filters):
            given = {key: GLib.Variant(*value) for key, value in filters.items()}
            return self.client.manager("ListJobs", "(a{sv}s)", given, "")

        self.assert_refused("InvalidArgument", "did you mean “state”", list_jobs, stat=("s", "done"))
        self.assert_refused("InvalidArgument", "there is no state “finished”", list_jobs, state=("s", "finished"))
        self.assert_refused("InvalidArgument", "filter “limit” has D-Bus type i", list_jobs, limit=("i", 3))
        self.assert_refused("InvalidArgument", "from 1 to 1000", list_jobs, limit=("u", 0))
        path = self.client.run("voice", {"text": "x.\n"})
        self.client.wait(path)
        jobs, following = list_jobs(pipeline=("s", "voice"), state=("s", "done"))
        self.assertEqual(path.rpartition("/")[2], jobs[0]["id"])
        self.assertEqual({(job["pipeline"], job["state"]) for job in jobs}, {("voice", "done")})
        self.assertEqual(following, "")


class Catalogue(DBusTest):
    def test_pipelines_are_objects(self):
        objects = self.client.objects()
        echo = objects[f"{ROOT}/pipeline/slow_2decho"]["org.medley.Pipeline1"]
        self.assertEqual((echo["Name"], echo["Title"], echo["Valid"]), ("slow-echo", "Title of fakeslow", True))
        self.assertEqual(echo["Inputs"]["text"]["type"], "text/plain")
        self.assertEqual(echo["Outputs"]["out"]["type"], "text/plain")
        self.assertEqual(echo["Stages"], ["work"])
        self.assertTrue(echo["File"].endswith("/slow-echo.json"))
        voice = objects[f"{ROOT}/pipeline/voice"]["org.medley.Pipeline1"]
        self.assertEqual(voice["Parameters"]["voice"]["enum"], ["low", "high"])
        self.assertEqual(list(voice["Outputs"]), ["speech", "captions"])
        broken = objects[f"{ROOT}/pipeline/broken"]["org.medley.Pipeline1"]
        self.assertFalse(broken["Valid"])
        self.assertIn("stages", [fault.get("suggestion") for fault in broken["Faults"]])

    def test_engines_are_objects(self):
        path = f"{ROOT}/engine/fakevoice"
        engine = self.client.objects()[path]["org.medley.Engine1"]
        self.assertEqual((engine["Name"], engine["Tasks"]), ("fakevoice", ["text-to-audio/speech"]))
        self.assertTrue(engine["Title"] and engine["Description"] and engine["Plugin"])
        self.assertTrue(any(pad.startswith("captions:") for pad in engine["Outputs"]), engine["Outputs"])
        properties = {p["name"]: p for p in self.client.call(path, "org.medley.Engine1", "GetProperties")[0]}
        self.assertEqual(properties["ms-per-character"]["default"], 20)
        voices = {v["name"] for v in self.client.call(path, "org.medley.Engine1", "ListVoices")[0]}
        self.assertEqual(voices, {"low", "high"})
        self.assertEqual(self.client.call(f"{ROOT}/engine/fakeecho", "org.medley.Engine1", "ListVoices"), ([],))

    def test_pipelines_come_change_and_go(self):
        added, removed, changed = [], [], []
        path = f"{ROOT}/pipeline/new_2done"
        file = self.daemon.folder / "config" / "medley" / "pipelines" / "new-one.json"
        self.client.subscribe(OBJECT_MANAGER, "InterfacesAdded", ROOT, added)
        self.client.subscribe(OBJECT_MANAGER, "InterfacesRemoved", ROOT, removed)
        self.client.subscribe(PROPERTIES, "PropertiesChanged", path, changed)
        file.write_text(json.dumps(pipeline("fakeecho")))
        iterate_until(lambda: any(a[0] == path for _, a in added), "not announced")
        file.write_text(json.dumps(dict(pipeline("fakeecho"), title="Changed")))
        iterate_until(lambda: any(c[1].get("Title") == "Changed" for _, c in changed), "change not announced")
        file.unlink()
        iterate_until(lambda: any(r[0] == path for _, r in removed), "not taken back")
        self.assertNotIn(path, self.client.objects())


class ForeignClients(DBusTest):
    def tool(self, *command, **options):
        return subprocess.run(
            list(map(str, command)), env=dict(os.environ, **self.bus.environment), capture_output=True,
            timeout=PATIENCE, **options,
        )

    def gdbus(self, path, method, *arguments, **options):
        return self.tool("gdbus", "call", "--session", "--dest", NAME, "--object-path", path, "--method", method,
                         *arguments, **options)

    def busctl(self, *arguments, **options):
        return self.tool("busctl", f"--address={self.bus.address}", *arguments, **options)

    def test_gdbus_runs_watches_and_cancels(self):
        monitor = subprocess.Popen(
            ["gdbus", "monitor", "--session", "--dest", NAME], env=dict(os.environ, **self.bus.environment),
            stdout=subprocess.PIPE, text=True,
        )
        try:
            for line in monitor.stdout:
                if "is owned by" in line:
                    break
            run = self.gdbus(ROOT, "org.medley.Manager1.Run", "endless", "{'text': <'again\\n'>}", "{}")
            self.assertEqual(run.returncode, 0, run.stderr)
            path = re.search(rb"objectpath '([^']+)'", run.stdout)[1].decode()
            self.client.wait(path, ("running",))
            cancel = self.gdbus(path, "org.medley.Job1.Cancel")
            self.assertEqual((cancel.returncode, cancel.stdout), (0, b"()\n"), cancel.stderr)
            seen = ""
            for line in monitor.stdout:
                seen += line
                if line.startswith(path) and "PropertiesChanged" in line and "'cancelled'" in line:
                    break
            self.assertIn(f"{path}: org.medley.Job1.Event", seen)
        finally:
            monitor.terminate()
            monitor.wait()
            monitor.stdout.close()
        refused = self.gdbus(ROOT, "org.medley.Manager1.Run", "ecko", "{}", "{}")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(b"org.medley.Error.NotFound", refused.stderr)

    def test_gdbus_passes_a_descriptor(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"From gdbus.\n")
            file.flush()
            file.seek(0)
            run = self.gdbus(ROOT, "org.medley.Manager1.RunStream", "echo", "0", "{}", stdin=file)
        self.assertEqual(run.returncode, 0, run.stderr)
        path = re.search(rb"objectpath '([^']+)'", run.stdout)[1].decode()
        self.assertEqual(self.client.wait(path)["State"], "done")
        self.assertEqual(read_all(self.client.open_output(path)[0]), b"From gdbus.\n")

    def test_busctl_runs_looks_and_cancels(self):
        run = self.busctl("call", NAME, ROOT, "org.medley.Manager1", "Run", "sa{sv}a{sv}", "endless", 1, "text", "s",
                          "x\n", 0)
        self.assertEqual(run.returncode, 0, run.stderr)
        path = re.match(rb'o "([^"]+)"', run.stdout)[1].decode()
        self.client.wait(path, ("running",))
        self.assertIn(path.encode(), self.busctl("tree", "--list", NAME).stdout)
        self.assertEqual(self.busctl("call", NAME, path, "org.medley.Job1", "Cancel").returncode, 0)
        self.client.wait(path)
        state = self.busctl("get-property", NAME, path, "org.medley.Job1", "State")
        self.assertEqual(state.stdout, b's "cancelled"\n', state.stderr)

    def test_what_is_installed_is_what_introspection_says(self):
        installed = Path(os.environ["MEDLEY_SOURCE_ROOT"], "data", "dbus", "org.medley.Medley1.xml").read_text()
        node = Gio.DBusNodeInfo.new_for_xml(installed)
        echo = self.client.run("echo", {"text": "x\n"})
        self.client.wait(echo)
        paths = {"org.medley.Manager1": ROOT, "org.medley.Job1": echo,
                 "org.medley.Pipeline1": f"{ROOT}/pipeline/echo", "org.medley.Engine1": f"{ROOT}/engine/fakeecho"}
        self.assertEqual({interface.name for interface in node.interfaces}, set(paths))
        for interface in node.interfaces:
            shown = self.busctl("introspect", "--no-legend", "--xml-interface", NAME, paths[interface.name])
            live = Gio.DBusNodeInfo.new_for_xml(shown.stdout.decode()).lookup_interface(interface.name)
            for kind in ("methods", "signals", "properties"):
                self.assertEqual([m.name for m in getattr(live, kind)], [m.name for m in getattr(interface, kind)])


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
        daemon = Daemon("dbus.bus=session", "workers.maximum=1", *settings, environment=environment, pipelines=PIPELINES)
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
                      f"the face does not say “{words}”: {daemon.status()['faces']}")

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
        self.assertEqual(read_exactly(stream, 4000), b"x\n" * 2000)
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


del DBusTest  # a base, not a test

if __name__ == "__main__":
    main()
