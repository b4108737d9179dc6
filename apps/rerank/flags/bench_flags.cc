#include "apps/rerank/flags/bench_flags.h"

#include <CLI/CLI.hpp>

#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/number_flags.h"

namespace rerank::cli {
namespace {

constexpr const char* kTargetGroup = "Whom to ask";
constexpr const char* kLoadGroup = "How much at a time, for how long";
constexpr const char* kWorkGroup = "What to ask";
constexpr const char* kResultGroup = "What comes out";
constexpr const char* kOfflineGroup = "With --offline";
constexpr const char* kIgnoredGroup = "Taken from scripts for vLLM, without a meaning for a reranker";

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
  add_text(
      command, kTargetGroup, "--base-url,--url", flags.base_url, "URL",
      "of the server: http://HOST:PORT, https://... or unix:/PATH; else $RERANK_URL, else --host and --port");
  add_text(command, kTargetGroup, "--host", flags.host, "NAME", "127.0.0.1 unless given");
  add_count(command, "--port", flags.port, whole_numbers(1, ranges::kPort.most), "8000 unless given")
      ->group(kTargetGroup);
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
  add_real(command, "--timeout", "SECONDS", flags.timeout_seconds, ranges::kSeconds,
           "of a request; after it the request has failed (600). 0: none")
      ->group(kTargetGroup);
  add_count(command, "--io-threads", flags.io_threads,
            whole_numbers(1, ranges::kSocketThreads.most, "threads"), "that send and receive (1)")
      ->group(kTargetGroup);
  add_real(command, "--ready-check-timeout-sec", "SECONDS", flags.ready_timeout_seconds, ranges::kSeconds,
           "to wait for a server that is not up yet (0)")
      ->group(kTargetGroup);
  command.add_flag("--offline", flags.offline, "no server: the engine in this process, loaded with --model")
      ->group(kTargetGroup);
}

void add_load_flags(CLI::App& command, BenchFlags& flags) {
  add_numbers(command, "-c,--concurrency,--max-concurrency", flags.concurrency, kConcurrency,
              "requests at a time; a list is a sweep. 16 unless there is a rate, whose bound it is then")
      ->group(kLoadGroup);
  add_numbers(command, "-r,--request-rate", flags.request_rate, kRequestRate,
              "requests a second at random times, ready or not; inf sends all at once; a list is a sweep",
              true)
      ->group(kLoadGroup);
  add_real(command, "--burstiness", "B", flags.burstiness, kBurstiness,
           "1 is a Poisson process; less comes in bursts, more is more even")
      ->group(kLoadGroup);
  add_real(command, "-t,--duration", "SECONDS", flags.duration_seconds, ranges::kSeconds,
           "of each point; 10 unless there is a number")
      ->group(kLoadGroup);
  add_count(command, "-n,--num-requests", flags.num_requests, kRequests, "of each point")->group(kLoadGroup);
  add_count(command, "--num-prompts", flags.num_prompts, kRequests,
            "of random-rerank: documents of all requests (1000); else the same as --num-requests")
      ->group(kLoadGroup);
  add_count(command, "--num-warmups", flags.num_warmups, kRequests,
            "requests before each point that do not count; else as many as are sent at a time, 4 at most")
      ->group(kLoadGroup);
  add_count(command, "--seed", flags.seed, whole_numbers(0, ranges::kMostInt32), "of texts and times (0)")
      ->group(kLoadGroup);
}

void add_work_flags(CLI::App& command, BenchFlags& flags) {
  add_choice(command, "--dataset-name", flags.dataset_name, {"words", "random-rerank", "custom"},
             "words unless given; custom is a file of requests")
      ->group(kWorkGroup);
  add_text(command, kWorkGroup, "--dataset-path", flags.dataset_path, "FILE",
           "of custom: bodies as clients send them, one JSON object a line");
  add_numbers(command, "-d,--docs-per-request", flags.docs_per_request, kDocuments,
              "of words (20); a list is a sweep")
      ->group(kWorkGroup);
  add_numbers(command, "-w,--document-words", flags.document_words, whole_numbers(1, kWords.most),
              "of words (100); a list is a sweep")
      ->group(kWorkGroup);
  add_count(command, "--query-words", flags.query_words, kWords, "of words (12)")->group(kWorkGroup);
  add_count(command, "--random-input-len,--input-len", flags.random_input_len, kInputLen,
            "of random-rerank: tokens of query and document together (1024)")
      ->group(kWorkGroup);
  add_count(command, "--random-batch-size", flags.random_batch_size, kDocuments,
            "of random-rerank: documents of a request (1)")
      ->group(kWorkGroup);
  add_real(command, "--random-range-ratio", "SHARE", flags.random_range_ratio, kRangeRatio,
           "of random-rerank: lengths vary by it up and down (0)")
      ->group(kWorkGroup);
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

// vLLM's own way to write it; the name may be left out.
void add_goodput_flag(CLI::App& command, std::string& value) {
  const auto verdict = [](const std::string& given) {
    const std::string item = given.starts_with("e2el:") ? given.substr(5) : given;
    return parse_number(item, kGoodputLimit) ? std::string()
                                             : "\"" + item + "\" is no " + text_of(kGoodputLimit);
  };
  command
      .add_option("--goodput", value,
                  "count the requests a second that are answered within so many milliseconds " +
                      short_text_of(kGoodputLimit))
      ->type_name("e2el:MS")
      ->check(CLI::Validator(verdict, ""))
      ->group(kResultGroup);
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
  add_numbers(command, "--metric-percentiles", flags.metric_percentiles, numbers_above(0, 100),
              "besides 50, 90 and 99")
      ->group(kResultGroup);
  add_text(command, kResultGroup, "--percentile-metrics", flags.percentile_metrics, "NAME",
           "e2el, the one that a reranker has");
  add_goodput_flag(command, flags.goodput);
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
