// rerank pull: a model from a hub into the cache where every command finds it.
#include "hub/pull.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/number_flags.h"
#include "apps/rerank/interruption.h"
#include "apps/rerank/output/output_stream.h"
#include "apps/rerank/output/progress.h"
#include "apps/rerank/output/terminal_text.h"
#include "model/open_model.h"
#include "model/reranker.h"
#include "rerank/error.h"

namespace rerank::cli {
namespace {

constexpr const char* kPullExamples = R"(Examples:
  rerank pull Qwen/Qwen3-Reranker-0.6B
  rerank pull Qwen/Qwen3-Reranker-4B --from modelscope
  rerank pull Qwen/Qwen3-Reranker-0.6B --endpoint https://hub.example.org --revision v1
  MODEL_PATH=$(rerank pull Qwen/Qwen3-Reranker-8B)

An interrupted download is kept; run the same command again to resume it. Every file is verified, and the model
appears in the cache only when all its files are complete. Prints the model's directory to standard output.
Environment: HF_TOKEN and MODELSCOPE_API_TOKEN for gated and private models, HF_ENDPOINT for a mirror, HF_HUB_CACHE
or HF_HOME for the cache, HTTPS_PROXY for a proxy.)";

struct PullFlags {
  PullOptions pull;
  bool unchecked = false;
  bool dry_run = false;
};

double megabytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

void tell(const std::string& text) {
  fmt::print(stderr, "rerank: {}\n", harmless(text));
}

class PullProgressLines {
 public:
  bool update(const PullProgress& progress) {
    if (progress.total_bytes > 0) {
      // Some files are hashed while others still come; only the end of it is worth a line of its own.
      const bool is_loaded = progress.done_bytes == progress.total_bytes;
      const std::uint64_t bytes = is_loaded ? progress.verified_bytes : progress.done_bytes;
      Progress& line = is_loaded ? verifying_ : loading_;
      (is_loaded ? loading_ : verifying_).clear();
      line.update(static_cast<std::int64_t>(bytes / 1'000'000),
                  static_cast<double>(bytes) / static_cast<double>(progress.total_bytes));
    }
    return !interrupted();
  }
  void clear() {
    loading_.clear();
    verifying_.clear();
  }

 private:
  Progress loading_{"MB"};
  Progress verifying_{"MB verified"};
};

void print_files(const PullResult& found) {
  std::string text;
  std::uint64_t total_bytes = 0;
  std::uint64_t missing_bytes = 0;
  for (const PulledFile& file : found.files) {
    total_bytes += file.size_bytes;
    if (!file.was_there) missing_bytes += file.size_bytes;
    text += fmt::format("{:>14.3f} MB  {}{}\n", megabytes(file.size_bytes), harmless(file.name),
                        file.was_there ? "  (in the cache)" : "");
  }
  text += fmt::format("{:>14.3f} MB  in all, {:.3f} MB to download, commit {}\n", megabytes(total_bytes),
                      megabytes(missing_bytes), found.commit);
  standard_output().write(text);
}

void tell_result(const PullFlags& flags, const PullResult& pulled) {
  std::uint64_t total_bytes = 0;
  std::uint64_t new_bytes = 0;
  for (const PulledFile& file : pulled.files) {
    total_bytes += file.size_bytes;
    if (!file.was_there) new_bytes += file.size_bytes;
  }
  const std::string model = flags.pull.cache.empty() ? pulled.model : pulled.snapshot.string();
  tell(fmt::format("{}: {} files, {:.1f} MB verified, {:.1f} MB of them new, from {}, commit {}",
                   pulled.model, pulled.files.size(), megabytes(total_bytes), megabytes(new_bytes),
                   pulled.endpoint, pulled.commit));
  tell(fmt::format("to use it: rerank rank -m {} -q 'a question' documents.txt", model));
  standard_output().write(pulled.snapshot.string() + "\n");
}

// Tensors and config.json fit each other, or it is said now and not when somebody waits for an answer.
void require_usable(const PullResult& pulled) {
  try {
    read_reranker(*open_model(pulled.snapshot.string()));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} is downloaded and verified, but this program cannot run it: {}",
                                          pulled.model, error.what()));
  }
}

int pull(const PullFlags& flags) {
  PullProgressLines lines;
  PullEvents events;
  events.on_progress = [&lines](const PullProgress& progress) { return lines.update(progress); };
  events.on_notice = [&lines](const std::string& text) {
    lines.clear();
    tell(text);
  };
  PullOptions options = flags.pull;
  if (!flags.unchecked)
    options.check_config = [](const auto& json, const auto& name) { spec_of_config(json, name); };
  const PullResult result = flags.dry_run ? list_model(options, events) : pull_model(options, events);
  lines.clear();
  if (result.stopped) {
    tell("stopped; the downloaded part is kept, run the same command again to resume");
    throw Interrupted{};
  }
  if (flags.dry_run) {
    print_files(result);
  } else {
    if (!flags.unchecked) require_usable(result);
    tell_result(flags, result);
  }
  standard_output().flush();
  return kDone;
}

void add_flags(CLI::App& command, PullFlags& flags) {
  PullOptions& options = flags.pull;
  command.add_option("MODEL", options.model, "ORG/NAME on the hub, or ORG/NAME@REVISION")->required();
  command
      .add_option(
          "--from", options.from,
          "huggingface or modelscope; default huggingface, or modelscope if VLLM_USE_MODELSCOPE is set")
      ->type_name("HUB");
  command.add_option("--revision", options.revision, "branch, tag or commit; default: the hub's main branch")
      ->type_name("NAME");
  command
      .add_option("--endpoint", options.endpoint, "URL of a mirror; default HF_ENDPOINT, then the hub itself")
      ->type_name("URL");
  command
      .add_option("--cache-dir", options.cache,
                  "cache directory; default HF_HUB_CACHE, then HF_HOME/hub, then ~/.cache/huggingface/hub")
      ->type_name("DIR");
  add_count(command, "--connections", options.num_connections, whole_numbers(1, 64),
            "number of parallel connections; default 8");
  add_count(command, "--retries", options.retry.max_retries, ranges::kRetries,
            "give up after this many retries in a row without progress; default 5");
  command.add_flag("--dry-run", flags.dry_run, "show what would be downloaded, without writing anything");
  command.add_flag("--verify", options.verify,
                   "verify files that are already in the cache too, and download bad ones again");
  command.add_flag("--unchecked", flags.unchecked, "download the model even if this program cannot run it");
}

}  // namespace

void add_pull(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("pull", "Download and verify a model into the Hugging Face cache");
  auto flags = std::make_shared<PullFlags>();
  add_flags(*command, *flags);
  command->footer(kPullExamples);
  command->callback([flags, &action] { action = [flags] { return pull(*flags); }; });
}

}  // namespace rerank::cli
