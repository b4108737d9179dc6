"""A client of Text Embeddings Inference. It always sends truncate, false unless told, and never a model."""

import asyncio

from pydantic import ValidationError
from tei_client import HttpClient

from expectations import DOCUMENTS, QUERY, WRONG_KEY, Expectations

expect = Expectations()


def client(key=None):
    return HttpClient(expect.url, headers={"Authorization": f"Bearer {key or expect.key}"})


def items(reply):
    return [(item.index, item.score, item.text) for item in reply.ranks]


expect.ranking("rerank", lambda: items(client().rerank(QUERY, DOCUMENTS)))
expect.ranking("rerank with texts", lambda: items(client().rerank(QUERY, DOCUMENTS, return_text=True)))
expect.ranking("rerank raw", lambda: items(client().rerank(QUERY, DOCUMENTS, raw_scores=True)), logits=True)
expect.ranking("rerank, cutting", lambda: items(client().rerank(QUERY, DOCUMENTS, truncate=True)))
expect.ranking("rerank asynchronous", lambda: items(asyncio.run(client().async_rerank(QUERY, DOCUMENTS))))
info = client().info()
expect.holds("info", info.server_model_id == expect.model and info.server_model_type.value == "reranker", info)
expect.holds("health", client().health())
tokens = client().tokenize(["an image editor", "photos"])
expect.holds("tokenize", len(tokens) == 2 and tokens[0].tokens[0].start == 0 and not tokens[0].tokens[0].special, tokens)
# It reads the error's object as a list of scores.
expect.raises("wrong key", ValidationError, lambda: client(WRONG_KEY).rerank(QUERY, DOCUMENTS))
expect.raises("a document that is too long", ValidationError, lambda: client().rerank(QUERY, ["long " * 20000]))
expect.finish()
