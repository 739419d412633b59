# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes that outlive what started them."""

import os
import time
from pathlib import Path


def read_stat(pid):
    """Returns parent and start time, or None of a process that is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), fields[19])


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def descendants(pid):
    """Processes that a process started, directly or not, as (pid, start time)."""
    stats = {p: read_stat(p) for p in all_pids()}
    found, parents = [], {pid}
    while parents:
        children = {p: s for p, s in stats.items() if s is not None and s[0] in parents and p not in dict(found)}
        found += [(p, s[1]) for p, s in children.items()]
        parents = set(children)
    return found


def describe(pid):
    try:
        return f"{pid}: " + Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
    except OSError:
        return f"{pid}"


def still_there(processes):
    return [pid for pid, started in processes if (read_stat(pid) or (0, None))[1] == started]


def wait_until_gone(processes, seconds=10):
    """Returns the processes, described, that have not gone."""
    deadline = time.monotonic() + seconds
    while (left := still_there(processes)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return [describe(pid) for pid in left]


def names_folder(pid, folder):
    """Whether a process has a folder in its command line or environment, works in it or has a file of it open."""
    here = Path(f"/proc/{pid}")
    try:
        if any(folder.encode() in (here / name).read_bytes() for name in ("cmdline", "environ")):
            return True
        links = [here / "cwd", *(here / "fd").iterdir()]
    except OSError:
        return False
    for link in links:
        try:
            if os.readlink(link).startswith(folder):
                return True
        except OSError:
            pass
    return False


def users_of(folder, besides=()):
    """Processes, described, that have to do with a test's folder."""
    besides = {os.getpid(), *besides}
    return [describe(pid) for pid in all_pids()
            if pid not in besides and read_stat(pid) is not None and names_folder(pid, str(folder))]


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
