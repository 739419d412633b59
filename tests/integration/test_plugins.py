# SPDX-License-Identifier: LGPL-2.1-or-later
"""An engine that is dropped into the documented folder appears without a restart; one that cannot be loaded says why."""

import json
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from medleytest import BUILD, PATIENCE, Daemon, main

TEMPLATE = BUILD / "plugins" / "template" / "libgstmedleytemplate.so"
SHOUT = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "stages": {"s": {"task": "text-to-text/upper-case", "from": "text"}},
    "outputs": {"out": {"from": "s", "type": "text/plain"}},
}


# Runs without any plugin of Medley's.
WAIT = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "stages": {"s": {"element": "identity", "from": "text"}},
    "outputs": {"out": {"from": "s", "type": "text/plain"}},
}


class Plugins(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="medley-plugins-"))
        self.daemon = Daemon(
            f"paths.plugins={self.folder}", f"paths.registry={self.folder}/registry.bin", pipelines={"shout.json": SHOUT, "wait.json": WAIT}
        )
        self.daemon.start()

    def tearDown(self):
        self.daemon.stop()
        shutil.rmtree(self.folder)

    def engines(self):
        return [e["name"] for e in self.daemon.curl("/api/v1/engines").json()["engines"]]

    def until(self, what, message):
        deadline = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), deadline, message)
            time.sleep(0.1)

    def test_a_plugin_comes_and_goes(self):
        self.assertNotIn("medleytemplate", self.engines())
        reply = self.daemon.curl("/run/shout", "--data-binary", "quiet")
        self.assertEqual((reply.status, reply.json()["code"]), (422, "invalid-pipeline"))

        shutil.copy(TEMPLATE, self.folder)
        self.until(lambda: "medleytemplate" in self.engines(), "the new engine never appeared")
        reply = self.daemon.curl("/run/shout", "--data-binary", "quiet")
        self.assertEqual((reply.status, reply.body), (200, b"QUIET"), reply.body)

        (self.folder / TEMPLATE.name).unlink()
        self.until(lambda: "medleytemplate" not in self.engines(), "the engine never went")

    def test_workers_that_were_busy_when_it_came_are_not_used_again(self):
        running = self.daemon.create(pipeline="wait", inputs={"text": {"upload": True}})
        upload = subprocess.Popen(
            ["curl", "-sS", "--unix-socket", str(self.daemon.socket), "-T", "-",
             f"http://localhost/api/v1/jobs/{running['id']}/inputs/text"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        upload.stdin.write(b"One line.")
        upload.stdin.flush()
        self.daemon.wait(running["id"], ("running",))
        shutil.copy(TEMPLATE, self.folder)
        self.until(lambda: "medleytemplate" in self.engines(), "the new engine never appeared")
        upload.stdin.close()
        upload.wait()
        self.assertEqual(self.daemon.wait(running["id"])["state"], "done")
        for _ in range(6):
            reply = self.daemon.curl("/run/shout", "--data-binary", "quiet")
            self.assertEqual((reply.status, reply.body), (200, b"QUIET"), reply.body)

    def test_a_broken_one_says_why(self):
        bad = self.folder / "libbroken.so"
        bad.write_bytes(b"I am no shared object")
        self.until(lambda: self.daemon.status()["brokenPlugins"], "nothing was said of the broken file")
        reason = self.daemon.status()["brokenPlugins"][str(bad)]
        self.assertTrue("invalid ELF" in reason or "too short" in reason, reason)
        done = self.daemon.medley("doctor", "--json")
        self.assertIn("libbroken.so", json.dumps(done.stdout.decode()))


if __name__ == "__main__":
    main()
