# SPDX-License-Identifier: LGPL-2.1-or-later
"""One way to talk to a daemon over either face, for clients that expect it to die at any moment."""

import json
import os
import tempfile
import threading
import time

from dbustest import NAME, ROOT, Client, GLib, error_name
from medleytest import PATIENCE, Broken, Http

# What a bus says when the daemon is not there, not yet there, or went while it was asked.
GONE = tuple("org.freedesktop.DBus.Error." + name for name in (
    "NoReply", "ServiceUnknown", "NameHasNoOwner", "Disconnected", "UnknownMethod", "UnknownObject", "UnknownInterface"))
JOB_PATH = ROOT + "/job/"


class Refused(Exception):
    """The daemon's answer is an error with a code."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class HttpFace:
    name = "http"

    def __init__(self, daemon):
        self.http = Http(daemon.socket)

    def close(self):
        self.http.close()

    def come_back(self):
        self.http.close()

    def read(self, reply):
        if reply.status < 400:
            return json.loads(reply.body) if reply.body else None
        try:
            problem = json.loads(reply.body)
        except ValueError:
            raise Refused("untyped", f"{reply.status} {reply.body[:200]!r}") from None
        raise Refused(problem["code"], f"{reply.status} {problem['detail']}")

    def create(self, entry):
        headers = {"Idempotency-Key": entry.key} if entry.key else {}
        if any(how == "stream" for how, _ in entry.inputs.values()):
            (_, data), = entry.inputs.values()
            # The body comes slowly, so that it may be cut.
            reply = self.http.ask("POST", f"/run/{entry.pipeline}?detach&mark={entry.mark}", slowly(data), headers)
            # A job that fails before it has read all breaks the connection, after its answer.
            self.http.close()
        else:
            reply = self.http.ask_json("POST", "/api/v1/jobs", entry.document(), headers)
        return self.read(reply)["id"]

    def upload(self, job_id, name, data):
        self.read(self.http.ask("PUT", f"/api/v1/jobs/{job_id}/inputs/{name}", slowly(data)))

    def job(self, job_id):
        try:
            return self.read(self.http.ask("GET", f"/api/v1/jobs/{job_id}"))
        except Refused as refused:
            if refused.code == "not-found":
                return None
            raise

    def verb(self, job_id, verb):
        if verb == "remove":
            self.read(self.http.ask("DELETE", f"/api/v1/jobs/{job_id}"))
        else:
            self.read(self.http.ask("POST", f"/api/v1/jobs/{job_id}/{verb}"))

    def output(self, job_id, name):
        return self.http.ask("GET", f"/api/v1/jobs/{job_id}/outputs/{name}").body


class BusFace:
    name = "dbus"

    def __init__(self, bus):
        self.bus = bus
        self.client = Client(bus)

    def close(self):
        self.client.close()

    def come_back(self):
        """As a program that was started again: on the bus it is somebody else now."""
        self.client.close()
        self.client = Client(self.bus)

    def call(self, function, *arguments, **options):
        try:
            return function(*arguments, **options)
        except GLib.Error as error:
            name = error_name(error) or ""
            if name.startswith("org.medley.Error."):
                code = name.rpartition(".")[2]
                raise Refused("".join("-" + c.lower() if c.isupper() else c for c in code)[1:], error.message) from None
            if name in GONE or error.matches(GLib.quark_from_string("g-io-error-quark"), 18):  # closed
                raise Broken(error.message) from None
            raise

    def create(self, entry):
        options = {"parameters": GLib.Variant("a{sv}", {"mark": GLib.Variant("s", entry.mark)})}
        if entry.key:
            options["idempotencyKey"] = GLib.Variant("s", entry.key)
        inputs, fds = {}, []
        for name, (how, data) in entry.inputs.items():
            if how == "text":
                inputs[name] = data.decode()
            elif how == "bytes":
                inputs[name] = data
            else:
                inputs[name] = len(fds)
                fds.append(open_file(data) if how == "file" else open_pipe(data))
        try:
            path = self.call(self.client.run, entry.pipeline, inputs, options, fds)
        finally:
            for fd in fds:
                os.close(fd)
        return path.removeprefix(JOB_PATH)

    def job(self, job_id):
        try:
            return self.call(self.client.manager, "GetJob", "(s)", job_id)[0]
        except Refused as refused:
            if refused.code == "not-found":
                return None
            raise

    def verb(self, job_id, verb):
        self.call(self.client.job, JOB_PATH + job_id, verb.capitalize())


def slowly(data, pieces=4, pause=0.004):
    step = max(1, len(data) // pieces)
    for at in range(0, len(data), step):
        if at:
            time.sleep(pause)
        yield data[at : at + step]


def open_file(data):
    stream = tempfile.TemporaryFile()
    stream.write(data)
    stream.seek(0)
    fd = os.dup(stream.fileno())
    stream.close()
    return fd


def open_pipe(data):
    """The reading end of a pipe that is filled slowly by a thread."""
    read_end, write_end = os.pipe()

    def fill():
        try:
            for piece in slowly(data):
                os.write(write_end, piece)
        except BrokenPipeError:
            pass
        finally:
            os.close(write_end)

    threading.Thread(target=fill, daemon=True).start()
    return read_end


__all__ = ["NAME", "PATIENCE", "Broken", "BusFace", "HttpFace", "Refused"]
