// A model from a hub into Hugging Face's cache, where every command finds it by its name.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "http/retry_policy.h"

namespace rerank {

struct PullOptions {
  std::string model;            // "ORG/NAME", with @REVISION or without
  std::string from;             // "huggingface", "modelscope"; empty: see hub_kind()
  std::string revision;         // branch, tag or commit; empty: the hub's usual one
  std::string endpoint;         // empty: see hub_access()
  std::filesystem::path cache;  // empty: huggingface_cache()
  std::size_t num_connections = 8;
  RetryPolicy retry;    // in a row, without a byte gained
  bool verify = false;  // hash what the cache holds already, too
  // Throws Error for a config.json that the caller has no use for, before its weights are downloaded; `name`
  // is for messages. Empty: any will do.
  std::function<void(const std::string& config_json, const std::string& name)> check_config;
};

struct PullProgress {
  std::uint64_t total_bytes = 0;
  std::uint64_t done_bytes = 0;
  std::uint64_t verified_bytes = 0;
};

// Called from a thread of the pull's, one at a time.
struct PullEvents {
  std::function<bool(const PullProgress&)> on_progress;  // ten times a second; false ends the pull
  std::function<void(const std::string&)> on_notice;     // something people may want to know
};

struct PulledFile {
  std::string name;
  std::uint64_t size_bytes = 0;
  bool was_there = false;  // in the cache before
};

struct PullResult {
  std::string model;  // as other commands want it: "ORG/NAME", "ORG/NAME@REVISION"
  std::string commit;
  std::string endpoint;
  std::filesystem::path snapshot;
  std::vector<PulledFile> files;
  bool stopped = false;  // by on_progress; nothing else is set then
};

// Only asks what there is: writes nothing.
PullResult list_model(const PullOptions& options, const PullEvents& events);

// Throws Error that says what to do. What has come by then is kept, and taken up by the next pull.
PullResult pull_model(const PullOptions& options, const PullEvents& events);

}  // namespace rerank
