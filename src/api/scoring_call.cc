#include "api/scoring_call.h"

#include <algorithm>
#include <array>
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

// How the engine names a text, and what the request calls its like.
struct NamedTexts {
  std::string_view engine_name;
  std::string_view field;
};

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

ErrorStyle ScoringCall::error_style() const {
  return error_style_of(format);
}

ErrorStyle error_style_of(const RequestRules& rules) {
  return error_style_of(rules.forced_format.value_or(ReplyFormat::kStandard));
}

ApiError error_of(const ScoringCall& call, const Result& result) {
  std::string message = result.message;
  std::string_view param;
  for (const NamedTexts texts :
       {NamedTexts{"documents[", call.documents_field}, NamedTexts{"queries[", call.queries_field}}) {
    const std::size_t at = message.find(texts.engine_name);
    if (at == std::string::npos) continue;
    message.replace(at, texts.engine_name.size() - 1, texts.field);
    param = texts.field;
    break;
  }
  // As vLLM names what is too long; clients look for either.
  if (param.empty() && message.starts_with("This model's maximum context length")) param = "input_tokens";
  ApiError error(status_of(result.status), message, param);
  error.set_style(call.error_style());
  return error;
}

}  // namespace rerank::api
