#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Speech lasts within 3 % of what the espeak-ng command needs for the same text and voice.

usage: check-espeak-duration.py PLUGIN_DIR ; runs gst-launch-1.0 and espeak-ng, prints TAP.
"""
import os
import subprocess
import sys
import tempfile
import wave

ARTICLE = """The River and the Town

A short history of how the town of Aldermouth came to be.

In the spring of 1842, when the snow had melted early, fourteen families settled on the north bank \
of the river. They had come from the hills; they brought cattle, seed, and little else. "We had \
nothing," wrote Mary Holt in her diary, "but the weather was kind."

The First Winter

The first winter was not. Temperatures fell to -20 degrees, and by January 3 of the 14 families had \
left. Those who stayed built a hall (it still stands today) and shared what there was. Was it \
enough? Barely!

Dr. Samuel Reed opened the first surgery at No. 4 Mill Street. Mr. Reed, his brother, ran the mill. \
By the U.S. census of 1850 there were 312 people, e.g. smiths, millers and teachers.
""" * 5

TEXTS = [
    ("short", "en-gb", 175, "Hello there.\n"),
    ("three sentences", "en-gb", 175, "Hello there. How are you today? Fine!\n"),
    ("article", "en-gb", 175, ARTICLE),
    ("article, slow", "en-us", 80, ARTICLE),
    ("article, fast", "en-gb", 450, ARTICLE),
    ("lists", "en-gb", 175, "Shopping\n\n- milk\n- two loaves of bread\n- eggs\n\n1. First thing.\n"
     "2. Second thing.\n3. Third thing.\n\nThe end.\n"),
    ("abbreviations", "en-gb", 175, "Mr. Smith met Dr. J. R. Brown at 3 p.m. in the U.S. Army base. "
     "Mrs. Jones, e.g. the wife, came too. See fig. 3. No. 5 is alive. It cost $3.50.\n"),
    ("quotes", "en-gb", 175, "\"Where are you going?\" she asked. \"Home,\" he said. \"It's late...\" "
     "(He was right.) \u201cReally?\u201d \u2014 \u201cYes!\u201d 'No.' She left. [Applause.] What?! "
     "Oh...\n\n\"To be, or not to be.\"\n"),
    ("wrapped lines", "en-gb", 175, "This is a text that was wrapped\nat a narrow column, as mails\nand "
     "books are. It goes on\nfor some lines.\nAnd another sentence follows\nhere.\n\n\n\nCHAPTER II.\n\n"
     "The second chapter is short: very\nshort.\n"),
    ("CR LF", "en-gb", 175, "Title\r\n\r\nFirst line of text.\r\nSecond line.\r\n\r\nNew paragraph.\r\n"),
    ("no full stops", "en-gb", 175, "word and more words without any end " * 120),
    ("markdown", "en-gb", 175, "# Heading one\n\nSome *emphasis* and `code`. A [link](http://example.org/) "
     "too.\n\n## Heading two\n\n* item a\n* item b\n\n> A quote. Of two sentences.\n\n---\n\nThe end.\n"),
    ("German", "de", 175, "Am 3. Oktober 1990 wurde Deutschland wiedervereinigt. Dr. M\u00fcller sagte "
     "z. B. \u201eGuten Tag!\u201c Danach kam er. Heinrich VIII. war K\u00f6nig.\n\n\u00dcberschrift ohne "
     "Punkt\n\nDas ist der zweite Absatz. Er ist kurz.\n"),
    ("French", "fr", 175, "Bonjour ! Comment allez-vous ? \u00ab Tr\u00e8s bien \u00bb, dit-il. Il a dit : "
     "\u00ab Non ! \u00bb Puis il partit.\n"),
    ("Russian", "ru", 175, "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440. \u041a\u0430\u043a "
     "\u0434\u0435\u043b\u0430? \u0425\u043e\u0440\u043e\u0448\u043e!\n"),
]


def frames(path):
    with wave.open(path) as sound:
        return sound.getnframes()


def before_tools(folder):
    """The thread sanitizer's library comes first or not at all; beside Debian's GLib what it says means nothing."""
    linked = subprocess.run(["ldd", f"{folder}/libmedleyespeak.so"], capture_output=True, text=True, check=True).stdout
    if "libtsan.so" not in linked:
        return []
    library = subprocess.run(["cc", "-print-file-name=libtsan.so"], capture_output=True, text=True, check=True).stdout
    return ["env", f"LD_PRELOAD={library.strip()}", "TSAN_OPTIONS=report_bugs=0", "GST_REGISTRY_FORK=no"]


def main():
    os.environ["GST_PLUGIN_PATH"] = sys.argv[1]
    # The tools are not built with the sanitizer that the plugin may be built with.
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0:verify_asan_link_order=0"
    before = before_tools(sys.argv[1])
    print(f"1..{len(TEXTS)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GST_REGISTRY"] = f"{folder}/registry"
        text, ours, theirs = (f"{folder}/{name}" for name in ("text.txt", "ours.wav", "theirs.wav"))
        for number, (name, voice, rate, content) in enumerate(TEXTS, 1):
            with open(text, "w", encoding="utf-8", newline="") as file:
                file.write(content)
            subprocess.run(["espeak-ng", "-v", voice, "-s", str(rate), "-f", text, "-w", theirs],
                           check=True)
            subprocess.run([*before, "gst-launch-1.0", "-q", "filesrc", f"location={text}", "!", "espeak",
                            f"voice={voice}", f"rate={rate}", "!", "audioconvert", "!", "wavenc", "!",
                            "filesink", f"location={ours}"], check=True)
            have, want = frames(ours), frames(theirs)
            off = 100 * (have - want) / want
            good = abs(off) <= 3
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} {name}: {off:+.2f} % of {want / 22050:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
