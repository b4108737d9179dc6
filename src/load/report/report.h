// Results as one HTML page: latency-throughput curves, histograms, tables. SVG without scripts or external
// resources; also well-formed XML.
#pragma once

#include <span>
#include <string>

#include "load/report/bench_result.h"

namespace rerank::load {

// REQUIRES: each result has a label.
std::string report_page(std::span<const BenchResult> results, const std::string& title);

}  // namespace rerank::load
