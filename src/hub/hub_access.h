// Where a hub stands and who asks: what the environment says of endpoints and tokens. Sends nothing.
#pragma once

#include <string>
#include <string_view>

namespace rerank {

enum class HubKind { kHuggingFace, kModelScope };

struct HubAccess {
  std::string endpoint;      // "https://huggingface.co": without a slash at its end
  std::string token;         // empty: none
  std::string token_source;  // what to call it in a message: "HF_TOKEN", or the file that holds it
};

// "huggingface" or "modelscope"; an empty name is what VLLM_USE_MODELSCOPE says, else Hugging Face. Throws
// Error naming
// --from.
HubKind hub_kind(std::string_view name);

// `endpoint` where that is not empty, else HF_ENDPOINT or MODELSCOPE_DOMAIN, else the hub's own; the token
// from HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HOME/token or MODELSCOPE_API_TOKEN. Throws Error
// when the endpoint is no http(s) URL.
HubAccess hub_access(HubKind kind, const std::string& endpoint);

// A file of certificates to trust in place of the system's: SSL_CERT_FILE, REQUESTS_CA_BUNDLE or
// CURL_CA_BUNDLE; empty: none is named.
std::string trusted_certificates();

// Throws Error when HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids to ask anybody.
void require_online();

}  // namespace rerank
