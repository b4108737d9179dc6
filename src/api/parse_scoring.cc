// parse_scoring_call of scoring_call.h: the fields of rerank and score requests in all dialects.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <utility>

#include "api/dialects/dialects.h"
#include "api/field_reader.h"
#include "api/json/json_body.h"
#include "api/reply.h"
#include "api/request_texts.h"
#include "api/scoring_call.h"
#include "api/served_model.h"
#include "base/ascii.h"
#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

std::string_view name_of(Field field) {
  return field_spec(field).name;
}

const Dialect& rerank_dialect(const FieldReader& reader, const Dialect& of_route, const RequestRules& rules) {
  if (rules.forced_dialect != nullptr) return *rules.forced_dialect;
  for (const Dialect* dialect : dialects()) {
    if (dialect == &of_route || reader.has_any(dialect->selectors)) return *dialect;
  }
  return kStandard;
}

Field documents_field(const FieldReader& reader) {
  if (reader.has(Field::kDocuments)) return Field::kDocuments;
  for (const Dialect* dialect : dialects()) {
    if (reader.has(dialect->documents)) return dialect->documents;
  }
  throw ApiError(400, "documents is missing: send a list of texts", name_of(Field::kDocuments));
}

bool wants_documents(const FieldReader& reader, Echo echo) {
  std::optional<bool> asked;
  for (const Field field : {Field::kReturnDocuments, Field::kReturnText, Field::kReturnInput}) {
    if (const std::optional<bool> flag = reader.flag(field)) asked = asked.value_or(*flag);
  }
  switch (echo) {
    case Echo::kNever:
      return false;
    case Echo::kAlways:
      return true;
    case Echo::kOnRequest:
      return asked.value_or(false);
    case Echo::kByDefault:
      break;
  }
  return asked.value_or(true);
}

struct GivenInstruction {
  std::string_view text;
  std::string_view field;  // in which the request has it
};

// The first of instruction and instruct that is present, in chat_template_kwargs or in the request; checks
// all.
GivenInstruction instruction_of(const FieldReader& reader) {
  std::optional<GivenInstruction> first;
  const auto offer = [&first](std::string_view text, Field field) {
    first = first.value_or(GivenInstruction{text, name_of(field)});
  };
  if (const json::object* kwargs = reader.object(Field::kChatTemplateKwargs); kwargs != nullptr) {
    for (const Field field : {Field::kInstruction, Field::kInstruct}) {
      const json::value* value = kwargs->if_contains(name_of(field));
      if (value == nullptr || value->is_null()) continue;
      if (!value->is_string()) {
        throw ApiError(
            400,
            fmt::format("chat_template_kwargs.{} must be a string, not {}", name_of(field), kind_of(*value)),
            name_of(Field::kChatTemplateKwargs));
      }
      offer({value->get_string().data(), value->get_string().size()}, Field::kChatTemplateKwargs);
    }
  }
  for (const Field field : {Field::kInstruction, Field::kInstruct}) {
    if (reader.has(field)) offer(reader.string_or_empty(field), field);
  }
  return first.value_or(GivenInstruction{"", name_of(Field::kInstruction)});
}

// NIM's values are strings.
bool truncates_by(const FieldReader& reader, Field field) {
  const json::value& value = *reader.find(field);
  if (value.is_string()) {
    const std::string_view word(value.get_string().data(), value.get_string().size());
    if (equal_in_any_case(word, "end")) return true;
    if (equal_in_any_case(word, "none")) return false;
    if (!equal_in_any_case(word, "true") && !equal_in_any_case(word, "false")) {
      throw ApiError(
          400,
          fmt::format(R"({} must be true, false, "END" or "NONE": only a document's end can be cut)",
                      name_of(field)),
          name_of(field));
    }
  }
  return *reader.flag(field);
}

bool truncates(const FieldReader& reader, const RequestRules& rules) {
  std::optional<bool> first;
  for (const Field field : {Field::kTruncate, Field::kTruncation}) {
    if (reader.has(field)) first = first.value_or(truncates_by(reader, field));
  }
  return first.value_or(rules.auto_truncate || reader.has(Field::kTruncatePromptTokens));
}

void check_truncation_direction(const FieldReader& reader, bool truncates) {
  const std::string_view direction = reader.string_or_empty(Field::kTruncationDirection);
  if (!truncates || direction.empty() || equal_in_any_case(direction, "right")) return;
  throw ApiError(400, R"(truncation_direction must be "Right": only a document's end can be cut)",
                 name_of(Field::kTruncationDirection));
}

std::int32_t tokens_per_pair(const FieldReader& reader, const RequestRules& rules) {
  const std::int32_t tokens = reader.integer(Field::kTruncatePromptTokens).value_or(0);
  const std::string_view name = name_of(Field::kTruncatePromptTokens);
  if (tokens < -1) throw ApiError(400, "truncate_prompt_tokens must be -1 or a non-negative integer", name);
  if (tokens > rules.max_model_len) {
    throw ApiError(400,
                   "truncate_prompt_tokens value is greater than max_model_len. Please request a smaller "
                   "truncation size.",
                   name);
  }
  return std::max(tokens, 0);
}

