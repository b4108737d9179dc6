// The table of all fields of requests. The parsers read fields through it, and openapi.cc generates the
// schemas of requests from it, so that the two agree.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace rerank::api {

enum class Field {
  // What is scored.
  kQuery,
  kDocuments,
  kTexts,
  kInput,
  kPassages,
  kRankFields,
  kQueries,
  kItems,
  kData1,
  kData2,
  kText1,
  kText2,
  // How it is scored.
  kInstruction,
  kInstruct,
  kChatTemplateKwargs,
  kMaxTokensPerQuery,
  kMaxTokensPerDoc,
  kTruncatePromptTokens,
  kTruncate,
  kTruncation,
  kTruncationDirection,
  kPriority,
  // The reply.
  kModel,
  kTopN,
  kTopK,
  kReturnDocuments,
  kReturnText,
  kReturnInput,
  kUseActivation,
  kActivation,
  kSoftmax,
  kRawScores,
  kProperty,
  kRequestId,
  kUser,
  // Tokenization.
  kPrompt,
  kInputs,
  kReturnTokenStrs,
  kTokens,
};

// The kinds of requests that a field belongs to, as bits.
enum FieldUse : std::uint8_t { kInRerank = 1, kInScore = 2, kInTokenize = 4, kInDetokenize = 8 };

struct FieldSpec {
  Field field;
  std::string_view name;
  std::uint8_t uses;        // of FieldUse
  std::string_view schema;  // JSON Schema; null is allowed everywhere as well
  std::string_view meaning;
};

// In the order of Field.
std::span<const FieldSpec> field_specs();
const FieldSpec& field_spec(Field field);

}  // namespace rerank::api
