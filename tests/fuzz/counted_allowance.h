// An allowance that counts what is asked of it, for the targets of src/api.
#pragma once

#include <algorithm>
#include <cstddef>

#include "api/api_error.h"
#include "api/json/allowance.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {

class CountedAllowance final : public api::Allowance {
 public:
  explicit CountedAllowance(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  void take(std::size_t bytes) override {
    if (bytes > limit_bytes_ - taken_bytes_) throw api::ApiError(413, "there is no room");
    taken_bytes_ += bytes;
    peak_bytes_ = std::max(peak_bytes_, taken_bytes_);
  }
  void give_back(std::size_t bytes) override {
    expect(bytes <= taken_bytes_, "no more is given back than was taken");
    taken_bytes_ -= bytes;
  }

  std::size_t taken_bytes() const { return taken_bytes_; }
  // The most that was taken at once.
  std::size_t peak_bytes() const { return peak_bytes_; }

 private:
  std::size_t limit_bytes_;
  std::size_t taken_bytes_ = 0;
  std::size_t peak_bytes_ = 0;
};

}  // namespace rerank::fuzz
