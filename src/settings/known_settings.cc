#include "settings/known_settings.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace rerank {
namespace {

using Group = SettingGroup;

std::vector<KnownSetting> model_settings() {
  return {
      // What is loaded. A client's `model` is the name that the server goes by.
      {.key = "model_path", .other_keys = {"model"}, .other_variables = {"MODEL_PATH", "RERANK_MODEL"}},
      {.key = "tokenizer"},
      {.key = "device"},
      {.key = "dtype", .other_variables = {"DTYPE"}},
      {.key = "quantization"},
      {.key = "instruction_set"},
      {.key = "threads"},
      {.key = "gpu_memory_utilization", .other_variables = {"GPU_MEMORY_UTILIZATION"}},
      {.key = "tensor_parallel_size", .other_keys = {"tp"}, .other_variables = {"RERANK_TP", "TP"}},
      {.key = "data_parallel_size"},
      {.key = "device_timeout"},
      {.key = "max_model_len", .other_variables = {"MAX_MODEL_LEN"}},
      {.key = "max_num_batched_tokens", .other_variables = {"MAX_NUM_BATCHED_TOKENS"}},
      {.key = "max_num_seqs", .other_variables = {"MAX_NUM_SEQS"}},
      {.key = "prefix_cache_tokens"},
      {.key = "enable_prefix_caching",
       .other_keys = {"prefix_caching"},
       .other_variables = {"RERANK_PREFIX_CACHING", "PREFIX_CACHING"}},
      {.key = "cache_dir", .other_variables = {"RERANK_CACHE"}},
      {.key = "no_weight_cache"},
      {.key = "parse_special_tokens"},
      {.key = "prompt"},
      {.key = "prompt_suffix"},
      {.key = "activation"},
      {.key = "instruction", .group = Group::kRequest},
      {.key = "max_tokens_per_query", .group = Group::kRequest},
      {.key = "max_tokens_per_doc", .group = Group::kRequest},
      {.key = "truncate", .group = Group::kRequest},
  };
}

std::vector<KnownSetting> service_settings() {
  return {
      {.key = "served_model_name",
       .group = Group::kService,
       .other_variables = {"SERVED_MODEL_NAME"},
       .is_words = true},
      {.key = "host", .group = Group::kService, .other_variables = {"HOST"}},
      {.key = "port", .group = Group::kService, .other_variables = {"PORT"}},
      {.key = "uds", .group = Group::kService},
      {.key = "root_path", .group = Group::kService},
      {.key = "reply_format", .group = Group::kService},
      {.key = "workers", .group = Group::kService},
      {.key = "http_threads", .group = Group::kService},
      {.key = "ssl_certfile", .group = Group::kService},
      {.key = "ssl_keyfile", .group = Group::kService},
      {.key = "ssl_ca_certs", .group = Group::kService},
      {.key = "api_key_file", .group = Group::kService},
      {.key = "allowed_origins", .group = Group::kService},
      {.key = "max_documents", .group = Group::kService},
      {.key = "max_queued_documents", .group = Group::kService},
      {.key = "max_queued_tokens", .group = Group::kService},
      {.key = "max_connections", .group = Group::kService},
      {.key = "max_body_bytes", .group = Group::kService},
      {.key = "max_buffered_bytes", .group = Group::kService},
      {.key = "auto_truncate", .group = Group::kService},
      {.key = "request_timeout", .group = Group::kService},
      {.key = "header_timeout", .group = Group::kService},
      {.key = "body_timeout", .group = Group::kService},
      {.key = "write_timeout", .group = Group::kService},
      {.key = "idle_timeout", .group = Group::kService},
      {.key = "drain_timeout", .group = Group::kService},
      {.key = "shutdown_delay", .group = Group::kService},
      {.key = "log_format", .group = Group::kService},
      {.key = "uvicorn_log_level",
       .group = Group::kService,
       .other_keys = {"log_level"},
       .other_variables = {"RERANK_LOG_LEVEL", "UVICORN_LOG_LEVEL"}},
      {.key = "log_requests", .group = Group::kService},
      {.key = "log_request_texts", .group = Group::kService},
      {.key = "disable_uvicorn_access_log", .group = Group::kService},
      {.key = "disable_log_stats", .group = Group::kService},
  };
}

std::vector<KnownSetting> client_settings() {
  return {
      {.key = "url", .group = Group::kClient, .help = "URL of the server; default http://localhost:8000"},
      {.key = "unix_socket",
       .group = Group::kClient,
       .help = "Unix socket to connect to instead of the URL's host"},
      {.key = "api_key",
       .group = Group::kClient,
       .other_variables = {"VLLM_API_KEY"},
       .help = "API key that clients send and the server requires",
       .is_secret = true},
      {.key = "model", .group = Group::kClient, .help = "model name in requests, as the server knows it"},
      {.key = "dialect",
       .group = Group::kClient,
       .help = "the server's API: auto, rerank, vllm, tei, llama.cpp, infinity, cohere or jina"},
      {.key = "connect_timeout", .group = Group::kClient, .help = "in seconds; default 5"},
      {.key = "timeout",
       .group = Group::kClient,
       .help = "time limit per call, including retries, in seconds; default 120; 0: no limit"},
      {.key = "max_retries", .group = Group::kClient, .help = "retries per request; default 4"},
      {.key = "client_max_connections",
       .group = Group::kClient,
       .help = "maximum number of connections; default 16"},
      {.key = "max_documents_per_request",
       .group = Group::kClient,
       .help = "split longer lists into several requests; 0: the server's limit"},
      {.key = "compress_requests",
       .group = Group::kClient,
       .help = "send request bodies with gzip; rerank.cpp accepts that, few other servers do"},
      {.key = "compress_replies", .group = Group::kClient, .help = "ask the server for gzip replies"},
      {.key = "ca_file", .group = Group::kClient, .help = "CA certificates (PEM) to verify the server with"},
      {.key = "certificate_file", .group = Group::kClient, .help = "client certificate (PEM)"},
      {.key = "key_file",
       .group = Group::kClient,
       .help = "private key of the client certificate (PEM); default: read from certificate_file"},
      {.key = "verify_tls", .group = Group::kClient, .help = "verify the server's certificate; default true"},
  };
}

std::vector<KnownSetting> settings_of_others() {
  return {
      {.key = "engine",
       .group = Group::kScript,
       .other_variables = {"ENGINE"},
       .help = "server to start: native (this one) or vllm; default native"},
      {.key = "log_dir",
       .group = Group::kScript,
       .other_variables = {"LOG_DIR"},
       .help = "directory for log and pid file; default ./logs"},
      {.key = "start_timeout",
       .group = Group::kScript,
       .other_variables = {"START_TIMEOUT"},
       .help = "how long to wait until the server is ready, in seconds; default 600"},
      {.key = "stop_timeout",
       .group = Group::kScript,
       .other_variables = {"STOP_TIMEOUT"},
       .help = "how long to wait before a stopping server is killed, in seconds; default 60"},
      {.key = "cuda_visible_devices",
       .group = Group::kEnvironment,
       .other_variables = {"CUDA_VISIBLE_DEVICES"},
       .help = "GPUs to use; default: all",
       .may_be_empty = true},
      {.key = "hf_home",
       .group = Group::kEnvironment,
       .other_variables = {"HF_HOME"},
       .help = "Hugging Face cache directory"},
      {.key = "hf_hub_cache",
       .group = Group::kEnvironment,
       .other_variables = {"HF_HUB_CACHE"},
       .help = "its directory of models"},
      {.key = "hf_endpoint",
       .group = Group::kEnvironment,
       .other_variables = {"HF_ENDPOINT"},
       .help = "hub to download models from"},
      {.key = "hf_token",
       .group = Group::kEnvironment,
       .other_variables = {"HF_TOKEN"},
       .help = "access token for downloads",
       .is_secret = true},
      {.key = "hf_hub_offline",
       .group = Group::kEnvironment,
       .other_variables = {"HF_HUB_OFFLINE"},
       .help = "1: never download"},
      {.key = "modelscope_api_token",
       .group = Group::kEnvironment,
       .other_variables = {"MODELSCOPE_API_TOKEN"},
       .help = "access token for downloads from ModelScope",
       .is_secret = true},
  };
}

bool ends_in_digits_and(std::string_view text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return !text.empty() && is_digit(text.back());
}

// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
bool is_made_by_kubernetes(std::string_view variable, std::string_view value) {
  if (variable.ends_with("_SERVICE_HOST") || variable.find("_SERVICE_PORT") != std::string_view::npos)
    return true;
  constexpr std::array kSchemes = {"tcp://", "udp://", "sctp://"};
  if (variable.ends_with("_PORT") && std::any_of(kSchemes.begin(), kSchemes.end(), [&](const char* scheme) {
        return value.starts_with(scheme);
      })) {
    return true;
  }
  for (const std::string_view protocol : {"_TCP", "_UDP", "_SCTP"}) {
    for (const std::string_view part : {"", "_PROTO", "_PORT", "_ADDR"}) {
      if (ends_in_digits_and(variable, std::string(protocol) + std::string(part))) return true;
    }
  }
  return false;
}

}  // namespace

