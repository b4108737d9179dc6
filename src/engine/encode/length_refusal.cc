#include "engine/encode/length_refusal.h"

#include <fmt/format.h>

#include <utility>

#include "engine/encode/request_encoder.h"

namespace rerank {

ErrorSubject subject_of(const Request& request, PromptField field, std::size_t document) {
  switch (field) {
    case PromptField::kDocument:
      return {.member = "documents", .index = document};
    case PromptField::kQuery:
      if (!request.queries.empty()) return {.member = "queries", .index = document};
      return {.member = "query"};
    case PromptField::kInstruction:
    case PromptField::kNone:
      break;
  }
  return {.member = "instruction"};
}

void refuse_length(const RequestEncoder& encoder, const Request& request, const LongPrompt& prompt) {
  const std::int32_t limit = encoder.pair_limit(request);
  const PromptTooLong too_long{.num_tokens = prompt.num_tokens,
                               .is_exact = prompt.is_exact,
                               .limit = limit,
                               .is_limit_of_request = limit != encoder.max_model_len()};
  ErrorSubject subject = subject_of(request, prompt.field, prompt.document);
  subject.too_long = too_long;
  const bool is_query = prompt.field == PromptField::kQuery, is_pair = encoder.prompt().pair.has_value();
  const bool may_be_cut = prompt.field == PromptField::kDocument || is_pair;
  throw Error(
      ErrorCode::kInvalidArgument, std::move(subject),
      fmt::format("with {}the prompt around it, it has {} tokens, and {} allows {}: shorten {}",
                  is_query && !is_pair ? "the instruction and " : "",
                  prompt.is_exact ? fmt::format("{}", prompt.num_tokens) : fmt::format("more than {}", limit),
                  too_long.is_limit_of_request ? "max_tokens_per_pair" : "max_model_len", limit,
                  may_be_cut ? "it, or let it be cut (truncate)" : "it"));
}

}  // namespace rerank
