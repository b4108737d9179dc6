// The requests of a run: synthetic texts of given lengths, or requests from a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/job.h"

namespace rerank::load {

// The format of a request.
enum class Dialect {
  kRerank,  // {"query", "documents"}, of vLLM, Jina, Cohere and this server
  kTei,     // {"query", "texts"}
  kScore,   // {"text_1", "text_2"}, of vLLM
};

// Shared by all requests.
struct RequestForm {
  Dialect dialect = Dialect::kRerank;
  std::string endpoint;     // empty: the default path of the dialect
  std::string model;        // empty: none
  std::string extra_body;   // a JSON object whose fields are added to every body; empty: none
  bool for_engine = false;  // fill Job::request instead of a body
};

// Synthetic texts. The same options give the same texts.
struct RandomTexts {
  std::vector<std::string> words;  // to choose from
  std::uint64_t seed = 0;
  // Of all texts together: they are made before the measurement and kept in memory.
  std::int64_t max_bytes = std::int64_t{256} << 20;
};

// Requests of one size, each with its own query and documents.
struct WordsShape {
  std::int64_t docs_per_request = 20;
  std::int64_t query_words = 12;
  std::int64_t document_words = 100;
};

// Like vLLM's dataset of this name: one query for all requests, documents of similar length. Lengths are in
// tokens; a word is one token.
struct RandomRerankShape {
  std::int64_t num_prompts = 1000;  // documents in all requests
  std::int64_t batch_size = 1;      // documents per request
  std::int64_t input_len = 1024;    // of query, document and a separator
  double range_ratio = 0;           // lengths vary by this share up and down
  bool is_reranker = true;          // false: input_len is that of each text, and the query counts as a prompt
};

// At most `num_requests` jobs, fewer if they would take more than max_bytes (then they are repeated), but at
// least one. Throws Error for invalid sizes.
std::vector<Job> words_workload(const WordsShape& shape, const RandomTexts& texts, const RequestForm& form,
                                std::int64_t num_requests);
// One job for each batch, with the same limit.
std::vector<Job> random_rerank_workload(const RandomRerankShape& shape, const RandomTexts& texts,
                                        const RequestForm& form);
// The number of requests of the shape, ignoring the limit. Throws Error for invalid sizes.
std::int64_t num_requests_of(const RandomRerankShape& shape);

// The requests in a file, one JSON object per line, as clients send them: rerank bodies (`query` with
// `documents`, `texts`, ...) go to /v1/rerank, score bodies (`text_1` with `text_2`, ...) to /v1/score, those
// with `texts` to /rerank, unless `form` has an endpoint. A body is sent unchanged unless `form` has a model
// or extra fields. Blank lines are skipped. Throws Error naming file and line.
std::vector<Job> file_workload(const std::string& path, const RequestForm& form);

}  // namespace rerank::load
