# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each error that /openapi.json documents is provoked, and is as documented; none is documented that is not provoked."""

import os
import unittest

from medleytest import Daemon, main
from openapitest import Document
from provocations import Stage, is_elsewhere, provocations


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with Daemon() as daemon:
            cls.document = Document(daemon.curl("/openapi.json").body)
        cls.rows = provocations(cls.document)
        cls.stage = Stage(cls.document)

    @classmethod
    def tearDownClass(cls):
        cls.stage.close()

    def find(self, operation, code, status):
        return self.rows.get((operation.id, f"{code}:{status}")) or self.rows.get((operation.id, code))

    def test_every_error_is_provoked(self):
        missing = [f"{operation.id} {code}:{status}" for operation in self.document.operations.values()
                   for code, status in sorted(operation.errors) if self.find(operation, code, status) is None and not is_elsewhere(operation, code, status)]
        self.assertEqual(missing, [])

    def test_every_provocation_is_of_a_documented_error(self):
        documented = {(operation.id, name) for operation in self.document.operations.values()
                      for code, status in operation.errors for name in (code, f"{code}:{status}")}
        self.assertEqual(set(self.rows) - documented, set())

    def test_every_error_is_as_documented(self):
        only = os.environ.get("MEDLEY_TEST_ONLY", "")
        for operation in self.document.operations.values():
            for code, status in sorted(operation.errors):
                provoke = self.find(operation, code, status)
                if provoke is None or only not in f"{operation.id} {code}:{status}":
                    continue
                with self.subTest(operation=operation.id, code=code, status=status):
                    reply = provoke(self.stage)
                    found = self.document.check(operation, reply)
                    self.assertEqual((found, reply.status), (code, status), reply.body[:500])


if __name__ == "__main__":
    main()
