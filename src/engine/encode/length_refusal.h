// The errors for texts of a request that are invalid or too long.
#pragma once

#include <cstddef>
#include <cstdint>

#include "prompt/prompt.h"
#include "rerank/error.h"
#include "rerank/types.h"

namespace rerank {

class RequestEncoder;

// The member of the request that the field's text comes from; the instruction for kNone.
ErrorSubject subject_of(const Request& request, PromptField field, std::size_t document);

// A prompt that is too long.
struct LongPrompt {
  PromptField field = PromptField::kNone;  // the text to shorten
  std::size_t document = 0;
  std::int32_t num_tokens = 0;  // of the whole prompt
  bool is_exact = true;         // otherwise it has more
};

// Throws Error{kInvalidArgument} about the text to shorten.
[[noreturn]] void refuse_length(const RequestEncoder& encoder, const Request& request,
                                const LongPrompt& prompt);

}  // namespace rerank
