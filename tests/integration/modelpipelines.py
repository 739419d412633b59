# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pipelines that serve the routes below /v1 with the fakes that stand for models."""


def stage(task, engine, source, **settings):
    return {"task": task, "engine": engine, "from": source, "set": settings}


def chat(kind="text/plain", **more):
    parameters = {
        "temperature": {"type": "number", "default": 1, "minimum": 0, "maximum": 2},
        "max_completion_tokens": {"type": "integer", "default": 0, "minimum": 0},
        "delay": {"type": "integer", "default": 0},
    }
    settings = {"temperature": "${temperature}", "max-words": "${max_completion_tokens}", "delay-ms": "${delay}"} | more
    return {
        "medley": 1, "inputs": {"talk": {"type": kind}}, "parameters": parameters,
        "stages": {"answer": stage("text-to-text/chat", "fakechat", "talk", **settings)},
        "outputs": {"answer": {"from": "answer", "type": "text/plain"}},
        "serves": {"chat/completions": True},
    }


def slow_chat(milliseconds):
    pipeline = chat()
    pipeline["parameters"]["delay"]["default"] = milliseconds
    return pipeline


BROKEN = r"one\xff two\x00 three four\xe2\x82"
BROKEN_AS_TEXT = "one\ufffd two\ufffd three four\ufffd\ufffd"


def broken_chat():
    """What it says is not all text."""
    return chat(script=BROKEN, **{"delay-ms": 50})


def broken_listener():
    pipeline = listener()
    pipeline["stages"]["said"] = stage("text-to-text/chat", "fakechat", "heard", script=BROKEN, **{"delay-ms": 50})
    pipeline["outputs"] = {"text": {"from": "said", "type": "text/plain"}}
    return pipeline


def painter():
    return {
        "medley": 1, "inputs": {"prompt": {"type": "text/plain"}},
        "parameters": {
            "width": {"type": "integer", "default": 64, "minimum": 16, "maximum": 1024},
            "height": {"type": "integer", "default": 64, "minimum": 16, "maximum": 1024},
            "background": {"type": "string", "default": "opaque", "enum": ["opaque", "transparent"]},
            "partial_images": {"type": "integer", "default": 0, "minimum": 0, "maximum": 3},
            "seed": {"type": "integer", "default": 0, "minimum": 0},
            "delay": {"type": "integer", "default": 0},
        },
        "stages": {"picture": stage("text-to-image", "fakepainter", "prompt", width="${width}", height="${height}",
                                    background="${background}", seed="${seed}", drafts="${partial_images}",
                                    **{"delay-ms": "${delay}"})},
        "outputs": {"picture": {"from": "picture", "type": "image/png"},
                    "drafts": {"from": "picture.drafts", "type": "image/png"}},
        "serves": {"images/generations": {"outputs": {"image": "picture", "previews": "drafts"}}},
    }


def seedless_painter(**seed):
    """Has a seed, but no default."""
    pipeline = painter()
    pipeline["parameters"]["seed"] = {"type": "integer", "minimum": 1, **seed}
    return pipeline


def slow_painter(milliseconds=600_000):
    pipeline = painter()
    pipeline["parameters"]["delay"]["default"] = milliseconds
    return pipeline


def stamp():
    """Paints, and can be told nothing."""
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"picture": stage("text-to-image", "fakepainter", "text")},
        "outputs": {"picture": {"from": "picture", "type": "image/png"}},
        "serves": {"images/generations": True},
    }


def retoucher():
    return {
        "medley": 1, "inputs": {"image": {"type": "image/*"}},
        "parameters": {"prompt": {"type": "string", "default": "", "maxLength": 1000}},
        "stages": {"changed": stage("image-to-image/edit", "fakeretoucher", "image", prompt="${prompt}")},
        "outputs": {"changed": {"from": "changed", "type": "image/png"}},
        "serves": {"images/edits": True},
    }


def listener():
    return {
        "medley": 1, "inputs": {"sound": {"type": "audio/*"}},
        "parameters": {"language": {"type": "string", "default": "en", "enum": ["en", "de"]}},
        "stages": {"heard": stage("audio-to-text/transcribe", "fakelistener", "sound", language="${language}")},
        "outputs": {"text": {"from": "heard", "type": "text/plain"},
                    "captions": {"from": "heard.captions", "type": "text/vtt"}},
        "serves": {"audio/transcriptions": True},
    }


def embedder(kind="application/json"):
    return {
        "medley": 1, "inputs": {"texts": {"type": kind}},
        "parameters": {"dimensions": {"type": "integer", "default": 16, "minimum": 2, "maximum": 64}},
        "stages": {"vectors": stage("text-to-data/embedding", "fakeembedder", "texts", dimensions="${dimensions}")},
        "outputs": {"vectors": {"from": "vectors", "type": "application/json"}},
        "serves": {"embeddings": True},
    }


def film(milliseconds=0):
    """A narrated video whose article comes slowly."""
    return {
        "medley": 1, "inputs": {"article": {"type": "text/plain"}},
        "parameters": {"width": {"type": "integer", "default": 320}, "height": {"type": "integer", "default": 180}},
        "stages": {
            "slow": stage("text-to-text/slow", "fakeslow", "article", **{"delay-ms": milliseconds, "bytes-per-step": 20}),
            "speech": stage("text-to-audio/speech", "fakevoice", "slow"),
            "video": stage("text-to-video", "storyboard", "speech.captions", width="${width}", height="${height}"),
        },
        "outputs": {"film": {"from": ["video", "speech"], "type": "video/webm"}},
        "serves": {"videos": True},
    }


def crash():
    return chat() | {"stages": {"work": stage("text-to-text/crash", "fakecrash", "talk"),
                                "answer": stage("text-to-text/chat", "fakechat", "work")}, "parameters": {}}


def all_of_them():
    return {
        "chat.json": chat(), "chat-json.json": chat("application/json"), "slow-chat.json": slow_chat(250),
        "endless-chat.json": slow_chat(3_600_000), "painter.json": painter(), "slow-painter.json": slow_painter(), "keyed-painter.json": slow_painter(1500),
        "stamp.json": stamp(), "seedless.json": seedless_painter(), "two-seeds.json": seedless_painter(maximum=2),
        "retoucher.json": retoucher(), "listener.json": listener(), "embedder.json": embedder(),
        "one-embedder.json": embedder("text/plain"), "film.json": film(), "slow-film.json": film(300),
        "crash.json": crash(), "broken-chat.json": broken_chat(), "broken-listener.json": broken_listener(),
    }
