// Downloads a model from a hub into the Hugging Face cache, where every command finds it by its name.
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
  std::string revision;         // branch, tag or commit; empty: the hub's default
  std::string endpoint;         // empty: see hub_access()
  std::filesystem::path cache;  // empty: huggingface_cache()
  std::size_t num_connections = 8;
  RetryPolicy retry;    // max_retries: in a row, without progress
  bool verify = false;  // also verify files that are already in the cache
  // Called before the weights are downloaded. Throws Error for a model that the caller does not support;
  // `name` is for messages. Empty: no check.
  std::function<void(const std::string& config_json, const std::string& name)> check_config;
};

struct PullProgress {
  std::uint64_t total_bytes = 0;
  std::uint64_t done_bytes = 0;
  std::uint64_t verified_bytes = 0;
};

// Called from one thread of the pull.
struct PullEvents {
  std::function<bool(const PullProgress&)> on_progress;  // ten times a second; return false to stop
  std::function<void(const std::string&)> on_notice;     // a message for the user
};

struct PulledFile {
  std::string name;
  std::uint64_t size_bytes = 0;
  bool was_there = false;  // it was in the cache already
};

struct PullResult {
  std::string model;  // as other commands take it: "ORG/NAME", "ORG/NAME@REVISION"
  std::string commit;
  std::string endpoint;
  std::filesystem::path snapshot;
  std::vector<PulledFile> files;
  bool stopped = false;  // by on_progress; nothing else is set
};

// Lists the files without writing anything.
PullResult list_model(const PullOptions& options, const PullEvents& events);

// Throws Error that says what to do. The next pull resumes from what is on disk.
PullResult pull_model(const PullOptions& options, const PullEvents& events);

}  // namespace rerank
