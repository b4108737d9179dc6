#include "apps/rerank/input/pair_reader.h"

#include <fmt/format.h>

#include "apps/rerank/command.h"
#include "rerank/error.h"
#include "text/json_view.h"

namespace rerank::cli {
namespace {

void parse_json_pair(std::string_view line, const std::string& place, Pair& pair) {
  const boost::json::value value = parse_json_line(line, place);
  const JsonView object(value, place);
  pair.query = object.at("query").string();
  pair.document = object.at("document").string();
  pair.instruction = object.string_or("instruction", "");
}

void parse_tsv_pair(std::string_view line, const std::string& place, Pair& pair) {
  const std::size_t first = line.find('\t');
  if (first == std::string_view::npos) {
    throw Error(
        ErrorCode::kInvalidArgument,
        place + ": no tab found; a line is query TAB document, or query TAB document TAB instruction");
  }
  const std::size_t second = std::min(line.find('\t', first + 1), line.size());
  pair.query = line.substr(0, first);
  pair.document = line.substr(first + 1, second - first - 1);
  pair.instruction = second == line.size() ? std::string_view() : line.substr(second + 1);
  if (pair.instruction.find('\t') != std::string::npos) {
    throw Error(ErrorCode::kInvalidArgument,
                place + ": more than three columns; use JSON Lines for texts that contain tabs");
  }
}

}  // namespace

PairFormat pair_format_of(const std::string& path) {
  if (path == "-" || path.ends_with(".jsonl") || path.ends_with(".ndjson") || path.ends_with(".json")) {
    return PairFormat::kJsonl;
  }
  if (path.ends_with(".tsv")) return PairFormat::kTsv;
  throw UsageError(
      fmt::format("{}: cannot tell the format from the name; add --input-format jsonl or tsv", path));
}

bool PairReader::next(Pair& pair) {
  std::string_view line;
  do {
    if (!lines_.next(line)) return false;
  } while (format_ == PairFormat::kJsonl && line.find_first_not_of(" \t") == std::string_view::npos);
  pair.line_number = lines_.line_number();
  if (format_ == PairFormat::kJsonl) {
    parse_json_pair(line, lines_.place(), pair);
  } else {
    parse_tsv_pair(line, lines_.place(), pair);
  }
  return true;
}

}  // namespace rerank::cli
