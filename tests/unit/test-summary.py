#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The counts that CI trusts: nothing that failed, was skipped or crashed may pass for good."""

import importlib.util
import pathlib
import unittest

PATH = pathlib.Path(__file__).parent.parent / "summary.py"
SPEC = importlib.util.spec_from_file_location("summary", PATH)
summary = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(summary)


def count(result, stdout="", stderr=""):
    test = {"name": "x", "result": result, "stdout": stdout, "stderr": stderr}
    passed, others = summary.count_test(test)
    return passed, len(others)


class Summary(unittest.TestCase):
    def test_tap_cases_are_counted_one_by_one(self):
        self.assertEqual(count("OK", "TAP version 13\n# hi\nok 1 /a\nok 2 /b - c\n1..2\n"), (2, 0))

    def test_a_failed_case_fails(self):
        self.assertEqual(count("FAIL", "ok 1 /a\nnot ok 2 /b\n1..2\n"), (1, 1))

    def test_a_skipped_case_fails_although_meson_says_ok(self):
        self.assertEqual(count("OK", "ok 1 /a\nok 2 /b # SKIP no network\n1..2\n"), (1, 1))

    def test_a_crash_after_good_cases_fails(self):
        self.assertEqual(count("ERROR", "1..2\nok 1 /a\n"), (1, 1))

    def test_results_without_cases(self):
        self.assertEqual(count("OK"), (1, 0))
        for result in ("FAIL", "TIMEOUT", "ERROR", "SKIP", "UNEXPECTEDPASS"):
            self.assertEqual(count(result), (0, 1), result)

    def test_unittest_is_counted_from_its_last_lines(self):
        self.assertEqual(count("OK", stderr="....\nRan 4 tests in 0.1s\n\nOK\n"), (4, 0))
        text = "..s\nRan 5 tests in 0.1s\n\nFAILED (failures=1, errors=2, skipped=1)\n"
        self.assertEqual(count("FAIL", stderr=text), (1, 4))
        self.assertEqual(count("OK", stderr="Ran 3 tests in 1s\n\nOK (skipped=2)\n"), (1, 2))


if __name__ == "__main__":
    unittest.main()
