// bench_flags.h: the command line made sense of.
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <limits>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/bench_flags.h"
#include "load/http/server_address.h"
#include "rerank/error.h"

namespace rerank::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t kUsualConcurrency = 16;
constexpr double kUsualSeconds = 10;
constexpr std::int64_t kMostWarmups = 4;

std::vector<std::string> items_of(const std::string& list) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    items.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

// The numbers of "1,2,4"; `absent` when nothing is given. REQUIRES: the flag has looked at them.
template <typename Number>
std::vector<Number> numbers_of(const std::string& list, const char* flag, std::vector<Number> absent) {
  if (list.empty()) return absent;
  std::vector<Number> numbers;
  for (const std::string& item : items_of(list)) {
    Number number = {};
    const char* end = item.data() + item.size();
    const auto parsed = std::from_chars(item.data(), end, number);
    check(parsed.ec == std::errc() && parsed.ptr == end, fmt::format("{}: not validated", flag));
    numbers.push_back(number);
  }
  return numbers;
}

std::pair<std::string, std::string> key_and_value(const std::string& text, const char* flag) {
  const std::size_t at = text.find('=');
  if (at == std::string::npos || at == 0) {
    throw UsageError(fmt::format("{}: \"{}\" is not of the form KEY=VALUE", flag, text));
  }
  return {text.substr(0, at), text.substr(at + 1)};
}

load::HttpOptions http_options(const BenchFlags& flags) {
  load::HttpOptions options;
  std::string url = flags.base_url;
  if (url.empty()) {
    const bool is_ipv6 = flags.host.find(':') != std::string::npos;
    url = fmt::format("http://{}:{}", is_ipv6 ? "[" + flags.host + "]" : flags.host, flags.port);
  }
  options.address = load::parse_server_address(url);
  options.api_key = flags.api_key;
  for (const std::string& header : flags.headers)
    options.headers.push_back(key_and_value(header, "--header"));
  options.verify_tls = !flags.insecure;
  options.timeout = std::chrono::milliseconds(std::llround(flags.timeout_seconds * 1000));
  options.num_threads = std::max(1, flags.io_threads);
  return options;
}

Dataset dataset_of(const BenchFlags& flags) {
  const std::string& name = flags.dataset_name;
  const bool has_path = !flags.dataset_path.empty();
  if (name == "custom" && !has_path)
    throw UsageError("--dataset-name custom needs a file: --dataset-path FILE");
  if (has_path && !name.empty() && name != "custom") {
    throw UsageError("--dataset-path requires --dataset-name custom");
  }
  if (has_path) return Dataset::kFile;
  const Dataset dataset = name == "random-rerank" ? Dataset::kRandomRerank : Dataset::kWords;
  if (dataset != Dataset::kWords && !flags.document_words.empty()) {
    throw UsageError(
        "--document-words requires --dataset-name words; for random-rerank use --random-input-len");
  }
  return dataset;
}

// What every body has besides its texts; --extra-body has the last word.
std::string extra_fields(const BenchFlags& flags, Dataset dataset, load::Dialect dialect) {
  json::object fields;
  const bool is_rerank = dialect == load::Dialect::kRerank;
  if (dataset == Dataset::kWords && is_rerank && !flags.return_documents) fields["return_documents"] = false;
  // As vLLM's own benchmark sends it: a text that is too long is cut.
  if (dataset == Dataset::kRandomRerank && is_rerank) fields["truncate_prompt_tokens"] = -1;
  if (!flags.extra_body.empty()) {
    boost::system::error_code error;
    const json::value more = json::parse(flags.extra_body, error);
    if (error || !more.is_object()) throw UsageError("--extra-body is not a JSON object");
    for (const auto& field : more.get_object()) fields[field.key()] = field.value();
  }
  return fields.empty() ? "" : json::serialize(fields);
}

load::RequestForm request_form(const BenchFlags& flags, Dataset dataset) {
  load::RequestForm form;
  if (flags.backend == "tei") form.dialect = load::Dialect::kTei;
  if (flags.backend == "score") form.dialect = load::Dialect::kScore;
  form.endpoint = flags.endpoint;
  if (!form.endpoint.empty() && form.endpoint.front() != '/') {
    throw UsageError("--endpoint must start with a slash");
  }
  form.model = flags.served_model_name.empty() ? flags.model : flags.served_model_name;
  form.for_engine = flags.offline;
  form.extra_body = extra_fields(flags, dataset, form.dialect);
  return form;
}

load::RandomRerankShape random_rerank_shape(const BenchFlags& flags) {
  load::RandomRerankShape shape;
  if (flags.num_prompts > 0) shape.num_prompts = flags.num_prompts;
  shape.batch_size =
      numbers_of<std::int64_t>(flags.docs_per_request, "--docs-per-request", {flags.random_batch_size})
          .front();
  shape.input_len = flags.random_input_len;
  shape.range_ratio = flags.random_range_ratio;
  shape.is_reranker = !flags.no_reranker;
  if (items_of(flags.docs_per_request).size() > 1) {
    throw UsageError("--docs-per-request: a list requires --dataset-name words");
  }
  return shape;
}

