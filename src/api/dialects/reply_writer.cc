#include "api/dialects/reply_writer.h"

#include <fmt/format.h>

#include "api/dialects/dialect.h"
#include "base/best_first.h"
#include "base/sigmoid.h"

namespace rerank::api {
namespace {

float value_of(const DocumentScore& document, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return document.logit_difference();
    case Activation::kSigmoid:
      return sigmoid(document.logit_difference());
    case Activation::kModel:
      break;
  }
  return document.score;
}

std::vector<RankedDocument> ranked(const ScoringCall& call, const Result& result) {
  std::vector<float> values;
  values.reserve(result.documents.size());
  for (const DocumentScore& document : result.documents) {
    values.push_back(value_of(document, call.activation));
  }
  std::vector<RankedDocument> ranked;
  const auto add = [&](std::size_t index) {
    ranked.push_back(
        {.index = index, .value = values[index], .truncated = result.documents[index].truncated});
  };
  if (call.dialect->best_first) {
    const std::vector<std::size_t> order = best_first(values, call.top_n);
    ranked.reserve(order.size());
    for (const std::size_t index : order) add(index);
  } else {
    ranked.reserve(values.size());
    for (std::size_t index = 0; index < values.size(); ++index) add(index);
  }
  return ranked;
}

}  // namespace

ReplyWriter::ReplyWriter(const ScoringCall& call, const Result& result, const ReplyStamp& stamp)
    : call_(call),
      result_(result),
      stamp_(stamp),
      documents_(ranked(call, result)),
      json_(expected_bytes()) {}

std::size_t ReplyWriter::expected_bytes() const {
  std::size_t list_bytes = kDocumentBytes * documents_.size();
  for (const RankedDocument& document : documents_) {
    list_bytes += has_text(document) ? JsonWriter::string_bytes(text(document)) : 0;
  }
  return kFrameBytes + stamp_.model.size() + static_cast<std::size_t>(call_.dialect->num_lists) * list_bytes;
}

void ReplyWriter::begin_document(const RankedDocument& document, std::string_view value_name) {
  json_.begin_object();
  json_.key("index").number(static_cast<std::int64_t>(document.index));
  json_.key(value_name).real(document.value);
}

void ReplyWriter::end_document(const RankedDocument& document) {
  if (document.truncated) json_.key("truncated").boolean(true);
  json_.end_object();
}

void ReplyWriter::write_text(std::string_view name, const RankedDocument& document) {
  if (has_text(document)) json_.key(name).string(text(document));
}

void ReplyWriter::write_id(std::string_view prefix) {
  json_.key("id").string(fmt::format("{}-{}", prefix, stamp_.id));
}

void ReplyWriter::begin_usage() {
  json_.key("usage").begin_object();
  json_.key("prompt_tokens").number(result_.num_tokens);
  json_.key("total_tokens").number(result_.num_tokens);
}

void ReplyWriter::write_usage() {
  begin_usage();
  json_.end_object();
}

void ReplyWriter::write_meta(std::string_view api_version) {
  json_.key("meta").begin_object();
  json_.key("api_version").begin_object();
  json_.key("version").string(api_version);
  json_.end_object();
  json_.key("billed_units").begin_object();
  json_.key("search_units").number(1);
  json_.end_object();
  json_.key("tokens").begin_object();
  json_.key("input_tokens").number(result_.num_tokens);
  json_.key("output_tokens").number(0);
  json_.end_object().end_object();
}

}  // namespace rerank::api
