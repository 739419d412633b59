# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions of a real daemon: text or sound in, media and events out, at the same time."""

import asyncio
import contextlib
import io
import os
import signal
import struct
import unittest
import unittest.mock
import wave

from leftovers import descendants
from medleytest import PATIENCE, Daemon, main
from sessiontest import PIPELINES, RATE, Talk, wav

# 20 ms a character; see fakevoice.
MS = 20
FIRST = "Über den Wolken, singt er. "
SECOND = "One two three four five six seven. "


class Sessions(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("workers.maximum=2", "http.session-idle=2min", pipelines=PIPELINES)
        cls.daemon.start()

    @classmethod
    def tearDownClass(cls):
        status = cls.daemon.stop()
        assert status == 0, status

    async def wait_for_state(self, job, *states):
        return await asyncio.to_thread(self.daemon.wait, job, states or ("done", "failed", "cancelled"))

    async def test_text_is_spoken_while_it_is_still_being_sent(self):
        async with Talk(self.daemon) as talk:
            started = await talk.start("voice")
            self.assertEqual(started["outputs"],
                             {"speech": {"type": "audio/wav"}, "captions": {"type": "application/x-ndjson"}})
            self.assertEqual((started["turn"], started["input"]), (1, "text"))
            self.assertEqual(talk.socket.subprotocol, "medley.v1")
            # Nobody works for who only listens.
            job = await asyncio.to_thread(self.daemon.job, started["job"])
            self.assertEqual(job["state"], "queued")
            self.assertEqual(job["request"], talk.socket.response_headers["X-Request-Id"])
            await talk.say("text", text="One. Tw")
            media = await talk.until("media")
            self.assertEqual((media["turn"], media["output"], media["mediaType"]), (1, "speech", "audio/wav"))
            await talk.until("binary")
            self.assertEqual((await asyncio.to_thread(self.daemon.job, started["job"]))["state"], "running")
            await talk.say("text", text="o. Three.")
            await talk.say("end")
            ended = await talk.until("ended")
            self.assertEqual((ended["turn"], ended["state"]), (1, "done"))
            self.assertEqual([c["text"] for c in talk.heard("caption")], ["One.", "Two.", "Three."])
            rate, samples = wav(talk.media[1])
            self.assertEqual(rate, RATE)
            # Three sentences of four, four and six characters.
            self.assertEqual(len(samples) // 2, 14 * MS * RATE // 1000)
            self.assertEqual(ended["milliseconds"], 14 * MS)
            # The same as the job has.
            kinds = [m["event"]["kind"] for m in talk.heard("event")]
            events = (await asyncio.to_thread(self.daemon.curl, f"/api/v1/jobs/{started['job']}/events", "-H",
                                              "Accept: application/json")).json()["events"]
            self.assertEqual(kinds, [e["kind"] for e in events])

    async def test_captions_say_where_they_stand_in_the_text(self):
        text = FIRST + SECOND
        async with Talk(self.daemon) as talk:
            await talk.start("voice")
            await talk.say("text", text=text)
            await talk.say("end")
            await talk.until("ended")
            for caption in talk.heard("caption"):
                begin = caption["character"]
                self.assertEqual(text[begin:begin + caption["characters"]], caption["text"])
            first, second = talk.heard("caption")
            self.assertEqual((first["milliseconds"], first["duration"]), (0, MS * len(FIRST.strip())))
            self.assertEqual(second["milliseconds"], MS * len(FIRST.strip()))
            self.assertEqual([w["text"] for w in second["words"]], SECOND.split())
            self.assertEqual([w["milliseconds"] - second["milliseconds"] for w in second["words"]],
                             [MS * SECOND.index(w) for w in SECOND.split()])

    def assert_position(self, flushed, text, sentences, milliseconds):
        """What the engine's own rule says was heard: each character of a sentence lasts MS, spaces between none."""
        self.assertEqual(flushed["milliseconds"], milliseconds)
        at, expected = 0, 0
        for sentence in sentences:
            begin = text.index(sentence, at)
            for word in sentence.split():
                start = begin + sentence.index(word)
                following = sentence.find(" ", sentence.index(word))
                # A word lasts until the next begins.
                end = len(sentence) if following < 0 else following + 1
                time = sum(len(s) for s in sentences[:sentences.index(sentence)]) * MS + end * MS
                if time <= milliseconds:
                    expected = start + len(word)
            at = begin + len(sentence)
        self.assertEqual(flushed["character"], expected, (flushed, text[:expected]))
        self.assertEqual(flushed["byte"], len(text[:expected].encode()))

    async def test_a_flush_says_what_was_heard(self):
        text, sentences = FIRST + SECOND, [FIRST.strip(), SECOND.strip()]
        for played in (0, 1, 200, 519, 520, 521, 700, 900, 1219, 1220, 5000):
            with self.subTest(played=played):
                async with Talk(self.daemon) as talk:
                    started = await talk.start("voice")
                    await talk.say("text", text=text)
                    while len(talk.heard("caption")) < 2 or len(talk.media.get(1, b"")) < 2 * RATE:
                        await talk.hear()
                    await talk.say("flush", played=played)
                    flushed = await talk.until("flushed")
                    delivered = len(wav(talk.media[1])[1]) // 2 * 1000 // RATE
                    self.assertEqual((flushed["turn"], flushed["dropped"]), (1, 1))
                    self.assert_position(flushed, text, sentences, min(played, delivered))
                    job = await self.wait_for_state(started["job"])
                    self.assertEqual(job["state"], "cancelled")

    async def test_without_a_word_of_the_client_what_was_delivered_counts(self):
        text = "This is one sentence of some length. " * 50
        async with Talk(self.daemon) as talk:
            # A second a character: far more than the sockets between us hold.
            await talk.start("long", outputs=["speech"])
            await talk.say("text", text=text)
            await talk.until("binary")
            await talk.say("flush")
            flushed = await talk.until("flushed")
            seconds = len(wav(talk.media[1])[1]) / 2 / RATE
            self.assertEqual(flushed["milliseconds"], int(seconds * 1000))
            # One character a second, the spaces between sentences take none.
            spoken = "This is one sentence of some length."
            whole, rest = divmod(flushed["milliseconds"] // 1000, len(spoken))
            self.assertLessEqual(flushed["character"], whole * (len(spoken) + 1) + rest)
            self.assertGreater(flushed["character"], whole * (len(spoken) + 1) + rest - 12)
            # It was stopped in the middle: hours of sound were to come.
            self.assertLess(seconds, 50 * 36)
            self.assertEqual(talk.heard("caption"), [])

    async def test_after_a_flush_the_next_turn_speaks(self):
        async with Talk(self.daemon) as talk:
            first = await talk.start("long")
            await talk.say("text", text="A sentence that takes very long. " * 20)
            await talk.until("binary")
            await talk.say("flush")
            await talk.until("flushed")
            await talk.say("text", text="Now.")
            turn = await talk.until("turn")
            self.assertEqual(turn["turn"], 2)
            self.assertNotEqual(turn["job"], first["job"])
            await talk.say("end")
            ended = await talk.until("ended")
            self.assertEqual((ended["turn"], ended["state"], ended["milliseconds"]), (2, "done", 4000))
            self.assertEqual(len(wav(talk.media[2])[1]), 4 * 2 * RATE)
            self.assertEqual([m["turn"] for m in talk.heard("ended")], [2])
            self.assertEqual(talk.heard("error"), [])

    async def test_a_turn_may_be_sent_while_another_is_delivered(self):
        async with Talk(self.daemon) as talk:
            await talk.start("voice")
            for text in ("First.", "The second.", "Third one."):
                await talk.say("text", text=text)
                await talk.say("end")
            for number, length in ((1, 6), (2, 11), (3, 10)):
                ended = await talk.until("ended")
                self.assertEqual((ended["turn"], ended["milliseconds"]), (number, length * MS))
                self.assertEqual(len(wav(talk.media[number])[1]), length * MS * RATE // 1000 * 2)
            # What was played long ago is still known.
            await talk.say("flush", played=80, turn=3)
            flushed = await talk.until("flushed")
            self.assertEqual((flushed["turn"], flushed["dropped"], flushed["character"]), (3, 0, 0))
            await talk.say("flush", played=120)
            self.assertEqual((await talk.until("flushed"))["character"], 5)

    async def test_played_is_remembered(self):
        async with Talk(self.daemon) as talk:
            await talk.start("voice")
            await talk.say("text", text="Eins zwei drei.")
            await talk.say("end")
            await talk.until("ended")
            await talk.say("played", milliseconds=100)
            await talk.say("flush")
            flushed = await talk.until("flushed")
            self.assertEqual((flushed["milliseconds"], flushed["character"], flushed["text"]), (100, 4, "Eins"))

    async def test_bare_samples_say_what_they_are(self):
        async with Talk(self.daemon) as talk:
            await talk.start("voice", outputs={"speech": {"type": "audio/pcm"}})
            await talk.say("text", text="Ten chars.")
            await talk.say("end")
            media = await talk.until("media")
            self.assertEqual((media["rate"], media["channels"]), (RATE, 1))
            ended = await talk.until("ended")
            self.assertEqual((len(talk.media[1]), ended["milliseconds"]), (10 * MS * RATE // 1000 * 2, 10 * MS))

    async def test_the_time_of_ogg_is_that_of_its_pages(self):
        async with Talk(self.daemon) as talk:
            await talk.start("voice", outputs={"speech": {"type": "audio/ogg"}})
            await talk.say("text", text="Fifty characters, more or less, are spoken herein. " * 4)
            await talk.say("end")
            ended = await talk.until("ended")
            self.assertEqual(talk.media[1][:4], b"OggS")
            self.assertAlmostEqual(ended["milliseconds"], 4 * 50 * MS, delta=20)

    async def test_sound_goes_in_and_text_comes_out(self):
        with io.BytesIO() as file:
            with wave.open(file, "wb") as out:
                out.setparams((1, 2, RATE, 0, "NONE", ""))
                out.writeframes(struct.pack("<2h", 9000, -9000) * (4 * RATE // 2))
            sound = file.getvalue()
        async with Talk(self.daemon) as talk:
            started = await talk.start("listen")
            self.assertEqual(started["input"], "sound")
            half = len(sound) * 5 // 8
            # Messages, whole and in fragments, that end anywhere.
            await talk.socket.send(sound[:1001])
            await talk.socket.send([sound[at:at + 1111] for at in range(1001, half, 1111)])
            sent = 1001 + len(range(1001, half, 1111)) * 1111
            await talk.socket.send(sound[sent:])
            await talk.say("end")
            ended = await talk.until("ended")
            self.assertEqual(ended["state"], "done", talk.heard("error"))
            text = "".join(m["text"] for m in talk.heard("text"))
            same = (await asyncio.to_thread(self.daemon.curl, "/run/listen?output=text", "--data-binary", "@-",
                                            input=sound)).body.decode()
            self.assertEqual(text, same)
            self.assertTrue(text.strip())
            await talk.say("flush")
            self.assertNotIn("character", await talk.until("flushed"))

    async def test_text_comes_out(self):
        text = "Grüße, 世界! " * 5000
        async with Talk(self.daemon) as talk:
            await talk.start("echo")
            for at in range(0, len(text), 999):
                await talk.say("text", text=text[at:at + 999])
            await talk.say("end")
            await talk.until("ended")
            self.assertEqual("".join(m["text"] for m in talk.heard("text")), text)
            self.assertEqual({m["output"] for m in talk.heard("text")}, {"out"})

    async def test_sound_is_sent_no_further_ahead_than_asked(self):
        async with Talk(self.daemon) as talk:
            await talk.start("voice", lead=200, outputs=["speech"])
            await talk.say("text", text="A sentence of two seconds. " * 10)
            begun = asyncio.get_running_loop().time()
            await talk.until("binary")
            while asyncio.get_running_loop().time() - begun < 1:
                await talk.hear()
            # A piece of 16 KiB is half a second.
            await talk.say("flush")
            flushed = await talk.until("flushed")
            elapsed = (asyncio.get_running_loop().time() - begun) * 1000
            self.assertLessEqual(flushed["milliseconds"], elapsed + 200 + 512)
            self.assertGreaterEqual(flushed["milliseconds"], 1000)

    async def test_a_pause_is_not_made_up_for(self):
        """Who has heard all that there was, and waited, hears what follows as it is, not at once."""
        async with Talk(self.daemon) as talk:
            await talk.start("voice", lead=200, outputs=["speech"])
            await talk.say("text", text="Short. \n")
            await talk.until("binary")
            await asyncio.sleep(4)
            before = len(talk.media[1])
            await talk.say("text", text="A sentence of two seconds. " * 20)
            begun = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() - begun < 1.5:
                await talk.hear()
            elapsed = (asyncio.get_running_loop().time() - begun) * 1000
            sent = (len(talk.media[1]) - before) / 2 / RATE * 1000
            # All of the first sentence may be sent after this began, and two pieces.
            self.assertLess(sent, elapsed + 200 + 1100)

    async def test_an_attempt_that_begins_anew_is_not_taken_for_the_end(self):
        """What was heard of the attempt before is not the beginning of what comes now."""
        async with Talk(self.daemon) as talk:
            await talk.start("endless", attempts=3)
            await talk.say("text", text="On and on. ")
            await talk.until("text")
            for pid, _ in descendants(self.daemon.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.assertEqual((await talk.until("error"))["code"], "interrupted")
            self.assertEqual((await talk.until("ended"))["state"], "failed")

    async def test_who_goes_away_cancels(self):
        async with Talk(self.daemon) as talk:
            job = (await talk.start("endless"))["job"]
            await talk.say("text", text="On and on. ")
            await talk.until("text")
        self.assertEqual((await self.wait_for_state(job))["state"], "cancelled")

    async def test_who_detaches_may_go(self):
        async with Talk(self.daemon) as talk:
            job = (await talk.start("voice", detach=True))["job"]
            await talk.say("text", text="Said and gone.")
            await talk.until("turn")
        job = await self.wait_for_state(job)
        self.assertEqual(job["state"], "done")
        body = (await asyncio.to_thread(self.daemon.curl, f"/api/v1/jobs/{job['id']}/outputs/speech")).body
        self.assertEqual(len(wav(body)[1]), len("Said and gone.") * MS * RATE // 1000 * 2)

    async def test_a_job_that_fails_is_told_and_the_session_goes_on(self):
        async with Talk(self.daemon) as talk:
            job = (await talk.start("crash"))["job"]
            await talk.say("text", text="Boom.")
            error = await talk.until("error")
            self.assertEqual((error["code"], error["turn"], error["job"], error["stage"], error["engine"]),
                             ("worker-crashed", 1, job, "work", "fakecrash"))
            self.assertEqual((await talk.until("ended"))["state"], "failed")
            # What still comes of that turn is not another.
            await talk.say("text", text="More of it.")
            await talk.say("end")
            await talk.say("text", text="Again.")
            self.assertEqual((await talk.until("turn"))["turn"], 2)
            self.assertEqual((await talk.until("error"))["turn"], 2)

    async def test_a_worker_is_soon_free_for_the_next_turn(self):
        # It does not even hear that it is cancelled: its worker has to go.
        async with Talk(self.daemon) as talk:
            await talk.start("hang")
            for number in range(1, 4):
                await talk.say("text", text="Stuck. ")
                await talk.until("event", turn=number, event=unittest.mock.ANY)
                await talk.say("flush")
                self.assertEqual((await talk.until("flushed"))["turn"], number)

    async def test_what_a_start_gets_wrong(self):
        wrong = [
            ({"pipeline": "voise"}, "not-found"),
            ({}, "invalid-argument"),
            ({"pipeline": "voice", "input": "txt"}, "unknown-input"),
            ({"pipeline": "voice", "outputs": ["speach"]}, "unknown-output"),
            ({"pipeline": "voice", "outputs": 1}, "invalid-argument"),
            ({"pipeline": "voice", "outputs": {"speech": {"type": "image/png"}}}, "unsupported-type"),
            ({"pipeline": "voice", "parameters": {"pitch": 1}}, "invalid-parameter"),
            ({"pipeline": "voice", "detach": "yes"}, "invalid-argument"),
            ({"pipeline": "voice", "lead": -1}, "invalid-argument"),
            ({"pipeline": "voice", "outputz": {}}, "invalid-argument"),
            ({"pipeline": "voice", "idempotencyKey": "x"}, "invalid-argument"),
            ({"pipeline": {"medley": 1, "inputs": {"a": {"type": "text/plain"}}}}, "invalid-pipeline"),
        ]
        async with Talk(self.daemon) as talk:
            for members, code in wrong:
                with self.subTest(members):
                    await talk.say("start", **members)
                    error = await talk.hear()
                    self.assertEqual((error["type"], error.get("code")), ("error", code), error)
            # None of it was a start.
            await talk.start("voice")
            await talk.say("start", pipeline="voice")
            self.assertEqual((await talk.until("error"))["code"], "wrong-state")

    async def test_a_pipeline_may_be_sent_whole(self):
        async with Talk(self.daemon) as talk:
            await talk.start(PIPELINES["voice.json"], outputs={"speech": {}})
            await talk.say("text", text="Hello.")
            await talk.say("end")
            await talk.until("ended")
            await talk.say("flush")
            self.assertEqual((await talk.until("flushed"))["character"], 6)


if __name__ == "__main__":
    main()
