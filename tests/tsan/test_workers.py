# SPDX-License-Identifier: LGPL-2.1-or-later
"""A race in an engine is reported from where engines run: a worker that was forked from the zygote of a daemon."""

import os
import unittest

from medleytest import Daemon, main

PIPELINES = {
    f"{name}.json": {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"work": {"task": f"text-to-text/{name}", "engine": f"fake{name}", "from": "text"}},
        "outputs": {"out": {"from": "work", "type": "text/plain"}},
    }
    for name in ("echo", "race")
}


class Workers(unittest.TestCase):
    def reports_of(self, pipeline):
        """What all processes wrote while a job ran, and until they ended."""
        options = f"{os.environ.get('TSAN_OPTIONS', '')} log_path=reports/report exitcode=0"
        daemon = Daemon(pipelines=PIPELINES)
        reports = daemon.folder / "reports"
        reports.mkdir()
        daemon.environment["TSAN_OPTIONS"] = options.replace("log_path=reports", f"log_path={reports}")
        with daemon:
            reply = daemon.curl(f"/run/{pipeline}", "--data-binary", "One line.\n")
            self.assertEqual((reply.status, reply.body), (200, b"One line.\n"), reply.stderr)
            daemon.stop()
            return "".join(path.read_text(errors="replace") for path in reports.iterdir())

    def test_a_race_in_an_engine_is_reported(self):
        found = self.reports_of("race")
        self.assertIn("WARNING: ThreadSanitizer: data race", found)
        self.assertRegex(found, r"count_beside \S*plugins/fake/fake-race\.c:\d+")

    def test_without_one_nothing_is(self):
        self.assertEqual(self.reports_of("echo"), "")


if __name__ == "__main__":
    main()
