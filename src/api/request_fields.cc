#include "api/request_fields.h"

#include <array>
#include <cstddef>

namespace rerank::api {
namespace {

constexpr std::string_view kText = R"({"$ref":"#/components/schemas/Text"})";
constexpr std::string_view kTexts = R"({"$ref":"#/components/schemas/Texts"})";
constexpr std::string_view kString = R"({"type":"string"})";
constexpr std::string_view kStrings = R"({"type":"array","items":{"type":"string"}})";
constexpr std::string_view kCount = R"({"type":"integer","minimum":0})";
constexpr std::string_view kFlag = R"({"anyOf":[{"type":"boolean"},{"enum":["true","false"]}]})";

constexpr std::uint8_t kInBoth = kInRerank | kInScore;
constexpr std::uint8_t kEverywhere = kInRerank | kInScore | kInTokenize | kInDetokenize;

constexpr std::array kSpecs = {
    FieldSpec{Field::kQuery, "query", kInRerank, kText, "The query that the documents are ranked for."},
    FieldSpec{Field::kDocuments, "documents", kInBoth, kTexts, "The documents."},
    FieldSpec{Field::kTexts, "texts", kInRerank, kTexts, "The same as documents."},
    FieldSpec{Field::kInput, "input", kInRerank, kTexts, "The same as documents."},
    FieldSpec{Field::kPassages, "passages", kInRerank, kTexts, "The same as documents."},
    FieldSpec{Field::kRankFields, "rank_fields", kInRerank, kStrings,
              "Fields of object documents that form their text, in this order and one per line; at most 32."},
    FieldSpec{Field::kQueries, "queries", kInScore, kTexts, "One query, or as many as documents."},
    FieldSpec{Field::kItems, "items", kInScore, kTexts, "The same as documents; used with queries."},
    FieldSpec{Field::kData1, "data_1", kInScore, kTexts, "The queries; used with data_2."},
    FieldSpec{Field::kData2, "data_2", kInScore, kTexts, "The documents; used with data_1."},
    FieldSpec{Field::kText1, "text_1", kInScore, kTexts, "The queries; used with text_2."},
    FieldSpec{Field::kText2, "text_2", kInScore, kTexts, "The documents; used with text_1."},
    FieldSpec{Field::kInstruction, "instruction", kInBoth, kString,
              "What makes a document relevant; default: the model's."},
    FieldSpec{Field::kInstruct, "instruct", kInBoth, kString, "The same as instruction."},
    FieldSpec{
        Field::kChatTemplateKwargs, "chat_template_kwargs", kInBoth,
        R"({"type":"object","properties":{"instruction":{"type":"string"},"instruct":{"type":"string"}}})",
        "Its instruction or instruct has precedence over the field of that name."},
    FieldSpec{Field::kMaxTokensPerQuery, "max_tokens_per_query", kInBoth, kCount,
              "Keeps only the first tokens of the query; 0: all."},
    FieldSpec{Field::kMaxTokensPerDoc, "max_tokens_per_doc", kInBoth, kCount,
              "Keeps only the first tokens of each document; 0: all."},
    FieldSpec{Field::kTruncatePromptTokens, "truncate_prompt_tokens", kInBoth,
              R"({"type":"integer","minimum":-1})",
              "Limit of tokens of a pair, to which its document is truncated; -1: the model's limit."},
    FieldSpec{Field::kTruncate, "truncate", kInBoth,
              R"({"anyOf":[{"type":"boolean"},{"enum":["true","false","NONE","END"]}]})",
              "Whether a document that is too long is truncated (true, END) or refused (false, NONE)."},
    FieldSpec{Field::kTruncation, "truncation", kInBoth, kFlag, "The same as truncate."},
    FieldSpec{Field::kTruncationDirection, "truncation_direction", kInBoth, R"({"enum":["right","Right"]})",
              "Only the end of a document can be truncated."},
    FieldSpec{Field::kPriority, "priority", kInBoth, R"({"type":"integer"})", "Lower runs first."},
    FieldSpec{Field::kModel, "model", kEverywhere, kString, "A served name; default: the first."},
    FieldSpec{Field::kTopN, "top_n", kInRerank, kCount, "Number of results to return; 0: all."},
    FieldSpec{Field::kTopK, "top_k", kInRerank, kCount, "The same as top_n."},
    FieldSpec{Field::kReturnDocuments, "return_documents", kInRerank, kFlag,
              "Whether to return the texts of the documents."},
    FieldSpec{Field::kReturnText, "return_text", kInRerank, kFlag, "The same as return_documents."},
    FieldSpec{Field::kReturnInput, "return_input", kInRerank, kFlag, "The same as return_documents."},
    FieldSpec{Field::kUseActivation, "use_activation", kInBoth, kFlag,
              "false is the same as raw_scores true."},
    FieldSpec{Field::kActivation, "activation", kInBoth, kFlag, "The same as use_activation, in older vLLM."},
    FieldSpec{Field::kSoftmax, "softmax", kInBoth, kFlag, "The same as use_activation, in older vLLM."},
    FieldSpec{Field::kRawScores, "raw_scores", kInBoth, kFlag,
              "Returns logits instead of scores, however the reply format makes those."},
    FieldSpec{Field::kProperty, "property", kInRerank, kString, "Its value is ignored."},
    FieldSpec{Field::kRequestId, "request_id", kInBoth, kString,
              "Becomes part of the reply's id; the header X-Request-Id has precedence."},
    FieldSpec{Field::kUser, "user", kInBoth, kString, "Accepted and ignored."},
    FieldSpec{Field::kPrompt, "prompt", kInTokenize, kString, "The text. Selects the reply format of vLLM."},
    FieldSpec{Field::kInputs, "inputs", kInTokenize,
              R"({"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]})",
              "The texts. Selects the reply format of TEI."},
    FieldSpec{Field::kReturnTokenStrs, "return_token_strs", kInTokenize, kFlag,
              "Whether to return the text of each token."},
    FieldSpec{Field::kTokens, "tokens", kInDetokenize,
              R"({"type":"array","items":{"type":"integer","minimum":0}})", "The token ids."},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kSpecs.size(); ++i) {
    if (static_cast<std::size_t>(kSpecs[i].field) != i) return false;
  }
  return kSpecs.size() == static_cast<std::size_t>(Field::kTokens) + 1;
}
static_assert(is_in_order(), "kSpecs lists every Field, in its order");

}  // namespace

std::span<const FieldSpec> field_specs() {
  return kSpecs;
}

const FieldSpec& field_spec(Field field) {
  return kSpecs[static_cast<std::size_t>(field)];
}

}  // namespace rerank::api
