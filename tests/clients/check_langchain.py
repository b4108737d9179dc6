"""LangChain's document compressors: Cohere, Jina and Infinity of the community's, Voyage, NVIDIA."""

import os

os.environ["VOYAGE_API_KEY"] = os.environ["JINA_API_KEY"] = "unused"

import voyageai.error  # pylint: disable=wrong-import-position
from cohere.errors import NotFoundError, UnauthorizedError
from infinity_client import Client
from infinity_client.errors import UnexpectedStatus
from langchain_cohere import CohereRerank
from langchain_community.document_compressors import InfinityRerank, JinaRerank, jina_rerank
from langchain_core.documents import Document
from langchain_nvidia_ai_endpoints import NVIDIARerank
from langchain_voyageai import VoyageAIRerank

from expectations import DOCUMENTS, QUERY, UNKNOWN_MODEL, WRONG_KEY, Expectations

expect = Expectations()
jina_rerank.JINA_API_URL = expect.url + "/v1/rerank"  # it has no other way to name a server


def items(compressor, score_name="relevance_score"):
    documents = [Document(page_content=text, metadata={"at": at}) for at, text in enumerate(DOCUMENTS)]
    return [(one.metadata["at"], one.metadata[score_name], one.page_content)
            for one in compressor.compress_documents(documents, QUERY)]


def cohere(model=None, key=None, top_n=None):
    return CohereRerank(model=model or expect.model, cohere_api_key=key or expect.key, base_url=expect.url, top_n=top_n)


def jina(model=None, key=None, top_n=None):
    return JinaRerank(model=model or expect.model, jina_api_key=key or expect.key, top_n=top_n)


def infinity(model=None, key=None, top_n=None):
    client = Client(base_url=expect.url + "/infinity", headers={"Authorization": f"Bearer {key or expect.key}"},
                    raise_on_unexpected_status=True)
    return InfinityRerank(client=client, model=model or expect.model, top_n=top_n)


def voyage(model=None, key=None, top_n=None):
    return VoyageAIRerank(model=model or expect.model, api_key=key or expect.key, base_url=expect.url + "/v1",
                          top_k=top_n)


def nvidia(model=None, key=None, top_n=None):
    return NVIDIARerank(model=model or expect.long_name, api_key=key or expect.key, base_url=expect.url + "/v1",
                        top_n=top_n or len(DOCUMENTS))


ERRORS = {
    cohere: (UnauthorizedError, NotFoundError),
    jina: (RuntimeError, RuntimeError),
    infinity: (UnexpectedStatus, UnexpectedStatus),
    voyage: (voyageai.error.AuthenticationError, voyageai.error.VoyageError),
    nvidia: (Exception, Exception),  # it raises nothing narrower
}
for make, (unauthorized, not_found) in ERRORS.items():
    name = make.__name__
    is_logit = make is nvidia
    expect.ranking(name, lambda m=make: items(m()), logits=is_logit)
    expect.ranking(f"{name} top_n", lambda m=make: items(m(top_n=2)), top_n=2, logits=is_logit)
    expect.raises(f"{name}: wrong key", unauthorized, lambda m=make: items(m(key=WRONG_KEY)))
    expect.raises(f"{name}: unknown model", not_found, lambda m=make: items(m(model=UNKNOWN_MODEL)))
expect.finish()
