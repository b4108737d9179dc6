// Prometheus samples of values that are collected at the moment of a scrape: engine, front, process.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "server/service/metrics.h"

namespace rerank {

// Engine and service; engine values only once the model is loaded.
std::vector<prometheus::MetricFamily> service_families(const MetricsMoment& moment);
std::vector<prometheus::MetricFamily> front_families(const FrontCounters& front);
// The standard process metrics: memory, CPU time, descriptors, start time.
std::vector<prometheus::MetricFamily> process_families();

}  // namespace rerank
