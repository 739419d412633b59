#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the shipped pipelines, and files that are faulty in their shape, against the JSON Schema.

usage: check-schema.py PIPELINES FAULTY
The same faulty files are refused by the daemon's reader in test-pipeline."""
import json
import pathlib
import sys

import jsonschema

# Faults that a schema can see; the others are of names that refer to something.
FAULTY = ["keys", "misspelt-lists", "no-object", "no-outputs", "parameters", "schema-element-engine", "serves", "stall",
          "ten-faults", "types", "values", "version"]
# What only "medley validate" can see: the schema must not be stricter than the format.
SHAPELY = ["client-elements", "cycles", "fan-out", "subs", "unused"]


def main():
    pipelines, faulty = map(pathlib.Path, sys.argv[1:])
    schema = json.loads((pipelines / "schema" / "pipeline-1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failures = 0

    def check(path, expected, why):
        nonlocal failures
        document = json.loads(path.read_text())
        errors = [error.message for error in validator.iter_errors(document)]
        if bool(errors) == expected:
            failures += 1
            print(f"{path}: {why}", *errors, sep="\n  ")

    shipped = sorted(pipelines.glob("*.json"))
    for path in shipped:
        check(path, True, "a shipped pipeline does not fit the schema")
        document = json.loads(path.read_text())
        if not (path.parent / document["$schema"]).samefile(pipelines / "schema" / "pipeline-1.json"):
            failures += 1
            print(f"{path}: $schema does not lead to the schema")
    for name in FAULTY:
        check(faulty / f"{name}.json", False, "the schema accepts a faulty pipeline")
    for name in SHAPELY:
        check(faulty / f"{name}.json", True, "the schema refuses what the format allows")
    print(f"{len(shipped)} shipped, {len(FAULTY)} faulty, {len(SHAPELY)} shapely files, {failures} failures")
    return 1 if failures or not shipped else 0


sys.exit(main())
