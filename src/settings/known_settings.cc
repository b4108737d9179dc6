#include "settings/known_settings.h"

#include <algorithm>
#include <array>
#include <cctype>

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
      {.key = "url", .group = Group::kClient, .help = "of the service; http://localhost:8000 unless given"},
      {.key = "unix_socket",
       .group = Group::kClient,
       .help = "path of a socket to connect to instead of the URL's host"},
      {.key = "api_key",
       .group = Group::kClient,
       .other_variables = {"VLLM_API_KEY"},
       .help = "a key that clients send and the service wants",
       .is_secret = true},
      {.key = "model", .group = Group::kClient, .help = "the name that the service knows its model by"},
      {.key = "dialect",
       .group = Group::kClient,
       .help = "which server it is: auto, rerank, vllm, tei, llama.cpp, infinity, cohere or jina"},
      {.key = "connect_timeout", .group = Group::kClient, .help = "in seconds; 5 unless given"},
      {.key = "timeout",
       .group = Group::kClient,
       .help = "of a whole call, retries included, in seconds; 120 unless given; 0: no limit"},
      {.key = "max_retries", .group = Group::kClient, .help = "of a request; 4 unless given"},
      {.key = "client_max_connections", .group = Group::kClient, .help = "at a time; 16 unless given"},
      {.key = "max_documents_per_request",
       .group = Group::kClient,
       .help = "longer lists are sent as several requests; 0: what the server takes"},
      {.key = "compress_requests",
       .group = Group::kClient,
       .help = "gzip; rerank.cpp reads it, few others do"},
      {.key = "compress_replies", .group = Group::kClient, .help = "ask for gzip"},
      {.key = "ca_file", .group = Group::kClient, .help = "PEM of who signed the server's certificate"},
      {.key = "certificate_file", .group = Group::kClient, .help = "PEM, of the client"},
      {.key = "key_file", .group = Group::kClient, .help = "PEM; else the key is in certificate_file"},
      {.key = "verify_tls",
       .group = Group::kClient,
       .help = "whether to check the server's certificate; true"},
  };
}

std::vector<KnownSetting> settings_of_others() {
  return {
      {.key = "engine",
       .group = Group::kScript,
       .other_variables = {"ENGINE"},
       .help = "which server it starts: native (this one) or vllm"},
      {.key = "log_dir",
       .group = Group::kScript,
       .other_variables = {"LOG_DIR"},
       .help = "of log and pid file; ./logs unless given"},
      {.key = "start_timeout",
       .group = Group::kScript,
       .other_variables = {"START_TIMEOUT"},
       .help = "until the server is ready, in seconds; 600 unless given"},
      {.key = "stop_timeout",
       .group = Group::kScript,
       .other_variables = {"STOP_TIMEOUT"},
       .help = "until a server that was told to end is killed, in seconds; 60 unless given"},
      {.key = "cuda_visible_devices",
       .group = Group::kEnvironment,
       .other_variables = {"CUDA_VISIBLE_DEVICES"},
       .help = "the GPUs that may be used; all unless given",
       .may_be_empty = true},
      {.key = "hf_home",
       .group = Group::kEnvironment,
       .other_variables = {"HF_HOME"},
       .help = "folder of Hugging Face's cache, where models are looked for"},
      {.key = "hf_hub_cache",
       .group = Group::kEnvironment,
       .other_variables = {"HF_HUB_CACHE"},
       .help = "the same, of its models alone"},
      {.key = "hf_endpoint",
       .group = Group::kEnvironment,
       .other_variables = {"HF_ENDPOINT"},
       .help = "where models are pulled from"},
      {.key = "hf_token",
       .group = Group::kEnvironment,
       .other_variables = {"HF_TOKEN"},
       .help = "who pulls models",
       .is_secret = true},
      {.key = "hf_hub_offline",
       .group = Group::kEnvironment,
       .other_variables = {"HF_HUB_OFFLINE"},
       .help = "1: pull nothing"},
      {.key = "modelscope_api_token",
       .group = Group::kEnvironment,
       .other_variables = {"MODELSCOPE_API_TOKEN"},
       .help = "who pulls models from ModelScope",
       .is_secret = true},
  };
}

bool ends_in_digits_and(std::string_view text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.back())) != 0;
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
    for (const char letter : setting.key) {
      names.front() += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    }
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
