# SPDX-License-Identifier: LGPL-2.1-or-later
"""/openapi.json as what a test holds a daemon's answers against."""

import copy
import json
import re

import jsonschema

METHODS = ("get", "put", "post", "delete", "patch")


class Operation:
    def __init__(self, path, method, row):
        self.path, self.method, self.row, self.id = path, method.upper(), row, row["operationId"]

    @property
    def scopes(self):
        return [scope for entry in self.row["security"] for scope in entry.get("token", [])]

    @property
    def query(self):
        return {p["name"]: p for p in self.row["parameters"] if p["in"] == "query"}

    @property
    def takes_any_key(self):
        return any(p.get("explode") and p["schema"].get("type") == "object" for p in self.query.values())

    @property
    def errors(self):
        """(code, status) of each documented error."""
        return {(code, int(status)) for status, answer in self.row["responses"].items()
                for code in answer.get("x-medley-codes", ())}

    def fill(self, **names):
        """The path with names in it; those that are not given name nothing there is."""
        return re.sub(r"\{(\w+)\}", lambda match: names.get(match[1], "nothing-of-that-name"), self.path)


def close(schema):
    """A copy in which objects have no members but those that are described: what is answered is then described."""
    schema = copy.deepcopy(schema)
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "properties" in node and "additionalProperties" not in node and "x-open" not in node:
                node["additionalProperties"] = False
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    return schema


class Document:
    def __init__(self, text):
        self.raw = json.loads(text)
        self.operations = {row["operationId"]: Operation(path, method, row) for path, item in self.raw["paths"].items()
                           for method, row in item.items() if method in METHODS}
        self.components = close(self.raw["components"])

    def __getitem__(self, operation_id):
        return self.operations[operation_id]

    def validate(self, schema, value):
        """Raises unless a value follows a schema to the letter."""
        whole = dict(close(schema), components=self.components)
        jsonschema.Draft202012Validator(whole).validate(value)

    def check(self, operation, reply):
        """Raises unless an answer is one that is documented; returns the code of an error, None of others."""
        answers = operation.row["responses"]
        where = f"{operation.id} answered {reply.status}: {reply.body[:400]!r}"
        if str(reply.status) not in answers:
            raise AssertionError(f"{where}; documented are {', '.join(answers)}")
        answer = answers[str(reply.status)]
        kind = reply.headers.get("content-type", "").split(";")[0].strip()
        content = answer.get("content", {})
        if not content:
            if reply.body:
                raise AssertionError(f"{where}, with a body where none is documented")
            return None
        if kind not in content and "*/*" not in content:
            raise AssertionError(f"{where}, as {kind!r}; documented are {', '.join(content)}")
        schema = content.get(kind, content.get("*/*", {})).get("schema")
        if schema is not None:
            self.validate(schema, json.loads(reply.body))
        if "x-medley-codes" not in answer:
            return None
        code = find_code(reply)
        if code not in answer["x-medley-codes"]:
            raise AssertionError(f"{where}; documented are {', '.join(answer['x-medley-codes'])}")
        return code


def find_code(reply):
    """Medley's code of an error, in a problem document as beside an error of another shape."""
    return reply.headers.get("medley-error") or json.loads(reply.body)["code"]
