// The flags of `rerank bench`: ours, and those of `vllm bench serve` that people have in their scripts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/http/http_target.h"
#include "load/report/bench_result.h"
#include "load/workload.h"
#include "rerank/engine.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace rerank::cli {

// What the command line says, before it is made sense of. A list is text still: "1,2,4".
struct BenchFlags {
  // Server.
  std::string base_url;
  std::string host = "127.0.0.1";
  std::int32_t port = 8000;
  std::string endpoint;
  std::string backend = "rerank";
  std::string model;
  std::string served_model_name;
  std::string api_key;
  std::vector<std::string> headers;
  bool insecure = false;
  double timeout_seconds = 600;
  std::int32_t io_threads = 1;
  double ready_timeout_seconds = 0;
  bool offline = false;
  EngineOptions engine;

  // Load.
  std::string concurrency;
  std::string request_rate;
  double burstiness = 1;
  double duration_seconds = 0;
  std::int32_t num_requests = 0;
  std::int32_t num_prompts = 0;
  std::int32_t num_warmups = -1;  // negative: as many as suit the load
  std::int32_t seed = 0;

  // Workload.
  std::string dataset_name;
  std::string dataset_path;
  std::string docs_per_request;
  std::string document_words;
  std::int32_t query_words = 12;
  std::int32_t random_input_len = 1024;
  std::int32_t random_batch_size = 1;
  double random_range_ratio = 0;
  bool no_reranker = false;
  std::string extra_body;
  bool return_documents = false;

  // Output.
  std::string output;
  bool save_result = false;
  std::string result_dir;
  std::string result_filename;
  std::string label;
  std::vector<std::string> metadata;
  std::string metric_percentiles;
  std::string percentile_metrics;
  std::string goodput;
  std::string format;
  bool disable_progress = false;

  // Of vLLM, without a meaning here; said so when given.
  std::vector<std::string> ignored;
};

// `flags` must outlive the parse.
void add_bench_flags(CLI::App& command, BenchFlags& flags);

enum class Dataset { kWords, kRandomRerank, kFile };

// One row of the table.
struct BenchPoint {
  load::LoadPlan plan;
  load::WordsShape words;  // of Dataset::kWords
  std::int64_t num_warmups = 0;
};

// The command line made sense of.
struct BenchSetup {
  load::HttpOptions http;
  Dataset dataset = Dataset::kWords;
  load::RandomRerankShape random_rerank;
  load::RequestForm form;
  std::vector<BenchPoint> points;
  load::FigureOptions figures;
  load::Facts metadata;
  std::string output;  // empty: no file
};

// Throws UsageError naming the flag.
BenchSetup bench_setup(const BenchFlags& flags);

}  // namespace rerank::cli
