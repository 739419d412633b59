#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fails when a folder includes what docs/architecture.md forbids.

usage: check-layers.py SOURCE-ROOT

First the rules are held against samples, each of which must fail (or pass) as it says: a rule that catches nothing
would go unnoticed otherwise."""
import pathlib
import re
import sys

# In daemon/: whom each folder may include besides itself. Files of daemon/ itself build the rest and may include all.
DAEMON = {
    "base": [],
    "workers": ["base"],
    "catalog": ["workers", "base"],
    "pipeline": ["catalog", "workers", "base"],
    "job": ["pipeline", "catalog", "workers", "base"],
    "dbus": ["job", "pipeline", "catalog", "workers", "base"],
    "telemetry": ["job", "pipeline", "catalog", "workers", "base"],
    "http": ["telemetry", "job", "pipeline", "catalog", "workers", "base"],
    "runner": ["base"],
    "cli": ["base"],
    "egress": ["base"],
}

# Headers of the project's own that are made during the build, and who may include them.
GENERATED = {
    "org.medley.Worker1.h": ["daemon/workers", "daemon/runner"],
    "medley-bus.h": ["daemon/dbus"],
    "medley-http-schemas.h": ["daemon/http"],
}

# Libraries that not everyone may use: prefix of the header → the places that may.
LIBRARIES = {
    "gst/": ["include", "plugins", "daemon/runner"],
    "libsoup/": ["daemon/http", "daemon/cli", "daemon/egress", "daemon/telemetry"],
    "gnutls/": ["daemon/http/tls-private.h", "daemon/http/tls.c"],
    "sqlite3.h": ["daemon/job/store-private.h"],
    "json-glib/": ["daemon/base/json.c", "plugins"],
    "seccomp.h": ["daemon/runner"],
    "curl/": ["plugins", "daemon/egress"],
    "systemd/": ["daemon/notify.c"],
}

# What include/ may use at all.
PUBLIC = ("glib", "gio/", "gobject/", "gst/", "medley/")

# The only public header without GStreamer behind it.
WITHOUT_GSTREAMER = "medley/medley-error.h"

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def within(path, places):
    return any(path == place or path.startswith(place + "/") for place in places)


def check_quoted(path, header, files):
    """Why `path` may not say #include "header"; None when it may. `files` are the names of all source files."""
    parts = path.split("/")
    if header in GENERATED:
        return None if within(path, GENERATED[header]) else f"only {', '.join(GENERATED[header])} may"
    if parts[0] == "include":
        return "a public header includes others as <medley/...>"
    if parts[0] == "plugins":
        folder = "/".join(parts[:2])
        if f"{folder}/{header}" in files and ".." not in header.split("/"):
            return None
        return "a plugin includes its own folder and <medley/...>, nothing else of the project"
    if len(parts) == 2:
        return None
    folder, target = parts[1], header.split("/")[0]
    if folder not in DAEMON:
        return f"daemon/{folder} has no place in the order; give it one here"
    if f"daemon/{header}" not in files:
        return "write it as FOLDER/FILE, as from daemon/"
    if target != folder and target not in DAEMON[folder]:
        return f"daemon/{folder} may include {', '.join(DAEMON[folder]) or 'nothing'} of daemon/"
    return None


def check_system(path, header):
    """Why `path` may not say #include <header>; None when it may."""
    if path.startswith("include/"):
        return None if header.startswith(PUBLIC) else "include/ uses GLib and GStreamer only"
    for prefix, places in LIBRARIES.items():
        if header.startswith(prefix) and not within(path, places):
            return f"only {', '.join(places)} may"
    if header.startswith("medley/") and header != WITHOUT_GSTREAMER and path.startswith("daemon/") \
            and not within(path, ["daemon/runner"]):
        return f"it brings in GStreamer, which only daemon/runner may use; {WITHOUT_GSTREAMER} does not"
    return None


def check_file(path, text, files):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(2)
        reason = check_system(path, header) if match.group(1) == "<" else check_quoted(path, header, files)
        if reason:
            yield f"{path}:{number}: includes {header}: {reason}"


