// Encodes one piece of a prompt in steps, and truncates its text or rejects it if it is too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/encode/encoded_prompt.h"
#include "prompt/prompt.h"
#include "rerank/types.h"
#include "tokenizer/text_encoding.h"

namespace rerank {

class RequestEncoder;

struct PiecePlace {
  std::size_t piece = 0;
  std::size_t document = 0;  // the document of the prompt
  std::int32_t room = 0;     // in tokens
};

// The query or document in the piece may be truncated at its end. If so, it is encoded separately from what
// follows it.
class PieceEncoding {
 public:
  // REQUIRES: check_request passed; encoder and request outlive it.
  PieceEncoding(const RequestEncoder& encoder, const Request& request, PiecePlace place);
  PieceEncoding(const PieceEncoding&) = delete;
  PieceEncoding& operator=(const PieceEncoding&) = delete;

  // Performs a step, see TextEncoding; true once it is done. Throws Error{kInvalidArgument} about a member of
  // the request.
  bool advance();

  TokenIds take_ids() { return std::move(ids_); }
  // Whether the document was truncated.
  bool truncated() const { return truncated_; }

 private:
  // What is being encoded, as one text.
  enum class Stage {
    kNone,   // done
    kWords,  // the words before the text that may be cut, which its own limit does not count
    kStart,  // everything up to the end of that text
    kRest,   // what follows it
    kWhole,  // the piece
  };

  void add_texts(const PromptPiece& piece);
  void set_limit();
  void begin(Stage stage);
  bool end_stage();
  bool end_start();
  bool end_whole();
  bool end_cut(const TokenIds& rest);
  bool is_document() const { return cut_field_ == PromptField::kDocument; }
  bool may_be_cut_to_room() const { return is_document() && request_.truncate; }
  std::int32_t num_tokens() const { return static_cast<std::int32_t>(text_->ids().size()); }
  [[noreturn]] void refuse(std::int32_t num_tokens, bool is_exact) const;

  const RequestEncoder& encoder_;
  const Request& request_;
  const PiecePlace place_;

  std::vector<TextPart> parts_;
  std::vector<PromptField> fields_;             // [parts]
  PromptField cut_field_ = PromptField::kNone;  // the one that may be cut
  std::size_t cut_part_ = 0;                    // its index in parts_
  std::optional<std::int32_t> own_limit_;       // in tokens, without the words before it
  std::int32_t limit_ = INT32_MAX;              // in tokens, up to its end
  bool must_be_cut_ = false;                    // even if it is within its limits
  Stage stage_ = Stage::kNone;
  std::optional<TextEncoding> text_;
  TokenIds start_;
  bool start_is_whole_ = false;

  TokenIds ids_;
  bool truncated_ = false;
};

}  // namespace rerank
