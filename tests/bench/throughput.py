# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast a finished output is served to 1 client and to 100 of them, beside nginx with the same file.

nginx (of Debian's package nginx-light; without it medleyd is measured alone) runs with one worker process and sendfile. Both
are asked over TCP on this machine, in turns, by a program that drops what it gets without a copy. Printed are megabytes a
second, megabytes for each second of the server's own processor time (which other processes do not disturb), and how much
memory the daemon took: before, at most, and afterwards. The aim is half of nginx or more. No figure here fails anything.
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from medleytest import BUILD, Daemon

FETCH = BUILD / "tests" / "bench" / "fetch"
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
MIB = 1024 * 1024
PIPELINE = {
    "medley": 1, "inputs": {"text": {"type": "text/plain"}},
    "stages": {"work": {"task": "text-to-text/echo", "engine": "fakeecho", "from": "text"}},
    "outputs": {"out": {"from": "work", "type": "text/plain"}},
}


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid, name):
    return int(re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Medley:
    name = "medleyd"

    def __init__(self, size):
        self.daemon = Daemon("http.tcp=true", f"limits.text-bytes={size * 2}", "http.connections=1024",
                             pipelines={"echo.json": PIPELINE})
        self.daemon.start()
        self.pid = self.daemon.process.pid
        self.port = re.search(r":(\d+)", self.daemon.status()["faces"]["http"].split("127.0.0.1")[1])[1]
        self.token = (self.daemon.folder / "runtime" / "medley" / "token").read_text().strip()
        job = self.daemon.create(pipeline="echo", inputs={"text": {"upload": True}})["id"]
        source = self.daemon.folder / "text"
        line = b"All the world's a stage, and all the men and women merely players.\n"
        with open(source, "wb") as stream:
            while stream.tell() < size:
                stream.write(line * 10000)
        self.daemon.curl(f"/api/v1/jobs/{job}/inputs/text", "-T", str(source))
        if self.daemon.wait(job)["state"] != "done":
            raise RuntimeError(self.daemon.job(job))
        self.path = f"/api/v1/jobs/{job}/outputs/out"
        self.file = self.daemon.folder / "state" / "medley" / "spool" / f"{job}-0.out"

    def close(self):
        self.daemon.stop()
        shutil.rmtree(self.daemon.folder, ignore_errors=True)


class Nginx:
    name = "nginx"
    token = "none"
    path = "/out"

    def __init__(self, file):
        self.folder = Path(tempfile.mkdtemp(prefix="medley-nginx-"))
        self.folder.chmod(0o755)
        shutil.copyfile(file, self.folder / "out")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(
            f"{user} daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log;"
            "events { worker_connections 1024; }"
            f"http {{ {temporary} access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;"
            f" server {{ listen 127.0.0.1:{self.port}; root {self.folder}; }} }}")
        self.process = subprocess.Popen([NGINX, "-p", str(self.folder), "-e", str(self.folder / "error.log"),
                                         "-c", str(self.folder / "nginx.conf")])
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(self.port))).close()
                break
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    raise RuntimeError((self.folder / "error.log").read_text()) from None
                time.sleep(0.02)
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.pid = int(children[0])

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def fetch(server, clients, rounds):
    """Returns megabytes a second, and a second of the server's processor."""
    before = cpu_seconds(server.pid)
    run = subprocess.run([str(FETCH), server.port, server.path, server.token, str(clients), str(rounds)],
                         capture_output=True, text=True, check=True)
    size, seconds = run.stdout.split()
    used = max(cpu_seconds(server.pid) - before, 0.01)
    return int(size) / 1e6 / float(seconds), int(size) / 1e6 / used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=5, help="rounds")
    parser.add_argument("--size", type=int, default=64, help="of the output, in MiB")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    medley = Medley(wanted.size * MIB)
    servers = [medley] + ([Nginx(medley.file)] if NGINX else [])
    rows = []
    try:
        for server in servers:
            fetch(server, 1, 1)
        before = memory(medley.pid, "VmRSS")
        Path(f"/proc/{medley.pid}/clear_refs").write_text("5")  # the peak begins here
        for clients, rounds in ((1, 40), (100, 1)):
            found = {server.name: [] for server in servers}
            for _ in range(wanted.n):
                for server in servers:
                    found[server.name].append(fetch(server, clients, rounds))
            for name, figures in found.items():
                rows.append({"server": name, "clients": clients, "mb_per_s": statistics.median(f[0] for f in figures),
                             "mb_per_cpu_s": statistics.median(f[1] for f in figures)})
        peak, after = memory(medley.pid, "VmHWM"), memory(medley.pid, "VmRSS")
    finally:
        for server in servers:
            server.close()
    if wanted.json:
        print(json.dumps({"rows": rows, "memory_mib": {"before": before, "peak": peak, "after": after}}, indent=2))
        return
    print(f"{'clients':>8} {'server':10} {'MB/s':>8} {'MB/s of CPU':>12}")
    for row in rows:
        print(f"{row['clients']:8} {row['server']:10} {row['mb_per_s']:8.0f} {row['mb_per_cpu_s']:12.0f}")
    if not NGINX:
        print("nginx is not installed (Debian: nginx-light): there is nothing to compare with")
    print(f"medleyd's memory: {before:.1f} MiB before, {peak:.1f} at most, {after:.1f} afterwards")


if __name__ == "__main__":
    main()
