# SPDX-License-Identifier: LGPL-2.1-or-later
"""What integration tests share: a real medleyd of its own, and the tools to look at what it makes.

Each daemon has its own folders, sockets and workers below a temporary folder, TCP on a free port when asked for, and no
message bus unless one is given. Nothing is mocked.
"""

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(os.environ["MEDLEY_SOURCE_ROOT"])
BUILD = Path(os.environ["MEDLEY_BUILD_ROOT"])
MEDLEY = BUILD / "daemon" / "medley"
MEDLEYD = BUILD / "daemon" / "medleyd"
DATA = SOURCE / "tests" / "data"
# A guard against hangs, never a measure of speed: sanitizers and a busy machine are slow.
PATIENCE = int(os.environ.get("MEDLEY_TEST_PATIENCE", "120"))
# What medleyd is run by, such as "valgrind --error-exitcode=99".
WRAPPER = shlex.split(os.environ.get("MEDLEY_TEST_WRAPPER", ""))
# How much more memory a process may take than without sanitizers: the thread sanitizer notes the last accesses to each
# word, and keeps a history for each thread.
MEMORY_FACTOR = int(os.environ.get("MEDLEY_TEST_MEMORY_FACTOR", "1"))



def is_sanitized():
    """Whether the build under test is slow and its memory says nothing."""
    options = json.loads((BUILD / "meson-info" / "intro-buildoptions.json").read_text())
    return any(option["name"] == "b_sanitize" and option["value"] not in ("none", []) for option in options)


SLOW_TO_START = {"GST_DEBUG_NO_COLOR": "1"}


