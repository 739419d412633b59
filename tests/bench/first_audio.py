# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long it takes to the first sample of speech: over HTTP on a warm daemon, and from libespeak-ng in a process of its own.

The sentence has twelve words. A client posts it to /run/speak on a kept connection to the Unix socket, asks for bare samples
(audio/pcm) and waits for the first byte of the body; between two requests the library speaks the same sentence by itself, as
the engine calls it. Printed are the medians and the 99th percentiles, and what HTTP, the queue, the store and the worker add,
which is meant to be at most 0.5 ms; then for the median request where the time goes, by the job's own events. With
`--volatile` jobs are not kept, so that none waits for the disk. No figure here fails anything.
"""

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import time

from medleytest import BUILD, Daemon

SENTENCE = "The keeper climbs the winding stair and lights the great lamp again."
LIBRARY = BUILD / "tests" / "bench" / "first-audio"
AIM_MS = 0.5


class Client:
    def __init__(self, path):
        self.connection = http.client.HTTPConnection("localhost")
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(str(path))

    def speak(self):
        """Returns the milliseconds to the head and to the first sample, and the job."""
        begin = time.perf_counter()
        self.connection.request("POST", "/run/speak?output=speech&type=audio/pcm", SENTENCE.encode())
        reply = self.connection.getresponse()
        head = time.perf_counter()
        if reply.status != 200 or not reply.read(1):
            raise RuntimeError(f"{reply.status}")
        first = time.perf_counter()
        reply.read()
        return (head - begin) * 1000, (first - begin) * 1000, reply.headers["Medley-Job"]

    def events(self, job):
        self.connection.request("GET", f"/api/v1/jobs/{job}/events", headers={"Accept": "application/json"})
        return json.loads(self.connection.getresponse().read())["events"]


class Library:
    def __init__(self):
        self.process = subprocess.Popen([str(LIBRARY), "gmw/en"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def speak(self):
        self.process.stdin.write(SENTENCE + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline().split()[0]) / 1000

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def summary(times):
    ordered = sorted(times)
    return {"median_ms": statistics.median(ordered), "p99_ms": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
            "min_ms": ordered[0]}


def steps(events):
    """From the job's creation, in ms: when things were done."""
    began = events[0]["time"]
    found = {}
    for event in events:
        name = event["kind"] if event["kind"] != "state" else event["state"]
        if event.get("output", "speech") == "speech":
            found.setdefault(name, (event["time"] - began) / 1000)
    return {name: found[name] for name in ("starting", "running", "output-started", "done") if name in found}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200, help="rounds")
    parser.add_argument("--volatile", action="store_true", help="jobs.durable=false")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    heads, firsts, alone = [], [], []
    with Daemon(*(["jobs.durable=false"] if wanted.volatile else [])) as daemon:
        client, library = Client(daemon.socket), Library()
        for _ in range(5):
            client.speak()
            library.speak()
        jobs = []
        for _ in range(wanted.n):
            alone.append(library.speak())
            head, first, job = client.speak()
            heads.append(head)
            firsts.append(first)
            jobs.append((first, job))
        library.close()
        middle = sorted(jobs)[len(jobs) // 2][1]
        inside = steps(client.events(middle))
    rows = {"library": summary(alone), "http_head": summary(heads), "http_sample": summary(firsts)}
    added = rows["http_sample"]["median_ms"] - rows["library"]["median_ms"]
    if wanted.json:
        print(json.dumps({**rows, "added_ms": added, "aim_ms": AIM_MS, "steps_ms": inside}, indent=2))
        return
    print(f"{'to the first sample':34} {'median':>11} {'p99':>11} {'least':>11}")
    for name, key in (("libespeak-ng alone", "library"), ("HTTP, the head of the answer", "http_head"),
                      ("HTTP, a sample", "http_sample")):
        row = rows[key]
        print(f"{name:34} {row['median_ms']:8.2f} ms {row['p99_ms']:8.2f} ms {row['min_ms']:8.2f} ms")
    print(f"what is added: {added:.2f} ms (aim {AIM_MS} ms)")
    print("the median job, ms after its creation: " + ", ".join(f"{name} {at:.2f}" for name, at in inside.items()))


if __name__ == "__main__":
    main()
