// The cost of a request besides scoring: parsing the body and writing the reply.
#include <benchmark/benchmark.h>

#include <string>

#include "api/reply.h"
#include "api/scoring_call.h"

namespace rerank::api {
namespace {

// 100 words each, some of them not ASCII, as in real texts.
std::string body_of(std::int64_t num_documents) {
  std::string document;
  for (int word = 0; word < 100; ++word) document += word % 20 == 19 ? "caf\xc3\xa9 " : "editor ";
  std::string body = R"({"model":"demo","query":"edit photos","top_n":10,"documents":[)";
  for (std::int64_t i = 0; i < num_documents; ++i) body += (i == 0 ? "\"" : ",\"") + document + "\"";
  return body + "]}";
}

void parse_and_write(benchmark::State& state) {
  const std::string body = body_of(state.range(0));
  const RequestRules rules{.served_names = {"demo"}, .max_model_len = 8192};
  const RouteMatch match = match_route("POST", "/v1/rerank");
  Result result;
  result.documents.resize(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < result.documents.size(); ++i) {
    result.documents[i].score = 1.0F / static_cast<float>(i + 3);
  }
  for (auto _ : state) {
    const ScoringCall call = parse_scoring_call(body, match, rules);
    std::string reply = write_reply(call, result, {.id = "1", .model = "demo"});
    benchmark::DoNotOptimize(reply.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(parse_and_write)->Arg(1)->Arg(20)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace rerank::api
