// Encodes an encoder's pairs that are joined into one text, which is truncated at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/encode/prompt_encoding.h"
#include "tokenizer/text_encoding.h"

namespace rerank {

// Everything is encoded as one text, except a query or a document that exceeds a limit of its own: its first
// tokens are encoded separately.
class JoinedPairEncoding final : public PromptEncoding {
 public:
  JoinedPairEncoding(const RequestEncoder& encoder, const Request& request);

 private:
  struct Part {
    TextPart text;
    PromptField field = PromptField::kNone;
    std::int32_t limit = 0;       // in tokens; 0: none
    std::optional<TokenIds> cut;  // its tokens, cut to the limit
  };

  bool encode_head(std::size_t) override { return true; }
  bool encode_document(std::size_t document) override;
  void drop_query() override {}
  void begin(std::size_t document);
  bool cut_parts(std::size_t document);
  bool append_parts(std::size_t document);
  // A step for the text of parts [first, end).
  bool advance_text(std::size_t document, std::size_t first, std::size_t end, std::int32_t max_ids);

  const std::int32_t budget_;         // of the text
  std::vector<Part> parts_;           // of the current pair; empty: none
  std::size_t next_cut_ = 0;          // the next part to cut
  std::size_t next_ = 0;              // the next part to append
  TokenIds ids_;                      // of the parts before next_
  bool is_whole_ = true;              // whether ids_ is complete
  std::optional<TextEncoding> text_;  // the current one
};

}  // namespace rerank
