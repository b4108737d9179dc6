// One part of a prompt on its way to ids, step by step: how much of a text is kept, and what is too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rerank/types.h"
#include "tokenizer/text_encoding.h"

namespace rerank {

class RequestEncoder;

enum class PromptPart { kPreamble, kQuery, kDocument };

class PartEncoding {
 public:
  // The part of the prompt of `document` after `tokens_before` tokens of others. REQUIRES: check_request
  // passed; encoder and request outlive it.
  PartEncoding(const RequestEncoder& encoder, const Request& request, PromptPart part, std::size_t document,
               std::int32_t tokens_before);
  PartEncoding(const PartEncoding&) = delete;
  PartEncoding& operator=(const PartEncoding&) = delete;

  // A step, see TextEncoding; true once it is done. Throws Error{kInvalidArgument} naming the field.
  bool advance();
  void run() {
    while (!advance()) {
    }
  }

  PromptPart part() const { return part_; }
  std::vector<std::int32_t> take_ids() { return std::move(ids_); }
  bool truncated() const { return truncated_; }

 private:
  void begin();
  std::string field() const;
  bool finish_preamble();
  bool finish_query();
  bool finish_document();
  void begin_text(std::string_view before, std::string_view text, std::string_view after,
                  std::int32_t max_tokens);
  // Tokens of the prompt that this part may have.
  std::int32_t room() const;
  std::int32_t num_text_tokens() const { return static_cast<std::int32_t>(text_->ids().size()); }
  // For so many tokens of this part; not is_exact: its text was not looked at to its end.
  [[noreturn]] void refuse_head(std::int32_t num_tokens, bool is_exact) const;
  [[noreturn]] void refuse_document(std::int32_t num_tokens) const;
  std::string limit_sentence() const;
  std::string shown_tokens(std::int32_t num_tokens, bool is_exact) const;

  const RequestEncoder& encoder_;
  const Request& request_;
  const PromptPart part_;
  const std::size_t document_;
  const std::int32_t tokens_before_;
  std::vector<std::int32_t> ids_;
  bool truncated_ = false;
  bool query_may_be_cut_ = false;  // it is encoded without what follows it, to see whether it must be
  std::optional<TextEncoding> text_;
};

}  // namespace rerank
