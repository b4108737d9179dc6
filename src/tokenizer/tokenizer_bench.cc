// =// How many bytes of text one core encodes per second. tools/tokenizer_speed.py runs this next to the
// Hugging Face =// package on the same text. =// =// Texts: each file in the directory RERANK_BENCH_TEXTS, or
// the licence texts and package descriptions of this =// machine; split into documents of at least 1000 bytes
// at blank lines.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/support/test_tokenizer_file.h"
#include "tokenizer/tokenizer.h"

namespace rerank {
namespace {

struct Text {
  std::string name;
  std::vector<std::string> documents;
  int64_t size_bytes = 0;
};

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// The long descriptions in a Debian package list.
std::string descriptions_in(const std::filesystem::path& list) {
  std::ifstream stream(list);
  std::string text;
  bool in_description = false;
  for (std::string line; std::getline(stream, line);) {
    bool continues = line.starts_with(" ");
    if (!continues && in_description) text += '\n';
    in_description = continues ? in_description : line.starts_with("Description:");
    if (continues && in_description) text += (line == " ." ? "" : line.substr(1)) + '\n';
  }
  return text;
}

Text cut(std::string name, const std::string& whole) {
  constexpr size_t kLeastBytes = 1000;
  Text text{std::move(name), {}, static_cast<int64_t>(whole.size())};
  for (size_t begin = 0; begin < whole.size();) {
    size_t end = whole.find("\n\n", begin + kLeastBytes);
    end = end == std::string::npos ? whole.size() : end + 2;
    text.documents.push_back(whole.substr(begin, end - begin));
    begin = end;
  }
  return text;
}

std::vector<Text> find_texts() {
  std::vector<Text> texts;
  if (const char* directory = std::getenv("RERANK_BENCH_TEXTS")) {
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
      texts.push_back(cut(file.path().stem().string(), read_file(file.path())));
    }
    return texts;
  }
  std::string licences;
  if (std::filesystem::exists("/usr/share/common-licenses")) {
    for (const auto& file : std::filesystem::directory_iterator("/usr/share/common-licenses")) {
      if (!file.is_symlink()) licences += read_file(file.path()) + "\n\n";
    }
  }
  if (!licences.empty()) texts.push_back(cut("licences", licences));
  if (std::filesystem::exists("/var/lib/dpkg/status")) {
    texts.push_back(cut("descriptions", descriptions_in("/var/lib/dpkg/status")));
  }
  return texts;
}

void encode_all(const Tokenizer& tokenizer, const Text& text, std::vector<int32_t>& ids) {
  for (const std::string& document : text.documents) {
    ids.clear();
    tokenizer.encode(document, SpecialTokens::kAsText, ids);
    benchmark::DoNotOptimize(ids.data());
  }
}

// Text seen before, as in a service after its first requests.
void bench_warm(benchmark::State& state, const Tokenizer& tokenizer, const Text& text) {
  std::vector<int32_t> ids;
  encode_all(tokenizer, text, ids);
  for (auto _ : state) encode_all(tokenizer, text, ids);
  state.SetBytesProcessed(state.iterations() * text.size_bytes);
}

// One pass with an empty cache, as in the first request.
void bench_first_pass(benchmark::State& state, const std::filesystem::path& file, const Text& text) {
  std::vector<int32_t> ids;
  for (auto _ : state) {
    Tokenizer tokenizer = Tokenizer::load(file);  // a new tokenizer shares no cached words
    std::clock_t begin = std::clock();            // processor time, as in the others
    encode_all(tokenizer, text, ids);
    state.SetIterationTime(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  state.SetBytesProcessed(state.iterations() * text.size_bytes);
}

void bench_load(benchmark::State& state, const std::filesystem::path& file) {
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::load(file).vocab_size());
}

int run(int argc, char** argv) {
  std::optional<std::filesystem::path> file = test_tokenizer_file();
  if (!file) {
    std::cerr << "tokenizer_bench " << kNoTestTokenizer << "\n";
    return 1;
  }
  const Tokenizer tokenizer = Tokenizer::load(*file);
  const std::vector<Text> texts = find_texts();
  for (const Text& text : texts) {
    benchmark::RegisterBenchmark(("encode/" + text.name).c_str(),
                                 [&](benchmark::State& state) { bench_warm(state, tokenizer, text); });
    benchmark::RegisterBenchmark(("encode_first_pass/" + text.name).c_str(),
                                 [&](benchmark::State& state) { bench_first_pass(state, *file, text); })
        ->UseManualTime()
        ->Iterations(5);
  }
  benchmark::RegisterBenchmark("load", [&](benchmark::State& state) {
    bench_load(state, *file);
  })->Unit(benchmark::kMillisecond);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace rerank

int main(int argc, char** argv) {
  return rerank::run(argc, argv);
}
