// The measurement itself: the points of a sweep one after the other, on a server or on the engine in process.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "apps/rerank/flags/bench_flags.h"
#include "load/report/bench_result.h"
#include "load/target.h"
#include "rerank/engine.h"

namespace rerank::cli {

class BenchSweep {
 public:
  // Loads the engine, or makes sure with one request that the server answers as it should. Throws Error
  // saying what it answered instead, UsageError, Interrupted.
  explicit BenchSweep(const BenchFlags& flags);

  // What the result says besides its points.
  const load::BenchResult& card() const { return card_; }
  const BenchSetup& setup() const { return setup_; }
  // Measures one point. Returns early, with `record.interrupted` set, when the program is interrupted.
  load::Point measure(std::size_t index);

 private:
  // Of the kind that a point asks for. Jobs for different purposes share no texts.
  enum class Purpose { kMeasure, kWarmUp, kFirst };
  std::vector<load::Job> make_jobs(std::size_t index, std::int64_t num_jobs, Purpose purpose) const;
  void ask_once();
  void describe_server();
  void describe_engine();
  // False when the program is interrupted.
  bool run(const std::vector<load::Job>& jobs, const load::LoadPlan& plan, const std::string& what,
           load::RunRecord& record);

  const BenchFlags& flags_;
  BenchSetup setup_;
  std::vector<std::string> words_;
  std::unique_ptr<Engine> engine_;  // with --offline
  std::unique_ptr<load::Target> target_;
  load::BenchResult card_;
};

}  // namespace rerank::cli
