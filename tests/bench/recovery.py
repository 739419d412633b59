# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long it takes until the next job runs after an engine crashed, hung or was cancelled.

Prints, for each way to lose a worker, the time from the failed job's end to the first output of the next job, beside the
same job on an undisturbed pool, alternating in one run: medians, and their ratio. No figure here fails anything.
"""

import argparse
import json
import statistics
import time

from medleytest import Daemon


def pipeline(engine, **settings):
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"s": {"task": f"text-to-text/{engine[4:]}", "engine": engine, "from": "text", "set": settings}},
        "outputs": {"out": {"from": "s", "type": "text/plain"}},
    }


PIPELINES = {
    "echo.json": pipeline("fakeecho"),
    "segv.json": pipeline("fakecrash", how="segv"),
    "endless.json": pipeline("fakeendless"),
    "hang.json": pipeline("fakehang"),
}


def run(daemon, name):
    """Returns (milliseconds from the request to the end, the job)."""
    begin = time.perf_counter()
    job = daemon.wait(daemon.create(pipeline=name, inputs={"text": {"text": "x\n"}})["id"])
    return (time.perf_counter() - begin) * 1000, job


def cancel(daemon, name):
    """Returns the milliseconds from the request to cancel until the job is cancelled."""
    job = daemon.create(pipeline=name, inputs={"text": {"text": "x\n"}})
    daemon.wait(job["id"], ("running",))
    begin = time.perf_counter()
    daemon.curl(f"/api/v1/jobs/{job['id']}/cancel", "-X", "POST")
    daemon.wait(job["id"])
    return (time.perf_counter() - begin) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=10, help="rounds")
    parser.add_argument("--json", action="store_true")
    rounds = parser.parse_args()
    figures = {"echo, undisturbed": [], "echo, after a crash": [], "crash, to its report": [],
               "cancel, the engine cooperates": [], "cancel, the engine ignores it (grace 1 s)": []}
    with Daemon("workers.maximum=1", "workers.grace=1s", pipelines=PIPELINES) as daemon:
        run(daemon, "echo")
        for _ in range(rounds.n):
            figures["echo, undisturbed"].append(run(daemon, "echo")[0])
            figures["crash, to its report"].append(run(daemon, "segv")[0])
            figures["echo, after a crash"].append(run(daemon, "echo")[0])
            figures["cancel, the engine cooperates"].append(cancel(daemon, "endless"))
        for _ in range(min(rounds.n, 3)):
            figures["cancel, the engine ignores it (grace 1 s)"].append(cancel(daemon, "hang"))
    base = statistics.median(figures["echo, undisturbed"])
    rows = {name: {"median_ms": statistics.median(v), "min_ms": min(v), "max_ms": max(v),
                   "ratio_to_undisturbed": statistics.median(v) / base} for name, v in figures.items()}
    if rounds.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'what':44} {'median':>9} {'min':>9} {'max':>9}  ratio")
    for name, row in rows.items():
        print(f"{name:44} {row['median_ms']:7.1f}ms {row['min_ms']:7.1f}ms {row['max_ms']:7.1f}ms  {row['ratio_to_undisturbed']:.2f}")


if __name__ == "__main__":
    main()
