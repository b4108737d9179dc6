// rerank score: a stream of pairs in, one score for each out, in constant memory and resumable.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "apps/rerank/command.h"
#include "apps/rerank/commands/pair_scorer.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/remote_flags.h"
#include "apps/rerank/input/pair_reader.h"
#include "apps/rerank/interruption.h"
#include "apps/rerank/output/error_text.h"
#include "apps/rerank/output/progress.h"
#include "apps/rerank/output/score_file.h"
#include "text/json_writer.h"

namespace rerank::cli {
namespace {

constexpr const char* kScoreExamples = R"(Examples:
  rerank score -m Qwen/Qwen3-Reranker-0.6B pairs.jsonl -o scores.jsonl
  rerank score -m Qwen/Qwen3-Reranker-0.6B pairs.jsonl -o scores.jsonl --resume
  rerank score --url http://localhost:8000 pairs.jsonl -o scores.jsonl
  printf 'edit photos\tGIMP is an image editor\n' | rerank score -m demo --input-format tsv --format tsv

Each line is one pair: a JSON object with the string fields query, document and, optionally, instruction (.jsonl,
standard input), or query TAB document, or query TAB document TAB instruction (.tsv). Lines end in LF or CR LF.
Consecutive pairs with the same query are scored faster.
jsonl: {"index","score","truncated"?}, pairs numbered from 0
tsv:   index, score, 1 if truncated, otherwise 0
With -o the scores are written to FILE.partial, which is renamed to FILE when it is complete. --resume continues
after the last complete line, which it scores again first: if the result is not identical, the input, the model or
the machine has changed, and the command stops with an error.)";

struct ScoreOptions {
  EngineOptions engine;
  RequestFlags request;
  RemoteFlags remote;
  std::string input = "-";
  std::string input_format;
  std::string output;
  std::string format = "jsonl";
  bool raw = false;
  bool resume = false;
  bool force = false;
};

class ScoreRun {
 public:
  explicit ScoreRun(const ScoreOptions& options)
      : options_(options),
        file_(options.output, options.resume  ? Earlier::kResume
                              : options.force ? Earlier::kReplace
                                              : Earlier::kRefuse),
        pairs_(options.input, input_format(options)),
        progress_("pairs") {}

  void run() {
    skip_done_pairs();
    const auto scorer = make_scorer(options_.engine, options_.remote, options_.raw);
    if (next_index_ > 0) check_last_done_pair(*scorer);
    file_.open();
    PairScorer pairs(*scorer, options_.request, pairs_.lines(),
                     [this](const DocumentScore& score) { write(score); });
    while (read(pairs)) pairs.add(std::move(pair_));
    pairs.finish();
    file_.finish();
  }

  // How to continue a run that ended early; empty if there is nothing to continue.
  std::string how_to_go_on() {
    progress_.clear();
    if (file_.kept_path().empty() || file_.num_kept_lines() == 0) return "";
    return fmt::format("\n{} pairs are done and kept in {}; run the same command with --resume to continue",
                       file_.num_kept_lines(), file_.kept_path());
  }

  void keep_what_is_done() { file_.flush(); }

 private:
  static PairFormat input_format(const ScoreOptions& options) {
    if (options.input_format.empty()) return pair_format_of(options.input);
    return options.input_format == "tsv" ? PairFormat::kTsv : PairFormat::kJsonl;
  }

  // Leaves the last done pair in pair_.
  void skip_done_pairs() {
    while (next_index_ < file_.num_earlier_lines()) {
      if (!pairs_.next(pair_)) {
        throw Error(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "{} has {} scores, but {} only {} pairs, so it cannot be resumed; use --force to start over",
                file_.kept_path(), file_.num_earlier_lines(), pairs_.lines().name(), next_index_));
      }
      ++next_index_;
    }
  }

