#include "apps/rerank/input/document_reader.h"

#include <fmt/format.h>

#include <string_view>

#include "apps/rerank/command.h"
#include "apps/rerank/input/line_reader.h"
#include "rerank/error.h"
#include "text/json_view.h"
#include "text/json_writer.h"

namespace rerank::cli {
namespace {

// Ranking the JSON text itself would give plausible, wrong scores.
void refuse_json_as_text(const std::string& path) {
  if (path.ends_with(".jsonl") || path.ends_with(".ndjson")) {
    throw UsageError(
        fmt::format("{}: add --field NAME to say which field of its JSON objects is the document, for "
                    "example --field text (to rank the lines as plain text, pass the file on standard input)",
                    path));
  }
}

}  // namespace

std::vector<Document> read_documents(const std::vector<std::string>& files, const std::string& field) {
  std::vector<Document> documents;
  const std::vector<std::string> standard_input = {"-"};
  for (const std::string& path : files.empty() ? standard_input : files) {
    if (field.empty()) refuse_json_as_text(path);
    LineReader lines(path);
    std::string_view line;
    while (lines.next(line)) {
      if (field.empty()) {
        documents.push_back({std::string(line), json_string(line)});
      } else if (line.find_first_not_of(" \t") != std::string_view::npos) {
        const std::string place = lines.place();
        const boost::json::value object = parse_json_line(line, place);
        documents.push_back({std::string(JsonView(object, place).at(field).string()), std::string(line)});
      }
    }
  }
  if (documents.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "no documents: " + (files.empty() ? "standard input" : files.front()) +
                    (files.size() > 1 ? " and the others are empty" : " is empty"));
  }
  return documents;
}

}  // namespace rerank::cli
