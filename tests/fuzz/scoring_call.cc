// Rerank and score requests on every route: understood within bounds or refused with words, and the reply to
// what is understood is read back by our own client bit by bit.
#include "api/scoring_call.h"

#include <bit>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/dialects/dialects.h"
#include "api/reply.h"
#include "base/sigmoid.h"
#include "client/reply.h"
#include "tests/fuzz/counted_allowance.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {
namespace {

// For what does not grow with the request, an error's text above all.
constexpr std::size_t kFixedBytes = 16 << 10;

const api::RequestRules& rules() {
  static const api::RequestRules rules = {.served_names = {"demo"},
                                          .max_model_len = 1000,
                                          .max_documents = 100,
                                          .max_json_values = 2000,
                                          .model_declares_logits = true};
  return rules;
}

// One path for each kind of route that scores.
std::vector<std::string> make_paths() {
  std::vector<std::string> paths;
  std::vector<std::pair<api::Handler, const api::Dialect*>> known;
  for (const api::Route& route : api::routes()) {
    const bool scores = route.handler == api::Handler::kRerank || route.handler == api::Handler::kScore ||
                        route.handler == api::Handler::kInvocations;
    const std::pair kind(route.handler, route.dialect);
    if (!scores || std::find(known.begin(), known.end(), kind) != known.end()) continue;
    known.push_back(kind);
    std::string path(route.pattern);
    if (const std::size_t at = path.find("{model}"); at != std::string::npos) path.replace(at, 7, "demo");
    paths.push_back(path);
  }
  expect(paths.size() >= 6, "the table of routes has every dialect");
  return paths;
}

std::size_t text_bytes(const api::ScoringCall& call) {
  std::size_t bytes = call.request_id.size() + call.request.query.size() + call.request.instruction.size();
  for (const auto* texts : {&call.echo, &call.request.queries, &call.request.documents}) {
    for (const std::string& text : *texts) bytes += text.size();
  }
  return bytes;
}

Result made_result(const api::ScoringCall& call) {
  Result result;
  result.documents.resize(call.num_documents);
  for (std::size_t i = 0; i < result.documents.size(); ++i) {
    DocumentScore& document = result.documents[i];
    document.score = 1.0F / static_cast<float>(1 + (i * 7919) % 1013);
    document.logit_yes = static_cast<float>(i) / 3;
    document.logit_no = -1.0F / static_cast<float>(i + 1);
    document.truncated = i % 3 == 0;
  }
  return result;
}

// Whether read_scores is for replies of this kind.
bool is_read_by_client(const api::ScoringCall& call) {
  const bool is_other = call.dialect == &api::kWeaviate || call.dialect == &api::kNim;
  return !is_other && (call.top_n == 0 || call.top_n >= call.num_documents);
}

void check_reply(const api::ScoringCall& call) {
  const Result result = made_result(call);
  std::string reply;
  {
    const MemoryBound bound(api::reply_bytes(call, "demo"));
    reply = api::write_reply(call, result, {.id = "1", .model = "demo"});
  }
  boost::json::parse(reply);
  if (!is_read_by_client(call)) return;
  const client::ScoredReply read = client::read_scores(reply, result.documents.size());
  for (std::size_t i = 0; i < result.documents.size(); ++i) {
    const DocumentScore& document = result.documents[i];
    const float wanted = call.activation == api::Activation::kModel     ? document.score
                         : call.activation == api::Activation::kSigmoid ? sigmoid(document.logit_difference())
                                                                        : document.logit_difference();
    expect(std::bit_cast<std::uint32_t>(read.scores[i]) == std::bit_cast<std::uint32_t>(wanted),
           "the client reads the bits that were written");
    expect(read.truncated[i] == document.truncated, "the client reads which were cut");
  }
}

void check_error(const api::ApiError& error) {
  expect_presentable(error.what());
  expect(error.status() == 400 || error.status() == 404 || error.status() == 413,
         "a refusal is the client's fault");
  const std::string body = api::write_error(error);
  expect(boost::json::parse(body).is_object(), "an error is JSON");
  expect(!client::server_message(body).empty(), "the client reads what an error says");
}

// Nothing where it is refused.
std::optional<api::ScoringCall> parsed(std::string_view body, const std::string& path,
                                       std::size_t limit_bytes) {
  const api::RouteMatch match = api::match_route("POST", path);
  CountedAllowance allowance(limit_bytes);
  const MemoryBound bound(limit_bytes + kFixedBytes);
  std::optional<api::ScoringCall> call;
  try {
    std::string copy(body);
    allowance.take(copy.capacity());
    call = api::parse_scoring_call(std::move(copy), match, rules(), allowance);
  } catch (const api::ApiError& error) {
    check_error(error);
  }
  expect(bound.peak_bytes() <= allowance.peak_bytes() + kFixedBytes, "what a call holds was asked for");
  return call;
}

void read_call(std::string_view body, const std::string& path) {
  parsed(body, path, 2 * body.size() + 500);
  const std::optional<api::ScoringCall> call =
      parsed(body, path, 150 * body.size() + (std::size_t{256} << 10));
  if (!call) return;
  expect(call->num_documents > 0 && call->num_documents == call->request.documents.size(),
         "a call has something to score");
  expect(call->request.queries.empty() || call->request.queries.size() == call->num_documents,
         "there is a query for each document, or one");
  expect(call->num_documents <= rules().max_documents, "a call has no more documents than are allowed");
  expect(text_bytes(*call) <= 32 * body.size(), "texts are multiplied by no more than rank_fields");
  expect(call->echo.empty() || call->echo.size() == call->num_documents, "all documents are echoed, or none");
  check_reply(*call);
}

}  // namespace

void run_input(std::string_view input) {
  static const std::vector<std::string> paths = make_paths();
  for (const std::string& path : paths) read_call(input, path);
}

}  // namespace rerank::fuzz
