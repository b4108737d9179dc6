// workload.h: synthetic texts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "load/http/request_body.h"
#include "load/workload.h"
#include "rerank/error.h"

namespace rerank::load {
namespace {

constexpr std::int64_t kMostJobs = 20'000;
constexpr std::int64_t kBytesOfWord = 6;
constexpr std::int64_t kLongestText = 10'000'000;      // words
constexpr std::int64_t kLargestRequest = 100'000'000;  // words

class TextMaker {
 public:
  explicit TextMaker(const RandomTexts& texts) : words_(texts.words), random_(texts.seed) {
    require(words_.size() >= 2, "at least two words are needed to make texts");
  }

  std::string text(std::int64_t num_words) {
    std::string made;
    made.reserve(static_cast<std::size_t>(num_words * kBytesOfWord));
    for (std::int64_t word = 0; word < num_words; ++word) {
      if (word > 0) made += ' ';
      made += words_[random_() % words_.size()];
    }
    return made;
  }
  // Uniform within `ratio` of `length`, both ends included, as in vLLM's benchmark.
  std::int64_t length(std::int64_t length, double ratio) {
    const auto low = static_cast<std::int64_t>(std::floor(static_cast<double>(length) * (1 - ratio)));
    const auto high = static_cast<std::int64_t>(std::ceil(static_cast<double>(length) * (1 + ratio)));
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  const std::vector<std::string>& words_;
  std::mt19937_64 random_;
};

std::int64_t limited(std::int64_t num_jobs, std::int64_t words_of_job, std::int64_t max_bytes) {
  const std::int64_t fitting = max_bytes / std::max<std::int64_t>(1, words_of_job * kBytesOfWord);
  return std::max<std::int64_t>(1, std::min({num_jobs, kMostJobs, fitting}));
}

std::int64_t words_of_request(std::int64_t query, std::int64_t num_documents, std::int64_t document) {
  const std::int64_t words = query + num_documents * document;
  require(
      words <= kLargestRequest,
      fmt::format("a request of {} documents of {} words is larger than any server accepts: at most {} words "
                  "in all",
                  num_documents, document, kLargestRequest));
  return words;
}

struct RandomRerankSizes {
  std::int64_t num_documents;
  std::int64_t batch_size;
  std::int64_t query_len;     // before random variation
  std::int64_t document_len;  // without the query, where that counts
};

RandomRerankSizes sizes_of(const RandomRerankShape& shape) {
  require(shape.num_prompts >= 1 && shape.batch_size >= 1,
          "the number of prompts and the batch size must be at least 1");
  require(shape.input_len <= kLongestText, "the input length exceeds that of any model");
  require(shape.range_ratio >= 0 && shape.range_ratio < 1,
          "the range ratio must be at least 0 and less than 1");
  if (shape.is_reranker) {
    require(shape.input_len >= 4, "the input length must be at least 4: it includes a query and a document");
    return {shape.num_prompts, shape.batch_size, shape.input_len / 2 - 1, shape.input_len - 1};
  }
  require(
      shape.num_prompts >= 2 && shape.batch_size >= 2 && shape.input_len >= 1,
      "without a reranker the query counts as a prompt: at least 2 prompts and a batch size of 2 are needed");
  return {shape.num_prompts - 1, shape.batch_size - 1, shape.input_len, shape.input_len};
}

}  // namespace

std::vector<Job> words_workload(const WordsShape& shape, const RandomTexts& texts, const RequestForm& form,
                                std::int64_t num_requests) {
  require(shape.docs_per_request >= 1, "a request must have at least one document");
  require(shape.query_words >= 0 && shape.document_words >= 0,
          "the number of words of a text must not be negative");
  require(std::max(shape.query_words, shape.document_words) <= kLongestText,
          "these texts exceed the input length of any model");
  TextMaker maker(texts);
  const std::int64_t words_of_job =
      words_of_request(shape.query_words, shape.docs_per_request, shape.document_words);
  std::vector<Job> jobs;
  for (std::int64_t job = limited(num_requests, words_of_job, texts.max_bytes); job > 0; --job) {
    std::string query = maker.text(shape.query_words);
    std::vector<std::string> documents;
    for (std::int64_t document = 0; document < shape.docs_per_request; ++document) {
      documents.push_back(maker.text(shape.document_words));
    }
    jobs.push_back(make_job(std::move(query), std::move(documents), form));
  }
  return jobs;
}

std::int64_t num_requests_of(const RandomRerankShape& shape) {
  const RandomRerankSizes sizes = sizes_of(shape);
  return (sizes.num_documents + sizes.batch_size - 1) / sizes.batch_size;
}

std::vector<Job> random_rerank_workload(const RandomRerankShape& shape, const RandomTexts& texts,
                                        const RequestForm& form) {
  const RandomRerankSizes sizes = sizes_of(shape);
  TextMaker maker(texts);
  const std::int64_t query_len = maker.length(sizes.query_len, shape.range_ratio);
  const std::string query = maker.text(query_len);
  const std::int64_t document_len =
      shape.is_reranker ? std::max<std::int64_t>(1, sizes.document_len - query_len) : sizes.document_len;
  const std::int64_t num_jobs = limited(
      num_requests_of(shape), words_of_request(query_len, sizes.batch_size, document_len), texts.max_bytes);
  std::int64_t num_left = sizes.num_documents;
  std::vector<Job> jobs;
  for (std::int64_t job = 0; job < num_jobs; ++job) {
    std::vector<std::string> documents;
    for (; std::cmp_less(documents.size(), std::min(sizes.batch_size, num_left));) {
      documents.push_back(maker.text(maker.length(document_len, shape.range_ratio)));
    }
    num_left -= static_cast<std::int64_t>(documents.size());
    jobs.push_back(make_job(query, std::move(documents), form));
  }
  return jobs;
}

}  // namespace rerank::load
