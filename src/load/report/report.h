// Results as one HTML page: latency-throughput curves, histograms, tables. Drawn as SVG, without scripts, and
// with nothing from the network; well-formed as XML too.
#pragma once

#include <span>
#include <string>

#include "load/report/bench_result.h"

namespace rerank::load {

// REQUIRES: each result has a label.
std::string report_page(std::span<const BenchResult> results, const std::string& title);

}  // namespace rerank::load
