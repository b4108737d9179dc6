#include "engine/encode/pair_frame.h"

#include <fmt/format.h>

#include "rerank/error.h"

namespace rerank {

PairFrame::PairFrame(const Tokenizer& tokenizer, bool is_one_text, std::int32_t num_token_types)
    : frame_(is_one_text ? tokenizer.frames().single : tokenizer.frames().pair),
      has_types_(num_token_types > 1) {
  const auto refuse = [](const char* what) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("post_processor of tokenizer.json {}; save the tokenizer again with the transformers "
                    "package, as the model was trained",
                    what));
  };
  if (!is_one_text && !frame_.has_special_tokens()) refuse("puts no special tokens around a pair of texts");
  std::int32_t type = 0;
  for (const TokenFrame::Part& part : frame_.parts) {
    if (has_types_ && (part.type < type || part.type > 1)) {
      refuse("gives the tokens of a pair types that are not 0 at first and then 1");
    }
    type = part.type;
    num_special_tokens_ += static_cast<std::int32_t>(part.ids.size());
  }
}

EncodedDocument PairFrame::around(std::span<const std::int32_t> first,
                                  std::span<const std::int32_t> second) const {
  EncodedDocument pair;
  pair.ids.reserve(first.size() + second.size() + static_cast<std::size_t>(num_special_tokens_));
  for (const TokenFrame::Part& part : frame_.parts) {
    if (has_types_ && part.type == 1 && pair.type_border == kOneType) {
      pair.type_border = static_cast<std::int32_t>(pair.ids.size());
    }
    const std::span<const std::int32_t> ids = part.text == TokenFrame::Text::kFirst    ? first
                                              : part.text == TokenFrame::Text::kSecond ? second
                                                                                       : part.ids;
    pair.ids.insert(pair.ids.end(), ids.begin(), ids.end());
  }
  return pair;
}

}  // namespace rerank
