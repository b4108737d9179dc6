// An encoder's pairs of two texts, the query encoded once for each run of equal ones.
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

// What is kept of two texts that may have `budget` tokens together, as Hugging Face's tokenizers truncate,
// "longest_first": the shorter text stays whole if it is at most half of the budget; else both are cut to
// half, and the odd token is the longer one's, of equals the document's.
PairSizes longest_first(PairSizes found, std::int32_t budget);

class PairEncoding final : public PromptEncoding {
 public:
  PairEncoding(const RequestEncoder& encoder, const Request& request);

 private:
  bool encode_head(std::size_t document) override;
  bool encode_document(std::size_t document) override;
  void drop_query() override {}
  // A step of the text; true once it has been encoded as far as max_ids says.
  bool advance_text(PromptField field, std::size_t document, std::int32_t max_ids);

  const std::int32_t budget_;         // of both texts
  std::optional<TextEncoding> text_;  // the one at hand
};

}  // namespace rerank
