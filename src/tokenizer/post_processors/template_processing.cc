// TemplateProcessing: the parts in the order of the file.
#include <fmt/format.h>

#include <string>

#include "tokenizer/post_processors/post_processors.h"

namespace rerank {
namespace {

using Text = TokenFrame::Text;

TokenFrame::Part read_part(const JsonView& element, const JsonView& root) {
  element.allow_only({"Sequence", "SpecialToken"});
  TokenFrame::Part part;
  if (const std::optional<JsonView> text = element.find("Sequence")) {
    text->allow_only({"id", "type_id"});
    const std::string_view id = text->at("id").string();
    if (id != "A" && id != "B") text->at("id").refuse("should be \"A\" or \"B\"");
    part.text = id == "A" ? Text::kFirst : Text::kSecond;
    part.type = text->at("type_id").integer(0, INT32_MAX);
    return part;
  }
  const JsonView token = element.at("SpecialToken");
  token.allow_only({"id", "type_id"});
  part.type = token.at("type_id").integer(0, INT32_MAX);
  const JsonView ids = root.at("special_tokens").at(token.at("id").string()).at("ids");
  if (ids.array().empty()) ids.refuse("is empty");
  for (std::size_t i = 0; i < ids.array().size(); ++i)
    part.ids.push_back(ids.element(i).integer(0, INT32_MAX));
  return part;
}

TokenFrame read_frame(const JsonView& list, const JsonView& root, bool is_pair) {
  TokenFrame frame;
  int counts[3] = {};
  for (std::size_t i = 0; i < list.array().size(); ++i) {
    frame.parts.push_back(read_part(list.element(i), root));
    ++counts[static_cast<int>(frame.parts.back().text)];
  }
  const int num_second = counts[static_cast<int>(Text::kSecond)];
  if (counts[static_cast<int>(Text::kFirst)] != 1 || num_second != (is_pair ? 1 : 0)) {
    list.unsupported(
        is_pair ? "should have the texts, a \"Sequence\" with the id \"A\" and one with \"B\", once each"
                : "should have the text, a \"Sequence\" with the id \"A\", once");
  }
  return frame;
}

}  // namespace

void read_template_processing(const JsonView& step, TokenFrames& frames) {
  step.allow_only({"type", "single", "pair", "special_tokens"});
  frames.single = read_frame(step.at("single"), step, false);
  const std::optional<JsonView> pair = step.find("pair");
  frames.pair = pair && !pair->array().empty() ? read_frame(*pair, step, true) : TokenFrame{};
}

}  // namespace rerank
