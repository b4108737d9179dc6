// What is asked: made-up texts of known length, or requests from a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/job.h"

namespace rerank::load {

// How a request is written.
enum class Dialect {
  kRerank,  // {"query", "documents"}, of vLLM, Jina, Cohere and this server
  kTei,     // {"query", "texts"}
  kScore,   // {"text_1", "text_2"}, of vLLM
};

// What all requests have in common.
struct RequestForm {
  Dialect dialect = Dialect::kRerank;
  std::string endpoint;     // empty: the dialect's usual path
  std::string model;        // empty: none is named
  std::string extra_body;   // a JSON object whose fields go into every body; empty: none
  bool for_engine = false;  // Job::request is filled, and no body made
};

// Made-up texts. The same options give the same texts.
struct RandomTexts {
  std::vector<std::string> words;  // to choose from
  std::uint64_t seed = 0;
  // Of all texts together: they are made before the clock starts, so they stay in memory.
  std::int64_t max_bytes = std::int64_t{256} << 20;
};

// Requests of one size, each with a query and documents of its own.
struct WordsShape {
  std::int64_t docs_per_request = 20;
  std::int64_t query_words = 12;
  std::int64_t document_words = 100;
};

// As vLLM's dataset of this name: one query for all requests, documents of about the same length. Lengths are
// in tokens, of which a word is one.
struct RandomRerankShape {
  std::int64_t num_prompts = 1000;  // documents of all requests
  std::int64_t batch_size = 1;      // documents of a request
  std::int64_t input_len = 1024;    // of query, document and a separator
  double range_ratio = 0;           // lengths vary by this share up and down
  bool is_reranker = true;          // false: input_len is each text's own, and the query counts as a prompt
};

// At most `num_requests` jobs, and fewer when they would take more than max_bytes: they are sent again then.
// At least one. Throws Error for sizes that make no sense.
std::vector<Job> words_workload(const WordsShape& shape, const RandomTexts& texts, const RequestForm& form,
                                std::int64_t num_requests);
// One job for each batch of the shape, with the same limit.
std::vector<Job> random_rerank_workload(const RandomRerankShape& shape, const RandomTexts& texts,
                                        const RequestForm& form);
// How many requests the shape stands for, whatever the limit. Throws Error for sizes that make no sense.
std::int64_t num_requests_of(const RandomRerankShape& shape);

// The requests of a file, one JSON object a line, as clients send them: rerank bodies (`query` with
// `documents`, `texts`, ...) go to /v1/rerank, score bodies (`text_1` with `text_2`, ...) to /v1/score, those
// with `texts` to /rerank, unless the form names an endpoint. A body is sent as it stands in the file, byte
// by byte, unless the form names a model or more fields. Blank lines are skipped. Throws Error naming file
// and line.
std::vector<Job> file_workload(const std::string& path, const RequestForm& form);

}  // namespace rerank::load
