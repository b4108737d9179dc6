// BertProcessing and RobertaProcessing: [CLS] A [SEP] B [SEP] with types, <s> A </s></s> B </s> without.
#include "tokenizer/post_processors/post_processors.h"

namespace rerank {
namespace {

using Text = TokenFrame::Text;

// Written ["[SEP]", 102].
std::int32_t read_special(const JsonView& step, std::string_view key) {
  const JsonView token = step.at(key);
  if (token.array().size() != 2) token.refuse("should be a token and its id");
  token.element(0).string();
  return token.element(1).integer(0, INT32_MAX);
}

}  // namespace

void read_bert_processing(const JsonView& step, TokenFrames& frames) {
  step.allow_only({"type", "sep", "cls"});
  const std::int32_t cls = read_special(step, "cls");
  const std::int32_t sep = read_special(step, "sep");
  frames.single = {{{.ids = {cls}}, {.text = Text::kFirst}, {.ids = {sep}}}};
  frames.pair = frames.single;
  frames.pair.parts.push_back({.text = Text::kSecond, .type = 1});
  frames.pair.parts.push_back({.ids = {sep}, .type = 1});
}

void read_roberta_processing(const JsonView& step, TokenFrames& frames) {
  step.allow_only({"type", "sep", "cls", "trim_offsets", "add_prefix_space"});
  const std::int32_t cls = read_special(step, "cls");
  const std::int32_t sep = read_special(step, "sep");
  frames.single = {{{.ids = {cls}}, {.text = Text::kFirst}, {.ids = {sep}}}};
  frames.pair = {
      {{.ids = {cls}}, {.text = Text::kFirst}, {.ids = {sep, sep}}, {.text = Text::kSecond}, {.ids = {sep}}}};
}

}  // namespace rerank
