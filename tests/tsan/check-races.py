#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The thread sanitizer, as the tests run with it, reports each race that is made on purpose and takes no hand-over for one.

usage: check-races.py PROGRAM SUPPRESSIONS ; prints TAP.
"""
import os
import re
import subprocess
import sys

OURS = re.compile(r"#\d+ \w+ \S*tests/tsan/races\.c")


def judge(expected, run):
    """What is wrong with a run, or None."""
    if expected == "none":
        return f"exit status {run.returncode}" if run.returncode else None
    if run.returncode != 66 or "WARNING: ThreadSanitizer: data race" not in run.stderr:
        return f"no race was reported, exit status {run.returncode}"
    return None if OURS.search(run.stderr) else "the report does not name our function"


def main():
    program, suppressions = sys.argv[1:]
    options = f"{os.environ.get('TSAN_OPTIONS', '')} suppressions={suppressions} log_path=stderr exitcode=66"
    environment = dict(os.environ, TSAN_OPTIONS=options)
    listed = subprocess.run([program], env=environment, capture_output=True, text=True, check=True).stdout
    cases = [line.split() for line in listed.splitlines()]
    print(f"1..{len(cases)}")
    failed = 0
    for number, (expected, name) in enumerate(cases, 1):
        run = subprocess.run([program, name], env=environment, capture_output=True, text=True, timeout=100)
        wrong = judge(expected, run)
        if wrong is not None:
            failed += 1
            print("".join(f"# {line}\n" for line in [wrong, *run.stderr.splitlines()[:60]]), end="")
        print(f"{'not ' if wrong else ''}ok {number} {name} {'is reported' if expected == 'race' else 'is silent'}")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
