// Synthetic models as files: the same bits as in memory, with and without shards, and nothing left behind on
// failure.
#include "model/synthetic/write_synthetic.h"

#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "checkpoint/checkpoint.h"
#include "checkpoint/model_location.h"
#include "checkpoint/scratch_directory.h"
#include "checkpoint/summary.h"
#include "model/open_model.h"
#include "model/reranker.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

WriteSyntheticOptions options_for(const std::filesystem::path& directory, const char* size = "nano") {
  WriteSyntheticOptions options;
  options.config_json = published_config(size);
  options.directory = directory;
  options.num_threads = 3;
  return options;
}

void expect_same_bits(const Checkpoint& written, const Checkpoint& in_memory) {
  ASSERT_EQ(written.tensors().size(), in_memory.tensors().size());
  for (std::size_t i = 0; i < written.tensors().size(); ++i) {
    const std::string& name = written.tensors()[i].name;
    ASSERT_EQ(name, in_memory.tensors()[i].name);
    const TensorView a = written.tensor(name);
    const TensorView b = in_memory.tensor(name);
    ASSERT_EQ(a.shape, b.shape);
    ASSERT_EQ(std::memcmp(a.data, b.data, a.size_bytes()), 0) << name;
  }
}

TEST(WriteSynthetic, WritesTheBitsOfTheModelInMemory) {
  for (const char* size : {"nano", "odd"}) {
    const ScratchDirectory scratch;
    ASSERT_TRUE(write_synthetic(options_for(scratch.path() / "out", size), nullptr));
    EXPECT_THAT(scratch.names(), ElementsAre("out"));
    EXPECT_EQ(scratch.read("out/config.json"), published_config(size));
    expect_same_bits(*open_model((scratch.path() / "out").string()),
                     *open_model(std::string("synth:") + size));
  }
}

TEST(WriteSynthetic, SplitsIntoShards) {
  const ScratchDirectory scratch;
  WriteSyntheticOptions options = options_for(scratch.path() / "out", "odd");
  // One shard for the embeddings, two for each layer, one for the head.
  options.max_shard_bytes = 200'000;
  options.recipe = {9, 0.125};
  ASSERT_TRUE(write_synthetic(options, nullptr));
  const auto written = open_model(options.directory.string());
  const CheckpointSummary summary = summarize(*written);
  EXPECT_EQ(summary.num_files, 6u);
  EXPECT_EQ(written->files().front().filename(), "model-00001-of-00006.safetensors");
  expect_same_bits(*written, SyntheticCheckpoint({options.config_json, "odd", options.recipe}));
  EXPECT_EQ(summary.num_tensors, 25u);
  EXPECT_EQ(read_reranker(*written).head(), "yes and no rows of lm_head.weight");
  EXPECT_EQ(summary.size_bytes, static_cast<std::uint64_t>(summary.num_parameters) * 2);
  ASSERT_EQ(summary.types.size(), 1u);
  EXPECT_EQ(summary.types[0].num_tensors, 25u);
  // 2 x vocab x hidden, plus the shapes of two layers.
  EXPECT_EQ(summary.num_parameters,
            2 * 151669 * 96 + 2 * (2 * 96 * 384 + 2 * 96 * 64 + 3 * 96 * 224 + 2 * 96 + 2 * 64) + 96);
}

TEST(WriteSynthetic, CopiesTheTokenizer) {
  const ScratchDirectory scratch;
  WriteSyntheticOptions options = options_for(scratch.path() / "out");
  options.tokenizer_file = scratch.write("words/my-tokenizer.json", "{\"t\": 1}");
  std::filesystem::create_directory(options.directory);
  ASSERT_TRUE(write_synthetic(options, nullptr));
  EXPECT_EQ(scratch.read("out/tokenizer.json"), "{\"t\": 1}");
  EXPECT_FALSE(std::filesystem::exists(options.directory / "tokenizer_config.json"));
  scratch.write("words/tokenizer_config.json", "{}");
  options.directory = scratch.path() / "again";
  ASSERT_TRUE(write_synthetic(options, nullptr));
  EXPECT_EQ(scratch.read("again/tokenizer_config.json"), "{}");
  EXPECT_EQ(tokenizer_location(options.directory.string(), ""), options.directory / "tokenizer.json");
}

TEST(WriteSynthetic, TakesANameInTheWorkingDirectory) {
  const ScratchDirectory scratch;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(scratch.path());
  const std::string fault = error_of([] { write_synthetic(options_for("out"), nullptr); });
  std::filesystem::current_path(before);
  EXPECT_EQ(fault, "no error");
  EXPECT_TRUE(std::filesystem::exists(scratch.path() / "out" / "config.json"));
}

