"""The rerankers library: one class for many services, told apart by the provider's name."""

from rerankers.models.api_rankers import APIRanker

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

expect = Expectations()
PATHS = {"cohere": "/v1/rerank", "jina": "/v1/rerank", "voyage": "/v1/rerank", "mixedbread.ai": "/v1/reranking",
         "text-embeddings-inference": "/rerank"}


def ranker(provider, model=None, key=None):
    return APIRanker(model or expect.model, key or expect.key, provider, verbose=0, url=expect.url + PATHS[provider])


def items(reply):
    return [(item.doc_id, item.score, item.text) for item in reply.results]


for name in PATHS:
    expect.ranking(name, lambda p=name: items(ranker(p).rank(QUERY, DOCUMENTS)))
    # It does not look at the status, but stumbles over what is missing in the body.
    expect.raises(f"{name}: wrong key", (KeyError, TypeError, ValueError),
                  lambda p=name: ranker(p, key=WRONG_KEY).rank(QUERY, DOCUMENTS))
    if name != "text-embeddings-inference":
        expect.raises(f"{name}: unknown model", (KeyError, TypeError, ValueError),
                      lambda p=name: ranker(p, model=UNKNOWN_MODEL).rank(QUERY, DOCUMENTS))
expect.finish()
