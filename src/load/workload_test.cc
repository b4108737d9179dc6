// Requests and their paths, and what is read from responses.
#include "load/workload.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "load/http/reply_check.h"
#include "load/http/request_body.h"
#include "load/http/server_address.h"
#include "load/words.h"
#include "tests/support/error_of.h"

namespace rerank::load {
namespace {

using testing::HasSubstr;

namespace json = boost::json;

RandomTexts texts(std::uint64_t seed = 0) {
  return {split_words(common_words()), seed};
}

std::size_t num_words(const json::value& text) {
  return split_words({text.get_string().data(), text.get_string().size()}).size();
}

TEST(Words, AreManyAndDifferent) {
  const std::vector<std::string> words = split_words(common_words());
  EXPECT_GE(words.size(), 500U);
  EXPECT_EQ(std::set<std::string>(words.begin(), words.end()).size(), words.size());
  EXPECT_EQ(split_words(" two  words ").size(), 2U);
}

TEST(WordsWorkload, MakesTextsOfTheLengthThatWasAsked) {
  const std::vector<Job> jobs = words_workload({.docs_per_request = 3, .query_words = 5, .document_words = 7},
                                               texts(), {.model = "m"}, 4);
  ASSERT_EQ(jobs.size(), 4U);
  std::set<std::string> bodies;
  for (const Job& job : jobs) {
    EXPECT_EQ(job.path, "/v1/rerank");
    EXPECT_EQ(job.num_documents, 3);
    EXPECT_EQ(job.num_results, 3);
    const json::value body = json::parse(job.body);
    EXPECT_EQ(body.at("model").as_string(), "m");
    EXPECT_EQ(num_words(body.at("query")), 5U);
    ASSERT_EQ(body.at("documents").as_array().size(), 3U);
    for (const json::value& document : body.at("documents").as_array()) EXPECT_EQ(num_words(document), 7U);
    bodies.insert(job.body);
  }
  EXPECT_EQ(bodies.size(), 4U);
}

TEST(WordsWorkload, IsTheSameForTheSameSeedOnly) {
  const auto body = [](std::uint64_t seed) { return words_workload({}, texts(seed), {}, 1).front().body; };
  EXPECT_EQ(body(1), body(1));
  EXPECT_NE(body(1), body(2));
}

TEST(WordsWorkload, SpeaksEachDialect) {
  const WordsShape shape = {.docs_per_request = 2, .query_words = 1, .document_words = 1};
  const Job tei = words_workload(shape, texts(), {.dialect = Dialect::kTei}, 1).front();
  EXPECT_EQ(tei.path, "/rerank");
  EXPECT_EQ(json::parse(tei.body).at("texts").as_array().size(), 2U);
  const Job score =
      words_workload(shape, texts(), {.dialect = Dialect::kScore, .endpoint = "/score"}, 1).front();
  EXPECT_EQ(score.path, "/score");
  EXPECT_EQ(json::parse(score.body).at("text_2").as_array().size(), 2U);
  const Job engine = words_workload(shape, texts(), {.for_engine = true}, 1).front();
  EXPECT_EQ(engine.request.documents.size(), 2U);
  EXPECT_EQ(engine.body, "");
}

TEST(WordsWorkload, StaysWithinMemoryWhateverIsAsked) {
  RandomTexts small = texts();
  small.max_bytes = 100'000;
  const WordsShape shape = {.docs_per_request = 10, .query_words = 1, .document_words = 100};
  const std::vector<Job> jobs = words_workload(shape, small, {}, 1'000'000);
  EXPECT_GE(jobs.size(), 10U);
  std::size_t total_bytes = 0;
  for (const Job& job : jobs) total_bytes += job.body.size();
  EXPECT_LT(total_bytes, 150'000U);
  small.max_bytes = 1;
  EXPECT_EQ(words_workload(shape, small, {}, 1'000'000).size(), 1U);
}

TEST(WordsWorkload, TakesMoreFields) {
  const Job job =
      words_workload({}, texts(), {.extra_body = R"({"top_n": 5, "return_documents": false})"}, 1).front();
  EXPECT_EQ(job.num_documents, 20);
  EXPECT_EQ(job.num_results, 5);
  EXPECT_EQ(json::parse(job.body).at("return_documents").as_bool(), false);
  EXPECT_THAT(error_of([] { words_workload({}, texts(), {.extra_body = "[]"}, 1); }),
              HasSubstr("extra body"));
}

// vLLM's shape: one query of half the length less a separator, documents in batches, the last one smaller.
TEST(RandomRerank, HasTheSizesOfTheDatasetOfThisName) {
  const RandomRerankShape shape = {.num_prompts = 10, .batch_size = 4, .input_len = 64};
  EXPECT_EQ(num_requests_of(shape), 3);
  const std::vector<Job> jobs = random_rerank_workload(shape, texts(), {});
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[0].num_documents, 4);
  EXPECT_EQ(jobs[2].num_documents, 2);
  const json::value first = json::parse(jobs[0].body);
  EXPECT_EQ(num_words(first.at("query")), 31U);
  EXPECT_EQ(json::parse(jobs[1].body).at("query"), first.at("query"));
  for (const json::value& document : first.at("documents").as_array()) EXPECT_EQ(num_words(document), 32U);
}

TEST(RandomRerank, VariesLengthsWithinTheRatio) {
  const std::vector<Job> jobs =
      random_rerank_workload({.num_prompts = 300, .batch_size = 300, .input_len = 101, .range_ratio = 0.5},
                             texts(), {.for_engine = true});
  const std::size_t query = split_words(jobs[0].request.query).size();
  EXPECT_GE(query, 24U);
  EXPECT_LE(query, 74U);
  const auto centre = static_cast<double>(100 - query);
  std::set<std::size_t> lengths;
  for (const std::string& document : jobs[0].request.documents) lengths.insert(split_words(document).size());
  EXPECT_GE(static_cast<double>(*lengths.begin()), std::floor(centre * 0.5));
  EXPECT_LE(static_cast<double>(*lengths.rbegin()), std::ceil(centre * 1.5));
  EXPECT_GT(lengths.size(), 10U);
}

TEST(RandomRerank, WithoutARerankerCountsTheQueryAsAPrompt) {
  const RandomRerankShape shape = {.num_prompts = 9, .batch_size = 5, .input_len = 20, .is_reranker = false};
  EXPECT_EQ(num_requests_of(shape), 2);
  const std::vector<Job> jobs = random_rerank_workload(shape, texts(), {.for_engine = true});
  EXPECT_EQ(jobs[0].request.documents.size(), 4U);
  EXPECT_EQ(split_words(jobs[0].request.query).size(), 20U);
  EXPECT_THAT(error_of([] { num_requests_of({.num_prompts = 1, .batch_size = 1, .is_reranker = false}); }),
              HasSubstr("the query counts as a prompt"));
}

TEST(Body, FromAFileIsSentAsItStands) {
  const std::string text = R"({ "query":"q",  "documents": ["a", {"text":"b"}, "c"], "top_n": 2 })";
  const Job job = job_from_body(text, {});
  EXPECT_EQ(job.body, text);
  EXPECT_EQ(job.path, "/v1/rerank");
  EXPECT_EQ(job.num_documents, 3);
  EXPECT_EQ(job.num_results, 2);
  EXPECT_EQ(json::parse(job_from_body(text, {.model = "m"}).body).at("model").as_string(), "m");
  const Job engine = job_from_body(text, {.for_engine = true});
  EXPECT_EQ(engine.request.documents, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Body, OfEachKindGoesToItsPath) {
  const auto path = [](const char* body) { return job_from_body(body, {}).path; };
  EXPECT_EQ(path(R"({"query":"q","texts":["a"]})"), "/rerank");
  EXPECT_EQ(path(R"({"query":"q","documents":"a"})"), "/v1/rerank");
  EXPECT_EQ(path(R"({"text_1":"q","text_2":["a"]})"), "/v1/score");
  EXPECT_EQ(path(R"({"queries":["q"],"documents":["a"]})"), "/v1/score");
  const Job pairs = job_from_body(R"({"text_1":["q","r"],"text_2":["a","b"]})", {});
  EXPECT_EQ(pairs.num_documents, 2);
  EXPECT_EQ(pairs.num_results, 2);
}

TEST(File, NamesTheLineThatIsWrong) {
  const std::string path = testing::TempDir() + "rerank-load-" + std::to_string(getpid()) + ".jsonl";
  std::ofstream(path) << "{\"query\":\"q\",\"documents\":[\"a\"]}\r\n\n{\"query\":\"q\"}\n";
  EXPECT_THAT(error_of([&] { file_workload(path, {}); }),
              HasSubstr(path + ":3: the request contains neither"));
  std::ofstream(path) << "{\"query\":\"q\",\"documents\":[\"a\"]}\r\n\n  \n";
  EXPECT_EQ(file_workload(path, {}).size(), 1U);
  std::ofstream(path) << "\n";
  EXPECT_THAT(error_of([&] { file_workload(path, {}); }), HasSubstr("contains no requests"));
  std::filesystem::remove(path);
  EXPECT_THAT(error_of([&] { file_workload(path, {}); }), HasSubstr("cannot read " + path));
}

ReplyFigures figures_of(const std::string& body) {
  ReplyFigures figures;
  EXPECT_EQ(read_reply(body, figures), "");
  return figures;
}

TEST(Reply, IsReadInEachDialect) {
  struct Case {
    const char* body;
    std::int64_t num_results;
    std::int64_t num_tokens;
  };
  const Case cases[] = {
      {R"({"id":"x","results":[{"index":1,"relevance_score":0.5,"document":{"text":"[{}]"}},{"index":0,"relevance_score":0}],
           "usage":{"prompt_tokens":7,"total_tokens":9}})",
       2, 9},
      {R"({"usage":{"prompt_tokens":7},"data":[{"index":0,"object":"score","score":1e-3}]})", 1, 7},
      {R"([{"index":0,"score":0.5},{"index":1,"score":0.25},{"index":2,"score":1}])", 3, -1},
      {R"({"rankings":[{"index":0,"logit":-3.5}]})", 1, -1},
      {R"({"scores":[{"document":"d","score":0.1}]})", 1, -1},
      {R"({"results":[{"index":0,"relevance_score":1}],"data":[],"meta":{"tokens":{"input_tokens":5}}})", 1,
       5},
      {R"({"results":[]})", 0, -1},
  };
  for (const Case& one : cases) {
    const ReplyFigures figures = figures_of(one.body);
    EXPECT_EQ(figures.num_results, one.num_results) << one.body;
    EXPECT_EQ(figures.num_scores, one.num_results) << one.body;
    EXPECT_EQ(figures.num_tokens, one.num_tokens) << one.body;
    EXPECT_EQ(problem_of(figures, one.num_results), "") << one.body;
  }
}

TEST(Reply, SaysNoMoreTokensThanThereCanBe) {
  for (const char* const count :
       {"1e308", "-1e308", "10000000001", "9223372036854775807", "18446744073709551615", "-1"}) {
    const std::string body = fmt::format(R"({{"results":[],"usage":{{"total_tokens":{}}}}})", count);
    EXPECT_EQ(figures_of(body).num_tokens, -1) << count;
  }
  EXPECT_EQ(figures_of(R"({"results":[],"usage":{"total_tokens":1e3}})").num_tokens, 1000);
}

TEST(Reply, ThatIsNotWhatWasAskedForIsAFault) {
  const std::string body =
      R"({"results":[{"index":0,"relevance_score":0.5},{"index":1,"relevance_score":null}]})";
  EXPECT_EQ(problem_of(figures_of(body), 3), "the response contains 2 results instead of 3");
  EXPECT_EQ(problem_of(figures_of(body), 2), "1 of 2 results in the response have no score");
  EXPECT_EQ(problem_of(figures_of(R"({"error":"x"})"), 2), "the response contains no list of results");
  EXPECT_EQ(problem_of(figures_of("{}"), -1), "");
  ReplyFigures figures;
  for (const char* broken : {"", "{", R"({"results":[)", "[NaN]", "{} {}", "<html>"}) {
    EXPECT_THAT(read_reply(broken, figures), HasSubstr("not JSON")) << broken;
  }
}

TEST(Reply, OfAnErrorGivesTheServersWords) {
  EXPECT_EQ(error_text(R"({"error":{"message":"no such model","code":404}})"), "no such model");
  EXPECT_EQ(error_text(R"({"error":"full","error_type":"Overloaded"})"), "full");
  EXPECT_EQ(error_text(R"({"detail":"Not Found"})"), "Not Found");
  EXPECT_EQ(error_text("Bad Gateway"), "Bad Gateway");
  EXPECT_LT(error_text(std::string(5000, 'x')).size(), 400U);
  EXPECT_EQ(error_text("a\x1b[31mb\n"), "a?[31mb?");
}

TEST(Address, IsAUrlOrASocket) {
  const ServerAddress tls = parse_server_address("https://[::1]:8443/infinity/");
  EXPECT_EQ(tls.url.host, "::1");
  EXPECT_EQ(tls.text(), "https://[::1]:8443/infinity");
  for (const char* text : {"unix:///run/rerank.sock", "unix:/run/rerank.sock"}) {
    const ServerAddress local = parse_server_address(text);
    EXPECT_EQ(local.unix_socket, "/run/rerank.sock");
    EXPECT_EQ(local.url.authority(), "localhost");
    EXPECT_EQ(local.text(), "unix:/run/rerank.sock");
  }
  for (const char* wrong : {"localhost:8000", "http://user@host", "unix:/a b"}) {
    EXPECT_THAT(error_of([wrong] { parse_server_address(wrong); }), HasSubstr("server URL")) << wrong;
  }
}

}  // namespace
}  // namespace rerank::load
