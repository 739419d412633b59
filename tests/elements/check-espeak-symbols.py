#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plugin never ends the library: espeak_Terminate hangs in a forked worker.

usage: check-espeak-symbols.py PLUGIN
"""
import subprocess
import sys

symbols = subprocess.run(["nm", "-D", "--undefined-only", sys.argv[1]], check=True,
                         capture_output=True, text=True).stdout.split()
assert "espeak_Synth" in symbols, "this is not the speech engine"
bad = [name for name in symbols if name in ("espeak_Terminate", "espeak_ng_Terminate")]
sys.exit(f"{sys.argv[1]} calls {', '.join(bad)}" if bad else 0)
