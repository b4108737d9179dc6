#include "api/scoring_call.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "rerank/error.h"

namespace rerank::api {
namespace {

struct NamedFormat {
  std::string_view name;
  ReplyFormat format;
};

constexpr std::array kNamedFormats = {
    NamedFormat{"standard", ReplyFormat::kStandard}, NamedFormat{"tei", ReplyFormat::kTei},
    NamedFormat{"weaviate", ReplyFormat::kWeaviate}, NamedFormat{"nim", ReplyFormat::kNim},
    NamedFormat{"voyage", ReplyFormat::kVoyage},     NamedFormat{"mixedbread", ReplyFormat::kMixedbread},
    NamedFormat{"infinity", ReplyFormat::kInfinity},
};

constexpr std::string_view kDocument = "documents[";  // how the engine names one

// `message` with the document that it may name counted from `first` and called an element of `field`.
std::string with_document(const std::string& message, std::size_t first, std::string_view field) {
  const std::size_t at = message.find(kDocument);
  if (at == std::string::npos) return message;
  const std::size_t digits = at + kDocument.size();
  const std::size_t digits_end = std::min(message.find(']', digits), message.size());
  std::size_t index = 0;
  std::from_chars(message.data() + digits, message.data() + digits_end, index);
  return message.substr(0, at) + std::string(field) + "[" + std::to_string(first + index) +
         message.substr(digits_end);
}

}  // namespace

ReplyFormat reply_format_named(std::string_view name) {
  const auto* found = std::find_if(kNamedFormats.begin(), kNamedFormats.end(),
                                   [name](const NamedFormat& format) { return format.name == name; });
  if (found != kNamedFormats.end()) return found->format;
  throw Error(ErrorCode::kInvalidArgument,
              "--reply-format " + std::string(name) +
                  ": choose standard, tei, weaviate, nim, voyage, mixedbread or infinity");
}

ErrorStyle error_style_of(ReplyFormat format) {
  return format == ReplyFormat::kTei || format == ReplyFormat::kWeaviate ? ErrorStyle::kString
                                                                         : ErrorStyle::kObject;
}

std::size_t ScoringCall::num_documents() const {
  std::size_t count = 0;
  for (const Request& request : requests) count += request.documents.size();
  return count;
}

ErrorStyle ScoringCall::error_style() const {
  return error_style_of(format);
}

Result merge_results(std::vector<Result> results) {
  check(!results.empty(), "a call without results");
  Result merged = std::move(results.front());
  for (std::size_t i = 1; i < results.size() && merged.status == Status::kOk; ++i) {
    Result& next = results[i];
    if (next.status != Status::kOk) {
      next.message = with_document(next.message, merged.documents.size(), "documents");
      return std::move(next);
    }
    merged.documents.insert(merged.documents.end(), next.documents.begin(), next.documents.end());
    merged.num_tokens += next.num_tokens;
    merged.num_cached_tokens += next.num_cached_tokens;
    merged.timings.queue = std::max(merged.timings.queue, next.timings.queue);
    merged.timings.tokenize = std::max(merged.timings.tokenize, next.timings.tokenize);
    merged.timings.compute = std::max(merged.timings.compute, next.timings.compute);
    merged.timings.total = std::max(merged.timings.total, next.timings.total);
  }
  return merged;
}

ApiError error_of(const ScoringCall& call, const Result& result) {
  const bool names_document = result.message.find(kDocument) != std::string::npos;
  ApiError error(status_of(result.status), with_document(result.message, 0, call.documents_field),
                 names_document ? call.documents_field : std::string_view());
  error.set_style(call.error_style());
  return error;
}

}  // namespace rerank::api
