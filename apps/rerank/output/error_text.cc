#include "apps/rerank/output/error_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace rerank::cli {
namespace {

struct NamedFlag {
  std::string_view option;
  std::string_view flag;
};

// The flags that are not the option's name with dashes.
constexpr std::array kOtherFlags = {NamedFlag{"num_threads", "--threads"},
                                    NamedFlag{"cache_directory", "--cache-dir"},
                                    NamedFlag{"max_tokens_per_document", "--max-tokens-per-doc"},
                                    NamedFlag{"use_weight_cache", "--no-weight-cache"}};

std::string flag_of(std::string_view option) {
  for (const NamedFlag& named : kOtherFlags) {
    if (named.option == option) return std::string(named.flag);
  }
  std::string flag = "--" + std::string(option);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

bool is_text(const ErrorSubject& subject) {
  return subject.member == "documents" || subject.member == "queries" || subject.member == "query" ||
         subject.member == "instruction";
}

std::string name_of(const ErrorSubject& subject, bool is_placed) {
  if (!is_text(subject)) return flag_of(subject.member);
  if (subject.member != "documents")
    return subject.member == "queries" ? "the query" : "the " + subject.member;
  return is_placed || !subject.index ? "the document" : fmt::format("document {}", *subject.index);
}

std::string text_of(const ErrorSubject& subject, const std::string& reason, bool is_placed) {
  const std::string name = name_of(subject, is_placed);
  if (!subject.too_long) return fmt::format("{}: {}", name, reason);
  const PromptTooLong& found = *subject.too_long;
  const std::string tokens =
      found.is_exact ? fmt::format("{}", found.num_tokens) : fmt::format("more than {}", found.limit);
  return fmt::format("{} makes a prompt of {} tokens, and --max-model-len allows {}: shorten it{}", name,
                     tokens, found.limit,
                     subject.member == "documents" ? ", or let it be cut (--truncate)" : "");
}

}  // namespace

std::string text_of(const Error& error) {
  return error.subject().member.empty() ? error.what() : text_of(error.subject(), error.reason(), false);
}

std::string text_of(const Result& result, bool is_placed) {
  return result.subject.member.empty() ? result.message : text_of(result.subject, result.reason, is_placed);
}

}  // namespace rerank::cli
