"""Xinference's client: it asks whether a key is needed, then for the model's card, then ranks."""

import asyncio

from xinference_client import RESTfulClient

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

try:
    from xinference_client.client.restful.async_restful_client import AsyncClient
except ImportError:
    AsyncClient = None

expect = Expectations()


def model(name=None, key=None):
    return RESTfulClient(expect.url, api_key=key or expect.key).get_model(name or expect.model)


def text_of(document):
    return document["text"] if isinstance(document, dict) else document


def items(reply):
    return [(item["index"], item["relevance_score"], text_of(item.get("document"))) for item in reply["results"]]


async def asynchronous():
    client = AsyncClient(expect.url, api_key=expect.key)
    try:
        handle = await client.get_model(expect.model)
        return await handle.rerank(DOCUMENTS, QUERY)
    finally:
        await client.close()


expect.ranking("rerank", lambda: items(model().rerank(DOCUMENTS, QUERY)))
expect.ranking("rerank with texts", lambda: items(model().rerank(DOCUMENTS, QUERY, return_documents=True)))
expect.ranking("rerank top_n", lambda: items(model().rerank(DOCUMENTS, QUERY, top_n=2)), top_n=2)
expect.ranking("a slash in the name", lambda: items(model(expect.long_name).rerank(DOCUMENTS, QUERY)))
if AsyncClient is not None:
    expect.ranking("rerank asynchronous", lambda: items(asyncio.run(asynchronous())))
listed = RESTfulClient(expect.url, api_key=expect.key).list_models()
expect.holds("list of models", listed[expect.model]["model_type"] == "rerank", listed)
expect.raises("wrong key", RuntimeError, lambda: model(key=WRONG_KEY).rerank(DOCUMENTS, QUERY), "API key")
expect.raises("unknown model", RuntimeError, lambda: model(UNKNOWN_MODEL), UNKNOWN_MODEL)
expect.finish()
