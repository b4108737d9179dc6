// Endpoints and access tokens of hubs, from flags and the environment. Sends nothing.
#pragma once

#include <string>
#include <string_view>

namespace rerank {

enum class HubKind { kHuggingFace, kModelScope };

struct HubAccess {
  std::string endpoint;      // "https://huggingface.co": without a trailing slash
  std::string token;         // empty: none
  std::string token_source;  // for messages: "HF_TOKEN", or the path of the token file
};

// "huggingface" or "modelscope"; if `name` is empty, as VLLM_USE_MODELSCOPE says, by default Hugging Face.
// Throws Error naming --from.
HubKind hub_kind(std::string_view name);

// The endpoint is `endpoint`, or if that is empty HF_ENDPOINT or MODELSCOPE_DOMAIN, or the hub's own. The
// token comes from HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HOME/token or MODELSCOPE_API_TOKEN.
// Throws Error if the endpoint is not an http(s) URL.
HubAccess hub_access(HubKind kind, const std::string& endpoint);

// The CA bundle to use instead of the system's: SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE; empty if
// none is set.
std::string trusted_certificates();

// Throws Error if HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.
void require_online();

}  // namespace rerank
