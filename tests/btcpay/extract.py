#!/usr/bin/env python3
"""Reduces BTCPay Server's published OpenAPI files to the facts that the stand-in checks against.

    extract.py FOLDER > openapi.json

FOLDER holds invoices.json, webhooks.json and common.json as BTCPay Server publishes them (2.4.1). What
remains of the calls that we use: paths, parameters, permissions, and the shapes of bodies as JSON Schema
(draft 2020-12). No words. Two calls that stand in other files of theirs are noted in supplement.json.

Their files describe a body in parts (allOf) of which one says "nothing else" and means the whole: parts
become one shape here, closed if any of them is.
"""

import json
import pathlib
import sys

VERSION = "2.4.1"
CALLS = {
    "/api/v1/stores/{storeId}/invoices": ["get", "post"],
    "/api/v1/invoices/{invoiceId}": ["get"],
    "/api/v1/invoices/{invoiceId}/payment-methods": ["get"],
    "/api/v1/stores/{storeId}/webhooks": ["get", "post"],
    "/api/v1/webhooks/{webhookId}": ["put"],
    "/api/v1/api-keys/current": ["get"],
    "/api/v1/health": ["get"],
}
KEPT = ["type", "format", "enum", "minimum", "maximum", "required"]
# The list shows payment methods when asked, and says so; one invoice shows them when asked by the same
# parameter, and its schema forgets to say so.
SAME_SHAPE = ("/api/v1/invoices/{invoiceId}", "InvoiceDataList")


def read(folder):
    here = pathlib.Path(__file__).parent
    files = [pathlib.Path(folder) / name for name in ("common.json", "invoices.json", "webhooks.json")]
    paths, schemas, parameters, events = {}, {}, {}, {}
    for file in [*files, here / "supplement.json"]:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
        paths.update(document["paths"] if "paths" in document else {})
        components = document.get("components") or {}
        schemas.update(components.get("schemas") or {})
        parameters.update(components.get("parameters") or {})
        for name, event in document.get("x-webhooks", {}).items():
            if name.startswith("Invoice"):
                events[name] = body(event["post"]["requestBody"])
    return paths, schemas, parameters, events


def name_of(reference):
    return reference.rsplit("/", 1)[1]


class Shapes:
    """Their schemas as JSON Schema, each that is used once."""

    def __init__(self, schemas):
        self.schemas = schemas
        self.used = {}

    def of(self, schema):
        if "$ref" in schema:
            name = name_of(schema["$ref"])
            if name not in self.used:
                self.used[name] = None
                self.used[name] = self.of(self.schemas[name])
            return {"$ref": f"#/$defs/{name}"}
        schema = self.whole(schema)
        shape = {key: schema[key] for key in KEPT if key in schema}
        if "properties" in schema:
            shape["properties"] = {name: self.of(part) for name, part in sorted(schema["properties"].items())}
        if "items" in schema:
            shape["items"] = self.of(schema["items"])
        if schema.get("additionalProperties") is False:
            shape["additionalProperties"] = False
        if "anyOf" in schema:
            shape["anyOf"] = [self.of(part) for part in schema["anyOf"]]
        if schema.get("nullable"):
            shape = {"anyOf": [shape, {"type": "null"}]}
        return shape

    def whole(self, schema):
        """The parts of allOf, references among them, as one."""
        if "$ref" in schema:
            return self.whole(self.schemas[name_of(schema["$ref"])])
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in map(self.whole, schema.get("allOf", [])):
            properties = {**part.get("properties", {}), **merged.get("properties", {})}
            closed = False in (part.get("additionalProperties"), merged.get("additionalProperties"))
            merged = {**part, **merged}
            if properties:
                merged["properties"] = properties
            if closed:
                merged["additionalProperties"] = False
        return merged


def parameter(shapes, parameters, given):
    given = parameters[name_of(given["$ref"])] if "$ref" in given else given
    return {
        "name": given["name"],
        "in": given["in"],
        "required": given.get("required", False),
        "schema": shapes.of(given.get("schema", {"type": "string"})),
    }


def body(part):
    return part.get("content", {}).get("application/json", {}).get("schema")


def call(shapes, parameters, path, whole, method):
    operation = whole[method]
    both = whole.get("parameters", []) + operation.get("parameters", [])
    reduced = {
        "method": method.upper(),
        "path": path,
        "parameters": [parameter(shapes, parameters, given) for given in both],
        "permissions": None,
        "responses": {},
    }
    for way in operation.get("security", []):
        if "API_Key" in way:
            reduced["permissions"] = way["API_Key"]
    if "requestBody" in operation:
        reduced["body"] = shapes.of(body(operation["requestBody"]))
    for status, answer in sorted(operation["responses"].items()):
        schema = body(answer)
        if (path, status) == (SAME_SHAPE[0], "200"):
            schema = shapes.schemas[SAME_SHAPE[1]]["items"]
        reduced["responses"][status] = shapes.of(schema) if schema else None
    return reduced


def main():
    paths, schemas, parameters, events = read(sys.argv[1])
    shapes = Shapes(schemas)
    document = {
        "version": VERSION,
        "calls": [
            call(shapes, parameters, path, paths[path], method)
            for path, methods in CALLS.items()
            for method in methods
        ],
        "events": {name: shapes.of(schema) for name, schema in sorted(events.items())},
    }
    document["$defs"] = dict(sorted(shapes.used.items()))
    json.dump(document, sys.stdout, indent=1)
    print()


main()
