// The pairs that `rerank score` is given, one at a time.
#pragma once

#include <string>
#include <string_view>

#include "apps/rerank/input/line_reader.h"

namespace rerank::cli {

struct Pair {
  std::string query;
  std::string document;
  std::string instruction;  // empty: not given
  std::int64_t line_number = 0;
};

enum class PairFormat {
  kJsonl,  // objects with the text fields query, document and, if wanted, instruction; blank lines are
           // skipped
  kTsv,    // query TAB document, or query TAB document TAB instruction
};

// What the file's name says; standard input is JSON Lines. Throws UsageError if it has another extension.
PairFormat pair_format_of(const std::string& path);

class PairReader {
 public:
  // Throws Error naming the file.
  PairReader(const std::string& path, PairFormat format) : lines_(path), format_(format) {}

  // False after the last pair. Throws Error naming file and line, Interrupted.
  bool next(Pair& pair);
  const LineReader& lines() const { return lines_; }

 private:
  LineReader lines_;
  PairFormat format_;
};

}  // namespace rerank::cli