// Each logit goes through one function: the dialect's sigmoid never follows one of the model's.
Activation activation_of(const FieldReader& reader, const Dialect& dialect, const RequestRules& rules) {
  bool is_raw = reader.flag(Field::kRawScores).value_or(false);
  for (const Field field : {Field::kUseActivation, Field::kActivation, Field::kSoftmax}) {
    if (!reader.flag(field).value_or(true)) is_raw = true;
  }
  if (is_raw) return Activation::kNone;
  const bool is_needless = dialect.activation == Activation::kSigmoid && !rules.model_declares_logits;
  return is_needless ? Activation::kModel : dialect.activation;
}

// All but the texts that are scored, the instruction included.
void read_settings(const FieldReader& reader, const RequestRules& rules, Allowance& allowance,
                   ScoringCall& call) {
  Request& request = call.request;
  const GivenInstruction instruction = instruction_of(reader);
  allowance.take(held_bytes(instruction.text.size()));
  request.instruction = instruction.text;
  call.instruction_field = instruction.field;
  request.max_tokens_per_query = reader.count(Field::kMaxTokensPerQuery);
  request.max_tokens_per_document = reader.count(Field::kMaxTokensPerDoc);
  request.max_tokens_per_pair = tokens_per_pair(reader, rules);
  request.truncate = truncates(reader, rules);
  check_truncation_direction(reader, request.truncate);
  request.priority = reader.integer(Field::kPriority).value_or(0);
  call.activation = activation_of(reader, *call.dialect, rules);
}

void require_documents(const std::vector<std::string>& documents, Field field) {
  if (documents.empty()) {
    throw ApiError(400, "At least one text_pair element must be given", name_of(field));
  }
}

// Without duplicates.
std::vector<std::string_view> rank_fields_of(const FieldReader& reader) {
  constexpr std::size_t kMaxFields = 32;
  constexpr std::size_t kMaxNames = 1024;  // including duplicates
  std::vector<std::string_view> distinct;
  for (const std::string_view name : reader.strings(Field::kRankFields, kMaxNames)) {
    if (std::find(distinct.begin(), distinct.end(), name) != distinct.end()) continue;
    if (distinct.size() == kMaxFields) {
      throw ApiError(
          400, fmt::format("rank_fields lists more than {} fields; list the important ones", kMaxFields),
          name_of(Field::kRankFields));
    }
    distinct.push_back(name);
  }
  return distinct;
}

std::size_t top_n_of(const FieldReader& reader) {
  const std::int32_t top_n = reader.count(Field::kTopN);
  const std::int32_t top_k = reader.count(Field::kTopK);
  return static_cast<std::size_t>(reader.has(Field::kTopN) ? top_n : top_k);
}

void keep_echo(ScoringCall& call, Allowance& allowance) {
  for (const std::string& document : call.request.documents) call.echo_bytes += held_bytes(document.size());
  allowance.take(call.echo_bytes);
  call.echo = call.request.documents;
}

void read_rerank(const FieldReader& reader, const RequestRules& rules, Allowance& allowance,
                 ScoringCall& call) {
  const json::value* query = reader.find(Field::kQuery);
  if (query == nullptr) throw ApiError(400, "query is missing: send the text to rank documents for", "query");
  const Field field = documents_field(reader);
  const TextRules text_rules{
      .rank_fields = rank_fields_of(reader), .max_texts = rules.max_documents, .allowance = allowance};
  Request& request = call.request;
  read_settings(reader, rules, allowance, call);
  request.query = text_of(*query, name_of(Field::kQuery), {.rank_fields = {}, .allowance = allowance});
  request.documents = texts_of(*reader.find(field), name_of(field), text_rules);
  require_documents(request.documents, field);
  call.documents_field = name_of(field);
  call.top_n = top_n_of(reader);
  call.wants_documents = wants_documents(reader, call.dialect->echo);
  if (call.wants_documents) keep_echo(call, allowance);
}

struct Sides {
  Field queries;
  Field documents;
};

constexpr std::array kSides = {Sides{Field::kQueries, Field::kDocuments},
                               Sides{Field::kQueries, Field::kItems}, Sides{Field::kData1, Field::kData2},
                               Sides{Field::kText1, Field::kText2}};

Sides sides_of(const FieldReader& reader) {
  for (const Sides sides : kSides) {
    if (reader.has(sides.queries) && reader.has(sides.documents)) return sides;
  }
  for (const Sides sides : kSides) {
    if (!reader.has(sides.queries) && !reader.has(sides.documents)) continue;
    const auto [missing, given] = reader.has(sides.queries) ? std::pair(sides.documents, sides.queries)
                                                            : std::pair(sides.queries, sides.documents);
    throw ApiError(400, fmt::format("{} is missing: send it with {}", name_of(missing), name_of(given)),
                   name_of(missing));
  }
  throw ApiError(400,
                 "The texts to score are missing: send queries and documents, queries and items, data_1 and "
                 "data_2, or text_1 and text_2",
                 name_of(Field::kQueries));
}

