// Mutated requests against every parser: each is answered or refused with an ApiError, never anything else.
// The corpus is the bodies of tests/http/cases; RERANK_FUZZ_ITERATIONS asks for more than the quick run's.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "api/reply.h"
#include "api/scoring_call.h"
#include "api/token_call.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

std::vector<std::string> corpus() {
  std::vector<std::string> bodies;
  for (const auto& entry : std::filesystem::directory_iterator(RERANK_SOURCE_DIR "/tests/http/cases")) {
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const json::value file = json::parse(text.str());
    for (const json::value& one : file.at("cases").as_array()) {
      const json::object& request = one.at("request").as_object();
      if (request.contains("body")) bodies.push_back(json::serialize(request.at("body")));
      if (request.contains("text")) bodies.emplace_back(request.at("text").as_string());
    }
  }
  std::sort(bodies.begin(), bodies.end());
  return bodies;
}

// Pieces that mean something to a parser of JSON, UTF-8 or these requests.
constexpr std::array<std::string_view, 32> kPieces = {"{",
                                                      "}",
                                                      "[",
                                                      "]",
                                                      ",",
                                                      ":",
                                                      "\"",
                                                      "\\",
                                                      "\\u",
                                                      "\\ud800",
                                                      "\\u0000",
                                                      "\xff",
                                                      "\xc3",
                                                      "\xed\xa0\x80",
                                                      "null",
                                                      "true",
                                                      "\"true\"",
                                                      "-1",
                                                      "1e999",
                                                      "0.5",
                                                      "99999999999999999999",
                                                      "\"texts\":",
                                                      "\"passages\":",
                                                      "\"property\":\"\"",
                                                      "\"query\":",
                                                      "\"top_n\":",
                                                      "\"truncate\":",
                                                      "{\"text\":",
                                                      "{\"content\":[",
                                                      "[[[[[[[[",
                                                      " ",
                                                      "\n"};

class Mutator {
 public:
  explicit Mutator(std::vector<std::string> bodies) : bodies_(std::move(bodies)) {}

  std::string next() {
    std::string body = bodies_[below(bodies_.size())];
    for (std::size_t left = 1 + below(3); left > 0; --left) mutate(body);
    return body;
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }

  void mutate(std::string& body) {
    const std::size_t at = below(body.size() + 1);
    const std::size_t length = std::min(below(20), body.size() - at);
    switch (below(6)) {
      case 0:
        body.erase(at, length);
        break;
      case 1:
        body.insert(at, kPieces[below(kPieces.size())]);
        break;
      case 2:
        body.insert(below(body.size() + 1), body.substr(at, length));
        break;
      case 3:
        if (at < body.size()) body[at] = static_cast<char>(below(256));
        break;
      case 4:
        body.replace(at, length, kPieces[below(kPieces.size())]);
        break;
      default: {
        const std::string& other = bodies_[below(bodies_.size())];
        body = body.substr(0, at) + other.substr(below(other.size() + 1));
      }
    }
  }

  std::vector<std::string> bodies_;
  std::mt19937 random_{20260901};
};

// What the engine would give.
Result made_result(const ScoringCall& call) {
  Result result;
  result.documents.resize(call.num_documents);
  for (std::size_t i = 0; i < result.documents.size(); ++i) {
    result.documents[i].score = 1.0F / static_cast<float>(1 + (i * 7) % 5);
  }
  return result;
}

// Whether `body` was accepted.
bool takes(const std::string& body, const RequestRules& rules, std::string_view path) {
  try {
    if (path == "/tokenize") {
      parse_tokenize_call(body, rules);
    } else if (path == "/detokenize") {
      parse_detokenize_call(body, rules);
    } else {
      const ScoringCall call = parse_scoring_call(body, match_route("POST", path), rules);
      json::parse(write_reply(call, made_result(call), {.id = "1", .model = "demo"}));
    }
    return true;
  } catch (const ApiError& error) {
    EXPECT_TRUE(error.status() == 400 || error.status() == 404) << error.status();
    json::parse(write_error(error));
    return false;
  }
}

TEST(Parsers, SurviveMutatedRequests) {
  const RequestRules rules{
      .served_names = {"demo"}, .max_model_len = 100, .max_documents = 50, .max_json_values = 1000};
  const char* asked = std::getenv("RERANK_FUZZ_ITERATIONS");
  const long iterations = asked == nullptr ? 100000 : std::atol(asked);
  Mutator mutator(corpus());
  constexpr std::array<std::string_view, 6> kPaths = {"/v1/rerank",   "/infinity/rerank", "/score",
                                                      "/invocations", "/tokenize",        "/detokenize"};
  long num_taken = 0;
  for (long i = 0; i < iterations; ++i) {
    const std::string body = mutator.next();
    try {
      if (takes(body, rules, kPaths[static_cast<std::size_t>(i) % kPaths.size()])) ++num_taken;
    } catch (const std::exception& error) {
      FAIL() << error.what() << "\nfor the body\n" << body;
    }
  }
  // Or the mutations are so coarse that nothing past the first byte is ever read.
  EXPECT_GT(num_taken, iterations / 100);
  EXPECT_LT(num_taken, iterations);
}

}  // namespace
}  // namespace rerank::api
