#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the systemd units against systemd's own checks, and against the daemon.

usage: check-units.py MEDLEYD USER-UNIT SYSTEM-UNIT"""
import configparser
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# The most that systemd-analyze may call the system unit exposed, of 10.
MOST_EXPOSED = 2.5


def analyze(*arguments):
    run = subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


def exposure(unit):
    """The figure of systemd-analyze for a unit's file."""
    _, text = analyze("security", "--offline=true", str(unit))
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", text)
    if not found:
        raise ValueError(f"systemd-analyze gave no figure for {unit}: {text}")
    return float(found[1])


def read(unit):
    # Keys may be given again.
    parser = configparser.RawConfigParser(strict=False, interpolation=None, delimiters=["="])
    parser.optionxform = str
    parser.read_string(unit.read_text())
    return parser["Service"]


def seconds(text):
    return {"s": 1, "min": 60, "h": 3600}[text.lstrip("0123456789")] * int(text.rstrip("sminh"))


def configured(medleyd, key):
    run = subprocess.run([medleyd, "--config", "/dev/null", "--check-config"], capture_output=True, text=True, check=True)
    return re.search(rf"^{re.escape(key)}=([^\t]*)", run.stdout, re.M)[1]


def checks(medleyd, units, folder):
    """(whether it is as it should be, what was looked at)"""
    for kind, unit in units.items():
        # With the daemon of this build in the place of one that is not installed yet.
        text, n = re.subn(r"^ExecStart=\S*/medleyd$", f"ExecStart={medleyd}", unit.read_text(), flags=re.M)
        copy = folder / kind / "medley.service"
        copy.parent.mkdir()
        copy.write_text(text)
        status, said = analyze(f"--{kind}", "--man=no", "verify", str(copy))
        yield n == 1 and status == 0 and said == "", f"{kind} unit: systemd-analyze verify says nothing: {said!r}"
        service = read(unit)
        yield service["Type"] == "notify" and seconds(service["WatchdogSec"]) > 1, f"{kind} unit: a hang is noticed"
        yield service["KillMode"] == "mixed", f"{kind} unit: SIGTERM is for the daemon alone"
        needed = seconds(configured(medleyd, "jobs.drain")) + seconds(configured(medleyd, "workers.grace")) + 10
        yield seconds(service["TimeoutStopSec"]) >= needed, f"{kind} unit: there is time to drain ({needed} s)"
    broken = folder / "broken" / "medley.service"
    broken.parent.mkdir()
    broken.write_text(copy.read_text() + "\n[Service]\nProtectEverything=yes\n")
    yield "ProtectEverything" in analyze("--man=no", "verify", str(broken))[1], "a wrong key would be noticed"
    figure = exposure(folder / "system" / "medley.service")
    yield figure <= MOST_EXPOSED, f"system unit: exposure {figure}, at most {MOST_EXPOSED}"
    figure = exposure(folder / "user" / "medley.service")
    yield figure > MOST_EXPOSED, f"an open unit is called exposed: {figure}"


def main():
    medleyd, user, system = (Path(argument).absolute() for argument in sys.argv[1:])
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder  # --user looks for it
        for good, what in checks(medleyd, {"user": user, "system": system}, Path(folder)):
            print("ok" if good else "not ok", "-", what)
            failed += not good
    return 1 if failed else 0


sys.exit(main())
