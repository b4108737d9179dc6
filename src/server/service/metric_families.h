// Prometheus samples of numbers that others count: engine, front and process at the moment of a scrape.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "server/service/metrics.h"

namespace rerank {

// Engine and service; what the engine knows only once the model is loaded.
std::vector<prometheus::MetricFamily> service_families(const MetricsMoment& moment);
std::vector<prometheus::MetricFamily> front_families(const FrontCounters& front);
// The standard names: memory, processor time, descriptors, start.
std::vector<prometheus::MetricFamily> process_families();

}  // namespace rerank