SAMPLES = [
    # path, include, whether it may
    ("daemon/base/x.c", '"catalog/a.h"', False),
    ("daemon/base/x.c", '"base/a.h"', True),
    ("daemon/base/x.c", '"a.h"', False),
    ("daemon/workers/x.c", '"catalog/a.h"', False),
    ("daemon/workers/x.c", '"base/a.h"', True),
    ("daemon/catalog/x.c", '"pipeline/a.h"', False),
    ("daemon/catalog/x.c", '"workers/a.h"', True),
    ("daemon/pipeline/x.c", '"job/a.h"', False),
    ("daemon/pipeline/x.c", '"catalog/a.h"', True),
    ("daemon/job/x.c", '"http/a.h"', False),
    ("daemon/job/x.c", '"dbus/a.h"', False),
    ("daemon/job/x.c", '"pipeline/a.h"', True),
    ("daemon/dbus/x.c", '"http/a.h"', False),
    ("daemon/http/x.c", '"dbus/a.h"', False),
    ("daemon/http/x.c", '"runner/a.h"', False),
    ("daemon/http/x.c", '"job/a.h"', True),
    ("daemon/http/x.c", '"telemetry/a.h"', True),
    ("daemon/telemetry/x.c", '"job/a.h"', True),
    ("daemon/telemetry/x.c", '"http/a.h"', False),
    ("daemon/job/x.c", '"telemetry/a.h"', False),
    ("daemon/telemetry/x.c", "<libsoup/soup.h>", True),
    ("daemon/runner/x.c", '"pipeline/a.h"', False),
    ("daemon/runner/x.c", '"workers/a.h"', False),
    ("daemon/runner/x.c", '"org.medley.Worker1.h"', True),
    ("daemon/job/x.c", '"org.medley.Worker1.h"', False),
    ("daemon/http/x.c", '"medley-bus.h"', False),
    ("daemon/cli/x.c", '"job/a.h"', False),
    ("daemon/cli/x.c", '"base/a.h"', True),
    ("daemon/egress/x.c", '"job/a.h"', False),
    ("daemon/new/x.c", '"base/a.h"', False),
    ("daemon/daemon.c", '"http/a.h"', True),
    ("daemon/job/x.c", '"../runner/a.h"', False),
    ("daemon/job/x.c", "<libsoup/soup.h>", False),
    ("daemon/http/x.c", "<libsoup/soup.h>", True),
    ("daemon/cli/x.c", "<libsoup/soup.h>", True),
    ("plugins/one/x.c", "<libsoup/soup.h>", False),
    ("daemon/http/x.c", "<sqlite3.h>", False),
    ("daemon/job/store-private.h", "<sqlite3.h>", True),
    ("daemon/job/manager.c", "<sqlite3.h>", False),
    ("daemon/http/x.c", "<json-glib/json-glib.h>", False),
    ("daemon/base/config.c", "<json-glib/json-glib.h>", False),
    ("daemon/base/json.c", "<json-glib/json-glib.h>", True),
    ("plugins/one/x.c", "<json-glib/json-glib.h>", True),
    ("daemon/job/x.c", "<gst/gst.h>", False),
    ("daemon/daemon.c", "<gst/gst.h>", False),
    ("daemon/cli/x.c", "<gst/gst.h>", False),
    ("daemon/runner/x.c", "<gst/gst.h>", True),
    ("daemon/job/x.c", "<medley/medley-converter.h>", False),
    ("daemon/job/x.c", "<medley/medley-error.h>", True),
    ("daemon/http/x.c", "<curl/curl.h>", False),
    ("daemon/main.c", "<systemd/sd-daemon.h>", False),
    ("daemon/job/x.c", "<systemd/sd-daemon.h>", False),
    ("daemon/notify.c", "<systemd/sd-daemon.h>", True),
    ("include/medley/x.h", "<string.h>", False),
    ("include/medley/x.h", "<libsoup/soup.h>", False),
    ("include/medley/x.h", '"base/a.h"', False),
    ("include/medley/x.h", "<gst/gst.h>", True),
    ("include/medley/x.h", "<medley/medley-error.h>", True),
    ("plugins/one/x.c", '"two.h"', False),
    ("plugins/one/x.c", '"../two/two.h"', False),
    ("plugins/one/x.c", '"base/a.h"', False),
    ("plugins/one/x.c", '"one.h"', True),
    ("plugins/one/x.c", "<medley/medley.h>", True),
    ("plugins/one/x.c", "<cairo.h>", True),
]


def check_samples():
    files = {f"daemon/{folder}/a.h" for folder in [*DAEMON, "new"]} | {"plugins/one/one.h", "plugins/two/two.h"}
    for path, include, expected in SAMPLES:
        found = list(check_file(path, f"\n # include {include}\n", files))
        if (not found) != expected:
            yield f"the sample {path} with {include} should {'pass' if expected else 'fail'}, but does not"


def main():
    root = pathlib.Path(sys.argv[1])
    paths = [path for folder in ("include", "plugins", "daemon") for path in sorted((root / folder).rglob("*"))
             if path.suffix in (".c", ".h") and path.is_file()]
    files = {path.relative_to(root).as_posix() for path in paths}
    faults = list(check_samples())
    for path in paths:
        faults += check_file(path.relative_to(root).as_posix(), path.read_text(), files)
    print(*faults, f"{len(SAMPLES)} samples, {len(paths)} files, {len(faults)} faults", sep="\n")
    return 1 if faults or len(paths) < 10 else 0


sys.exit(main())
