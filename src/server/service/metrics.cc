#include "server/service/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "server/service/metric_families.h"

namespace rerank {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;

const Histogram::BucketBoundaries& seconds_buckets() {
  static const Histogram::BucketBoundaries buckets = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                                      0.5,    1,     2,     5,     10,   20,   50,   100};
  return buckets;
}

const Histogram::BucketBoundaries& documents_buckets() {
  static const Histogram::BucketBoundaries buckets = {1,   2,   5,    10,   20,   50,   100,
                                                      200, 500, 1000, 2000, 5000, 10000};
  return buckets;
}

double in_seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// Only methods that HTTP defines: clients must not be able to create labels.
std::string known_method(std::string_view method) {
  for (const std::string_view known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    if (method == known) return std::string(known);
  }
  return "other";
}

}  // namespace

struct Metrics::Impl {
  Impl(const FrontCounters& front_counters, const std::string& model_name)
      : front(front_counters), labels{{"model_name", model_name}, {"engine", "0"}} {}

  const FrontCounters& front;
  const prometheus::Labels labels;
  prometheus::Registry registry;

  Family<Counter>& http_requests = counter("http_requests_total", "HTTP requests with a reply.");
  Family<Histogram>& http_duration =
      histogram("http_request_duration_seconds", "Time from the first byte of a request to its reply.");
  Family<Counter>& requests = counter("rerank_requests_total", "Admitted rerank and score requests.");
  Family<Counter>& documents = counter("rerank_documents_total", "Documents of admitted requests.");
  Family<Counter>& rejected =
      counter("rerank_rejected_requests_total", "Requests rejected before they reached the engine.");
  Counter& truncated = counter("rerank_truncated_documents_total", "Truncated documents.").Add(labels);
  Histogram& request_documents =
      histogram("rerank_request_documents", "Documents per request.").Add(labels, documents_buckets());
  Histogram& queue =
      seconds("rerank_request_queue_seconds", "Time from admission to the start of its first document.");
  Histogram& tokenize = seconds("rerank_request_tokenize_seconds", "Time spent tokenizing a request.");
  Histogram& compute =
      seconds("rerank_request_compute_seconds", "Compute time of the batches with documents of a request.");
  Histogram& total =
      seconds("rerank_request_total_seconds", "Time from the first byte of a request to its reply.");
  Family<Counter>& finished = counter("vllm:request_success_total", "Completed scoring requests by outcome.");
  Histogram& latency =
      histogram("vllm:e2e_request_latency_seconds", "Time from the first byte of a request to its reply.")
          .Add(labels, seconds_buckets());

  Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  Histogram& seconds(const char* name, const char* help) {
    return histogram(name, help).Add(labels, seconds_buckets());
  }
};

Metrics::Metrics(const FrontCounters& front, const std::string& model_name)
    : impl_(std::make_unique<Impl>(front, model_name)) {
  // Makes a rate work from the first one on.
  for (const char* reason : {"queue_full", "memory_full", "unauthorized", "loading", "draining", "unhealthy"})
    impl_->rejected.Add({{"reason", reason}});
  for (const char* reason : {"stop", "abort", "error"}) {
    prometheus::Labels labels = impl_->labels;
    labels["finished_reason"] = reason;
    impl_->finished.Add(labels);
  }
}

Metrics::~Metrics() = default;

void Metrics::count_http(std::string_view handler, std::string_view method, int status,
                         std::chrono::nanoseconds duration) {
  const std::string route(handler);
  impl_->http_requests
      .Add({{"handler", route}, {"method", known_method(method)}, {"status", std::to_string(status)}})
      .Increment();
  impl_->http_duration.Add({{"handler", route}}, seconds_buckets()).Observe(in_seconds(duration));
}

void Metrics::count_scoring(std::string_view handler, int status, std::int64_t num_documents,
                            const Result& result, std::chrono::nanoseconds duration) {
  const prometheus::Labels route = {{"route", std::string(handler)}, {"status", std::to_string(status)}};
  impl_->requests.Add(route).Increment();
  impl_->documents.Add(route).Increment(static_cast<double>(num_documents));
  prometheus::Labels finished = impl_->labels;
  finished["finished_reason"] = status == 200 ? "stop" : status == 499 ? "abort" : "error";
  impl_->finished.Add(finished).Increment();
  if (status != 200) return;
  impl_->truncated.Increment(
      static_cast<double>(std::count_if(result.documents.begin(), result.documents.end(),
                                        [](const DocumentScore& score) { return score.truncated; })));
  impl_->request_documents.Observe(static_cast<double>(num_documents));
  impl_->queue.Observe(in_seconds(result.timings.queue));
  impl_->tokenize.Observe(in_seconds(result.timings.tokenize));
  impl_->compute.Observe(in_seconds(result.timings.compute));
  impl_->total.Observe(in_seconds(duration));
  impl_->latency.Observe(in_seconds(duration));
}

void Metrics::count_rejected(std::string_view reason) {
  impl_->rejected.Add({{"reason", std::string(reason)}}).Increment();
}

std::string Metrics::render(const MetricsMoment& moment) const {
  std::vector<prometheus::MetricFamily> families = service_families(moment);
  const auto add = [&](std::vector<prometheus::MetricFamily> more) {
    families.insert(families.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  add(impl_->registry.Collect());
  add(front_families(impl_->front));
  add(process_families());
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace rerank
