"""Voyage's client."""

import asyncio

import voyageai
from voyageai.error import APIError, AuthenticationError, InvalidRequestError

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

expect = Expectations()
ASK = {"query": QUERY, "documents": DOCUMENTS, "model": expect.model}


def client(key=None, kind=voyageai.Client):
    return kind(api_key=key or expect.key, base_url=expect.url + "/v1", max_retries=0)


def items(reply):
    return [(item.index, item.relevance_score, item.document) for item in reply.results]


expect.ranking("rerank", lambda: items(client().rerank(**ASK)))
expect.ranking("rerank top_k", lambda: items(client().rerank(top_k=2, **ASK)), top_n=2)
expect.ranking("rerank asynchronous", lambda: items(asyncio.run(client(kind=voyageai.AsyncClient).rerank(**ASK))))
expect.holds("total_tokens", client().rerank(**ASK).total_tokens > 0)
expect.raises("wrong key", AuthenticationError, lambda: client(WRONG_KEY).rerank(**ASK), "API key")
expect.raises("unknown model", (InvalidRequestError, APIError),
              lambda: client().rerank(**ASK | {"model": UNKNOWN_MODEL}), UNKNOWN_MODEL)
expect.raises("a document that may not be cut", InvalidRequestError,
              lambda: client().rerank(**ASK | {"documents": ["long " * 20000]}, truncation=False), "context length")
expect.finish()
