// What quantization does to the order of documents, on trained weights: the model that ships ranks Debian
// packages by the questions that a person wrote, in int8 and in float32.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rerank/engine.h"
#include "rerank/error.h"
#include "tests/support/backend_variants.h"
#include "tests/support/test_source_directory.h"
#include "tests/support/under_sanitizer.h"

namespace rerank {
namespace {

constexpr double kMostReciprocalRankMoves = 0.005;
constexpr double kLeastTau = 0.98;

// Of each package that somebody asked for: the question, and the texts of the package, which is the first,
// and of others.
std::vector<Request> questions() {
  constexpr std::size_t kNumDocuments = 10, kStride = 5;
  std::map<std::string, std::string> query_of;
  std::ifstream queries(test_source_directory() / "tools/demo/hand_queries.tsv");
  for (std::string package, query; std::getline(queries, package, '\t') && std::getline(queries, query);)
    query_of[package] = query;
  std::vector<std::string> names, texts;
  std::ifstream packages(test_source_directory() / "models/demo/packages.jsonl");
  for (std::string line; std::getline(packages, line);) {
    const boost::json::value package = boost::json::parse(line);
    names.emplace_back(package.at("package").as_string());
    texts.emplace_back(package.at("text").as_string());
  }
  std::vector<Request> requests;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Request& request = requests.emplace_back();
    request.query = query_of.at(names[i]);
    for (std::size_t d = 0; d < kNumDocuments; ++d)
      request.documents.push_back(texts[(i + d * kStride) % texts.size()]);
  }
  return requests;
}

using Logits = std::vector<double>;  // of the documents of a request

std::vector<Logits> score_all(const BackendVariant& variant, const std::vector<Request>& requests) {
  EngineOptions options;
  options.model = (test_source_directory() / "models/demo").string();
  options.device = variant.device;
  options.dtype = variant.dtype;
  options.quantization = variant.quantization;
  options.instruction_set = variant.instruction_set_flag();
  options.num_threads = 2;
  options.use_weight_cache = false;
  Engine engine(options);
  std::vector<Logits> all;
  for (const Request& request : requests) {
    Logits& logits = all.emplace_back();
    for (const DocumentScore& document : engine.score(request).documents)
      logits.push_back(document.logit_difference());
  }
  return all;
}

// Of the first document; ties count half.
double reciprocal_rank(const Logits& logits) {
  double rank = 1;
  for (std::size_t i = 1; i < logits.size(); ++i) {
    rank += logits[i] > logits[0] ? 1 : logits[i] == logits[0] ? 0.5 : 0;
  }
  return 1 / rank;
}

double mean_reciprocal_rank(const std::vector<Logits>& all) {
  double sum = 0;
  for (const Logits& logits : all) sum += reciprocal_rank(logits);
  return sum / static_cast<double>(all.size());
}

// Kendall's: 1 for the same order, -1 for the opposite.
double tau(const Logits& a, const Logits& b) {
  int agreed = 0, num_pairs = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k, ++num_pairs) {
      const double product = (a[i] - a[k]) * (b[i] - b[k]);
      agreed += product > 0 ? 1 : product < 0 ? -1 : 0;
    }
  }
  return static_cast<double>(agreed) / num_pairs;
}

class OrderTest : public testing::TestWithParam<BackendVariant> {};

TEST_P(OrderTest, IsThatOfFloat32) {
  if (kUnderSanitizer)
    GTEST_SKIP() << "minutes under a sanitizer, and the same code as the scores of families";
  const std::vector<Request> requests = questions();
  ASSERT_EQ(requests.size(), 54u);
  try {
    const std::vector<Logits> found = score_all(GetParam(), requests);
    const std::vector<Logits> wanted = score_all({"cpu", "float32", "auto"}, requests);
    EXPECT_NE(found, wanted) << "nothing was quantized";
    double mean_tau = 0;
    for (std::size_t i = 0; i < found.size(); ++i) mean_tau += tau(found[i], wanted[i]);
    mean_tau /= static_cast<double>(found.size());
    RecordProperty("tau", std::to_string(mean_tau));
    RecordProperty("mean_reciprocal_rank", std::to_string(mean_reciprocal_rank(found)));
    RecordProperty("mean_reciprocal_rank_of_float32", std::to_string(mean_reciprocal_rank(wanted)));
    EXPECT_GE(mean_tau, kLeastTau);
    EXPECT_NEAR(mean_reciprocal_rank(found), mean_reciprocal_rank(wanted), kMostReciprocalRankMoves);
    EXPECT_GT(mean_reciprocal_rank(wanted), 0.7) << "the model ranks no better than by chance";
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    GTEST_SKIP() << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(All, OrderTest, testing::ValuesIn(cpu_int8_variants()),
                         [](const testing::TestParamInfo<BackendVariant>& test) {
                           return test.param.name();
                         });

}  // namespace
}  // namespace rerank
