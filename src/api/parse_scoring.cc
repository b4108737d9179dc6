// parse_scoring_call of scoring_call.h: the fields of rerank and score requests, whatever client sent them.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "api/ascii_case.h"
#include "api/field_reader.h"
#include "api/json_body.h"
#include "api/reply.h"
#include "api/request_texts.h"
#include "api/scoring_call.h"
#include "api/served_model.h"
#include "rerank/error.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

std::string_view name_of(Field field) {
  return field_spec(field).name;
}

ReplyFormat rerank_format(const FieldReader& reader, Dialect dialect, const RequestRules& rules) {
  if (rules.forced_format.has_value()) return *rules.forced_format;
  if (reader.has(Field::kPassages)) return ReplyFormat::kNim;
  if (reader.has(Field::kProperty)) return ReplyFormat::kWeaviate;
  if (reader.has(Field::kTexts)) return ReplyFormat::kTei;
  if (reader.has(Field::kInput)) return ReplyFormat::kMixedbread;
  if (dialect == Dialect::kInfinity) return ReplyFormat::kInfinity;
  if (dialect == Dialect::kVoyage || reader.first_of({Field::kTopK, Field::kTruncation}).has_value()) {
    return ReplyFormat::kVoyage;
  }
  return ReplyFormat::kStandard;
}

bool wants_documents(const FieldReader& reader, ReplyFormat format, Dialect dialect) {
  const std::optional<bool> asked =
      reader.first_flag_of({Field::kReturnDocuments, Field::kReturnText, Field::kReturnInput});
  switch (format) {
    case ReplyFormat::kWeaviate:
      return true;
    case ReplyFormat::kNim:
    case ReplyFormat::kScore:
      return false;
    case ReplyFormat::kTei:
    case ReplyFormat::kMixedbread:
      return asked.value_or(false);
    default:
      return asked.value_or(dialect != Dialect::kCohereV2);
  }
}

std::string instruction_of(const FieldReader& reader) {
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
      return {value->get_string().data(), value->get_string().size()};
    }
  }
  const Field field = reader.first_of({Field::kInstruction, Field::kInstruct}).value_or(Field::kInstruction);
  return std::string(reader.string_or_empty(field));
}

// NIM's words for it are strings.
bool truncates(const FieldReader& reader, const RequestRules& rules) {
  const std::optional<Field> field = reader.first_of({Field::kTruncate, Field::kTruncation});
  if (!field.has_value()) return rules.auto_truncate || reader.has(Field::kTruncatePromptTokens);
  const json::value& value = *reader.find(*field);
  if (value.is_string()) {
    const std::string_view word(value.get_string().data(), value.get_string().size());
    if (equal_in_any_case(word, "end")) return true;
    if (equal_in_any_case(word, "none")) return false;
    if (!equal_in_any_case(word, "true") && !equal_in_any_case(word, "false")) {
      throw ApiError(
          400,
          fmt::format(R"({} must be true, false, "END" or "NONE": only a document's end can be cut)",
                      name_of(*field)),
          name_of(*field));
    }
  }
  return *reader.flag(*field);
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

// A request without texts: what all requests of a call have in common.
Request settings_of(const FieldReader& reader, const RequestRules& rules) {
  Request request;
  request.instruction = instruction_of(reader);
  request.max_tokens_per_query = reader.count(Field::kMaxTokensPerQuery);
  request.max_tokens_per_document = reader.count(Field::kMaxTokensPerDoc);
  request.max_tokens_per_pair = tokens_per_pair(reader, rules);
  request.truncate = truncates(reader, rules);
  check_truncation_direction(reader, request.truncate);
  request.priority = reader.integer(Field::kPriority).value_or(0);
  return request;
}

bool wants_raw_scores(const FieldReader& reader) {
  return reader.flag(Field::kRawScores).value_or(false) || !reader.flag(Field::kUseActivation).value_or(true);
}

void require_documents(const std::vector<std::string>& documents, Field field) {
  if (documents.empty()) {
    throw ApiError(400, "At least one text_pair element must be given", name_of(field));
  }
}

void read_rerank(const FieldReader& reader, const RequestRules& rules, ScoringCall& call) {
  const json::value* query = reader.find(Field::kQuery);
  if (query == nullptr) throw ApiError(400, "query is missing: send the text to rank for", "query");
  const std::optional<Field> field =
      reader.first_of({Field::kDocuments, Field::kTexts, Field::kInput, Field::kPassages});
  if (!field.has_value()) {
    throw ApiError(400, "documents is missing: send a list of texts", name_of(Field::kDocuments));
  }
  const TextRules text_rules{.rank_fields = reader.strings(Field::kRankFields),
                             .max_texts = rules.max_documents};
  Request request = settings_of(reader, rules);
  request.query = text_of(*query, name_of(Field::kQuery), {});
  request.documents = texts_of(*reader.find(*field), name_of(*field), text_rules);
  require_documents(request.documents, *field);
  call.documents_field = name_of(*field);

  const Field top = reader.has(Field::kTopN) ? Field::kTopN : Field::kTopK;
  call.top_n = static_cast<std::size_t>(reader.count(top));
  call.raw_scores = wants_raw_scores(reader);
  call.wants_documents = wants_documents(reader, call.format, call.dialect);
  if (call.wants_documents) call.echo = request.documents;
  call.requests.push_back(std::move(request));
}

struct Sides {
  Field queries;
  Field documents;
};

Sides sides_of(const FieldReader& reader) {
  for (const Sides sides : {Sides{Field::kQueries, Field::kDocuments}, Sides{Field::kQueries, Field::kItems},
                            Sides{Field::kData1, Field::kData2}, Sides{Field::kText1, Field::kText2}}) {
    if (reader.has(sides.queries) && reader.has(sides.documents)) return sides;
  }
  throw ApiError(400,
                 "The texts to score are missing: send queries and documents, queries and items, data_1 and "
                 "data_2, or text_1 and text_2");
}

// One request for each run of equal queries, so that a query is computed once.
std::vector<Request> paired(const Request& settings, std::vector<std::string> queries,
                            std::vector<std::string> documents) {
  std::vector<Request> requests;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const bool is_shared = queries.size() == 1 && i > 0;
    if (!is_shared && (requests.empty() || requests.back().query != queries[i])) {
      requests.push_back(settings);
      requests.back().query = std::move(queries[i]);
    }
    requests.back().documents.push_back(std::move(documents[i]));
  }
  return requests;
}

