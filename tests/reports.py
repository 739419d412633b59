#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sums up what a thread sanitizer or valgrind wrote to files, each finding once, and appends "PASSED FAILED" to a file.

Usage: reports.py tsan|valgrind FOLDER RESULTS
Each file of the folder is of one process. One finding is one failure; valgrind leaves an empty file for each process
without one, and no file at all means that nothing was looked at, which is a failure as well.
"""

import re
import sys
from collections import Counter
from pathlib import Path

SUMMARY = re.compile(r"^SUMMARY: ThreadSanitizer: (.*)$", re.MULTILINE)
TSAN_FRAME = re.compile(r"^ +#\d+ (\S+) (?:\.\./)?((?:daemon|plugins|tests|include)/\S+)", re.MULTILINE)
VALGRIND_PREFIX = re.compile(r"^==\d+== ?", re.MULTILINE)
VALGRIND_FRAME = re.compile(r"^ +(?:at|by) 0x[0-9A-F]+: (\S+) \((?!in )(\S+:\d+)\)", re.MULTILINE)


def places(found):
    return " <- ".join(f"{function} ({place})" for function, place in found[:3])


def tsan_findings(text):
    for report in text.split("=================="):
        summary = SUMMARY.search(report)
        if summary is not None:
            what = re.sub(r"0x[0-9a-f]+", "0x...", summary[1])
            yield what, places(TSAN_FRAME.findall(report))
        elif "ThreadSanitizer" in report and not re.fullmatch(r"\s*ThreadSanitizer: reported \d+ warnings\s*", report):
            yield report.strip().splitlines()[0], ""


def valgrind_findings(text):
    for report in re.split(r"\n\s*\n", VALGRIND_PREFIX.sub("", text)):
        lines = [line for line in report.splitlines() if line.strip()]
        if lines:
            what = re.sub(r" in loss record .*", "", lines[0].strip())
            yield what, places(VALGRIND_FRAME.findall(report))


KINDS = {"tsan": tsan_findings, "valgrind": valgrind_findings}


def main():
    kind, folder, results = sys.argv[1:]
    found, files = Counter(), {}
    looked_at = sorted(path for path in Path(folder).iterdir() if path.is_file())
    for path in looked_at:
        for finding in KINDS[kind](path.read_text(errors="replace")):
            found[finding] += 1
            files.setdefault(finding, path)
    for (what, where), times in found.most_common():
        print(f"REPORT  {what}\n        {times} times, first in {files[what, where]}")
        if where:
            print(f"        {where}")
    failed = sum(found.values())
    if kind == "valgrind" and not looked_at:
        print(f"REPORT  no process wrote to {folder}: nothing was looked at")
        failed = 1
    if kind == "valgrind":
        print(f"{len(looked_at)} processes were looked at")
    print(f"{failed} reports, {len(found)} different")
    with open(results, "a", encoding="utf-8") as file:
        file.write(f"0 {failed}\n")


if __name__ == "__main__":
    main()
