# SPDX-License-Identifier: LGPL-2.1-or-later
"""A session's client on Python's websockets, which nobody of us wrote, and the pipelines that tests of sessions talk to."""

import asyncio
import json
import struct

import websockets

from httptest import pipeline
from medleytest import PATIENCE

RATE = 16000


def voice(ms=20):
    """Tones by the character: to the sample known beforehand."""
    return {
        "medley": 1, "inputs": {"text": {"type": "text/plain"}},
        "stages": {"speech": {"task": "text-to-audio/speech", "engine": "fakevoice", "from": "text",
                              "set": {"ms-per-character": ms}}},
        "outputs": {"speech": {"from": "speech", "type": "audio/wav"},
                    "captions": {"from": "speech.captions", "type": "text/vtt"}},
    }


PIPELINES = {
    "voice.json": voice(),
    "long.json": voice(1000),
    "echo.json": pipeline("fakeecho"),
    "slow.json": pipeline("fakeslow", "text-to-text/slow", **{"delay-ms": 50, "bytes-per-step": 512}),
    "hang.json": pipeline("fakehang", "text-to-text/hang"),
    "crash.json": pipeline("fakecrash", "text-to-text/crash", how="segv"),
    "endless.json": pipeline("fakeendless", "text-to-text/endless"),
    "listen.json": {
        "medley": 1, "inputs": {"sound": {"type": "audio/*"}},
        "stages": {"hear": {"task": "audio-to-text/transcribe", "engine": "fakelistener", "from": "sound"}},
        "outputs": {"text": {"from": "hear", "type": "text/plain"},
                    "captions": {"from": "hear.captions", "type": "text/vtt"}},
    },
}


class Talk:
    """A session as a client sees it: `async with Talk(daemon) as talk`."""

    def __init__(self, daemon, **options):
        self.connecting = websockets.unix_connect(
            str(daemon.socket), "ws://localhost/api/v1/sessions", subprotocols=["medley.v1"], max_size=None,
            open_timeout=PATIENCE, **options)

    async def __aenter__(self):
        self.socket = await self.connecting.__aenter__()
        self.media, self.turn, self.seen = {}, None, []
        return self

    async def __aexit__(self, *failure):
        await self.connecting.__aexit__(*failure)

    async def say(self, kind, **members):
        await self.socket.send(json.dumps(dict(members, type=kind)))

    async def hear(self):
        """The next message; media is collected by its turn."""
        message = await asyncio.wait_for(self.socket.recv(), PATIENCE)
        if isinstance(message, bytes):
            self.media[self.turn] = self.media.get(self.turn, b"") + message
            return {"type": "binary", "size": len(message)}
        message = json.loads(message)
        self.seen.append(message)
        if message["type"] == "turn":
            self.turn = message["turn"]
        return message

    async def until(self, kind, **members):
        while True:
            message = await self.hear()
            if message["type"] == kind and all(message.get(k) == v for k, v in members.items()):
                return message

    async def start(self, name, **members):
        await self.say("start", pipeline=name, **members)
        return await self.until("started")

    def heard(self, kind, turn=None):
        return [m for m in self.seen if m["type"] == kind and (turn is None or m["turn"] == turn)]


def wav(data):
    """What follows the header of a WAV file that may not be whole: (rate, samples)."""
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE", data[:12]
    at, rate = 12, None
    while True:
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"fmt ":
            rate = struct.unpack_from("<HHI", data, at)[2]
        if name == b"data":
            return rate, data[at:]
        at += size + size % 2
