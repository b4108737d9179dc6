// The reference scores of tests/data/scores-*.json, made with Hugging Face Transformers on synthetic
// checkpoints. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "rerank/types.h"
#include "tests/support/test_source_directory.h"

namespace rerank {

struct GoldenCase {
  Request request;  // of one document
  std::int32_t num_tokens = 0;
  std::vector<std::int32_t> ids;  // empty where the file leaves them out
  double difference = 0;          // logit_yes - logit_no in float32 arithmetic
};

struct GoldenFile {
  std::vector<GoldenCase> cases;
  double bfloat16_rms = 0;  // of Transformers' own bfloat16 arithmetic against float32

  // `size` as in "synth:SIZE", or "demo" for the model that ships.
  static GoldenFile read(const std::string& size) {
    std::ifstream file(test_source_directory() / (size == "demo" ? std::string("models/demo/reference.json")
                                                                 : "tests/data/scores-" + size + ".json"));
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const boost::json::value root = boost::json::parse(text);
    GoldenFile golden;
    golden.bfloat16_rms = root.at("bfloat16_logit_difference_error").at("rms").as_double();
    for (const boost::json::value& entry : root.at("cases").as_array()) {
      GoldenCase& to = golden.cases.emplace_back();
      to.request.query = entry.at("query").as_string();
      to.request.instruction = entry.at("instruction").as_string();
      to.request.documents = {std::string(entry.at("document").as_string())};
      to.num_tokens = static_cast<std::int32_t>(entry.at("token_count").as_int64());
      const boost::json::value* found = entry.as_object().if_contains("token_ids");
      if (const auto* ids = found != nullptr ? found->if_array() : nullptr) {
        for (const boost::json::value& id : *ids) to.ids.push_back(static_cast<std::int32_t>(id.as_int64()));
      }
      const boost::json::value& float32 = entry.at("float32");
      to.difference = float32.at("logit_yes").as_double() - float32.at("logit_no").as_double();
    }
    return golden;
  }

  // Those with ids: all but the longest two.
  std::vector<GoldenCase> cases_with_ids() const {
    std::vector<GoldenCase> found;
    for (const GoldenCase& c : cases) {
      if (!c.ids.empty()) found.push_back(c);
    }
    return found;
  }
};

// The error of logit differences against the float32 reference.
class GoldenError {
 public:
  void add(double wanted, double found) {
    const double error = std::abs(found - wanted);
    squares_ += error * error;
    largest_ = std::isnan(error) ? error : std::max(largest_, error);
    ++count_;
  }
  double rms() const { return std::sqrt(squares_ / count_); }
  double largest() const { return largest_; }

 private:
  double squares_ = 0, largest_ = 0;
  int count_ = 0;
};

}  // namespace rerank
