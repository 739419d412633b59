# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bad-input list over D-Bus: the codes are those of HTTP and the shell (test_bad_input.py has the list)."""

import os

from dbustest import DBusTest, GLib, error_name, main
from test_bad_input import CASES

HOSTILE = {
    "nested brackets": ("[" * 80_000 + "]" * 80_000, "invalid-json"),
    "no object": ("42", "wrong-type"),
}


def dbus_name(code):
    return "org.medley.Error." + "".join(part.capitalize() for part in code.split("-"))


class Parity(DBusTest):
    def check(self, pipeline, given, codes, options, fds=None):
        try:
            path = self.client.run(pipeline, {"": given}, options, fds)
        except GLib.Error as error:
            self.assertIn(error_name(error), [dbus_name(code) for code in codes], error.message)
            return
        found = self.client.wait(path)
        self.assertEqual(found["State"], "failed")
        self.assertIn(found["Error"]["code"], codes, found["Error"])

    def each_case(self):
        for name, (target, body, codes) in CASES.items():
            pipeline, _, query = target.partition("?")
            key, _, value = query.partition("=")
            options = {}
            if key == "output":
                options["outputs"] = GLib.Variant("as", [value])
            elif key:
                options["parameters"] = GLib.Variant("a{sv}", {key: GLib.Variant("s", value)})
            yield name, pipeline, body, codes, options

    def test_bytes(self):
        for name, pipeline, body, codes, options in self.each_case():
            with self.subTest(name):
                self.check(pipeline, body, codes, options)

    def test_descriptors(self):
        for name, pipeline, body, codes, options in self.each_case():
            with self.subTest(name):
                fd = os.memfd_create("input")
                try:
                    os.write(fd, body)
                    os.lseek(fd, 0, os.SEEK_SET)
                    self.check(pipeline, 0, codes, options, [fd])
                finally:
                    os.close(fd)

    def test_a_gigabyte_of_text(self):
        fd = os.memfd_create("input")
        try:
            os.ftruncate(fd, 1 << 30)  # a hole: it takes no memory, and its length is past the limit
            self.check("speak", 0, {"too-large", "nul-in-text"}, {}, [fd])
        finally:
            os.close(fd)

    def test_hostile_pipelines(self):
        for name, (text, code) in HOSTILE.items():
            with self.subTest(name):
                valid, faults = self.client.manager("Validate", "(s)", text)
                self.assertFalse(valid)
                self.assertEqual(faults[0]["code"], code, faults[0])

    def test_the_next_job_runs(self):
        self.test_bytes()
        path = self.client.run("speak", {"": "Still here."})
        self.assertEqual(self.client.wait(path)["State"], "done")


if __name__ == "__main__":
    main()