const std::vector<KnownSetting>& known_settings() {
  static const std::vector<KnownSetting> kSettings = [] {
    std::vector<KnownSetting> all;
    for (const auto& part : {model_settings(), service_settings(), client_settings(), settings_of_others()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return kSettings;
}

const KnownSetting* find_setting(std::string_view key) {
  for (const KnownSetting& setting : known_settings()) {
    if (setting.key == key) return &setting;
  }
  for (const KnownSetting& setting : known_settings()) {
    if (std::find(setting.other_keys.begin(), setting.other_keys.end(), key) != setting.other_keys.end()) {
      return &setting;
    }
  }
  return nullptr;
}

std::vector<std::string> variables_of(const KnownSetting& setting) {
  std::vector<std::string> names;
  if (setting.group != Group::kEnvironment) {
    names.emplace_back("RERANK_");
    for (const char letter : setting.key) names.front() += upper(letter);
  }
  names.insert(names.end(), setting.other_variables.begin(), setting.other_variables.end());
  return names;
}

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const KnownSetting& setting : known_settings()) {
    keys.emplace_back(setting.key);
    keys.insert(keys.end(), setting.other_keys.begin(), setting.other_keys.end());
  }
  return keys;
}

std::vector<std::string> all_variables() {
  std::vector<std::string> variables = {"RERANK_CONFIG"};
  for (const KnownSetting& setting : known_settings()) {
    for (std::string& name : variables_of(setting)) variables.push_back(std::move(name));
  }
  return variables;
}

const std::vector<std::string>& setting_sections() {
  static const std::vector<std::string> kSections = {"client",  "rank",  "score", "verify", "tokenize",
                                                     "inspect", "serve", "bench", "pull"};
  return kSections;
}

bool belongs_to_others(std::string_view variable, std::string_view value) {
  for (const char* prefix : {"RERANK_TEST_", "RERANK_CI_", "RERANK_FUZZ_", "RERANK_BENCH_"}) {
    if (variable.starts_with(prefix)) return true;
  }
  for (const char* name : {"RERANK_PROGRAM", "RERANK_SANITIZED", "RERANK_FLAGS"}) {
    if (variable == name) return true;
  }
  return is_for_the_environment_only(variable) || is_made_by_kubernetes(variable, value);
}

bool is_for_the_environment_only(std::string_view variable) {
  return variable == "RERANK_CUDA_MODULE" || variable == "RERANK_DEMO_MODEL";
}

}  // namespace rerank