class Daemon:
    """A medleyd with its own folders. Use it as a context manager."""

    def __init__(self, *settings, environment=None, options=(), pipelines=None, parent=None):
        self.folder = Path(tempfile.mkdtemp(prefix="medley-test-", dir=parent))
        self.settings = list(settings)
        self.options = list(options)
        self.environment = dict(os.environ, **(environment or {}))
        for name in ("runtime", "config", "state", "cache", "data"):
            (self.folder / name).mkdir(mode=0o700)
        self.environment.update(
            XDG_RUNTIME_DIR=str(self.folder / "runtime"),
            XDG_CONFIG_HOME=str(self.folder / "config"),
            XDG_STATE_HOME=str(self.folder / "state"),
            XDG_DATA_HOME=str(self.folder / "data"),
        )
        # One registry for all tests of a build: it takes seconds to make.
        if not any(s.startswith("paths.registry=") for s in self.settings):
            self.settings.append(f"paths.registry={BUILD / 'tests' / 'registry.bin'}")
        self.settings.append(f"paths.cache={self.folder / 'stages'}")
        # What is tested is to run, not to be remembered.
        if not any(s.startswith("cache.bytes=") for s in self.settings):
            self.settings.append("cache.bytes=0")
        if not any(s.startswith("http.tcp=") for s in self.settings):
            self.settings.append("http.tcp=false")
        if not any(s.startswith("http.port=") for s in self.settings):
            self.settings.append("http.port=0")
        if not any(s.startswith("dbus.bus=") for s in self.settings):
            self.settings.append("dbus.bus=none")
        # Most tests want to see what an engine's failure looks like, not that it is tried again.
        if not any(s.startswith("jobs.attempts=") for s in self.settings):
            self.settings.append("jobs.attempts=1")
        # ... and crash engines on purpose, more often than a daemon would put up with.
        if not any(s.startswith("workers.circuit-") for s in self.settings):
            self.settings.append("workers.circuit-crashes=0")
        # Tests that stop their daemon mostly want it gone.
        if not any(s.startswith("jobs.drain=") for s in self.settings):
            self.settings.append("jobs.drain=0")
        if pipelines:
            target = self.folder / "config" / "medley" / "pipelines"
            target.mkdir(parents=True)
            for name, text in pipelines.items():
                (target / name).write_text(text if isinstance(text, str) else json.dumps(text))
        self.socket = self.folder / "runtime" / "medley" / "http.sock"
        self.log = self.folder / "medleyd.log"
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *failure):
        self.stop()
        if failure[0] is not None:
            print(f"--- medleyd's log ---\n{self.log.read_text(errors='replace')[-4000:]}\n---")
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        ready = self.launch()
        with os.fdopen(ready, "rb") as stream:
            if stream.read() != b"ready\n":
                self.process.wait(PATIENCE)
                raise RuntimeError(f"medleyd did not start:\n{self.log.read_text(errors='replace')}")

    def launch(self):
        """Starts without waiting; returns a descriptor from which "ready" is read when it is."""
        read_end, write_end = os.pipe()
        preload = self.environment.get("LD_PRELOAD")
        # A wrapper that preloads something does not take away what a test preloads.
        wrapper = [f"{word}:{preload}" if preload and word.startswith("LD_PRELOAD=") else word for word in WRAPPER]
        command = [*wrapper, str(MEDLEYD), *self.options, "--ready-fd", str(write_end)]
        for setting in self.settings:
            command += ["--set", setting]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, pass_fds=[write_end], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        os.close(write_end)
        return read_end

    def kill(self):
        """As a power cut or the kernel would: without a word."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process = None
        return status

    def medley(self, *arguments, check=False, **options):
        """Runs the shell command against this daemon."""
        options.setdefault("stdin", subprocess.DEVNULL)
        if "input" in options:
            del options["stdin"]
        return subprocess.run(
            [str(MEDLEY), *map(str, arguments)],
            env=self.environment, capture_output=True, timeout=PATIENCE, check=check, **options,
        )

    def curl(self, path, *arguments, **options):
        """Runs curl on the Unix socket; returns status, headers (lower case) and body."""
        with tempfile.NamedTemporaryFile() as head:
            run = subprocess.run(
                ["curl", "-sS", "--unix-socket", str(self.socket), "-D", head.name, "--max-time", str(PATIENCE),
                 *map(str, arguments), f"http://localhost{path}"],
                capture_output=True, timeout=PATIENCE + 5, **options,
            )
            blocks = re.split(rb"\r\n\r\n", Path(head.name).read_bytes().strip())
        lines = blocks[-1].decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1]) if lines[0] else 0
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        return Reply(status, headers, run.stdout, run.returncode, run.stderr.decode())

    def create(self, **request):
        """Creates a job; returns its document."""
        reply = self.curl("/api/v1/jobs", "-H", "Content-Type: application/json", "--data-binary", json.dumps(request))
        if reply.status != 201:
            raise RuntimeError(f"{reply.status}: {reply.body.decode(errors='replace')}")
        return reply.json()

    def job(self, job_id):
        return self.curl(f"/api/v1/jobs/{job_id}").json()

    def wait(self, job_id, states=("done", "failed", "cancelled")):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            job = self.job(job_id)
            if job["state"] in states:
                return job
            time.sleep(0.02)
        raise TimeoutError(f"job {job_id} is still {job['state']}")

    def kill_workers(self, job_id):
        """Kills the worker that runs a job; all of them, since which one it is nobody is told."""
        self.wait(job_id, ("running",))
        for pid in self.status()["workers"]["pids"]:
            os.kill(pid, signal.SIGKILL)

    def status(self):
        return self.curl("/api/v1").json()


class Broken(Exception):
    """The connection broke: whether the request was carried out is not known."""


class Http:
    """Requests on a kept connection to the Unix socket of a daemon, which may die and come back."""

    def __init__(self, path, timeout=PATIENCE):
        self.path, self.timeout = str(path), timeout
        self.connection = None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def ask(self, method, path, body=None, headers=None):
        """Returns a Reply. `body` may be an iterable of blocks, which are sent in chunks."""
        try:
            if self.connection is None:
                connection = http.client.HTTPConnection("localhost", timeout=self.timeout)
                connection.sock = socket.socket(socket.AF_UNIX)
                self.connection = connection
                connection.sock.settimeout(self.timeout)
                connection.sock.connect(self.path)
            chunked = body is not None and not isinstance(body, (bytes, str))
            all_headers = dict(headers or {}, **({"Transfer-Encoding": "chunked"} if chunked else {}))
            self.connection.request(method, path, body, all_headers, encode_chunked=chunked)
            reply = self.connection.getresponse()
            data = reply.read()
        except TimeoutError:
            self.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Broken(f"{method} {path}: {error!r}") from error
        if reply.will_close:
            self.close()
        return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, data, 0, "")

    def ask_json(self, method, path, value, headers=None):
        return self.ask(method, path, json.dumps(value).encode(),
                        {"Content-Type": "application/json", **(headers or {})})


class Reply:
    def __init__(self, status, headers, body, exit_code, stderr):
        self.status, self.headers, self.body, self.exit_code, self.stderr = status, headers, body, exit_code, stderr

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ValueError(f"no JSON: {error}; status {self.status}, {self.body[:200]!r}, {self.stderr}") from error


def probe(path):
    """What ffprobe says of a media file: format, and streams by kind."""
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-print_format", "json", "-show_format", "-show_streams", str(path)],
        capture_output=True, timeout=PATIENCE, check=True,
    ).stdout
    found = json.loads(out)
    found["by_kind"] = {s["codec_type"]: s for s in found["streams"]}
    return found


def decoded_seconds(path, kind="a"):
    """How long a track really is: its decoded samples or frames, not what a header says."""
    if kind == "a":
        out = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "s16le", "-ac", "1", "-ar", "8000", "-"],
            capture_output=True, timeout=PATIENCE, check=True,
        ).stdout
        return len(out) / 2 / 8000
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time,duration_time",
         "-of", "csv=p=0", str(path)],
        capture_output=True, timeout=PATIENCE, check=True, text=True,
    ).stdout
    ends = []
    for line in out.splitlines():
        pts, _, duration = line.strip().partition(",")
        ends.append(float(pts) + (float(duration) if duration not in ("", "N/A") else 0))
    return max(ends)


def frame_text(path, seconds, language="eng"):
    """Reads a frame of a video with the tesseract command."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "frame.png"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-ss", str(seconds), "-i", str(path), "-frames:v", "1", str(image)],
            timeout=PATIENCE, check=True,
        )
        return subprocess.run(
            ["tesseract", str(image), "-", "-l", language, "--psm", "6"], capture_output=True, text=True,
            timeout=PATIENCE, check=True, env=dict(os.environ, OMP_THREAD_LIMIT="1"),
        ).stdout


def words(text):
    """A text as a list of plain words, for comparisons that care for words only."""
    return re.findall(r"\w+", text.lower())


def cues(vtt):
    """The cues of a WebVTT text as (start, end, text)."""
    found = []
    pattern = r"(\d+):(\d+):(\d+\.\d+) --> (\d+):(\d+):(\d+\.\d+)[^\n]*\n(.*?)(?:\n\n|\Z)"
    for m in re.finditer(pattern, vtt, re.S):
        start = int(m[1]) * 3600 + int(m[2]) * 60 + float(m[3])
        end = int(m[4]) * 3600 + int(m[5]) * 60 + float(m[6])
        found.append((start, end, m[7].strip()))
    return found


def main():
    unittest.main(verbosity=2)
