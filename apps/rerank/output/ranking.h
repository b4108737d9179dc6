// A ranking as `rerank rank` writes it: JSON, JSON Lines, tab-separated values, and a table for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/rerank/input/document_reader.h"
#include "rerank/types.h"

namespace rerank::cli {

struct Ranking {
  std::string model;
  std::string query;
  std::vector<Document> documents;     // as they were read
  std::vector<DocumentScore> scores;   // [documents]
  std::vector<std::size_t> order;      // of what is shown, best first: indices of documents
  std::int64_t num_tokens = 0;         // of all pairs
  std::int64_t num_cached_tokens = 0;  // -1: not known
  bool raw = false;                    // scores are logit differences

  float score_of(std::size_t index) const {
    return raw ? scores[index].logit_difference() : scores[index].score;
  }
};

// One object.
std::string as_json(const Ranking& ranking);
// One object a line, best first.
std::string as_jsonl(const Ranking& ranking);
// index, score, 1 if truncated else 0, document: control characters of the document are made harmless.
std::string as_tsv(const Ranking& ranking);

struct TableStyle {
  int width = 100;  // cells
  bool colour = false;
};

// Rank, score with a bar, index and document, a document a line, none wider than the style says.
std::string as_table(const Ranking& ranking, const TableStyle& style);

}  // namespace rerank::cli
