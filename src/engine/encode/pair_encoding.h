// Encodes an encoder's pairs of two texts. The query is encoded once for each run of equal ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/encode/prompt_encoding.h"
#include "tokenizer/text_encoding.h"

namespace rerank {

// In tokens.
struct PairSizes {
  std::int32_t query = 0;
  std::int32_t document = 0;

  bool operator==(const PairSizes&) const = default;
};

// How many tokens of two texts fit a common `budget` with the "longest_first" truncation of Hugging Face's
// tokenizers: the shorter text stays whole if it is at most half of the budget; otherwise both are cut to
// half, and an odd token goes to the longer one, or to the document if they are equal.
PairSizes longest_first(PairSizes found, std::int32_t budget);

class PairEncoding final : public PromptEncoding {
 public:
  PairEncoding(const RequestEncoder& encoder, const Request& request);

 private:
  bool encode_head(std::size_t document) override;
  bool encode_document(std::size_t document) override;
  void drop_query() override {}
  // A step for the text; true once it is encoded up to max_ids.
  bool advance_text(PromptField field, std::size_t document, std::int32_t max_ids);

  const std::int32_t budget_;         // of both texts
  std::optional<TextEncoding> text_;  // the current one
};

}  // namespace rerank
