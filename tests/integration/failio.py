# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon whose file operations fail as tests/shims/fail-io.c is told."""

import os
import shutil
import signal

from medleytest import BUILD, PATIENCE, Daemon

SHIM = BUILD / "tests" / "shims" / "fail-io.so"
# The process dies, and the disk forgets what was not synced: wholly, or all but how long it was.
POWER = ("power", "power-zeros")
NAMES = ("AT", "FOR", "MODE", "ERRNO", "BYTES", "RELIEF", "REPORT", "TRACE", "SHADOW", "HOLD", "REFUSE")


class FailingDaemon(Daemon):
    """Use fail_at() or limit_disk() before it is started."""

    def __init__(self, *settings, **options):
        super().__init__(*settings, **options)
        self.spool = self.folder / "state" / "medley" / "spool"
        self.report = self.folder / "fail-io.report"
        self.trace = self.folder / "fail-io.trace"
        self.shadow = self.folder / "shadow"
        self.relief = self.folder / "relief"

    def set_shim(self, **values):
        self.environment.update(
            LD_PRELOAD=str(SHIM), MEDLEY_FAIL_IO=str(self.spool), MEDLEY_FAIL_IO_REPORT=str(self.report),
            MEDLEY_FAIL_IO_RELIEF=str(self.relief), **{f"MEDLEY_FAIL_IO_{k}": str(v) for k, v in values.items()})

    def remove_shim(self):
        for name in ("LD_PRELOAD", "MEDLEY_FAIL_IO", *(f"MEDLEY_FAIL_IO_{name}" for name in NAMES)):
            self.environment.pop(name, None)

    def fail_at(self, n, mode, error=0, duration=1):
        """The n-th call fails; with a `mode` of POWER the process dies there, and lose_power() is to be called."""
        values = {"AT": n, "MODE": "kill" if mode in POWER else mode, "ERRNO": error, "FOR": duration}
        if mode in POWER:
            self.shadow.mkdir()
            values["SHADOW"] = self.shadow
        self.set_shim(**values)

    def limit_disk(self, size):
        self.set_shim(BYTES=size)

    def hold(self, name=None, error=0):
        """Syncs of files whose path has `name` in it wait from now on, and others no longer; before the first start, without
        a name, it is made possible."""
        if name is None:
            self.set_shim(HOLD=self.folder / "hold", REFUSE=self.folder / "refuse", ERRNO=error)
        else:
            self.say("hold", name)

    def refuse(self, name):
        """Syncs of such files fail from now on, with the error that hold() was told."""
        self.say("refuse", name)

    def say(self, order, name):
        # Never seen half-written: an empty text is found everywhere.
        new = self.folder / f"{order}.new"
        new.write_text(name)
        new.rename(self.folder / order)

    def is_held(self, name):
        return any(line.split(" ", 2)[1] == "held" and name in line for line in self.fired())

    def fired(self):
        """What was made to fail, as the shim's lines."""
        return self.report.read_text().splitlines() if self.report.exists() else []

    def end(self):
        """Stops it if it still runs; returns its exit status, negative for a signal."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.process = None
        return status

    def lose_power(self, zeros):
        """The spool becomes what was synced of it. Of other files nothing is left, or only their length."""
        sizes = {path.relative_to(self.spool): path.stat().st_size for path in self.spool.glob("*") if path.is_file()}
        shutil.rmtree(self.spool, ignore_errors=True)
        self.spool.parent.mkdir(parents=True, exist_ok=True)
        os.rename(self.shadow, self.spool)
        for name, size in sizes.items() if zeros else ():
            if not (self.spool / name).exists():
                (self.spool / name).write_bytes(b"\0" * size)

    def discard(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)
