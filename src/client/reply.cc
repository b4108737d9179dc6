#include "client/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/shown_text.h"
#include "client/json_node.h"
#include "rerank/error.h"

namespace rerank::client {
namespace {

using Kind = JsonNode::Kind;

// The maximum number of values in a response, per document and in total: a larger one is meant to exhaust
// memory.
constexpr std::size_t kMaxValuesOfResult = 64;
constexpr std::size_t kMaxOtherValues = 10'000;
constexpr std::int64_t kMostTokens = 1'000'000'000'000;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::kUnsupported, why);
}

std::string_view title_of_html(std::string_view body) {
  const std::size_t begin = body.find("<title>");
  if (begin == body.npos) return {};
  return body.substr(begin + 7, body.find("</title>", begin) - begin - 7);
}

std::string beginning_of(std::string_view body) {
  const std::string_view title = title_of_html(body);
  return title.empty() ? shown_prose(body) : fmt::format("a page titled \"{}\"", shown_prose(title));
}

// FastAPI's list of {"loc": [...], "msg": "..."}.
std::string validation_message(const JsonNode& list) {
  std::string message;
  for (const JsonNode& problem : list.elements) {
    std::string place;
    if (const JsonNode* const path = problem.find("loc")) {
      for (const JsonNode& step : path->elements) place += (place.empty() ? "" : ".") + step.text;
    }
    message += fmt::format("{}{}: {}", message.empty() ? "" : "; ", place, problem.text_of("msg"));
  }
  return message;
}

std::string message_in(const JsonNode& node) {
  if (node.is(Kind::kString)) return node.text;
  if (node.is(Kind::kArray)) return validation_message(node);
  for (const char* const name : {"message", "error", "detail"}) {
    const JsonNode* const inner = node.find(name);
    if (inner == nullptr) continue;
    std::string message = message_in(*inner);
    if (!message.empty()) return message;
  }
  return {};
}

const std::vector<JsonNode>& items_of(const JsonNode& reply) {
  if (reply.is(Kind::kArray)) return reply.elements;
  for (const char* const name : {"results", "data"}) {
    const JsonNode* const list = reply.find(name);
    if (list != nullptr && list->is(Kind::kArray)) return list->elements;
  }
  const std::string message = shown_prose(message_in(reply));
  refuse("the response contains no list of results" + (message.empty() ? message : ": " + message));
}

float score_of(const JsonNode& item, std::size_t position) {
  for (const char* const name : {"relevance_score", "score"}) {
    const JsonNode* const score = item.find(name);
    if (score == nullptr) continue;
    const std::optional<float> value =
        score->is(Kind::kNumber) ? parse_float(score->text) : std::optional<float>();
    if (!value) refuse(fmt::format("{} of result {} is not a number", name, position));
    return *value;
  }
  refuse(fmt::format("result {} has no score", position));
}

void take_items(const std::vector<JsonNode>& items, std::size_t num_documents, ScoredReply& reply) {
  reply.scores.resize(num_documents);
  reply.truncated.resize(num_documents);
  std::vector<bool> seen(num_documents);
  for (std::size_t position = 0; position < items.size(); ++position) {
    const JsonNode& item = items[position];
    const std::optional<std::int64_t> index = item.integer_of("index");
    if (!index) refuse(fmt::format("result {} has no index", position));
    if (*index < 0 || static_cast<std::uint64_t>(*index) >= num_documents) {
      refuse(fmt::format("result {} has the index {}, but there are {} documents", position, *index,
                         num_documents));
    }
    const auto document = static_cast<std::size_t>(*index);
    if (seen[document]) refuse(fmt::format("two results have the index {}", document));
    seen[document] = true;
    reply.scores[document] = score_of(item, position);
    const JsonNode* const truncated = item.find("truncated");
    reply.truncated[document] = truncated != nullptr && truncated->text == "true";
  }
  const auto missing = std::find(seen.begin(), seen.end(), false);
  if (missing != seen.end()) {
    refuse(fmt::format("{} results for {} documents: index {} is missing", items.size(), num_documents,
                       missing - seen.begin()));
  }
}

}  // namespace

std::optional<std::int64_t> possible_count(std::int64_t num_tokens) {
  return num_tokens >= 0 && num_tokens <= kMostTokens ? std::optional(num_tokens) : std::nullopt;
}

namespace {

std::optional<std::int64_t> num_tokens_of(const JsonNode& reply) {
  if (const JsonNode* const usage = reply.find("usage")) {
    for (const char* const name : {"prompt_tokens", "total_tokens"}) {
      if (const auto count = usage->integer_of(name)) return possible_count(*count);
    }
  }
  const JsonNode* const meta = reply.find("meta");
  const JsonNode* const tokens = meta != nullptr ? meta->find("tokens") : nullptr;
  return tokens != nullptr ? possible_count(tokens->integer_of("input_tokens").value_or(-1)) : std::nullopt;
}

}  // namespace

ScoredReply read_scores(std::string_view body, std::size_t num_documents) {
  JsonNode root;
  try {
    root = parse_json(body, kMaxOtherValues + kMaxValuesOfResult * num_documents);
  } catch (const Error& error) {
    refuse(body.empty() ? std::string("the response is empty")
                        : fmt::format("the response is {}; it begins: {}", error.what(), beginning_of(body)));
  }
  ScoredReply reply;
  take_items(items_of(root), num_documents, reply);
  reply.model = root.text_of("model");
  reply.id = root.text_of("id");
  reply.num_tokens = num_tokens_of(root);
  return reply;
}

std::string server_message(std::string_view body) {
  try {
    const std::string message = shown_prose(message_in(parse_json(body)));
    if (!message.empty()) return message;
  } catch (const Error&) {
    // Not JSON: show what it is instead.
  }
  return beginning_of(body);
}

}  // namespace rerank::client
