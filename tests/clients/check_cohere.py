"""Cohere's own client: versions 1 and 2 of its interface, each synchronous and asynchronous."""

import asyncio

import cohere
from cohere.errors import BadRequestError, NotFoundError, UnauthorizedError

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

expect = Expectations()
ASK = {"model": expect.model, "query": QUERY, "documents": DOCUMENTS}


def items(reply):
    return [(item.index, item.relevance_score, item.document.text if getattr(item, "document", None) else None)
            for item in reply.results]


def asynchronous(make, **ask):
    async def run():
        async with make(api_key=expect.key, base_url=expect.url) as client:
            return await client.rerank(**ask)

    return asyncio.run(run())


v1 = cohere.Client(api_key=expect.key, base_url=expect.url)
v2 = cohere.ClientV2(api_key=expect.key, base_url=expect.url)
expect.ranking("v1", lambda: items(v1.rerank(**ASK)))
expect.ranking("v1 with texts", lambda: items(v1.rerank(return_documents=True, **ASK)))
expect.ranking("v1 with objects", lambda: items(v1.rerank(**ASK | {"documents": [{"text": text} for text in DOCUMENTS]},
                                                          return_documents=True)))
expect.ranking("v1 top_n", lambda: items(v1.rerank(top_n=2, **ASK)), top_n=2)
expect.ranking("v2", lambda: items(v2.rerank(**ASK)))
expect.ranking("v2 top_n", lambda: items(v2.rerank(top_n=3, max_tokens_per_doc=4096, **ASK)), top_n=3)
expect.ranking("v1 asynchronous", lambda: items(asynchronous(cohere.AsyncClient, **ASK)))
expect.ranking("v2 asynchronous", lambda: items(asynchronous(cohere.AsyncClientV2, **ASK)))

meta = v2.rerank(**ASK).meta
expect.holds("v2 meta", meta.billed_units.search_units == 1 and meta.api_version.version == "2", meta)
expect.holds("v1 id", v1.rerank(**ASK).id.startswith("rerank-"))

for name, make in (("v1", cohere.Client), ("v2", cohere.ClientV2)):
    stranger = make(api_key=WRONG_KEY, base_url=expect.url)
    known = make(api_key=expect.key, base_url=expect.url)
    expect.raises(f"{name}: wrong key", UnauthorizedError, lambda client=stranger: client.rerank(**ASK), "API key")
    expect.raises(f"{name}: unknown model", NotFoundError,
                  lambda client=known: client.rerank(**ASK | {"model": UNKNOWN_MODEL}), UNKNOWN_MODEL)
    expect.raises(f"{name}: nothing to rank", BadRequestError,
                  lambda client=known: client.rerank(**ASK | {"documents": []}), "At least one")
expect.finish()
