// The models of tests/data/family-scores.json: synthetic ones of every family, with the token ids of the
// publishers' prompts, and their logits as Hugging Face Transformers computes them in float32. For tests
// only.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "tests/support/open_reranker.h"
#include "tests/support/test_source_directory.h"

namespace rerank {

inline boost::json::array read_family_models() {
  std::ifstream file(test_source_directory() / "tests/data/family-scores.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return boost::json::parse(text).as_array();
}

inline std::vector<std::string> family_model_names() {
  std::vector<std::string> names;
  const boost::json::array models = read_family_models();
  for (const boost::json::value& model : models) names.emplace_back(model.at("name").as_string());
  return names;
}

class FamilyModel {
 public:
  static constexpr BackendLimits kLimits{
      .max_tokens = 400, .max_segments = 2, .max_scores = 1, .max_ranges = 1, .num_slots = 1};

  explicit FamilyModel(const std::string& name) : name_(name) {
    const boost::json::array models = read_family_models();
    for (const boost::json::value& model : models) {
      if (model.at("name").as_string() == name) json_ = model;
    }
  }

  const boost::json::array& cases() const { return json_.at("cases").as_array(); }
  // Of Transformers' own bfloat16 arithmetic.
  double bfloat16_rms() const { return json_.at("bfloat16_rms").as_double(); }

  std::unique_ptr<Model> create() const {
    const auto checkpoint = std::make_shared<SyntheticCheckpoint>(SyntheticOptions{
        .config_json = boost::json::serialize(json_.at("config")),
        .size_name = name_,
        .recipe = {.seed = json_.at("seed").to_number<std::uint64_t>(), .std = json_.at("std").as_double()},
        .files = files()});
    const Reranker reranker =
        read_reranker(*checkpoint, {.prompt = std::string(json_.at("prompt").as_string())});
    return create_model(
        checkpoint, reranker,
        {.no = json_.at("no").to_number<std::int32_t>(), .yes = json_.at("yes").to_number<std::int32_t>()},
        400);
  }

 private:
  // Beside config.json: sentence-transformers' modules.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    if (!json_.as_object().contains("files")) return all;
    for (const boost::json::key_value_pair& file : json_.at("files").as_object())
      all.emplace(file.key(), file.value().as_string());
    return all;
  }

  std::string name_;
  boost::json::value json_;
};

// The logit of a prompt whose tokens from `type_border` on have type 1.
inline float logit_of(const Model& model, Backend& backend, const std::vector<std::int32_t>& ids,
                      std::int32_t type_border) {
  PackedBatch batch;
  batch.ids = ids;
  batch.segments = {
      {.first_row = 0, .num_tokens = batch.num_tokens(), .score = 0, .type_border = type_border}};
  batch.num_scores = 1;
  std::vector<float> logits(2);
  backend.begin(batch);
  model.forward(backend);
  backend.finish(logits);
  return logits[1] - logits[0];
}

// The logit of a case.
inline float family_logit(const Model& model, Backend& backend, const boost::json::value& entry) {
  const boost::json::value* border = entry.as_object().if_contains("border");
  return logit_of(model, backend, boost::json::value_to<std::vector<std::int32_t>>(entry.at("ids")),
                  border == nullptr ? kOneType : border->to_number<std::int32_t>());
}

}  // namespace rerank
