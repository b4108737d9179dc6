// rerank bench: how fast a server or the engine answers, and what two such results or many of them say.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "apps/rerank/command.h"
#include "apps/rerank/commands/bench_sweep.h"
#include "apps/rerank/flags/bench_flags.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/interruption.h"
#include "apps/rerank/output/bench_text.h"
#include "apps/rerank/output/output_stream.h"
#include "apps/rerank/output/terminal_text.h"
#include "base/files/atomic_file.h"
#include "load/report/comparison.h"
#include "load/report/report.h"
#include "load/report/result_file.h"

namespace rerank::cli {
namespace {

constexpr const char* kBenchExamples = R"(Examples:
  rerank bench --base-url http://127.0.0.1:8000 --concurrency 1,2,4,8,16 -o result.json
  rerank bench --request-rate 5,10,20 --duration 30 --goodput e2el:200
  rerank bench --dataset-path requests.jsonl --concurrency 8 --num-requests 500
  rerank bench --dataset-name random-rerank --random-input-len 512 --random-batch-size 50 --num-prompts 1000
  rerank bench --offline -m demo --docs-per-request 20,100 --document-words 50,200
  rerank bench compare before.json after.json
  rerank bench report result.json -o report.html

Without --request-rate a fixed number of requests is always in progress (closed loop). With it, requests are sent at
random times, whether or not earlier ones are done, and latency is measured from the scheduled time (open loop).
Ctrl-C stops and prints the results so far. docs/benchmarking.md explains every figure.)";

constexpr const char* kCompareExamples = R"(Examples:
  rerank bench compare before.json after.json
  rerank bench compare vllm.json ours.json --format markdown

Compares the points that are in both results. The exit code does not depend on which one is faster.)";

constexpr const char* kReportExamples = R"(Examples:
  rerank bench report result.json -o report.html
  rerank bench report vllm.json ours.json --title 'One H100, 0.6B' -o report.html

The report is a single file that loads nothing from the network.)";

void say(const std::string& lines) {
  std::string text;
  std::size_t begin = 0;
  while (begin < lines.size()) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    text += "rerank: " + harmless(std::string_view(lines).substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  std::fputs(text.c_str(), stderr);
}

void print(const std::string& text) {
  standard_output().write(text);
  standard_output().flush();
}

// What is measured: "model demo; device cpu; ...".
std::string target_line(const load::BenchResult& result) {
  std::string line;
  for (const auto& [name, value] : result.target) {
    line += fmt::format("{}{} {}", line.empty() ? "" : "; ", name, value);
  }
  return line + "\n";
}

int bench(const BenchFlags& flags) {
  for (const std::string& name : flags.ignored) say(name + " does not apply to a reranker and is ignored\n");
  BenchSweep sweep(flags);
  const BenchSetup& setup = sweep.setup();
  load::BenchResult result = sweep.card();
  if (flags.offline) say(target_line(result));
  const bool is_table = setup.points.size() > 1 || flags.format == "markdown";
  const TextTable table = sweep_table(setup.figures, flags.format == "markdown");
  if (is_table) print(table.header());
  bool any_answered = false;
  bool goes_on = true;
  for (std::size_t index = 0; index < setup.points.size() && goes_on; ++index) {
    const load::Point point = sweep.measure(index);
    goes_on = !point.record.interrupted;
    any_answered = any_answered || point.figures.num_completed > 0;
    print(is_table ? table.row(sweep_row(point)) : point_text(point));
    say(remarks(point, flags.offline, setup.http.num_threads));
    result.points.push_back(point);
    if (!setup.output.empty()) write_result(result, setup.output);
  }
  if (!setup.output.empty()) say("result written to " + setup.output + "\n");
  if (!goes_on) return kStopped;
  return any_answered ? kDone : kRefused;
}

void add_compare(CLI::App& bench_command, Action& action) {
  CLI::App* command = bench_command.add_subcommand("compare", "Compare two results");
  auto files = std::make_shared<std::pair<std::string, std::string>>();
  auto format = std::make_shared<std::string>();
  command->add_option("A", files->first, "result file of rerank bench")->required();
  command->add_option("B", files->second, "another")->required();
  add_choice(*command, "-f,--format", *format, {"text", "markdown"}, "of what is printed");
  command->footer(kCompareExamples);
  command->callback([files, format, &action] {
    action = [files, format] {
      const load::BenchResult first = load::read_result(files->first);
      const load::BenchResult second = load::read_result(files->second);
      const auto name = [](const load::BenchResult& result, const std::string& file) {
        return result.label.empty() ? file : fmt::format("{} ({})", result.label, file);
      };
      print(comparison_text(compare(first, second), name(first, files->first), name(second, files->second),
                            *format == "markdown"));
      return kDone;
    };
  });
}

void add_report(CLI::App& bench_command, Action& action) {
  struct ReportFlags {
    std::vector<std::string> files;
    std::string output;
    std::string title = "Benchmark of a reranker";
  };
  CLI::App* command =
      bench_command.add_subcommand("report", "Write an HTML report with curves, histograms and figures");
  auto flags = std::make_shared<ReportFlags>();
  command->add_option("FILE", flags->files, "result files of rerank bench")->required()->take_all();
  command->add_option("-o,--output", flags->output, "the page")->type_name("FILE")->required();
  command->add_option("--title", flags->title, "title of the report")->type_name("TEXT");
  command->footer(kReportExamples);
  command->callback([flags, &action] {
    action = [flags] {
      std::vector<load::BenchResult> results;
      for (const std::string& file : flags->files) {
        results.push_back(load::read_result(file));
        if (results.back().label.empty()) results.back().label = file.substr(file.rfind('/') + 1);
      }
      write_whole_file(flags->output, report_page(results, flags->title));
      say("report written to " + flags->output + "\n");
      return kDone;
    };
  });
}

}  // namespace

void add_bench(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("bench", "Measure throughput and latency of a server or the engine");
  auto flags = std::make_shared<BenchFlags>();
  add_bench_flags(*command, *flags);
  command->require_subcommand(0, 1);
  command->footer(kBenchExamples);
  command->callback([command, flags, &action] {
    if (command->get_subcommands().empty()) action = [flags] { return bench(*flags); };
  });
  add_compare(*command, action);
  add_report(*command, action);
}

}  // namespace rerank::cli
