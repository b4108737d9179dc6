"""LlamaIndex's postprocessors: Jina, TEI, Cohere, SiliconFlow, NVIDIA, Mixedbread."""

import os

os.environ["MIXEDBREAD_BASE_URL"] = "unset"

import httpx  # pylint: disable=wrong-import-position
import mixedbread
from cohere.errors import NotFoundError, UnauthorizedError
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from llama_index.postprocessor.mixedbreadai_rerank import MixedbreadAIRerank
from llama_index.postprocessor.nvidia_rerank import NVIDIARerank
from llama_index.postprocessor.siliconflow_rerank import SiliconFlowRerank
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

expect = Expectations()
os.environ["MIXEDBREAD_BASE_URL"] = expect.url


def items(postprocessor):
    nodes = [NodeWithScore(node=TextNode(id_=str(at), text=text), score=0.0) for at, text in enumerate(DOCUMENTS)]
    return [(int(one.node.id_), one.score, one.node.get_content(metadata_mode=MetadataMode.NONE))
            for one in postprocessor.postprocess_nodes(nodes, QueryBundle(QUERY))]


def jina(model, key, top_n):
    return JinaRerank(top_n=top_n, model=model, base_url=expect.url + "/v1", api_key=key)


def tei(_, key, top_n):
    return TextEmbeddingInference(top_n=top_n, base_url=expect.url, auth_token=f"Bearer {key}")


def cohere(model, key, top_n):
    return CohereRerank(top_n=top_n, model=model, base_url=expect.url, api_key=key, max_retries=1)


def siliconflow(model, key, top_n):
    return SiliconFlowRerank(top_n=top_n, model=model, base_url=expect.url + "/v1/rerank", api_key=key)


def nvidia(model, key, top_n):
    return NVIDIARerank(top_n=top_n, model=model, base_url=expect.url + "/v1", api_key=key)


def mixedbread_ai(model, key, top_n):
    return MixedbreadAIRerank(top_n=top_n, model=model, api_key=key, max_retries=0, timeout=60)


# What a wrong key raises, what an unknown model does; None: the client names no model.
ERRORS = {
    jina: (RuntimeError, RuntimeError),
    tei: (AssertionError, None),
    cohere: (UnauthorizedError, NotFoundError),
    siliconflow: (RuntimeError, RuntimeError),
    nvidia: (httpx.HTTPStatusError, ValueError),
    mixedbread_ai: (mixedbread.AuthenticationError, mixedbread.NotFoundError),
}
for make, (unauthorized, not_found) in ERRORS.items():
    name = make.__name__
    is_logit = make is nvidia
    everything = len(DOCUMENTS)
    expect.ranking(name, lambda m=make: items(m(expect.model, expect.key, everything)), logits=is_logit)
    expect.ranking(f"{name} top_n", lambda m=make: items(m(expect.model, expect.key, 2)), top_n=2, logits=is_logit)
    expect.raises(f"{name}: wrong key", unauthorized, lambda m=make: items(m(expect.model, WRONG_KEY, everything)))
    if not_found is not None:
        expect.raises(f"{name}: unknown model", not_found,
                      lambda m=make: items(m(UNKNOWN_MODEL, expect.key, everything)))
expect.finish()
