"""Whether the scores of a reply are the right function of the server's own logits, and in the right order. The logits are
those of /score for the same texts; what a model declares is what /info says."""

import json
import math

TOLERANCE = 1e-6
QUERY_FIELDS = ("query", "queries", "text_1", "data_1")
DOCUMENT_FIELDS = ("documents", "texts", "input", "passages", "text_2", "data_2", "items")


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit))


DECLARED = {"logit": lambda logit: logit, "sigmoid(logit)": sigmoid}


def texts_of(body, fields):
    given = next(body[field] for field in fields if field in body)
    texts = given if isinstance(given, list) else [given]
    return [text["text"] if isinstance(text, dict) else text for text in texts]


def functions_of(server):
    """By the word of a case; a function that this file cannot compute is None."""
    status, _, info = server.send("GET", "/info")
    declared = DECLARED.get(info.get("score_function")) if status == 200 and isinstance(info, dict) else None
    return {"declared": declared, "from 0 to 1": declared and sigmoid, "logits": lambda logit: logit}


def logits_of(server, body):
    asked = {"queries": texts_of(body, QUERY_FIELDS), "documents": texts_of(body, DOCUMENT_FIELDS), "raw_scores": True}
    for field in ("truncate_prompt_tokens", "max_tokens_per_query", "max_tokens_per_doc"):
        if field in body:
            asked[field] = body[field]
    status, _, reply = server.send("POST", "/score", None, json.dumps(asked).encode("utf-8"))
    if status != 200:
        raise ValueError(f"/score: {status}: {reply!r}")
    return [item["score"] for item in reply["data"]]


def score_fault(server, functions, expected, request, reply):
    """`expected`: {"list": of the reply, "by": the score's name, "are": the function, "order": "best first" or "request"}."""
    function = functions[expected["are"]]
    if function is None:
        return None
    items = reply[expected["list"]] if "list" in expected else reply
    wanted = [function(logit) for logit in logits_of(server, request)]
    if len(set(wanted)) != len(wanted):
        return f"these texts tell nothing of the order: {wanted}"
    order = range(len(wanted))
    if expected["order"] == "best first":
        order = sorted(order, key=lambda index: -wanted[index])
    for index, item in zip(order, items):
        if item.get("index", index) != index:
            return f"document {item['index']} stands where {index} should, of {wanted}"
        if not math.isclose(item[expected["by"]], wanted[index], rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return f"document {index} has {item[expected['by']]} instead of {wanted[index]}, its {expected['are']}"
    return None
