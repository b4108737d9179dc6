// The documents that `rerank rank` is given: whole files of them, in memory.
#pragma once

#include <string>
#include <vector>

namespace rerank::cli {

struct Document {
  std::string text;
  std::string
      json;  // what an output in JSON says of it: the line's object as it was written, or the text in quotes
};

// All documents of `files` in order; "-" is standard input, and so is an empty list. A line is a document, an
// empty line an empty one; with `field` not empty, a line is a JSON object and that field its document, and
// blank lines are skipped. Throws Error naming file and line.
std::vector<Document> read_documents(const std::vector<std::string>& files, const std::string& field);

}  // namespace rerank::cli