TEST(WriteSynthetic, ReportsProgressAndStopsWhenTold) {
  const ScratchDirectory scratch;
  WriteSyntheticOptions options = options_for(scratch.path() / "out");
  options.num_threads = 1;
  std::vector<std::uint64_t> seen;
  std::uint64_t total = 0;
  ASSERT_TRUE(write_synthetic(options, [&](std::uint64_t done, std::uint64_t all) {
    seen.push_back(done);
    total = all;
    return true;
  }));
  EXPECT_GT(seen.size(), 3u);
  EXPECT_EQ(seen.front(), 0u);
  EXPECT_EQ(seen.back(), total);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  for (std::size_t stop = 0; stop < seen.size(); ++stop) {
    const ScratchDirectory fresh;
    options.directory = fresh.path() / "out";
    std::size_t calls = 0;
    EXPECT_FALSE(write_synthetic(options, [&](std::uint64_t, std::uint64_t) { return calls++ < stop; }));
    EXPECT_THAT(fresh.names(), IsEmpty());
  }
}

TEST(WriteSynthetic, LeavesNothingWhenTheProgressThrows) {
  const ScratchDirectory scratch;
  EXPECT_THROW(write_synthetic(options_for(scratch.path() / "out"),
                               [](std::uint64_t done, std::uint64_t) -> bool {
                                 if (done > 0) throw std::runtime_error("from outside");
                                 return true;
                               }),
               std::runtime_error);
  EXPECT_THAT(scratch.names(), IsEmpty());
}

TEST(WriteSynthetic, LeavesNothingWhenTheDiskIsFull) {
  const ScratchDirectory scratch;
  // A file size limit makes the same calls fail as a full disk.
  const auto before_signal = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit limit{1'000'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string message =
      error_of([&] { write_synthetic(options_for(scratch.path() / "out"), nullptr); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, before_signal);
  EXPECT_THAT(message, HasSubstr("cannot write"));
  EXPECT_THAT(message, HasSubstr("model.safetensors"));
  EXPECT_THAT(scratch.names(), IsEmpty());
}

TEST(WriteSynthetic, RefusesBadPlacesAndOptions) {
  const ScratchDirectory scratch;
  scratch.write("full/file", "x");
  const auto refusal = [&](const std::function<void(WriteSyntheticOptions&)>& change) {
    WriteSyntheticOptions options = options_for(scratch.path() / "out");
    change(options);
    return error_of([&] { write_synthetic(options, nullptr); });
  };
  using Options = WriteSyntheticOptions;
  EXPECT_THAT(refusal([&](Options& o) { o.directory = scratch.path() / "full"; }), HasSubstr("not empty"));
  EXPECT_THAT(refusal([&](Options& o) { o.directory = scratch.path() / "full/file"; }),
              HasSubstr("is a file"));
  EXPECT_THAT(refusal([&](Options& o) { o.directory = scratch.path() / "no/such"; }),
              HasSubstr("create it first"));
  EXPECT_THAT(refusal([&](Options& o) { o.directory.clear(); }), HasSubstr("name the directory"));
  EXPECT_THAT(refusal([&](Options& o) { o.tokenizer_file = "/no/such.json"; }),
              HasSubstr("there is no file /no/such.json"));
  EXPECT_THAT(refusal([&](Options& o) { o.recipe.std = 0; }), HasSubstr("std is 0"));
  EXPECT_THAT(refusal([&](Options& o) { o.max_shard_bytes = 0; }), HasSubstr("max_shard_bytes"));
  EXPECT_THAT(refusal([&](Options& o) { o.config_json = "{"; }), HasSubstr("not JSON"));
  EXPECT_THAT(refusal([&](Options& o) {
                const std::string key = "\"num_hidden_layers\": 3";
                o.config_json.replace(o.config_json.find(key), key.size(), "\"num_hidden_layers\": 4000");
                const std::string width = "\"intermediate_size\": 192";
                o.config_json.replace(o.config_json.find(width), width.size(),
                                      "\"intermediate_size\": 262144");
                const std::string hidden = "\"hidden_size\": 64";
                o.config_json.replace(o.config_json.find(hidden), hidden.size(), "\"hidden_size\": 262144");
              }),
              HasSubstr("GB are free"));
  EXPECT_THAT(scratch.names(), ElementsAre("full"));
}

TEST(WriteSynthetic, FollowsALinkToAnEmptyDirectory) {
  const ScratchDirectory scratch;
  std::filesystem::create_directory(scratch.path() / "real");
  std::filesystem::create_directory_symlink("real", scratch.path() / "link");
  ASSERT_TRUE(write_synthetic(options_for(scratch.path() / "link/"), nullptr));
  EXPECT_THAT(scratch.names(), ElementsAre("link", "real"));
  EXPECT_EQ(read_reranker(*open_model((scratch.path() / "real").string())).head(),
            "yes and no rows of model.embed_tokens.weight (tied)");
}

}  // namespace
}  // namespace rerank
