"""LiteLLM: each provider whose dialect the server speaks, by the same call."""

import asyncio
import logging
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else importing it asks the network

import litellm  # pylint: disable=wrong-import-position

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)  # it prints each refusal that is wanted here
litellm.telemetry = False
litellm.suppress_debug_info = True
litellm.num_retries = 0
expect = Expectations()

# provider: what stands behind the server's address, whether texts come back, and whether a score is a logit
PROVIDERS = {
    "hosted_vllm": ("/v1", True, False),
    "cohere": ("", True, False),
    "infinity": ("/infinity", True, False),
    "jina_ai": ("", True, False),
    "huggingface": ("", True, False),
    "voyage": ("/voyage", True, False),
    "nvidia_nim": ("", False, True),
}


def ask(provider, model=None, key=None, **more):
    return {"model": f"{provider}/{model or expect.model}", "query": QUERY, "documents": DOCUMENTS,
            "api_base": expect.url + PROVIDERS[provider][0], "api_key": key or expect.key, **more}


def text_of(item):
    document = item.get("document")
    return document.get("text") if isinstance(document, dict) else document


def items(reply):
    return [(item["index"], item["relevance_score"], text_of(item)) for item in reply.results]


for provider, (_, has_texts, is_logit) in PROVIDERS.items():
    expect.ranking(provider, lambda p=provider: items(litellm.rerank(**ask(p))), logits=is_logit)
    expect.ranking(f"{provider} top_n", lambda p=provider: items(litellm.rerank(**ask(p, top_n=2))), top_n=2,
                   logits=is_logit)
    expect.ranking(f"{provider} asynchronous", lambda p=provider: items(asyncio.run(litellm.arerank(**ask(p)))),
                   logits=is_logit)
    if has_texts:
        expect.ranking(f"{provider} with texts", lambda p=provider: items(
            litellm.rerank(**ask(p, return_documents=True))), logits=is_logit)
    expect.ranking(f"{provider} with a slash in the name", lambda p=provider: items(
        litellm.rerank(**ask(p, model=expect.long_name))), logits=is_logit)
    expect.raises(f"{provider}: wrong key", litellm.AuthenticationError,
                  lambda p=provider: litellm.rerank(**ask(p, key=WRONG_KEY)))
    if provider != "huggingface":  # TEI's interface has no model
        expect.raises(f"{provider}: unknown model", litellm.NotFoundError,
                      lambda p=provider: litellm.rerank(**ask(p, model=UNKNOWN_MODEL)), UNKNOWN_MODEL)
expect.finish()
