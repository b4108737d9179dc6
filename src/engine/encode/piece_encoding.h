// One piece of a prompt on its way to ids, step by step: how much of a text is kept, and what is too long.
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
  std::size_t document = 0;  // whose prompt it is a piece of
  std::int32_t room = 0;     // tokens that it may have
};

// Of the query or the document that it holds, the first tokens may be kept. What is cut is encoded without
// what follows it in the piece.
class PieceEncoding {
 public:
  // REQUIRES: check_request passed; encoder and request outlive it.
  PieceEncoding(const RequestEncoder& encoder, const Request& request, PiecePlace place);
  PieceEncoding(const PieceEncoding&) = delete;
  PieceEncoding& operator=(const PieceEncoding&) = delete;

  // A step, see TextEncoding; true once it is done. Throws Error{kInvalidArgument} about a member of the
  // request.
  bool advance();

  TokenIds take_ids() { return std::move(ids_); }
  // The document was cut.
  bool truncated() const { return truncated_; }

 private:
  // What is encoded at the moment, as one text.
  enum class Stage {
    kNone,   // nothing is left to be done
    kWords,  // what comes before the text that may be cut, which its own limit does not count
    kStart,  // all up to the end of that text
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
  std::size_t cut_part_ = 0;                    // it
  std::optional<std::int32_t> own_limit_;       // of its tokens
  std::int32_t limit_ = INT32_MAX;              // of those up to its end
  bool must_be_cut_ = false;                    // whatever its limits
  Stage stage_ = Stage::kNone;
  std::optional<TextEncoding> text_;
  TokenIds start_;
  bool start_is_whole_ = false;

  TokenIds ids_;
  bool truncated_ = false;
};

}  // namespace rerank