void read_score(const FieldReader& reader, const RequestRules& rules, Allowance& allowance,
                ScoringCall& call) {
  const Sides sides = sides_of(reader);
  const TextRules text_rules{.rank_fields = {}, .max_texts = rules.max_documents, .allowance = allowance};
  Request& request = call.request;
  read_settings(reader, rules, allowance, call);
  std::vector<std::string> queries =
      texts_of(*reader.find(sides.queries), name_of(sides.queries), text_rules);
  request.documents = texts_of(*reader.find(sides.documents), name_of(sides.documents), text_rules);
  if (queries.size() > 1 && queries.size() != request.documents.size()) {
    throw ApiError(400, "Input lengths must be either 1:1, 1:N or N:N", name_of(sides.queries));
  }
  if (queries.empty()) throw ApiError(400, "At least one text element must be given", name_of(sides.queries));
  require_documents(request.documents, sides.documents);
  if (queries.size() == 1) {
    request.query = std::move(queries.front());
  } else {
    request.queries = std::move(queries);
  }
  call.documents_field = name_of(sides.documents);
  call.queries_field = name_of(sides.queries);
  call.wants_documents = false;
}

bool is_rerank(const json::object& object, Handler handler) {
  if (handler != Handler::kInvocations) return handler == Handler::kRerank;
  const FieldReader reader(object, kInRerank);
  if (reader.has(Field::kQuery)) return true;
  const FieldReader score_reader(object, kInScore);
  for (const Sides sides : kSides) {
    if (score_reader.has(sides.queries)) return false;
  }
  throw ApiError(
      400,
      "The body is neither a rerank request (query and documents) nor a score request (queries and "
      "documents, data_1 and data_2, or text_1 and text_2)");
}

// Whether JSON that cannot be parsed has this key somewhere.
bool has_key(std::string_view body, std::string_view name) {
  const std::string quoted = fmt::format("\"{}\"", name);
  for (std::size_t at = body.find(quoted); at != std::string_view::npos; at = body.find(quoted, at + 1)) {
    const std::size_t after = body.find_first_not_of(" \t\r\n", at + quoted.size());
    if (after == std::string_view::npos || body[after] == ':') return true;
  }
  return false;
}

// The error style for a body that cannot be parsed, by the keys in it.
ErrorStyle guessed_style(std::string_view body, const RequestRules& rules) {
  if (rules.forced_dialect != nullptr) return rules.forced_dialect->error_style;
  for (const Dialect* dialect : dialects()) {
    for (const Field field : dialect->selectors) {
      if (has_key(body, name_of(field))) return dialect->error_style;
    }
  }
  return ErrorStyle::kObject;
}

std::unique_ptr<JsonBody> read_json(std::string_view body, const Route& route, const RequestRules& rules,
                                    Allowance& allowance) {
  try {
    return std::make_unique<JsonBody>(
        body, JsonBounds{.max_depth = rules.max_json_depth, .max_values = rules.max_json_values}, allowance);
  } catch (ApiError& error) {
    const bool may_be_rerank = route.handler != Handler::kScore;
    error.set_style(may_be_rerank ? guessed_style(body, rules) : ErrorStyle::kObject);
    throw;
  }
}

}  // namespace

ScoringCall parse_scoring_call(std::string body, const RouteMatch& match, const RequestRules& rules,
                               Allowance& allowance) {
  const Route& route = *match.route;
  const std::unique_ptr<JsonBody> json_body = read_json(body, route, rules, allowance);
  const std::size_t num_body_bytes = body.capacity();
  body = std::string();
  allowance.give_back(num_body_bytes);
  ScoringCall call;
  if (route.handler != Handler::kScore && rules.forced_dialect != nullptr)
    call.dialect = rules.forced_dialect;
  try {
    require_served(match.model, rules);
    const json::object& object = json_body->object();
    const bool rerank = is_rerank(object, route.handler);
    const FieldReader reader(object, rerank ? kInRerank : kInScore);
    call.dialect = rerank ? &rerank_dialect(reader, *route.dialect, rules) : &kScore;
    require_served(reader.string_or_empty(Field::kModel), rules);
    call.request_id = accepted_request_id(reader.string_or_empty(Field::kRequestId));
    if (rerank) {
      read_rerank(reader, rules, allowance, call);
    } else {
      read_score(reader, rules, allowance, call);
    }
  } catch (ApiError& error) {
    error.set_style(call.dialect->error_style);
    throw;
  }
  call.num_documents = call.request.documents.size();
  return call;
}

}  // namespace rerank::api
