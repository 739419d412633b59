# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs on the D-Bus face of a real daemon: inputs, outputs, events, orders."""

import os
import socket
import tempfile

from dbustest import (
    OBJECT_MANAGER, PROPERTIES, ROOT, Client, DBusTest, GLib, error_name, iterate_until, read_all, read_exactly,
)
from medleytest import decoded_seconds, main


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
            self.assert_refused("InvalidArgument", 'input "text" refers to descriptor 5', self.client.run, "echo",
                                {"text": 5}, fds=[read_end])
            self.assert_refused("InvalidArgument", 'input "text" refers to descriptor 0', self.client.run, "echo",
                                {"text": 0})
        finally:
            for fd in (folder, read_end, write_end):
                os.close(fd)

    def test_other_types_are_refused(self):
        with self.assertRaises(GLib.Error) as raised:
            self.client.manager("Run", "(sa{sv}a{sv})", "echo", {"text": GLib.Variant("as", ["a"])}, {})
        self.assertEqual(error_name(raised.exception), "org.medley.Error.InvalidArgument")
        self.assertIn('input "text" has D-Bus type as', raised.exception.message)


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
        self.assertEqual(description["client"], f"uid:{os.getuid()}/{self.client.connection.get_unique_name()}")

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


del DBusTest  # a base, not a test

if __name__ == "__main__":
    main()
