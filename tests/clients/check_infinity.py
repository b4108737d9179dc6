"""Infinity's generated client."""

import asyncio

from infinity_client import AuthenticatedClient
from infinity_client.api.default import health, models, rerank
from infinity_client.errors import UnexpectedStatus
from infinity_client.models import RerankInput

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

expect = Expectations()


def client(key=None):
    return AuthenticatedClient(base_url=expect.url + "/infinity", token=key or expect.key,
                               raise_on_unexpected_status=True)


def body(**more):
    return RerankInput.from_dict({"query": QUERY, "documents": DOCUMENTS, "model": expect.model, **more})


def items(reply):
    return [(item.index, item.relevance_score, item.document or None) for item in reply.results]


expect.ranking("rerank", lambda: items(rerank.sync(client=client(), body=body(return_documents=True))))
expect.ranking("rerank without texts", lambda: items(rerank.sync(client=client(), body=body(return_documents=False))))
expect.ranking("rerank top_n", lambda: items(rerank.sync(client=client(), body=body(top_n=2))), top_n=2)
expect.ranking("rerank raw", lambda: items(rerank.sync(client=client(), body=body(raw_scores=True))), logits=True)
expect.ranking("rerank asynchronous", lambda: items(asyncio.run(rerank.asyncio(client=client(), body=body()))))
expect.ranking("rerank without a model's name", lambda: items(
    rerank.sync(client=client(), body=RerankInput(query=QUERY, documents=DOCUMENTS))))
found = models.sync(client=client())
expect.holds("models", found.data[0].id == expect.model, found)
expect.holds("health", health.sync_detailed(client=client()).status_code == 200)
expect.raises("wrong key", UnexpectedStatus, lambda: rerank.sync(client=client(WRONG_KEY), body=body()), "401")
expect.raises("unknown model", UnexpectedStatus, lambda: rerank.sync(client=client(), body=body(model=UNKNOWN_MODEL)),
              "404")
expect.finish()
