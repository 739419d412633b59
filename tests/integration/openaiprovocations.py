# SPDX-License-Identifier: LGPL-2.1-or-later
"""How errors below /v1 are provoked: as those of /run, by pipelines that serve the routes and fail."""

import copy
import json

from httptest import voice
from modelpipelines import chat, embedder, film, stamp

JSON = {"Content-Type": "application/json"}

# A model that works, by operation, and the request that goes to it.
MODELS = {
    "createSpeech": (dict(voice(), serves={"audio/speech": True}), {"input": "Hello.", "voice": "low"}),
    "createChatCompletion": (chat(), {"messages": [{"role": "user", "content": "Hello."}]}),
    "createEmbedding": (embedder("text/plain"), {"input": "Hello."}),
    "createImage": (stamp(), {"prompt": "A stamp"}),
    "createVideo": (film(), {"prompt": "A film"}),
}

# Their bodies are read as they come: what is too large is known when it is there.
STREAMED = ("createChatCompletion", "createVideo")

# What stands before the first stage: engine, task, settings, header fields and daemon.
FAILURES = {
    "engine-failed": ("fakeflaky", "text-to-text/flaky", {"fail-count": 1000}, {}, "plain"),
    "worker-crashed": ("fakecrash", "text-to-text/crash", {"how": "segv"}, {}, "plain"),
    "poisoned": ("fakecrash", "text-to-text/crash", {"how": "segv"}, {}, "poison"),
    "worker-hung": ("fakehang", "text-to-text/hang", {}, {}, "strict"),
    "memory-limit": ("fakeleak", "text-to-text/leak", {"mib": 4000}, {}, "strict"),
    "time-limit": ("fakeslow", "text-to-text/slow", {"delay-ms": 3_600_000}, {"Medley-Run-Time": "1"}, "plain"),
    "deadline": ("fakeslow", "text-to-text/slow", {"delay-ms": 3_600_000}, {"Medley-Deadline": "soon"}, "plain"),
}


def failing(model, engine, task, settings):
    """A model with a stage before it that does not come to an end."""
    made = copy.deepcopy(model)
    source = next(iter(made["inputs"]))
    for stage in made["stages"].values():
        if stage["from"] == source:
            stage["from"] = "before"
    made["stages"]["before"] = {"task": task, "engine": engine, "from": source, "set": settings}
    return made


def name_of(operation, code=""):
    return f"{operation}-{code}".lower().strip("-")


def model_files():
    files = {}
    for operation, (model, _) in MODELS.items():
        files[f"{name_of(operation)}.json"] = model
        for code, (engine, task, settings, _, _) in FAILURES.items():
            if operation != "createVideo":  # it answers before its job has ended
                files[f"{name_of(operation, code)}.json"] = failing(model, engine, task, settings)
    return files


def model_rows(soon, body_errors):
    rows = {}

    def ask(operation, code="", on="plain", headers=None, **more):
        request = {"model": name_of(operation, code), **MODELS[operation][1], **more}
        return lambda stage: stage.ask(operation, body=json.dumps(request).encode(), on=on,
                                       headers={**JSON, **soon(headers or {})})

    for operation in MODELS:
        rows |= {row: provoke for row, provoke in body_errors(operation, JSON).items()
                 if row[1] != "too-large" or operation not in STREAMED}
        rows[operation, "not-found:404"] = ask(operation, model="nothing-of-that-name")
        rows[operation, "queue-full"] = ask(operation, on="crowded")
        rows[operation, "no-space"] = ask(operation, on="full")
        rows[operation, "unavailable"] = ask(operation, on="weary")
        rows[operation, "sandbox-missing"] = ask(operation, on="bare")
        rows[operation, "invalid-json"] = lambda stage, operation=operation: stage.ask(operation, body=b"{", headers=JSON)
        rows[operation, "unsupported-type"] = lambda stage, operation=operation: stage.ask(
            operation, body=b"x", headers={"Content-Type": "text/plain"})
        key = {"Idempotency-Key": f"{operation}-key"}

        def reuse(stage, operation=operation, key=key):
            ask(operation, headers=key)(stage)
            return ask(operation, headers={**key, "Medley-Priority": "3"})(stage)
        rows[operation, "key-reused"] = reuse
        if operation == "createVideo":
            continue
        for code, (_, _, _, headers, on) in FAILURES.items():
            rows[operation, code] = ask(operation, code, on, headers)
    return rows
