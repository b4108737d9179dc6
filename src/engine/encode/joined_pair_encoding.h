// An encoder's pairs that are one text, which loses its end where it is too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/encode/prompt_encoding.h"
#include "tokenizer/text_encoding.h"

namespace rerank {

// All is encoded as one text but for a query or a document that is longer than a limit of its own: its first
// tokens are encoded apart.
class JoinedPairEncoding final : public PromptEncoding {
 public:
  JoinedPairEncoding(const RequestEncoder& encoder, const Request& request);

 private:
  struct Part {
    TextPart text;
    PromptField field = PromptField::kNone;
    std::int32_t limit = 0;       // of its tokens; 0: none
    std::optional<TokenIds> cut;  // to it
  };

  bool encode_head(std::size_t) override { return true; }
  bool encode_document(std::size_t document) override;
  void drop_query() override {}
  void begin(std::size_t document);
  bool cut_parts(std::size_t document);
  bool append_parts(std::size_t document);
  // A step of the text of parts [first, end).
  bool advance_text(std::size_t document, std::size_t first, std::size_t end, std::int32_t max_ids);

  const std::int32_t budget_;         // of the text
  std::vector<Part> parts_;           // of the pair at hand; empty: none
  std::size_t next_cut_ = 0;          // to be looked at
  std::size_t next_ = 0;              // to be appended
  TokenIds ids_;                      // of those before it
  bool is_whole_ = true;              // no id is missing in them
  std::optional<TextEncoding> text_;  // at hand
};

}  // namespace rerank
