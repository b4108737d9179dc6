#!/usr/bin/env python3
"""Sends the requests of tests/http/cases to any server that speaks the contract, and compares status, headers, shape
scores and order of the replies. What a case says is data; what the words in it mean is in fault() below and in score_check.py.

usage: run_cases.py URL [--key KEY] [--model NAME] [FILE...]      e.g. run_cases.py http://127.0.0.1:8000
"""

import argparse
import http.client
import json
import pathlib
import ssl
import sys
import urllib.parse

from score_check import functions_of, score_fault

TYPES = {"<string>": str, "<boolean>": bool, "<null>": type(None)}


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def word_fault(word, value, path):
    """A word in angle brackets stands for values of a kind."""
    if word == "<any>":
        return None
    if word.startswith("<has:"):
        return None if isinstance(value, str) and word[5:-1] in value else f"{path}: no {word[5:-1]!r} in {value!r}"
    if word == "<integer>":
        fits = isinstance(value, int) and not isinstance(value, bool)
    elif word == "<number>":
        fits = is_number(value)
    elif word == "<score>":
        fits = is_number(value) and 0 <= value <= 1
    else:
        fits = isinstance(value, TYPES[word])
    return None if fits else f"{path}: {value!r} is no {word}"


def list_fault(shape, value, path):
    """{"$each": shape, "$length": n} describes a list whose elements are alike."""
    if not isinstance(value, list):
        return f"{path}: {value!r} is no list"
    if "$length" in shape and len(value) != shape["$length"]:
        return f"{path}: {len(value)} elements instead of {shape['$length']}"
    return next(filter(None, (fault(shape["$each"], one, f"{path}[{i}]") for i, one in enumerate(value))), None)


def fault(shape, value, path="body"):
    """What is wrong with `value`, or None. Objects may have more members than their shape, except those in $absent."""
    if isinstance(shape, str) and shape.startswith("<") and shape.endswith(">"):
        return word_fault(shape, value, path)
    if isinstance(shape, dict) and "$each" in shape:
        return list_fault(shape, value, path)
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{path}: {value!r} is no object"
        for name in shape.get("$absent", ()):
            if name in value:
                return f"{path}.{name} is there"
        names = [name for name in shape if name != "$absent"]
        missing = next((name for name in names if name not in value), None)
        if missing is not None:
            return f"{path}.{missing} is missing"
        return next(filter(None, (fault(shape[name], value[name], f"{path}.{name}") for name in names)), None)
    if isinstance(shape, list):
        if not isinstance(value, list) or len(value) != len(shape):
            return f"{path}: {value!r} is no list of {len(shape)}"
        return next(filter(None, (fault(s, v, f"{path}[{i}]") for i, (s, v) in enumerate(zip(shape, value)))), None)
    return None if shape == value and type(shape) is type(value) else f"{path}: {value!r} instead of {shape!r}"


def rank_fault(ranked, body):
    items = body[ranked["list"]] if "list" in ranked else body
    values = [item[ranked["by"]] for item in items]
    if values != sorted(values, reverse=True):
        return f"not the highest first: {values}"
    if items[0]["index"] != ranked["best"]:
        return f"document {items[0]['index']} is first, not {ranked['best']}"
    return None


def with_model(value, model):
    """`value` with the served name for every "$model"."""
    if isinstance(value, str):
        return value.replace("$model", model)
    if isinstance(value, list):
        return [with_model(one, model) for one in value]
    if isinstance(value, dict):
        return {name: with_model(one, model) for name, one in value.items()}
    return value


class Server:
    """One connection, opened again when the server closes it."""

    def __init__(self, url, key):
        self.parts = urllib.parse.urlsplit(url)
        self.key = key
        self.connection = None

    def connect(self):
        if self.parts.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection(self.parts.netloc, timeout=60, context=context)
        return http.client.HTTPConnection(self.parts.netloc, timeout=60)

    def send(self, method, path, headers=None, body=None):
        """Status, headers by lower-case name, and the body: its JSON, or its text where it is none."""
        sent = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        for name, value in (headers or {}).items():
            sent.pop(name, None)
            if value is not None and not (name == "Authorization" and self.key):
                sent[name] = value
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        if self.connection is None:
            self.connection = self.connect()
        try:
            self.connection.request(method, self.parts.path.rstrip("/") + path, body, sent)
            reply = self.connection.getresponse()
            text = reply.read()
        except (http.client.HTTPException, OSError):
            self.connection = None
            raise
        got = {name.lower(): value for name, value in reply.getheaders()}
        try:
            return reply.status, got, json.loads(text) if text else None
        except ValueError:
            return reply.status, got, text.decode("utf-8", "replace")


def encoded(request):
    if "latin1" in request:
        return request["latin1"].encode("latin-1")
    if "text" in request:
        return request["text"].encode("utf-8")
    return json.dumps(request["body"], ensure_ascii=False).encode("utf-8") if "body" in request else None


def case_fault(server, functions, case):
    request, expect = case["request"], case["expect"]
    status, headers, body = server.send(request["method"], request["path"], request.get("headers"), encoded(request))
    if status != expect["status"]:
        return f"status {status} instead of {expect['status']}: {body!r}"
    found = fault(expect.get("headers", {}), headers, "headers")
    if found is None and "body" in expect:
        found = fault(expect["body"], body)
    if found is None and "ranked" in expect:
        found = rank_fault(expect["ranked"], body)
    if found is None and "cut" in expect:
        cut = sorted(result["index"] for result in body["results"] if result.get("truncated"))
        found = None if cut == expect["cut"] else f"documents {cut} are truncated, not {expect['cut']}"
    if found is None and "scores" in expect:
        found = score_fault(server, functions, expect["scores"], request["body"], body)
    return found


def has_qwen3_tokenizer(server):
    status, _, body = server.send("POST", "/tokenize", None, b'{"prompt": "What is the capital of France?"}')
    return status == 200 and body.get("tokens") == [3838, 374, 279, 6722, 315, 9625, 30]


def is_encoder(server):
    status, _, body = server.send("GET", "/info")
    return status == 200 and isinstance(body, dict) and body.get("prompt") == "pair"


def run(server, model, files):
    """Counts of cases by how they ended."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    kinds = {kind for kind, has in (("qwen3", has_qwen3_tokenizer), ("encoder", is_encoder)) if has(server)}
    functions = functions_of(server)
    for file in files:
        for case in with_model(json.loads(file.read_text(encoding="utf-8")), model)["cases"]:
            if case.get("needs") not in (None, *kinds):
                counts["skipped"] += 1
                print(f"skipped {file.stem}: {case['name']}: the model is none of the kind {case['needs']}")
                continue
            found = case_fault(server, functions, case)
            counts["failed" if found else "passed"] += 1
            if found:
                print(f"FAILED {file.stem}: {case['name']}: {found}")
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--key", help="API key")
    parser.add_argument("--model", help="served name; by default the first of /v1/models")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    server = Server(arguments.url, arguments.key)
    model = arguments.model or server.send("GET", "/v1/models")[2]["data"][0]["id"]
    files = arguments.files or sorted((pathlib.Path(__file__).parent / "cases").glob("*.json"))
    counts = run(server, model, files)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
