#include "apps/rerank/flags/bench_flags.h"

#include <CLI/CLI.hpp>

#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/number_flags.h"

namespace rerank::cli {
namespace {

constexpr const char* kTargetGroup = "Server";
constexpr const char* kLoadGroup = "Load";
constexpr const char* kWorkGroup = "Workload";
constexpr const char* kResultGroup = "Output";
constexpr const char* kOfflineGroup = "With --offline";
constexpr const char* kIgnoredGroup = "Accepted for compatibility with vllm bench serve, and ignored";

constexpr NumberRange kConcurrency = whole_numbers(1, 65536);
constexpr NumberRange kRequestRate = numbers_above(0, 1e6);
constexpr NumberRange kRequests = whole_numbers(0, 10'000'000);
constexpr NumberRange kDocuments = whole_numbers(1, 1'000'000);
constexpr NumberRange kWords = whole_numbers(0, 1'000'000);
constexpr NumberRange kInputLen = whole_numbers(1, 1'000'000, "tokens");
constexpr NumberRange kBurstiness = numbers_above(0, 1e6);
constexpr NumberRange kGoodputLimit = numbers_above(0, 1e9, "milliseconds");
constexpr NumberRange kRangeRatio = numbers(0, 0.999);

void add_text(CLI::App& command, const char* group, const char* name, std::string& value, const char* type,
              const char* description) {
  command.add_option(name, value, description)->type_name(type)->group(group);
}

void add_texts(CLI::App& command, const char* group, const char* name, std::vector<std::string>& values,
               const char* description) {
  command.add_option(name, values, description)
      ->type_name("KEY=VALUE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(group);
}

void add_target_flags(CLI::App& command, BenchFlags& flags) {
  add_text(command, kTargetGroup, "--base-url,--url", flags.base_url, "URL",
           "http://HOST:PORT, https://... or unix:/PATH; default $RERANK_URL, then --host and --port");
  add_text(command, kTargetGroup, "--host", flags.host, "NAME", "default 127.0.0.1");
  add_count(command, "--port", flags.port, whole_numbers(1, ranges::kPort.most), "default 8000")
      ->group(kTargetGroup);
  add_choice(command, "--backend", flags.backend, {"rerank", "vllm-rerank", "tei", "score"},
             "request format; rerank and vllm-rerank are the same")
      ->group(kTargetGroup);
  add_text(command, kTargetGroup, "--endpoint", flags.endpoint, "PATH",
           "path of the requests; default /v1/rerank, for tei /rerank, for score /v1/score");
  add_text(command, kTargetGroup, "-m,--model", flags.model, "MODEL",
           "model name in the requests; default: the first that the server lists. With --offline: the model "
           "to load");
  add_text(command, kTargetGroup, "--served-model-name", flags.served_model_name, "NAME",
           "model name in the requests, if different from --model");
  add_text(command, kTargetGroup, "--api-key", flags.api_key, "KEY",
           "API key; safer in the environment, as $RERANK_API_KEY or $VLLM_API_KEY");
  add_texts(command, kTargetGroup, "--header", flags.headers,
            "HTTP header to send with every request; may be repeated");
  command.add_flag("--insecure", flags.insecure, "do not verify the server's certificate")
      ->group(kTargetGroup);
  add_real(command, "--timeout", "SECONDS", flags.timeout_seconds, ranges::kSeconds,
           "time limit per request, after which it counts as failed; default 600; 0: no limit")
      ->group(kTargetGroup);
  add_count(command, "--io-threads", flags.io_threads,
            whole_numbers(1, ranges::kSocketThreads.most, "threads"),
            "threads that send and receive; default 1")
      ->group(kTargetGroup);
  add_real(command, "--ready-check-timeout-sec", "SECONDS", flags.ready_timeout_seconds, ranges::kSeconds,
           "how long to wait for a server that is still starting; default 0")
      ->group(kTargetGroup);
  command
      .add_flag("--offline", flags.offline,
                "measure the engine in this process, loaded with --model, instead of a server")
      ->group(kTargetGroup);
}

void add_load_flags(CLI::App& command, BenchFlags& flags) {
  add_numbers(command, "-c,--concurrency,--max-concurrency", flags.concurrency, kConcurrency,
              "number of concurrent requests; a list makes a sweep. Default 16; with --request-rate: the "
              "maximum, default none")
      ->group(kLoadGroup);
  add_numbers(command, "-r,--request-rate", flags.request_rate, kRequestRate,
              "requests per second, at random times (open loop); inf: all at once; a list makes a sweep",
              true)
      ->group(kLoadGroup);
  add_real(command, "--burstiness", "B", flags.burstiness, kBurstiness,
           "1: Poisson process; below 1: burstier; above 1: more even")
      ->group(kLoadGroup);
  add_real(command, "-t,--duration", "SECONDS", flags.duration_seconds, ranges::kSeconds,
           "duration of each point; default 10, or none with --num-requests")
      ->group(kLoadGroup);
  add_count(command, "-n,--num-requests", flags.num_requests, kRequests, "number of requests in each point")
      ->group(kLoadGroup);
  add_count(
      command, "--num-prompts", flags.num_prompts, kRequests,
      "with random-rerank: documents in all requests, default 1000; otherwise the same as --num-requests")
      ->group(kLoadGroup);
  add_count(command, "--num-warmups", flags.num_warmups, kRequests,
            "warm-up requests before each point; default: the concurrency, at most 4")
      ->group(kLoadGroup);
  add_count(command, "--seed", flags.seed, whole_numbers(0, ranges::kMostInt32),
            "random seed of texts and request times; default 0")
      ->group(kLoadGroup);
}

void add_work_flags(CLI::App& command, BenchFlags& flags) {
  add_choice(command, "--dataset-name", flags.dataset_name, {"words", "random-rerank", "custom"},
             "default words; custom: requests from --dataset-path")
      ->group(kWorkGroup);
  add_text(command, kWorkGroup, "--dataset-path", flags.dataset_path, "FILE",
           "with custom: request bodies as clients send them, one JSON object per line");
  add_numbers(command, "-d,--docs-per-request", flags.docs_per_request, kDocuments,
              "with words: documents per request, default 20; a list makes a sweep")
      ->group(kWorkGroup);
  add_numbers(command, "-w,--document-words", flags.document_words, whole_numbers(1, kWords.most),
              "with words: words per document, default 100; a list makes a sweep")
      ->group(kWorkGroup);
  add_count(command, "--query-words", flags.query_words, kWords, "with words: words per query, default 12")
      ->group(kWorkGroup);
  add_count(command, "--random-input-len,--input-len", flags.random_input_len, kInputLen,
            "with random-rerank: tokens of query and document together, default 1024")
      ->group(kWorkGroup);
  add_count(command, "--random-batch-size", flags.random_batch_size, kDocuments,
            "with random-rerank: documents per request, default 1")
      ->group(kWorkGroup);
  add_real(command, "--random-range-ratio", "SHARE", flags.random_range_ratio, kRangeRatio,
           "with random-rerank: lengths vary by up to this fraction, default 0")
      ->group(kWorkGroup);
  command
      .add_flag("--no-reranker", flags.no_reranker,
                "with random-rerank: --random-input-len is the length of each text, and the query counts as "
                "a prompt")
      ->group(kWorkGroup);
  add_text(command, kWorkGroup, "--extra-body", flags.extra_body, "JSON",
           "JSON object whose fields are added to every request");
  command
      .add_flag("--return-documents", flags.return_documents,
                "with words: ask the server to return the documents")
      ->group(kWorkGroup);
}

// vLLM's own way to write it; the name may be left out.
void add_goodput_flag(CLI::App& command, std::string& value) {
  const auto verdict = [](const std::string& given) {
    const std::string item = given.starts_with("e2el:") ? given.substr(5) : given;
    return parse_number(item, kGoodputLimit) ? std::string()
                                             : "\"" + item + "\" is not a " + text_of(kGoodputLimit);
  };
  command
      .add_option("--goodput", value,
                  "also report the requests per second answered within this many milliseconds " +
                      short_text_of(kGoodputLimit))
      ->type_name("e2el:MS")
      ->check(CLI::Validator(verdict, ""))
      ->group(kResultGroup);
}

void add_result_flags(CLI::App& command, BenchFlags& flags) {
  add_text(command, kResultGroup, "-o,--output", flags.output, "FILE",
           "write the result as JSON, including the time of every request; updated after each point");
  command
      .add_flag("--save-result", flags.save_result,
                "the same, with a file name made of label, load, model and time")
      ->group(kResultGroup);
  add_text(command, kResultGroup, "--result-dir", flags.result_dir, "DIR", "directory for --save-result");
  add_text(command, kResultGroup, "--result-filename", flags.result_filename, "NAME",
           "file name for --save-result");
  add_text(command, kResultGroup, "--label", flags.label, "TEXT", "name of this result in reports");
  add_texts(command, kResultGroup, "--metadata", flags.metadata, "stored in the result; may be repeated");
  add_numbers(command, "--metric-percentiles", flags.metric_percentiles, numbers_above(0, 100),
              "percentiles to report besides 50, 90 and 99")
      ->group(kResultGroup);
  add_text(command, kResultGroup, "--percentile-metrics", flags.percentile_metrics, "NAME",
           "only e2el, end-to-end latency");
  add_goodput_flag(command, flags.goodput);
  add_choice(command, "-f,--format", flags.format, {"text", "markdown"}, "of what is printed")
      ->group(kResultGroup);
  command
      .add_flag("--disable-tqdm,--no-progress", flags.disable_progress, "do not show progress on a terminal")
      ->group(kResultGroup);
}

// Taken so that a script for vLLM runs as it is.
void add_ignored_flags(CLI::App& command, BenchFlags& flags) {
  const auto ignore = [&](const char* name, bool has_value) {
    const auto note = [&flags, name](const CLI::results_t&) {
      flags.ignored.emplace_back(name);
      return true;
    };
    CLI::Option* option = command.add_option(name, note, "ignored")->group(kIgnoredGroup);
    if (has_value) {
      option->type_name("VALUE");
    } else {
      option->expected(0);
    }
  };
  for (const char* name :
       {"--random-output-len", "--output-len", "--random-prefix-len", "--tokenizer-mode"}) {
    ignore(name, true);
  }
  for (const char* name : {"--ignore-eos", "--save-detailed", "--disable-shuffle", "--skip-tokenizer-init",
                           "--trust-remote-code", "--no-oversample", "--skip-chat-template", "--no-stream"}) {
    ignore(name, false);
  }
}

}  // namespace

void add_bench_flags(CLI::App& command, BenchFlags& flags) {
  add_target_flags(command, flags);
  add_load_flags(command, flags);
  add_work_flags(command, flags);
  add_result_flags(command, flags);
  const auto ours = command.get_options().size();
  add_engine_flags(command, flags.engine);
  const auto all = command.get_options();
  for (std::size_t index = ours; index < all.size(); ++index) all[index]->group(kOfflineGroup);
  command.get_option("--tokenizer")
      ->description(
          "tokenizer.json, or a model that has one, whose whole-word tokens make up the texts; with "
          "--offline: replaces the model's tokenizer")
      ->group(kWorkGroup);
  add_ignored_flags(command, flags);
}

}  // namespace rerank::cli
