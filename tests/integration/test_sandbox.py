# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hostile engine in the workers' sandbox: each thing it tries is denied under workers.sandbox=strict, and works under
none, so that the test could fail. Where a part of the sandbox is missing, workers refuse to start unless they may."""

import ctypes
import errno
import os
import platform
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.parse
from pathlib import Path

from medleytest import BUILD, DATA, PATIENCE, Daemon, main

TEMPLATE = BUILD / "plugins" / "template" / "libgstmedleytemplate.so"
ROOT = os.geteuid() == 0

HOSTILE = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "parameters": {
        "act": {"type": "string"}, "path": {"type": "string", "default": "/"},
        "pid": {"type": "integer", "default": 0, "minimum": 0},
    },
    "stages": {"bad": {"task": "text-to-text/hostile", "engine": "fakehostile", "from": "text",
                       "set": {"act": "${act}", "path": "${path}", "pid": "${pid}"}}},
    "outputs": {"out": {"from": "bad", "type": "text/plain"}},
}
PIPELINES = {
    "hostile.json": HOSTILE,
    "echo.json": {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"echo": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text"}},
        "outputs": {"out": {"from": "echo", "type": "text/plain"}},
    },
    "endless.json": {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"e": {"task": "text-to-text/endless", "engine": "fakeendless", "from": "text"}},
        "outputs": {"out": {"from": "e", "type": "text/plain"}},
    },
}

# Act, what it is done to, the errors that count as denied, and whether only root may do it without a sandbox.
FILES = {"EACCES"}
CALLS = {"EPERM", "ENOSYS"}
ACTS = [
    ("read", "secret", FILES, False),
    ("list", "home", FILES, False),
    ("list", "spool", FILES, False),
    ("list", "store", FILES, False),
    ("list", "temporary", FILES, False),
    ("read", "config", FILES, False),
    ("write", "new", FILES, False),
    ("write", "secret", FILES, False),
    ("mkdir", "new-folder", FILES, False),
    ("empty", "victim", FILES | CALLS, False),
    ("truncate", "victim", CALLS, False),
    ("chmod", "victim", CALLS, False),
    ("touch", "victim", CALLS, False),
    ("mode-of-open", "model", CALLS, False),
    ("time-of-open", "model", CALLS, False),
    ("flags-of-open", "model", CALLS, False),
    ("lease", "model", CALLS, False),
    ("watch", "home", CALLS, False),
    ("remove", "victim", FILES, False),
    ("oom-score", None, FILES, False),
    ("own-memory", None, FILES, False),
    ("tcp", None, CALLS, False),
    ("udp", None, CALLS, False),
    ("netlink", None, CALLS, False),
    ("unix", "socket", CALLS, False),
    ("pair", None, CALLS, False),
    ("fork", None, CALLS, False),
    ("vfork", None, CALLS, False),
    ("clone3", None, CALLS, False),
    ("exec-memory", None, FILES | CALLS, False),
    ("exec", None, FILES | CALLS, False),
    ("signal-all", None, CALLS, False),
    ("signal-pidfd", "daemon", CALLS, False),
    ("signal-by-pipe", "daemon", CALLS, False),
    ("limit", "daemon", CALLS, False),
    ("priority", "daemon", CALLS, False),
    ("ptrace", "zygote", CALLS, True),
    ("ptrace", "sibling", CALLS, True),
    ("ptrace", "daemon", CALLS, True),
    ("memory", "daemon", FILES, True),
    ("environment", "daemon", FILES, False),
    ("command-line", "daemon", FILES, False),
    ("environment", "zygote", FILES, False),
    ("environment", "sibling", FILES, False),
    ("read-process", "daemon", CALLS, True),
    ("stay", None, CALLS, False),
    ("leave-group", None, CALLS, False),
    ("mount", "home", CALLS, True),
    ("namespace", None, CALLS, False),
    ("keyring", None, CALLS, False),
    ("bpf", None, CALLS, True),
    ("shared-memory", None, CALLS, False),
]
# These end the process that does them, where they are allowed.
DEADLY = {"exec", "exec-memory"}


def wait_for(what, message):
    deadline = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError(message)
        time.sleep(0.02)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def start_daemon(case, *settings, **options):
    daemon = Daemon("workers.maximum=3", "workers.warm=2", "paths.models=${state}/models", *settings, pipelines=PIPELINES, **options)
    case.addCleanup(shutil.rmtree, daemon.folder, ignore_errors=True)
    case.addCleanup(daemon.stop)
    home = daemon.folder / "home"
    home.mkdir()
    (home / "secret").write_text("the user's own")
    (home / "victim").write_text("precious")
    (home / "victim").chmod(0o600)
    models = daemon.folder / "state" / "medley" / "models"
    models.mkdir(parents=True)
    (models / "model").write_text("weights")
    daemon.start()
    return daemon


def hostile(daemon, act, path="/", pid=0):
    """Runs one act as a job; returns what the engine said of it, or the error's code, and what else it said."""
    verdict, _, more = hostile_by(daemon, act, path, pid)
    return verdict, more


