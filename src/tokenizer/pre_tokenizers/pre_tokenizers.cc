#include "tokenizer/pre_tokenizers/pre_tokenizers.h"

#include "tokenizer/step_list.h"

namespace rerank {
namespace {

constexpr std::string_view kByteLevel = "ByteLevel";

constexpr StepKind<PreTokenizerReader> kPreTokenizers[] = {{"Split", read_split},
                                                           {kByteLevel, read_byte_level},
                                                           {"BertPreTokenizer", read_bert_pre_tokenizer},
                                                           {"WhitespaceSplit", read_whitespace_split},
                                                           {"Metaspace", read_metaspace}};

}  // namespace

void PreTokenizers::run(size_t index, const PreToken& whole, PreTokenVisit visit) const {
  if (whole.text.empty()) return;
  if (index == steps_.size()) return visit(whole);
  const PreTokenizer& step = *steps_[index];
  const auto pass_on = [&](const PreToken& token) { run(index + 1, token, visit); };
  const std::string_view prefix = step.prefix_of(whole.text);
  if (prefix.empty()) {
    // The last step needs no indirection, and most tokenizers have only one.
    return index + 1 == steps_.size() ? step.split_prefixed(whole, visit)
                                      : step.split_prefixed(whole, pass_on);
  }
  const std::string prefixed = std::string(prefix).append(whole.text);
  step.split_prefixed({prefixed, whole.origin, prefix.size() + whole.head, whole.head_origin, true}, pass_on);
}

size_t PreTokenizers::split_settled(std::string_view text, PreTokenVisit visit) const {
  if (steps_.empty()) return 0;
  if (steps_.size() == 1) return steps_.front()->split_settled(text, visit);
  return steps_.front()->split_settled(text, [&](const PreToken& token) { run(1, token, visit); });
}

void PreTokenizers::split_rest(std::string_view text, PreTokenVisit visit) const {
  if (text.empty()) return;
  const PreToken whole{text, text.data()};
  if (steps_.empty()) return visit(whole);
  steps_.front()->split_prefixed(whole, [&](const PreToken& token) { run(1, token, visit); });
}

ReadPreTokenizers read_pre_tokenizers(const JsonView& root) {
  ReadPreTokenizers read;
  const std::optional<JsonView> pre_tokenizer = root.find("pre_tokenizer");
  if (!pre_tokenizer) return read;
  PreTokenizerSteps steps;
  for (const JsonView& step : flattened(*pre_tokenizer, "pretokenizers")) {
    if (read.is_byte_level) step.unsupported("follows a ByteLevel step, which must be the last");
    reader_of(step, kPreTokenizers)(step, steps);
    read.is_byte_level = step.at("type").string() == kByteLevel;
  }
  read.is_empty = steps.empty();
  read.steps = PreTokenizers(std::move(steps));
  return read;
}

}  // namespace rerank
