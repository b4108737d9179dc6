// rerank rank: the documents of files or standard input, best first.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "apps/rerank/command.h"
#include "apps/rerank/commands/engine_calls.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/number_flags.h"
#include "apps/rerank/flags/remote_flags.h"
#include "apps/rerank/input/document_reader.h"
#include "apps/rerank/output/output_stream.h"
#include "apps/rerank/output/ranking.h"
#include "apps/rerank/output/terminal_text.h"
#include "base/best_first.h"

namespace rerank::cli {
namespace {

constexpr const char* kRankExamples = R"(Examples:
  rerank rank -m demo -q 'edit photos' packages.txt
  grep -h . notes/*.txt | rerank rank -m Qwen/Qwen3-Reranker-0.6B -q 'opening hours' --top-n 5
  rerank rank --url http://localhost:8000 -q 'edit photos' packages.txt
  rerank rank -m demo -q 'edit photos' --field text --format json packages.jsonl | jq '.results[0].document'

Each line is one document; an empty line is an empty document. Lines end in LF or CR LF. With --field each line
is a JSON object, which the formats json and jsonl return unchanged. Documents are numbered from 0 across all
files. Documents with equal scores keep their order.
json:  {"model","query","results":[{"index","score","truncated"?,"document"}],"usage"}
jsonl: one of these results per line
tsv:   index, score, 1 if truncated, otherwise 0, document (tabs and control characters replaced))";

struct RankOptions {
  EngineOptions engine;
  RequestFlags request;
  RemoteFlags remote;
  std::string query;
  std::vector<std::string> files;
  std::string field;
  std::string format;
  std::int32_t top_n = 0;
  bool raw = false;
};

Ranking make_ranking(const RankOptions& options, std::vector<Document> documents) {
  Request request;
  options.request.apply_to(request);
  request.query = options.query;
  for (const Document& document : documents) request.documents.push_back(document.text);

  const auto scorer = make_scorer(options.engine, options.remote, options.raw);
  Result result = scorer->submit(std::move(request))->wait();
  require_ok(result);

  const std::int64_t num_cached_tokens = scorer->counts_cached_tokens() ? result.num_cached_tokens : -1;
  Ranking ranking{scorer->model(),   options.query,     std::move(documents), std::move(result.documents), {},
                  result.num_tokens, num_cached_tokens, options.raw};
  std::vector<float> scores;
  for (std::size_t index = 0; index < ranking.scores.size(); ++index)
    scores.push_back(ranking.score_of(index));
  ranking.order = best_first(scores, static_cast<std::size_t>(options.top_n));
  return ranking;
}

int rank(const CLI::App& command, const RankOptions& options) {
  check_scorer_flags(command, options.engine, options.remote);
  require_utf8(options.query, "--query");
  require_utf8(options.request.instruction, "--instruction");
  const Ranking ranking = make_ranking(options, read_documents(options.files, options.field));

  const std::string format = !options.format.empty()      ? options.format
                             : is_terminal(STDOUT_FILENO) ? "table"
                                                          : "tsv";
  OutputStream& output = standard_output();
  if (format == "json") {
    output.write(as_json(ranking));
  } else if (format == "jsonl") {
    output.write(as_jsonl(ranking));
  } else if (format == "tsv") {
    output.write(as_tsv(ranking));
  } else {
    output.write(as_table(ranking, {terminal_width(STDOUT_FILENO), wants_colour(STDOUT_FILENO)}));
  }
  output.flush();
  return kDone;
}

}  // namespace

void add_rank(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("rank", "Rank documents by relevance to a query");
  auto options = std::make_shared<RankOptions>();
  options->engine.model.clear();
  add_model_flag(*command, options->engine.model)->required(false);
  command->add_option("-q,--query", options->query, "query to rank the documents by")
      ->type_name("QUERY")
      ->required();
  command->add_option("FILE", options->files, "files of documents; default, and -: standard input");
  command
      ->add_option("--field", options->field,
                   "read each line as a JSON object whose field NAME is the document")
      ->type_name("NAME");
  add_count(*command, "-n,--top-n", options->top_n, whole_numbers(0, ranges::kMostInt32),
            "output only the N best; 0: all");
  add_choice(*command, "-f,--format", options->format, {"table", "json", "jsonl", "tsv"},
             "default: table on a terminal, otherwise tsv");
  command->add_flag("--raw", options->raw,
                    "output the logits that scores are computed from (see rerank inspect) instead of scores");
  add_request_flags(*command, options->request);
  add_engine_flags(*command, options->engine);
  add_remote_flags(*command, options->remote);
  command->footer(kRankExamples);
  command->callback(
      [command, options, &action] { action = [command, options] { return rank(*command, *options); }; });
}

}  // namespace rerank::cli
