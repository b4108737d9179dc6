#include "api/scoring_call.h"

#include <fmt/format.h>

#include <string>

#include "api/dialects/dialects.h"

namespace rerank::api {
namespace {

// Clients look for this phrase of vLLM's errors when a prompt has too many tokens.
constexpr std::string_view kReduceLength = "Please reduce the length of the input prompt";

bool is_query(const ErrorSubject& subject) {
  return subject.member == "query" || subject.member == "queries";
}

// The name in the request for this member of Request.
std::string_view field_of(const ScoringCall& call, const ErrorSubject& subject) {
  if (subject.member == "documents") return call.documents_field;
  if (subject.member == "instruction") return call.instruction_field;
  return is_query(subject) ? call.queries_field : std::string_view(subject.member);
}

std::string element_of(const ScoringCall& call, const ErrorSubject& subject) {
  const std::string_view field = field_of(call, subject);
  return subject.index ? fmt::format("{}[{}]", field, *subject.index) : std::string(field);
}

// With the phrases of vLLM, as far as it has any.
std::string too_long_text(const ScoringCall& call, const ErrorSubject& subject) {
  const PromptTooLong& found = *subject.too_long;
  const std::string limit =
      found.is_limit_of_request
          ? fmt::format("The request's truncate_prompt_tokens is {} tokens.", found.limit)
          : fmt::format("This model's maximum context length is {} tokens.", found.limit);
  const std::string tokens = found.is_exact ? fmt::format("{} tokens", found.num_tokens)
                                            : fmt::format("more than {} tokens", found.limit);
  if (subject.member == "documents") {
    return fmt::format("{} However, {} makes a prompt of {}. {}, or let it be truncated.", limit,
                       element_of(call, subject), tokens, kReduceLength);
  }
  if (!is_query(subject)) {
    return fmt::format(
        "{} However, the instruction and the prompt around it alone take {}. {}: of the instruction.", limit,
        tokens, kReduceLength);
  }
  return fmt::format(
      "{} However, {}, the instruction and the prompt around them alone take {}. {}: of the query or the "
      "instruction.",
      limit, subject.index ? element_of(call, subject) : "the query", tokens, kReduceLength);
}

struct Words {
  const ErrorSubject& subject;
  std::string message;
  const std::string& reason;
};

ApiError refusal(const ScoringCall& call, int status, const Words& words) {
  const ErrorSubject& subject = words.subject;
  std::string message = words.message;
  std::string_view param = field_of(call, subject);
  if (subject.too_long) {
    message = too_long_text(call, subject);
    // vLLM's names for what is too long; clients look for either.
    if (!subject.index) param = subject.too_long->is_limit_of_request ? "" : "input_tokens";
  } else if (!subject.member.empty()) {
    message = fmt::format("{}: {}", element_of(call, subject), words.reason);
  }
  ApiError error(status, message, param);
  error.set_style(call.dialect->error_style);
  return error;
}

}  // namespace

ScoringCall::ScoringCall() : dialect(&kStandard) {}

ErrorStyle error_style_of(const RequestRules& rules) {
  return rules.forced_dialect == nullptr ? ErrorStyle::kObject : rules.forced_dialect->error_style;
}

ApiError error_of(const ScoringCall& call, const Result& result) {
  return refusal(call, status_of(result.status), {result.subject, result.message, result.reason});
}

ApiError error_of(const ScoringCall& call, const Error& error) {
  return refusal(call, 400, {error.subject(), error.what(), error.reason()});
}

}  // namespace rerank::api
