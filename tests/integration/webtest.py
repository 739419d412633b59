# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of others, for node, as clients of a daemon: installed into the build tree, and run.

usage: webtest.py SOURCE-ROOT BUILD-ROOT

installs them: what `./bootstrap test` does before the tests. Tests do it, too, where it was not done. What is installed
is what tests/web/package-lock.json says, to the byte; it needs the network, or npm's cache, only when that file changes.
No script of a package is run.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

NPM_SECONDS = 600


class NotInstalled(Exception):
    """The packages are not there and could not be got: says what to do."""


def install(source, build):
    """Returns the folder node_modules with what the lock file says."""
    wanted, target = Path(source) / "tests" / "web", Path(build) / "tests" / "web"
    stamp = target / "installed.json"
    lock = (wanted / "package-lock.json").read_text()
    target.mkdir(parents=True, exist_ok=True)
    with open(target / ".lock", "w", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (stamp.exists() and stamp.read_text() == lock):
            stamp.unlink(missing_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(wanted / name, target / name)
            run_npm(target)
            stamp.write_text(lock)
    return target / "node_modules"


def run_npm(folder):
    remedy = f"run `npm ci --ignore-scripts` in {folder} where there is a network, or `./bootstrap test`"
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotInstalled(f"there is no {program}: install nodejs and npm")
    try:
        run = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], cwd=folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=NPM_SECONDS, check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"npm did not end within {NPM_SECONDS} seconds; {remedy}") from error
    if run.returncode != 0:
        raise NotInstalled(f"npm could not install the web tests' packages; {remedy}. It said:\n{run.stdout[-2000:]}")


def node(script, *arguments, environment=None, timeout=600):
    """Runs a script of tests/web, which finds the packages by require(); returns what it said, line by line, as JSON."""
    source, build = Path(os.environ["MEDLEY_SOURCE_ROOT"]), Path(os.environ["MEDLEY_BUILD_ROOT"])
    packages = install(source, build)
    run = subprocess.run(
        ["node", str(source / "tests" / "web" / script), *map(str, arguments)], text=True, capture_output=True,
        env=dict(os.environ, **(environment or {}), NODE_PATH=str(packages)), stdin=subprocess.DEVNULL,
        timeout=timeout, check=False,
    )
    if run.returncode != 0:
        raise AssertionError(f"{script} ended with {run.returncode}:\n{run.stdout[-4000:]}\n{run.stderr[-4000:]}")
    return [json.loads(line) for line in run.stdout.splitlines()]


if __name__ == "__main__":
    try:
        print(install(*sys.argv[1:3]))
    except NotInstalled as failure:
        sys.exit(f"webtest: {failure}")
