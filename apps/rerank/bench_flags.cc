#include "apps/rerank/bench_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>

#include "apps/rerank/engine_flags.h"

namespace rerank::cli {
namespace {

constexpr const char* kTargetGroup = "Whom to ask";
constexpr const char* kLoadGroup = "How much at a time, for how long";
constexpr const char* kWorkGroup = "What to ask";
constexpr const char* kResultGroup = "What comes out";
constexpr const char* kOfflineGroup = "With --offline";
constexpr const char* kIgnoredGroup = "Taken from scripts for vLLM, without a meaning for a reranker";

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

// A number from 0 up.
void add_number(CLI::App& command, const char* group, const char* name, double& value, const char* type,
                const char* description) {
  const auto verdict = [](const std::string& given) {
    double parsed = -1;
    const char* end = given.data() + given.size();
    const auto result = std::from_chars(given.data(), end, parsed);
    const bool is_legal =
        result.ec == std::errc() && result.ptr == end && parsed >= 0 && std::isfinite(parsed);
    return is_legal ? std::string() : "\"" + given + "\" is no number from 0 up";
  };
  command.add_option(name, value, description)
      ->type_name(type)
      ->check(CLI::Validator(verdict, ""))
      ->group(group);
}

void add_target_flags(CLI::App& command, BenchFlags& flags) {
  add_text(
      command, kTargetGroup, "--base-url,--url", flags.base_url, "URL",
      "of the server: http://HOST:PORT, https://... or unix:/PATH; else $RERANK_URL, else --host and --port");
  add_text(command, kTargetGroup, "--host", flags.host, "NAME", "127.0.0.1 unless given");
  add_count(command, "--port", flags.port, "8000 unless given")->group(kTargetGroup);
  add_choice(command, "--backend", flags.backend, {"rerank", "vllm-rerank", "tei", "score"},
             "how requests are written; rerank and vllm-rerank are the same")
      ->group(kTargetGroup);
  add_text(command, kTargetGroup, "--endpoint", flags.endpoint, "PATH",
           "else /v1/rerank, for tei /rerank, for score /v1/score");
  add_text(command, kTargetGroup, "-m,--model", flags.model, "MODEL",
           "the name that requests give; else the first that the server serves. With --offline what to load");
  add_text(command, kTargetGroup, "--served-model-name", flags.served_model_name, "NAME",
           "the name that requests give, where --model names something else");
  add_text(command, kTargetGroup, "--api-key", flags.api_key, "KEY",
           "else $RERANK_API_KEY or $VLLM_API_KEY, which other users of this machine do not see");
  add_texts(command, kTargetGroup, "--header", flags.headers, "sent with every request; may be repeated");
  command.add_flag("--insecure", flags.insecure, "do not check the server's certificate")
      ->group(kTargetGroup);
  add_number(command, kTargetGroup, "--timeout", flags.timeout_seconds, "SECONDS",
             "of a request; after it the request has failed (600). 0: none");
  add_count(command, "--io-threads", flags.io_threads, "that send and receive (1)")->group(kTargetGroup);
  add_number(command, kTargetGroup, "--ready-check-timeout-sec", flags.ready_timeout_seconds, "SECONDS",
             "to wait for a server that is not up yet (0)");
  command.add_flag("--offline", flags.offline, "no server: the engine in this process, loaded with --model")
      ->group(kTargetGroup);
}

void add_load_flags(CLI::App& command, BenchFlags& flags) {
  add_text(command, kLoadGroup, "-c,--concurrency,--max-concurrency", flags.concurrency, "N,...",
           "requests at a time; a list is a sweep. 16 unless there is a rate, whose bound it is then");
  add_text(command, kLoadGroup, "-r,--request-rate", flags.request_rate, "R,...",
           "requests a second at random times, ready or not; inf sends all at once; a list is a sweep");
  add_number(command, kLoadGroup, "--burstiness", flags.burstiness, "B",
             "1 is a Poisson process; less comes in bursts, more is more even");
  add_number(command, kLoadGroup, "-t,--duration", flags.duration_seconds, "SECONDS",
             "of each point; 10 unless there is a number");
  add_count(command, "-n,--num-requests", flags.num_requests, "of each point")->group(kLoadGroup);
  add_count(command, "--num-prompts", flags.num_prompts,
            "of random-rerank: documents of all requests (1000); else the same as --num-requests")
      ->group(kLoadGroup);
  add_count(command, "--num-warmups", flags.num_warmups,
            "requests before each point that do not count; else as many as are sent at a time, 4 at most")
      ->group(kLoadGroup);
  add_count(command, "--seed", flags.seed, "of texts and times (0)")->group(kLoadGroup);
}

void add_work_flags(CLI::App& command, BenchFlags& flags) {
  add_choice(command, "--dataset-name", flags.dataset_name, {"words", "random-rerank", "custom"},
             "words unless given; custom is a file of requests")
      ->group(kWorkGroup);
  add_text(command, kWorkGroup, "--dataset-path", flags.dataset_path, "FILE",
           "of custom: bodies as clients send them, one JSON object a line");
  add_text(command, kWorkGroup, "-d,--docs-per-request", flags.docs_per_request, "N,...",
           "of words (20); a list is a sweep");
  add_text(command, kWorkGroup, "-w,--document-words", flags.document_words, "N,...",
           "of words (100); a list is a sweep");
  add_count(command, "--query-words", flags.query_words, "of words (12)")->group(kWorkGroup);
  add_count(command, "--random-input-len,--input-len", flags.random_input_len,
            "of random-rerank: tokens of query and document together (1024)")
      ->group(kWorkGroup);
  add_count(command, "--random-batch-size", flags.random_batch_size,
            "of random-rerank: documents of a request (1)")
      ->group(kWorkGroup);
  add_number(command, kWorkGroup, "--random-range-ratio", flags.random_range_ratio, "SHARE",
             "of random-rerank: lengths vary by it up and down (0)");
  command
      .add_flag("--no-reranker", flags.no_reranker,
                "of random-rerank: --random-input-len is each text's own, the query counts as a prompt")
      ->group(kWorkGroup);
  add_text(command, kWorkGroup, "--extra-body", flags.extra_body, "JSON",
           "an object whose fields go into every request");
  command
      .add_flag("--return-documents", flags.return_documents,
                "of words: let the server send the documents back")
      ->group(kWorkGroup);
}

void add_result_flags(CLI::App& command, BenchFlags& flags) {
  add_text(command, kResultGroup, "-o,--output", flags.output, "FILE",
           "the result as JSON, every request's time in it; written anew after each point");
  command
      .add_flag("--save-result", flags.save_result,
                "the same, with a name made of label, load, model and time")
      ->group(kResultGroup);
  add_text(command, kResultGroup, "--result-dir", flags.result_dir, "DIR", "where --save-result writes");
  add_text(command, kResultGroup, "--result-filename", flags.result_filename, "NAME",
           "what --save-result writes");
  add_text(command, kResultGroup, "--label", flags.label, "TEXT", "what the report calls this result");
  add_texts(command, kResultGroup, "--metadata", flags.metadata, "kept in the result; may be repeated");
  add_text(command, kResultGroup, "--metric-percentiles", flags.metric_percentiles, "P,...",
           "besides 50, 90 and 99");
  add_text(command, kResultGroup, "--percentile-metrics", flags.percentile_metrics, "NAME",
           "e2el, the one that a reranker has");
  add_text(command, kResultGroup, "--goodput", flags.goodput, "e2el:MS",
           "count the requests a second that are answered within so many milliseconds");
  add_choice(command, "-f,--format", flags.format, {"text", "markdown"}, "of what is printed")
      ->group(kResultGroup);
  command.add_flag("--disable-tqdm,--no-progress", flags.disable_progress, "no progress on a terminal")
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
          "a tokenizer.json, or a model that has one: words of made-up texts are then its tokens; with "
          "--offline a file that replaces the model's own")
      ->group(kWorkGroup);
  add_ignored_flags(command, flags);
}

}  // namespace rerank::cli