void read_score(const FieldReader& reader, const RequestRules& rules, ScoringCall& call) {
  const Sides sides = sides_of(reader);
  const TextRules text_rules{.max_texts = rules.max_documents};
  std::vector<std::string> queries =
      texts_of(*reader.find(sides.queries), name_of(sides.queries), text_rules);
  std::vector<std::string> documents =
      texts_of(*reader.find(sides.documents), name_of(sides.documents), text_rules);
  if (queries.size() > 1 && queries.size() != documents.size()) {
    throw ApiError(400, "Input lengths must be either 1:1, 1:N or N:N", name_of(sides.queries));
  }
  if (queries.empty()) throw ApiError(400, "At least one text element must be given", name_of(sides.queries));
  require_documents(documents, sides.documents);
  call.documents_field = name_of(sides.documents);
  call.raw_scores = wants_raw_scores(reader);
  call.wants_documents = false;
  call.requests = paired(settings_of(reader, rules), std::move(queries), std::move(documents));
}

bool is_rerank(const json::object& object, Handler handler) {
  if (handler != Handler::kInvocations) return handler == Handler::kRerank;
  const FieldReader reader(object, kInRerank);
  if (reader.has(Field::kQuery)) return true;
  const FieldReader score_reader(object, kInScore);
  if (score_reader.first_of({Field::kQueries, Field::kData1, Field::kText1}).has_value()) return false;
  throw ApiError(
      400,
      "The body is neither a rerank request (query and documents) nor a score request (queries and "
      "documents, data_1 and data_2, or text_1 and text_2)");
}

}  // namespace

ScoringCall parse_scoring_call(std::string_view body, const RouteMatch& match, const RequestRules& rules) {
  const Route& route = *match.route;
  ScoringCall call;
  call.dialect = route.dialect;
  try {
    require_served(match.model, rules);
    const JsonBody json_body(body, {.max_depth = rules.max_json_depth, .max_values = rules.max_json_values});
    const json::object& object = json_body.object();
    const bool rerank = is_rerank(object, route.handler);
    const FieldReader reader(object, rerank ? kInRerank : kInScore);
    call.format = rerank ? rerank_format(reader, route.dialect, rules) : ReplyFormat::kScore;
    require_served(reader.string_or_empty(Field::kModel), rules);
    call.request_id = accepted_request_id(reader.string_or_empty(Field::kRequestId));
    if (rerank) {
      read_rerank(reader, rules, call);
    } else {
      read_score(reader, rules, call);
    }
  } catch (ApiError& error) {
    error.set_style(call.error_style());
    throw;
  }
  return call;
}

}  // namespace rerank::api