def hostile_by(daemon, act, path="/", pid=0):
    """As hostile(), with the process that did it in the middle."""
    query = urllib.parse.urlencode({"act": act, "path": path, "pid": pid})
    reply = daemon.curl(f"/run/hostile?{query}", "--data-binary", "Go.")
    if reply.status != 200:
        return reply.json()["code"], 0, ""
    name, _, rest = reply.body.decode().strip().partition(": ")
    assert name == act, reply.body
    verdict, by, *more = rest.split(" ", 2)
    return verdict, int(by), "".join(more)


def target(daemon, what):
    """A path or a process."""
    state = daemon.folder / "state" / "medley"
    paths = {
        "secret": daemon.folder / "home" / "secret", "victim": daemon.folder / "home" / "victim",
        "home": daemon.folder / "home", "new": daemon.folder / "home" / "new",
        "new-folder": daemon.folder / "home" / "new-folder", "spool": state / "spool",
        "store": state / "spool" / "store", "temporary": state / "temporary", "socket": daemon.socket,
        "model": state / "models" / "model",
        "config": daemon.folder / "config" / "medley" / "pipelines" / "hostile.json",
    }
    if what in paths:
        return {"path": str(paths[what])}
    if what == "daemon":
        return {"pid": daemon.process.pid}
    if what == "zygote":
        return {"pid": daemon.status()["workers"]["zygote"]}
    return {}


def attempt(daemon, act, what):
    if what != "sibling":
        return hostile(daemon, act, **target(daemon, what))[0]
    # A worker that runs another job for as long as this one.
    job = daemon.create(pipeline="endless", inputs={"text": {"text": "x\n"}})
    try:
        daemon.wait(job["id"], ("running",))
        for pid in daemon.status()["workers"]["pids"]:
            verdict, by, _ = hostile_by(daemon, act, pid=pid)
            if by != pid:
                return verdict
        raise AssertionError("there is no other worker")
    finally:
        daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST")
        daemon.wait(job["id"])


def sandbox_line(doctor):
    """What `medley doctor` says of the sandbox."""
    return next(line for line in doctor.stdout.decode().splitlines() if line.split()[1:2] == ["sandbox"])