// What is the same in all points.
load::LoadPlan common_plan(const BenchFlags& flags, const BenchSetup& setup) {
  load::LoadPlan plan;
  plan.burstiness = flags.burstiness;
  plan.seed = static_cast<std::uint64_t>(flags.seed);
  plan.duration = std::chrono::nanoseconds(std::llround(flags.duration_seconds * 1e9));
  plan.max_requests = flags.num_requests;
  if (setup.dataset == Dataset::kRandomRerank && plan.max_requests == 0) {
    if (flags.num_prompts > 0 || plan.duration.count() == 0) {
      plan.max_requests = load::num_requests_of(setup.random_rerank);
    }
  } else if (plan.max_requests == 0) {
    plan.max_requests = flags.num_prompts;
  }
  if (plan.max_requests == 0 && plan.duration.count() == 0) {
    plan.duration = std::chrono::nanoseconds(std::llround(kUsualSeconds * 1e9));
  }
  return plan;
}

std::vector<load::LoadPlan> plans_of(const BenchFlags& flags, const load::LoadPlan& common) {
  std::vector<load::LoadPlan> plans;
  const auto rates = numbers_of<double>(flags.request_rate, "--request-rate", {});
  const std::vector<std::int64_t> usual = {rates.empty() ? kUsualConcurrency : 0};
  for (const std::int64_t concurrency : numbers_of(flags.concurrency, "--concurrency", usual)) {
    load::LoadPlan plan = common;
    plan.concurrency = concurrency;
    if (rates.empty()) plans.push_back(plan);
    for (const double rate : rates) {
      // All at once, but only so many at a time, is a closed loop.
      const bool is_closed = std::isinf(rate) && concurrency > 0;
      plan.rate = is_closed ? std::nullopt : std::optional(rate);
      if (std::isinf(rate) && !is_closed && plan.max_requests == 0) {
        throw UsageError(
            "--request-rate inf sends all requests at once; set their number with --num-requests");
      }
      plans.push_back(plan);
    }
  }
  return plans;
}

std::vector<BenchPoint> points_of(const BenchFlags& flags, const BenchSetup& setup) {
  std::vector<load::WordsShape> shapes = {load::WordsShape{}};
  if (setup.dataset == Dataset::kWords) {
    shapes.clear();
    for (const std::int64_t docs :
         numbers_of<std::int64_t>(flags.docs_per_request, "--docs-per-request", {20})) {
      for (const std::int64_t words :
           numbers_of<std::int64_t>(flags.document_words, "--document-words", {100})) {
        shapes.push_back({docs, flags.query_words, words});
      }
    }
  }
  std::vector<BenchPoint> points;
  for (const load::WordsShape& shape : shapes) {
    for (const load::LoadPlan& plan : plans_of(flags, common_plan(flags, setup))) {
      std::int64_t num_warmups = flags.num_warmups;
      if (num_warmups < 0) {
        num_warmups = plan.concurrency > 0 ? std::min(plan.concurrency, kMostWarmups) : kMostWarmups;
      }
      points.push_back({plan, shape, num_warmups});
    }
  }
  return points;
}

load::FigureOptions figure_options(const BenchFlags& flags) {
  load::FigureOptions options;
  if (!flags.percentile_metrics.empty() && flags.percentile_metrics != "e2el") {
    throw UsageError("--percentile-metrics: only e2el is supported, because a reranker generates no tokens");
  }
  for (const double p : numbers_of<double>(flags.metric_percentiles, "--metric-percentiles", {})) {
    options.percentiles.push_back(p);
  }
  if (!flags.goodput.empty()) {
    const bool is_named = flags.goodput.starts_with("e2el:");
    options.goodput_limit_ms =
        numbers_of<double>(is_named ? flags.goodput.substr(5) : flags.goodput, "--goodput", {}).front();
  }
  return options;
}

std::string output_file(const BenchFlags& flags, const load::LoadPlan& plan) {
  if (!flags.output.empty() || !flags.save_result) return flags.output;
  std::string name = flags.result_filename;
  if (name.empty()) {
    const std::time_t now = std::time(nullptr);
    tm calendar = {};
    localtime_r(&now, &calendar);
    char text[32];
    std::strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &calendar);
    const std::string model = flags.model.substr(flags.model.rfind('/') + 1);
    name = fmt::format("{}-{}qps{}{}-{}.json", flags.label.empty() ? flags.backend : flags.label,
                       plan.rate ? fmt::format("{:g}", *plan.rate) : "inf",
                       plan.concurrency > 0 ? fmt::format("-concurrency{}", plan.concurrency) : "",
                       model.empty() ? "" : "-" + model, text);
  }
  if (flags.result_dir.empty()) return name;
  std::error_code ignored;  // writing will tell
  std::filesystem::create_directories(flags.result_dir, ignored);
  return (std::filesystem::path(flags.result_dir) / name).string();
}

}  // namespace

BenchSetup bench_setup(const BenchFlags& flags) {
  if (flags.offline && flags.model.empty()) throw UsageError("--offline needs a model to load; add -m MODEL");
  BenchSetup setup;
  if (!flags.offline) setup.http = http_options(flags);
  setup.dataset = dataset_of(flags);
  setup.form = request_form(flags, setup.dataset);
  if (setup.dataset == Dataset::kRandomRerank) setup.random_rerank = random_rerank_shape(flags);
  setup.points = points_of(flags, setup);
  setup.figures = figure_options(flags);
  for (const std::string& entry : flags.metadata)
    setup.metadata.push_back(key_and_value(entry, "--metadata"));
  setup.output = output_file(flags, setup.points.front().plan);
  return setup;
}

}  // namespace rerank::cli
