// The fourth stage of a tokenizer, as data: the special tokens around a text or a pair of texts, and the type
// of each part. The caller concatenates the parts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace rerank {

struct TokenFrame {
  enum class Text { kNone, kFirst, kSecond };

  // Special tokens, or one of the texts.
  struct Part {
    std::vector<std::int32_t> ids;  // empty for a text
    Text text = Text::kNone;
    std::int32_t type = 0;  // of all its tokens, as in token_type_ids

    bool operator==(const Part&) const = default;
  };

  std::vector<Part> parts;  // each text once; empty if the file does not specify pairs

  bool has_special_tokens() const {
    return std::ranges::any_of(parts, [](const Part& part) { return part.text == Text::kNone; });
  }
};

struct TokenFrames {
  TokenFrame single;
  TokenFrame pair;
};

}  // namespace rerank