  // A pair's score is the same bits every time, so one line tells whether model, input and flags are the
  // same.
  void check_last_done_pair(Scorer& scorer) {
    std::string line;
    PairScorer pairs(scorer, options_.request, pairs_.lines(),
                     [this, &line](const DocumentScore& score) { line = format(next_index_ - 1, score); });
    pairs.add(std::move(pair_));
    pairs.finish();
    line.pop_back();
    if (line != file_.last_earlier_line()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} ends in {}, but this command computes {}: the input, model, machine or "
                              "format is different; use --force to start over",
                              file_.kept_path(), file_.last_earlier_line(), line));
    }
  }

  // Reads pair_. Whoever writes the input slowly gets the scores of what is written before more is asked for.
  bool read(PairScorer& pairs) {
    const auto more_to_read = [this] { return !pairs_.lines().would_wait(); };
    if (!more_to_read()) {
      pairs.settle(more_to_read);
      file_.flush();
    }
    try {
      return pairs_.next(pair_);
    } catch (const Error&) {
      pairs.finish();  // a bad line: the pairs before it count
      throw;
    }
  }

  void write(const DocumentScore& score) {
    stop_if_interrupted();
    file_.write(format(next_index_, score));
    ++next_index_;
    progress_.update(next_index_, pairs_.lines().fraction_read());
    const auto now = std::chrono::steady_clock::now();
    if (now - flushed_ > std::chrono::seconds(1)) {
      flushed_ = now;
      file_.flush();
    }
  }

  std::string format(std::int64_t index, const DocumentScore& score) const {
    const std::string digits = shortest_digits(options_.raw ? score.logit_difference() : score.score);
    if (options_.format == "tsv") return fmt::format("{}\t{}\t{:d}\n", index, digits, score.truncated);
    return fmt::format("{{\"index\":{},\"score\":{}{}}}\n", index, digits,
                       score.truncated ? ",\"truncated\":true" : "");
  }

  const ScoreOptions& options_;
  ScoreFile file_;
  PairReader pairs_;
  Progress progress_;
  Pair pair_;
  std::int64_t next_index_ = 0;  // of the pair that is written next
  std::chrono::steady_clock::time_point flushed_ = std::chrono::steady_clock::now();
};

int score(const CLI::App& command, const ScoreOptions& options) {
  check_scorer_flags(command, options.engine, options.remote);
  if (options.resume && options.force) throw UsageError("--resume and --force cannot be combined");
  if (options.resume && options.output.empty())
    throw UsageError("--resume needs the file to resume; add -o FILE");
  require_utf8(options.request.instruction, "--instruction");
  ScoreRun run(options);
  try {
    run.run();
  } catch (const Interrupted&) {
    run.keep_what_is_done();
    const std::string message = run.how_to_go_on();
    if (!message.empty()) fmt::print(stderr, "rerank: stopped{}\n", message);
    return kStopped;
  } catch (const Error& error) {
    run.keep_what_is_done();
    throw Error(error.code(), text_of(error) + run.how_to_go_on());
  }
  return kDone;
}

}  // namespace

void add_score(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("score", "Score query-document pairs, keeping their order");
  auto options = std::make_shared<ScoreOptions>();
  options->engine.model.clear();
  add_model_flag(*command, options->engine.model)->required(false);
  command->add_option("FILE", options->input, "file of pairs; default, and -: standard input");
  add_choice(*command, "--input-format", options->input_format, {"jsonl", "tsv"},
             "default: by the file's extension; jsonl for standard input");
  command->add_option("-o,--output", options->output, "output file; default: standard output")
      ->type_name("FILE");
  add_choice(*command, "-f,--format", options->format, {"jsonl", "tsv"}, "default jsonl");
  command->add_flag("--raw", options->raw,
                    "output the logits that scores are computed from (see rerank inspect) instead of scores");
  command->add_flag("--resume", options->resume, "continue after the scores already in the output file");
  command->add_flag("--force", options->force, "overwrite an existing output file");
  add_request_flags(*command, options->request);
  add_engine_flags(*command, options->engine);
  add_remote_flags(*command, options->remote);
  command->footer(kScoreExamples);
  command->callback(
      [command, options, &action] { action = [command, options] { return score(*command, *options); }; });
}

}  // namespace rerank::cli
