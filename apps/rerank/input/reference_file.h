// Reference scores as `rerank verify` reads them: what another implementation, trusted, made of the same
// model.
//
//   {"config": {...},                                       config.json of the model; optional
//    "reference": "who made it",                            optional
//    "bfloat16_logit_difference_error": {"rms": 0.002, ...},  what the reference itself loses in bfloat16
//    "cases": [{"query", "instruction", "document", "token_count", "float32": {"logit_no", "logit_yes"}}]}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/transformer.h"

namespace rerank::cli {

struct ReferenceCase {
  std::string query;
  std::string instruction;  // empty: the model's default
  std::string document;
  std::int32_t token_count = 0;
  double logit_difference = 0;  // yes - no, in float32 arithmetic
};

struct Reference {
  std::string path;
  std::optional<TransformerSpec> spec;
  std::optional<double> bfloat16_rms;
  std::vector<ReferenceCase> cases;
};

// Throws Error naming the file, and the case and field if one is wrong.
Reference read_reference(const std::string& path);

// Throws Error naming the number in which `model` is not the model that the reference was made with.
void require_same_model(const Reference& reference, const TransformerSpec& model);

}  // namespace rerank::cli
