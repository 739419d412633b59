#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the cases in meson's testlog.json, names those that did not pass, and appends "PASSED FAILED" to a
file. A case that was skipped counts as failed: what was not tried is not known to work.
Usage: summary.py TESTLOG [RESULTS]"""

import json
import re
import sys

TAP = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*([^#]*)(#\s*(skip|todo)\b.*)?$", re.IGNORECASE)
UNITTEST = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
UNITTEST_END = re.compile(r"^(?:OK|FAILED)(?: \((.*)\))?$", re.MULTILINE)


def count_tap(text):
    """Numbers of passed cases, and names of the others."""
    passed, others = 0, []
    for line in text.splitlines():
        match = TAP.match(line)
        if match is None:
            continue
        name = match.group(2).strip()
        if match.group(3) and match.group(4).lower() == "skip":
            others.append(f"{name} (skipped)")
        elif match.group(1):
            others.append(f"{name} (failed)")
        else:
            passed += 1
    return passed, others


def count_unittest(text):
    """The same of Python's unittest, which tells only numbers."""
    ran = sum(int(number) for number in UNITTEST.findall(text))
    others = []
    for details in UNITTEST_END.findall(text):
        for part in filter(None, details.split(", ")):
            kind, _, number = part.partition("=")
            if kind in ("failures", "errors", "skipped", "unexpected successes"):
                others += [f"unittest {kind}"] * int(number)
    return ran - len(others), others


def count_test(test):
    output = test.get("stdout", "")
    errors = test.get("stderr", "")
    passed, others = count_tap(output)
    if not passed and not others:
        passed, others = count_unittest(output + "\n" + errors)
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if not passed and not others:
        return (1, []) if good else (0, [test["result"]])
    if not good and not others:
        # It crashed or ran out of time after its last case, or did not run all it had planned.
        others = [test["result"]]
    return passed, others


def main():
    passed, failed = 0, []
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            ok, others = count_test(test)
            passed += ok
            failed += [f"{test['name']}: {other}" for other in others]
    for name in failed:
        print(f"FAILED  {name}")
    print(f"{passed} cases passed, {len(failed)} did not")
    if len(sys.argv) > 2:
        with open(sys.argv[2], "a", encoding="utf-8") as results:
            results.write(f"{passed} {len(failed)}\n")


if __name__ == "__main__":
    main()