class Denied(unittest.TestCase):
    def check_all(self, *settings):
        daemon = start_daemon(self, *settings)
        zygote = daemon.status()["workers"]["zygote"]
        for act, what, errors, _ in ACTS:
            if what == "zygote" and zygote == 0:
                continue
            if what == "store" and not (daemon.folder / "state/medley/spool/store").exists():
                (daemon.folder / "state/medley/spool/store").mkdir(parents=True)
            with self.subTest(act=act, to=what):
                verdict = attempt(daemon, act, what)
                self.assertIn(verdict, errors, f"{act} {what}: {verdict}")
        self.assertEqual((daemon.folder / "home" / "victim").read_text(), "precious")
        self.assertEqual((daemon.folder / "home" / "victim").stat().st_mode & 0o777, 0o600)
        self.assertFalse((daemon.folder / "home" / "new").exists())
        # Nothing of it cost a worker.
        self.assertEqual(daemon.status()["workers"]["lost"], 0)
        return daemon

    def test_in_a_forked_worker(self):
        self.check_all()

    def test_in_an_executed_worker(self):
        self.check_all("workers.mode=exec", "workers.warm=1")

    def test_with_no_more_than_debian_12_has(self):
        """Its kernel 6.1 has version 2 of Landlock: no rules for truncation, the network and signals."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="medley-worker-")))
        worker = folder / "medley-worker"
        worker.write_text(f'#!/bin/sh\nexec "{BUILD}/daemon/medley-worker" "$@" --landlock 2\n')
        worker.chmod(0o755)
        daemon = self.check_all(f"paths.worker={worker}", f"paths.registry={folder}/registry.bin")
        self.assertEqual(daemon.status()["sandbox"]["landlock"], 2)

    def test_killing_the_zygote_and_the_daemon(self):
        daemon = start_daemon(self)
        zygote = daemon.status()["workers"]["zygote"]
        self.assertIn(hostile(daemon, "kill-parent")[0], CALLS)
        self.assertIn(hostile(daemon, "kill", pid=zygote)[0], CALLS)
        self.assertIn(hostile(daemon, "kill", pid=daemon.process.pid)[0], CALLS)
        self.assertIn(hostile(daemon, "kill", pid=os.getpid())[0], CALLS)
        status = daemon.status()["workers"]
        self.assertEqual((status["zygote"], status["lost"]), (zygote, 0))

    def test_a_fork_bomb_starts_nothing(self):
        daemon = start_daemon(self)
        verdict, count = hostile(daemon, "fork")
        self.assertIn(verdict, CALLS)
        self.assertEqual(count, "0")
        self.assertIn(hostile(daemon, "daemonize")[0], CALLS)

    def test_the_system_and_the_own_folder_are_there(self):
        daemon = start_daemon(self)
        self.assertEqual(hostile(daemon, "read", path="/usr/share/dict/../../../usr/lib/os-release")[0], "allowed")
        self.assertEqual(hostile(daemon, "read", path="/proc/self/status")[0], "allowed")
        self.assertEqual(hostile(daemon, "read", path="/dev/urandom")[0], "allowed")
        self.assertEqual(hostile(daemon, "read", path="/etc/shadow")[0], "EACCES")
        self.assertEqual(hostile(daemon, "temporary")[0], "allowed")
        # Another job finds nothing of it, whichever worker it gets.
        for _ in range(4):
            self.assertEqual(hostile(daemon, "list-temporary"), ("allowed", ""))

    def test_folders_of_models_can_be_allowed(self):
        daemon = start_daemon(self, "paths.models=")
        model = target(daemon, "model")
        self.assertEqual(hostile(daemon, "read", **model)[0], "EACCES")
        daemon = start_daemon(self)
        model = target(daemon, "model")
        self.assertEqual(hostile(daemon, "read", **model), ("allowed", "weights"))
        self.assertEqual(hostile(daemon, "write", **model)[0], "EACCES")


class Allowed(unittest.TestCase):
    """The control: without the sandbox each act goes through."""

    def test_without_a_sandbox(self):
        daemon = start_daemon(self, "workers.sandbox=none")
        (daemon.folder / "state/medley/spool/store").mkdir(parents=True, exist_ok=True)
        for act, what, _, needs_root in ACTS:
            if needs_root and not ROOT:
                continue
            with self.subTest(act=act, to=what):
                verdict = attempt(daemon, act, what)
                self.assertEqual(verdict, "worker-crashed" if act in DEADLY else "allowed", f"{act} {what}")
        self.assertFalse((daemon.folder / "home" / "victim").exists())
        self.assertTrue((daemon.folder / "home" / "new").exists())

    def test_killing_the_zygote(self):
        daemon = start_daemon(self, "workers.sandbox=none")
        zygote = daemon.status()["workers"]["zygote"]
        # Its own end may come before or after it has said so.
        self.assertIn(hostile(daemon, "kill-parent")[0], ("worker-crashed", "allowed"))
        wait_for(lambda: not alive(zygote), "the zygote lives")
        # A worker that dies with it may still be handed a job.
        wait_for(lambda: daemon.curl("/run/echo", "--data-binary", "Again.").status == 200, "there is no other zygote")

    def test_killing_the_daemon(self):
        daemon = start_daemon(self, "workers.sandbox=none")
        job = daemon.create(pipeline="hostile", parameters={"act": "kill", "pid": daemon.process.pid},
                            inputs={"text": {"text": "x"}})
        self.assertIn("id", job)
        self.assertEqual(daemon.process.wait(PATIENCE), -signal.SIGKILL)
        daemon.process = None

    def test_what_leaves_the_group_ends_with_its_worker(self):
        daemon = start_daemon(self, "workers.sandbox=none")
        verdict, pid = hostile(daemon, "daemonize")
        self.assertEqual(verdict, "allowed")
        self.assertTrue(alive(int(pid)))
        for worker in daemon.status()["workers"]["pids"]:
            os.kill(worker, signal.SIGKILL)
        wait_for(lambda: not alive(int(pid)), "a grandchild outlived its worker")


class NothingIsLeft(unittest.TestCase):
    def check(self, *settings):
        daemon = start_daemon(self, *settings)
        temporary = daemon.folder / "state" / "medley" / "temporary"
        job = daemon.create(pipeline="endless", inputs={"text": {"text": "x\n"}})
        daemon.wait(job["id"], ("running",))
        status = daemon.status()["workers"]
        pids = [pid for pid in [*status["pids"], status["zygote"]] if pid > 0]
        left = list(temporary.iterdir())
        self.assertEqual(len(left), 1, left)
        (left[0] / str(pids[0]) / "file").write_text("x")
        daemon.process.kill()
        daemon.process.wait()
        daemon.process = None
        wait_for(lambda: not any(alive(pid) for pid in pids), "a worker outlived the daemon")
        self.assertTrue((left[0] / str(pids[0]) / "file").exists())
        daemon.start()
        self.assertEqual(daemon.curl("/run/echo", "--data-binary", "Again.").status, 200)
        self.assertFalse(left[0].exists(), "a temporary folder outlived its daemon")
        self.assertEqual(len(list(temporary.iterdir())), 1)
        daemon.stop()
        self.assertFalse(temporary.exists())

    def test_after_a_kill_with_forked_workers(self):
        self.check()

    def test_after_a_kill_with_executed_workers(self):
        self.check("workers.mode=exec")

    def test_the_folder_of_another_daemon_stays(self):
        first = start_daemon(self)
        temporary = first.folder / "shared"
        first.stop()
        first.settings.append(f"paths.temporary={temporary}")
        first.start()
        theirs = set(temporary.iterdir())
        second = start_daemon(self, f"paths.temporary={temporary}")
        self.assertEqual(second.curl("/run/echo", "--data-binary", "x").status, 200)
        self.assertLess(theirs, set(temporary.iterdir()))
        second.stop()
        self.assertEqual(theirs, set(temporary.iterdir()))
        self.assertEqual(hostile(first, "temporary")[0], "allowed")

    def test_a_workers_folder_goes_with_it(self):
        daemon = start_daemon(self, "workers.warm=1")
        verdict, folder = hostile(daemon, "temporary")
        self.assertEqual(verdict, "allowed")
        self.assertTrue(Path(folder).is_dir())
        os.kill(int(Path(folder).name), signal.SIGKILL)
        wait_for(lambda: not Path(folder).exists(), "the folder outlived its worker")


# Makes system calls fail as on a kernel without them: a filter that the daemon and its workers inherit.
ARCHITECTURES = {
    "x86_64": {"landlock_create_ruleset": 444, "seccomp": 317, "prctl": 157},
    "aarch64": {"landlock_create_ruleset": 444, "seccomp": 277, "prctl": 167},
}


def fail_calls(*names, then=()):
    """Returns a function for a child process: calls of these names fail with ENOSYS; `then` are (name, first argument)."""
    numbers = ARCHITECTURES[platform.machine()]
    load_number, load_argument = (0x20, 0, 0, 0), (0x20, 0, 0, 16)
    allow, deny = (0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | errno.ENOSYS)
    program = [load_number]
    for name in names:
        program += [(0x15, 0, 1, numbers[name]), deny]
    for name, argument in then:
        program += [load_number, (0x15, 0, 3, numbers[name]), load_argument, (0x15, 0, 1, argument), deny]
    program.append(allow)
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    libc = ctypes.CDLL(None, use_errno=True)

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]

    def enter():
        given = Program(len(program), code)
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        if libc.prctl(22, 2, ctypes.byref(given), 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
            raise OSError(ctypes.get_errno(), "no filter")

    return enter


WITHOUT_LANDLOCK = {"names": ("landlock_create_ruleset",)}
WITHOUT_SECCOMP = {"names": ("seccomp",), "then": (("prctl", 22),)}


@unittest.skipUnless(platform.machine() in ARCHITECTURES, "the numbers of system calls are not known here")
class Missing(unittest.TestCase):
    def start(self, lacking, *settings):
        """A daemon on a system that lacks something."""
        enter = fail_calls(*lacking["names"], then=lacking.get("then", ()))
        original = subprocess.Popen

        def popen(*arguments, **options):
            return original(*arguments, preexec_fn=enter, **options)

        subprocess.Popen = popen
        try:
            return start_daemon(self, *settings)
        finally:
            subprocess.Popen = original

    def check_refused(self, lacking, word, *settings):
        daemon = self.start(lacking, *settings)
        sandbox = daemon.status()["sandbox"]
        self.assertEqual((sandbox["mode"], sandbox["refused"]), ("strict", True), sandbox)
        self.assertIn(word, sandbox["missing"][0])
        self.assertIn("workers.sandbox=best-effort", sandbox["missing"][0])
        reply = daemon.curl("/run/echo", "--data-binary", "x")
        self.assertEqual((reply.status, reply.json()["code"]), (503, "sandbox-missing"), reply.body)
        reply = daemon.curl("/readyz")
        self.assertEqual((reply.status, reply.json()["code"], reply.json()["check"]),
                         (503, "sandbox-missing", "sandbox"), reply.body)
        self.assertEqual(daemon.curl("/healthz").status, 200)
        doctor = daemon.medley("doctor")
        self.assertNotEqual(doctor.returncode, 0)
        line = sandbox_line(doctor)
        self.assertIn("FAIL", line)
        self.assertIn(word, line)
        self.assertEqual(daemon.status()["workers"]["pids"], [])

    def check_weaker(self, lacking, word, part, absent, *settings):
        daemon = self.start(lacking, "workers.sandbox=best-effort", *settings)
        self.assertEqual(daemon.curl("/run/echo", "--data-binary", "Hello.").body, b"Hello.")
        sandbox = daemon.status()["sandbox"]
        self.assertEqual((sandbox["mode"], sandbox[part]), ("best-effort", absent), sandbox)
        self.assertIn(word, " ".join(sandbox["missing"]))
        line = sandbox_line(daemon.medley("doctor"))
        self.assertIn("WARN", line)
        self.assertIn(word, line)
        return daemon

    def test_without_landlock_strict_refuses(self):
        self.check_refused(WITHOUT_LANDLOCK, "Landlock")

    def test_without_seccomp_strict_refuses(self):
        self.check_refused(WITHOUT_SECCOMP, "seccomp")

    def test_executed_workers_refuse_as_well(self):
        self.check_refused(WITHOUT_LANDLOCK, "Landlock", "workers.mode=exec")

    def test_without_landlock_best_effort_keeps_the_rest(self):
        daemon = self.check_weaker(WITHOUT_LANDLOCK, "Landlock", "landlock", 0)
        self.assertEqual(hostile(daemon, "read", **target(daemon, "secret")), ("allowed", "the user's own"))
        self.assertIn(hostile(daemon, "tcp")[0], CALLS)
        self.assertIn(hostile(daemon, "fork")[0], CALLS)

    def test_without_seccomp_best_effort_keeps_the_rest(self):
        daemon = self.check_weaker(WITHOUT_SECCOMP, "seccomp", "seccomp", False)
        self.assertEqual(hostile(daemon, "read", **target(daemon, "secret"))[0], "EACCES")
        self.assertEqual(hostile(daemon, "tcp")[0], "allowed")

    def test_with_none_nothing_is_missed(self):
        daemon = self.start(WITHOUT_LANDLOCK, "workers.sandbox=none")
        self.assertEqual(daemon.curl("/run/echo", "--data-binary", "Hello.").body, b"Hello.")
        sandbox = daemon.status()["sandbox"]
        self.assertEqual((sandbox["mode"], sandbox["missing"], sandbox["network"]), ("none", [], "open"))


class Posture(unittest.TestCase):
    def test_it_is_shown(self):
        daemon = start_daemon(self)
        sandbox = daemon.status()["sandbox"]
        self.assertEqual(sandbox["mode"], "strict")
        self.assertGreaterEqual(sandbox["landlock"], 1)
        self.assertEqual(
            [sandbox[key] for key in ("seccomp", "noNewPrivileges", "capabilities", "network", "processes", "missing")],
            [True, True, "none", "none", "none", []], sandbox)
        line = sandbox_line(daemon.medley("doctor"))
        self.assertIn("OK", line)
        self.assertIn("strict", line)

    def test_the_kernel_says_the_same(self):
        daemon = start_daemon(self)
        status = daemon.status()["workers"]
        for pid in [*status["pids"], status["zygote"]]:
            lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") + (("CapBnd",) if ROOT else ()):
                self.assertEqual(int(lines[name], 16), 0, name)
            self.assertEqual((lines["NoNewPrivs"].strip(), lines["Seccomp"].strip()), ("1", "2"))
            self.assertEqual(os.getpgid(pid), pid)


class Registry(unittest.TestCase):
    """GStreamer's registry is built apart, and only read by workers."""

    def test_it_is_built_once_and_when_plugins_change(self):
        plugins = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="medley-plugins-")))
        registry = plugins / "registry.bin"
        settings = (f"paths.plugins={plugins}:{BUILD}/plugins/fake", f"paths.registry={registry}")
        daemon = start_daemon(self, *settings)
        self.assertEqual(sorted(p.name for p in plugins.iterdir()), ["registry.bin", "registry.bin.stamp"])
        first = registry.stat()
        daemon.stop()
        daemon.start()
        self.assertEqual(registry.stat().st_ino, first.st_ino)
        daemon.stop()
        shutil.copy(TEMPLATE, plugins)
        daemon.start()
        self.assertNotEqual(registry.stat().st_ino, first.st_ino)
        self.assertIn("medleytemplate", [e["name"] for e in daemon.curl("/api/v1/engines").json()["engines"]])
        # Workers cannot write it.
        self.assertEqual(hostile(daemon, "write", path=str(registry))[0], "EACCES")
        daemon.stop()
        registry.write_bytes(b"nonsense")
        daemon.start()
        self.assertEqual(daemon.curl("/run/echo", "--data-binary", "x").status, 200)

    def test_a_plugin_that_ends_the_builder_leaves_the_rest(self):
        plugins = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="medley-plugins-")))
        settings = (f"paths.plugins={plugins}:{BUILD}/plugins/fake", f"paths.registry={plugins}/registry.bin")
        source = plugins / "bad.c"
        source.write_text('#include <stdlib.h>\n__attribute__((constructor)) static void bad (void) { abort (); }\n')
        daemon = start_daemon(self, *settings)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", plugins / "libgstbad.so", source], check=True)
        daemon.stop()
        daemon.start()
        self.assertEqual(daemon.curl("/run/echo", "--data-binary", "x").status, 200)
        self.assertIn("plugins that changed are not seen", daemon.log.read_text())
        self.assertIn("signal 6", daemon.status()["brokenPlugins"][f"{plugins}/libgstbad.so"])


class Work(unittest.TestCase):
    def test_a_page_is_read_in_an_executed_worker(self):
        daemon = start_daemon(self, "workers.mode=exec")
        reply = daemon.curl("/run/read-page", "--data-binary", f"@{DATA / 'page.png'}")
        self.assertEqual(reply.status, 200, reply.body)
        self.assertGreater(len(reply.body), 100)


if __name__ == "__main__":
    main()
