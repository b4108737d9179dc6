#include "apps/rerank/output/ranking.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "apps/rerank/output/terminal_text.h"
#include "text/json_writer.h"

namespace rerank::cli {
namespace {

std::string item(const Ranking& ranking, std::size_t index) {
  return fmt::format(
      R"({{"index":{},"score":{}{},"document":{}}})", index, shortest_digits(ranking.score_of(index)),
      ranking.scores[index].truncated ? R"(,"truncated":true)" : "", ranking.documents[index].json);
}

}  // namespace

std::string as_json(const Ranking& ranking) {
  std::string text = fmt::format(R"({{"model":{},"query":{},"results":[)", json_string(ranking.model),
                                 json_string(ranking.query));
  const char* separator = "\n";
  for (const std::size_t index : ranking.order) {
    text += separator + item(ranking, index);
    separator = ",\n";
  }
  const std::string cached =
      ranking.num_cached_tokens < 0 ? "" : fmt::format(R"(,"cached_tokens":{})", ranking.num_cached_tokens);
  text += fmt::format("\n],\"usage\":{{\"prompt_tokens\":{0},\"total_tokens\":{0}{1}}}}}\n",
                      ranking.num_tokens, cached);
  return text;
}

std::string as_jsonl(const Ranking& ranking) {
  std::string text;
  for (const std::size_t index : ranking.order) text += item(ranking, index) + "\n";
  return text;
}

std::string as_tsv(const Ranking& ranking) {
  std::string text;
  for (const std::size_t index : ranking.order) {
    text += fmt::format("{}\t{}\t{:d}\t{}\n", index, shortest_digits(ranking.score_of(index)),
                        ranking.scores[index].truncated, harmless(ranking.documents[index].text));
  }
  return text;
}

}  // namespace rerank::cli
