"""Haystack's rankers: Jina, Cohere, vLLM, TEI, NVIDIA."""

import os

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

from cohere.errors import NotFoundError, UnauthorizedError  # pylint: disable=wrong-import-position
from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.rankers.cohere import CohereRanker
from haystack_integrations.components.rankers.huggingface_api import HuggingFaceTEIRanker
from haystack_integrations.components.rankers.jina import JinaRanker
from haystack_integrations.components.rankers.nvidia import NvidiaRanker
from haystack_integrations.components.rankers.vllm import VLLMRanker

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

expect = Expectations()


def items(ranker):
    if hasattr(ranker, "warm_up"):
        ranker.warm_up()
    documents = [Document(id=str(at), content=text) for at, text in enumerate(DOCUMENTS)]
    return [(int(one.id), one.score, one.content) for one in ranker.run(query=QUERY, documents=documents)["documents"]]


def jina(model, key, top_k):
    return JinaRanker(model=model, api_key=Secret.from_token(key), top_k=top_k, base_url=expect.url + "/v1/rerank")


def cohere(model, key, top_k):
    return CohereRanker(model=model, api_key=Secret.from_token(key), top_k=top_k or len(DOCUMENTS),
                        api_base_url=expect.url)


def vllm(model, key, top_k):
    return VLLMRanker(model=model, api_key=Secret.from_token(key), top_k=top_k, api_base_url=expect.url + "/v1")


def tei(_, key, top_k):
    return HuggingFaceTEIRanker(url=expect.url, token=Secret.from_token(key), top_k=top_k or len(DOCUMENTS),
                                max_retries=0)


def nvidia(model, key, top_k):
    return NvidiaRanker(model=model, api_url=expect.url + "/v1", api_key=Secret.from_token(key),
                        top_k=top_k or len(DOCUMENTS))


# What a wrong key raises, what an unknown model does; None: the client names no model.
ERRORS = {
    jina: (RuntimeError, RuntimeError),
    cohere: (UnauthorizedError, NotFoundError),
    vllm: (RuntimeError, RuntimeError),
    tei: (RuntimeError, None),
    nvidia: (ValueError, ValueError),
}
for make, (unauthorized, not_found) in ERRORS.items():
    name = make.__name__
    is_logit = make is nvidia
    expect.ranking(name, lambda m=make: items(m(expect.model, expect.key, None)), logits=is_logit)
    expect.ranking(f"{name} top_k", lambda m=make: items(m(expect.model, expect.key, 2)), top_n=2, logits=is_logit)
    expect.raises(f"{name}: wrong key", unauthorized, lambda m=make: items(m(expect.model, WRONG_KEY, None)))
    if not_found is not None:
        expect.raises(f"{name}: unknown model", not_found, lambda m=make: items(m(UNKNOWN_MODEL, expect.key, None)))
expect.finish()
