#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the JSON samples of a page of documentation against the JSON Schema of pipelines.

usage: check-samples.py PAGE SCHEMA
A block says after "json" what it is: nothing for a whole pipeline, "faulty" for one that must be refused, or the
key of a pipeline that it is the value of ("stages")."""
import json
import pathlib
import re
import sys

import jsonschema


def main():
    page, schema_file = map(pathlib.Path, sys.argv[1:])
    schema = json.loads(schema_file.read_text())
    blocks = re.findall(r"^```json ?(\w*)$\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    kinds = set()
    failures = 0

    for kind, text in blocks:
        part = schema if kind in ("", "faulty") else schema["properties"][kind] | {"$defs": schema["$defs"]}
        try:
            errors = [error.message for error in jsonschema.Draft202012Validator(part).iter_errors(json.loads(text))]
        except json.JSONDecodeError as error:
            errors = [str(error)]
        kinds.add(kind)
        if bool(errors) != (kind == "faulty"):
            failures += 1
            print(f"{page}: the sample {kind or 'pipeline'} is not what it is said to be:", text, *errors, sep="\n")
    print(f"{len(blocks)} samples, {failures} failures")
    missing = {"", "faulty", "inputs", "parameters", "stages", "outputs", "serves"} - kinds
    if missing:
        print("no sample of:", ", ".join(sorted(kind or "a whole pipeline" for kind in missing)))
    return 1 if failures or missing else 0


sys.exit(main())
