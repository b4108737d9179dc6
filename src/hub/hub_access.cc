#include "hub/hub_access.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/ascii.h"
#include "http/url.h"
#include "rerank/error.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool is_true(std::string_view text) {
  const std::string word = lower_case(text);
  return word == "1" || word == "on" || word == "yes" || word == "true";
}

fs::path huggingface_token_file() {
  if (const std::string path = environment("HF_TOKEN_PATH"); !path.empty()) return path;
  if (const std::string home = environment("HF_HOME"); !home.empty()) return fs::path(home) / "token";
  if (const std::string xdg = environment("XDG_CACHE_HOME"); !xdg.empty()) {
    return fs::path(xdg) / "huggingface" / "token";
  }
  return fs::path(environment("HOME")) / ".cache" / "huggingface" / "token";
}

void find_huggingface_token(HubAccess& access) {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    access.token = trimmed(environment(name));
    access.token_source = name;
    if (!access.token.empty()) return;
  }
  const fs::path file = huggingface_token_file();
  std::ostringstream text;
  if (std::ifstream stream(file); stream) text << stream.rdbuf();
  access.token = trimmed(text.str());
  access.token_source = file.string();
}

const char* own_endpoint_name(HubKind kind) {
  return kind == HubKind::kHuggingFace ? "HF_ENDPOINT" : "MODELSCOPE_DOMAIN";
}

std::string own_endpoint(HubKind kind) {
  if (kind == HubKind::kHuggingFace) {
    const std::string named = environment(own_endpoint_name(kind));
    return named.empty() ? "https://huggingface.co" : named;
  }
  const std::string domain = environment(own_endpoint_name(kind));
  return domain.empty() ? "https://www.modelscope.cn" : "https://" + domain;
}

}  // namespace

HubKind hub_kind(std::string_view name) {
  if (name.empty()) {
    return is_true(environment("VLLM_USE_MODELSCOPE")) ? HubKind::kModelScope : HubKind::kHuggingFace;
  }
  if (name == "huggingface" || name == "hf") return HubKind::kHuggingFace;
  if (name == "modelscope" || name == "ms") return HubKind::kModelScope;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("--from {}: unknown hub; use huggingface or modelscope", name));
}

HubAccess hub_access(HubKind kind, const std::string& endpoint) {
  HubAccess access;
  access.endpoint = endpoint.empty() ? own_endpoint(kind) : endpoint;
  parse_url(access.endpoint, endpoint.empty() ? own_endpoint_name(kind) : "--endpoint");
  while (access.endpoint.ends_with('/')) access.endpoint.pop_back();
  if (kind == HubKind::kHuggingFace) {
    find_huggingface_token(access);
  } else {
    access.token = trimmed(environment("MODELSCOPE_API_TOKEN"));
    access.token_source = "MODELSCOPE_API_TOKEN";
  }
  return access;
}

std::string trusted_certificates() {
  for (const char* name : {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}) {
    if (std::string file = environment(name); !file.empty()) return file;
  }
  return {};
}

void require_online() {
  for (const char* name : {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}) {
    require(!is_true(environment(name)),
            fmt::format("{} is set, which disables downloads; unset it to pull a model", name));
  }
}

}  // namespace rerank
