#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the nightly parts trust: no report of a sanitizer or of valgrind goes uncounted."""

import contextlib
import importlib.util
import io
import pathlib
import tempfile
import unittest
from unittest import mock

PATH = pathlib.Path(__file__).parent.parent / "reports.py"
SPEC = importlib.util.spec_from_file_location("reports", PATH)
reports = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reports)

RACE = """==================
WARNING: ThreadSanitizer: data race (pid=1)
  Write of size 4 at 0x7b2000000bcc by thread T1:
    #0 racy ../daemon/job/run.c:20 (medleyd+0x208fc)
SUMMARY: ThreadSanitizer: data race ../daemon/job/run.c:20 in racy
==================
ThreadSanitizer: reported 1 warnings
"""
INVALID = """==12== Invalid read of size 4
==12==    at 0x483B7F3: read_it (run.c:30)
==12==    by 0x109146: main (in /usr/bin/true)
==12==  Address 0x4a56040 is 0 bytes inside a block of size 4 free'd
==12==    at 0x483CA3F: free (vg_replace_malloc.c:872)
==12==
==12== 24 bytes in 1 blocks are definitely lost in loss record 3 of 9
==12==    at 0x483B7F3: malloc (vg_replace_malloc.c:381)
==12==
"""


def count(kind, *texts):
    """What is printed, and how many reports are counted."""
    with tempfile.TemporaryDirectory() as folder:
        logs, results = pathlib.Path(folder, "logs"), pathlib.Path(folder, "results")
        logs.mkdir()
        for number, text in enumerate(texts):
            (logs / f"report.{number}").write_text(text)
        out = io.StringIO()
        with mock.patch("sys.argv", ["reports.py", kind, str(logs), str(results)]), contextlib.redirect_stdout(out):
            reports.main()
        passed, failed = map(int, results.read_text().split())
    return out.getvalue(), passed, failed


class Reports(unittest.TestCase):
    def test_a_race_is_counted_in_each_process_and_told_once(self):
        out, passed, failed = count("tsan", RACE, RACE)
        self.assertEqual((passed, failed), (0, 2))
        self.assertEqual(out.count("REPORT"), 1)
        self.assertIn("racy (daemon/job/run.c:20)", out)

    def test_no_file_is_no_race(self):
        self.assertEqual(count("tsan")[1:], (0, 0))

    def test_a_sanitizer_that_breaks_off_is_counted(self):
        self.assertEqual(count("tsan", "FATAL: ThreadSanitizer: unexpected memory mapping 0x1-0x2\n")[2], 1)

    def test_errors_and_leaks_of_valgrind_are_counted(self):
        out, _, failed = count("valgrind", INVALID, "")
        self.assertEqual(failed, 2)
        self.assertIn("read_it (run.c:30)", out)
        self.assertIn("24 bytes in 1 blocks are definitely lost", out)
        self.assertIn("2 processes", out)

    def test_valgrind_that_looked_at_nothing_has_failed(self):
        self.assertEqual(count("valgrind")[2], 1)
        self.assertEqual(count("valgrind", "")[2], 0)


if __name__ == "__main__":
    unittest.main()
