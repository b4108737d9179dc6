"""What every client must get right: the order, the indices, the scores to the bit, the texts, top_n, and an exception for
a wrong key and an unknown model. The truth is asked of the server itself, by plain HTTP, on /v1/score."""

import json
import sys
import urllib.request

QUERY = "edit photos"
DOCUMENTS = [
    "A web server and reverse proxy.",
    "An image editor for photos, with layers and filters.",
    "Tools to convert pictures: \u201eM\u00fcnchen\u201c, \u6771\u4eac, \U0001f4f7, \"quotes\" \\ and\nlines.",
    "A compiler for the C language.",
    "",
]
WRONG_KEY = "not-the-key"
UNKNOWN_MODEL = "there-is-no-such-model"


class Expectations:
    """The server under test and what was found so far. usage of every script: check_NAME.py URL KEY"""

    def __init__(self):
        self.url, self.key = sys.argv[1:3]
        self.failures = 0
        self.passes = 0
        models = self._ask("/v1/models", None)["data"]
        self.model = models[0]["id"]
        self.long_name = next(model["id"] for model in models if "/" in model["id"])
        self.scores = self._scores(False)
        self.logits = self._scores(True)

    def _ask(self, path, body):
        request = urllib.request.Request(self.url + path, body and json.dumps(body).encode(),
                                         {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def _scores(self, raw):
        data = self._ask("/v1/score", {"text_1": QUERY, "text_2": DOCUMENTS, "raw_scores": raw})["data"]
        return [one["score"] for one in data]

    def _report(self, name, fault):
        if fault:
            self.failures += 1
            print(f"FAILED {name}: {fault}")
        else:
            self.passes += 1
            print(f"ok     {name}")

    def ranking(self, name, call, top_n=None, logits=False, input_order=False):
        """`call` gives (index, score, text) for each result, in the client's order; a text it does not hand out is None."""
        try:
            found = [tuple(one) for one in call()]
            self._report(name, self._ranking_fault(found, top_n, logits, input_order))
        except Exception as error:  # pylint: disable=broad-except
            self._report(name, f"{type(error).__name__}: {error}")

    def _ranking_fault(self, found, top_n, logits, input_order):
        truth = self.logits if logits else self.scores
        wanted = list(range(len(truth)))
        if not input_order:
            wanted.sort(key=lambda index: -truth[index])
        wanted = wanted[:top_n]
        indices = [index for index, _, _ in found]
        if indices != wanted:
            return f"indices {indices} instead of {wanted}"
        for index, score, text in found:
            if score != truth[index]:
                return f"document {index} has {score!r} instead of {truth[index]!r}"
            if text is not None and text != DOCUMENTS[index]:
                return f"document {index} came back as {text!r}"
        return None

    def raises(self, name, errors, call, words=""):
        """`call` must raise one of `errors`, and its text must hold `words`."""
        try:
            result = call()
        except errors as error:
            self._report(name, None if words in str(error) else f"no {words!r} in {type(error).__name__}: {error}")
        except Exception as error:  # pylint: disable=broad-except
            self._report(name, f"raised {type(error).__name__}: {error}")
        else:
            self._report(name, f"raised nothing, gave {result!r}")

    def holds(self, name, condition, shown=None):
        self._report(name, None if condition else f"it does not hold: {shown!r}")

    def finish(self):
        print(f"{self.passes} passed, {self.failures} failed")
        sys.exit(1 if self.failures or not self.passes else 0)
