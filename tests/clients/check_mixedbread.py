"""Mixedbread's client."""

import asyncio

from mixedbread import AsyncMixedbread, AuthenticationError, Mixedbread, NotFoundError

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

expect = Expectations()
ASK = {"query": QUERY, "input": DOCUMENTS, "model": expect.model}


def client(key=None, kind=Mixedbread):
    return kind(api_key=key or expect.key, base_url=expect.url, max_retries=0)


def items(reply):
    return [(item.index, item.score, item.input) for item in reply.data]


expect.ranking("rerank", lambda: items(client().rerank(**ASK)))
expect.ranking("rerank with texts", lambda: items(client().rerank(return_input=True, **ASK)))
expect.ranking("rerank top_k", lambda: items(client().rerank(top_k=2, **ASK)), top_n=2)
expect.ranking("rerank asynchronous", lambda: items(asyncio.run(client(kind=AsyncMixedbread).rerank(**ASK))))
expect.ranking("rerank of objects", lambda: [(index, score, None) for index, score, _ in items(client().rerank(
    **ASK | {"input": [{"body": text} for text in DOCUMENTS]}, rank_fields=["body"]))])
reply = client().rerank(top_k=2, **ASK)
expect.holds("the rest of the reply", reply.model == expect.model and reply.top_k == 2 and reply.usage.total_tokens > 0,
             reply)
expect.raises("wrong key", AuthenticationError, lambda: client(WRONG_KEY).rerank(**ASK), "API key")
expect.raises("unknown model", NotFoundError, lambda: client().rerank(**ASK | {"model": UNKNOWN_MODEL}), UNKNOWN_MODEL)
expect.finish()
