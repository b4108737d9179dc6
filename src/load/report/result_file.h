// Reads and writes results as JSON files. docs/benchmarking.md describes the fields; those that vLLM's
// benchmark also has use its names.
#pragma once

#include <string>
#include <string_view>

#include "load/report/bench_result.h"

namespace rerank::load {

inline constexpr const char* kResultFormat = "rerank-bench/1";

std::string result_text(const BenchResult& result);
// Throws Error naming `name` and the field.
BenchResult parse_result(std::string_view text, const std::string& name);

// The file is replaced in one step. Both throw Error naming the file.
void write_result(const BenchResult& result, const std::string& path);
BenchResult read_result(const std::string& path);

}  // namespace rerank::load
