# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long other clients wait while some mean no good, and what it costs the daemon.

Each attack of tests/integration/attacks.py goes on over TCP while another client sits at the Unix socket, with requests
on a kept connection and on new ones. Printed: their median, p99 (aim: under 50 ms) and the longest, beside those of a
calm daemon, and by how much the daemon's own memory grew (aim: less than 32 MB). No figure here fails anything.
"""

import argparse
import re

import attacks
from medleytest import Daemon

ECHO = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "stages": {"work": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text"}},
    "outputs": {"out": {"from": "work", "type": "text/plain"}},
}


def tell(name, times, growth):
    print(f"{name:14} {len(times):7} requests  p50 {attacks.percentile(times, 0.5) * 1000:7.2f} ms  "
          f"p99 {attacks.percentile(times, 0.99) * 1000:7.2f} ms  longest {max(times) * 1000:8.2f} ms"
          + (f"  grew by {growth / 1e6:5.1f} MB" if growth is not None else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="how long each attack is watched")
    seconds = parser.parse_args().seconds
    with Daemon("http.tcp=true", "workers.maximum=2", pipelines={"echo.json": ECHO}) as daemon:
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)", daemon.status()["faces"]["http"]).group(1))
        token = (daemon.folder / "runtime" / "medley" / "token").read_text().strip()
        job = daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        daemon.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", "-", input=b"A line of text.\n" * 1000000)
        daemon.wait(job)
        tell("calm", attacks.watch(str(daemon.socket), seconds), None)
        for name in attacks.ATTACKS:
            memory = attacks.Memory(daemon.process.pid)
            path = "/api/v1/jobs" if name == "slow-writers" else f"/api/v1/jobs/{job}/outputs/out"
            attack = attacks.Attack(name, port, token, path)
            times = attacks.watch(str(daemon.socket), seconds)
            attack.end()
            tell(name, times, memory.end())


if __name__ == "__main__":
    main()
