// Resolving names to directories: paths, the Hugging Face cache, the demo model.
#include "checkpoint/model_location.h"

#include "checkpoint/checkpoint.h"
#include "checkpoint/scratch_directory.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ModelLocation, FindsTheCacheAsHuggingFaceDoes) {
  const ScopedVariable home("HOME", "/h");
  const ScopedVariable hub("HF_HUB_CACHE", nullptr);
  const ScopedVariable hf("HF_HOME", nullptr);
  const ScopedVariable xdg("XDG_CACHE_HOME", nullptr);
  EXPECT_EQ(huggingface_cache(), "/h/.cache/huggingface/hub");
  const ScopedVariable xdg_set("XDG_CACHE_HOME", "/x");
  EXPECT_EQ(huggingface_cache(), "/x/huggingface/hub");
  const ScopedVariable hf_set("HF_HOME", "/hf");
  EXPECT_EQ(huggingface_cache(), "/hf/hub");
  const ScopedVariable hub_set("HF_HUB_CACHE", "/hub");
  EXPECT_EQ(huggingface_cache(), "/hub");
}

TEST(ModelLocation, ResolvesNamesAndRevisions) {
  const ScratchDirectory cache;
  const ScopedVariable hub("HF_HUB_CACHE", cache.path().c_str());
  const std::filesystem::path repository = cache.path() / "models--Org--Name-0.6B";
  cache.write("models--Org--Name-0.6B/refs/main", "0123abc\n");
  cache.write("models--Org--Name-0.6B/refs/refs/pr/1", "feed");
  cache.write("models--Org--Name-0.6B/snapshots/0123abc/config.json", "{}");
  cache.write("models--Org--Name-0.6B/snapshots/feed/config.json", "{}");
  cache.write("models--plain/refs/main", "77");
  cache.write("models--plain/snapshots/77/config.json", "{}");
  EXPECT_EQ(model_directory("Org/Name-0.6B"), repository / "snapshots/0123abc");
  EXPECT_EQ(model_directory("Org/Name-0.6B@main"), repository / "snapshots/0123abc");
  EXPECT_EQ(model_directory("Org/Name-0.6B@refs/pr/1"), repository / "snapshots/feed");
  EXPECT_EQ(model_directory("Org/Name-0.6B@feed"), repository / "snapshots/feed");
  EXPECT_EQ(model_directory("plain"), cache.path() / "models--plain/snapshots/77");
  EXPECT_THAT(error_of([] { model_directory("Org/Name-0.6B@v9"); }),
              AllOf(HasSubstr("revision v9"), HasSubstr("rerank pull Org/Name-0.6B@v9")));
  EXPECT_THAT(error_of([] { model_directory("Org/Other"); }),
              AllOf(HasSubstr("`rerank pull Org/Other`"), HasSubstr(cache.path().string())));
}

TEST(ModelLocation, NeverLeavesTheCache) {
  const ScratchDirectory cache;
  const ScopedVariable hub("HF_HUB_CACHE", cache.path().c_str());
  cache.write("models--Org--Name/refs/main", "../../outside");
  cache.write("models--Org--Name/snapshots/good/config.json", "{}");
  cache.write("outside/config.json", "{}");
  for (const char* name : {"Org/Name", "Org/Name@../../../outside", "Org/Name@..", "Org/Name@", "../outside",
                           "a/b/c", "/nowhere", "Org/", "Org/..", "Org/Na me"}) {
    EXPECT_THAT(error_of([&] { model_directory(name); }), HasSubstr("model ")) << name;
  }
  EXPECT_THAT(error_of([] { model_directory(""); }), HasSubstr("empty"));
}

TEST(ModelLocation, TakesADirectoryAndRefusesAFile) {
  const ScratchDirectory scratch;
  EXPECT_EQ(model_directory(scratch.path().string()), scratch.path());
  const auto file = scratch.write("model.safetensors", "x");
  EXPECT_THAT(error_of([&] { model_directory(file.string()); }), HasSubstr("give the directory"));
}

TEST(ModelLocation, FindsTheDemoModelWhereTheEnvironmentSays) {
  const ScratchDirectory scratch;
  const ScopedVariable named("RERANK_DEMO_MODEL", scratch.path().c_str());
  EXPECT_EQ(model_directory("demo"), scratch.path());
  const ScopedVariable wrong("RERANK_DEMO_MODEL", "/no/such/place");
  EXPECT_THAT(error_of([] { demo_model_directory(); }), HasSubstr("/no/such/place"));
}

TEST(ModelLocation, FindsTheDemoModelBesideTheProgramElseInTheSource) {
  const ScopedVariable unset("RERANK_DEMO_MODEL", nullptr);
  const ScratchDirectory scratch;
  const std::filesystem::path program = scratch.path() / "bin" / "rerank";
  const std::filesystem::path installed = scratch.path() / "share" / "rerank" / "models" / "demo";
  const std::filesystem::path source = scratch.path() / "source";
  EXPECT_THAT(
      error_of([&] { demo_model_directory(program, source); }),
      AllOf(HasSubstr(installed.string()), HasSubstr(source.string()), HasSubstr("RERANK_DEMO_MODEL")));
  std::filesystem::create_directories(source);
  EXPECT_EQ(demo_model_directory(program, source), source);
  std::filesystem::create_directories(installed);
  EXPECT_EQ(demo_model_directory(program, source), installed);
}

TEST(ModelLocation, FindsATokenizerForEveryModel) {
  const ScratchDirectory scratch;
  const ScopedVariable named("RERANK_DEMO_MODEL", scratch.path().c_str());
  EXPECT_EQ(tokenizer_location("synth:nano", "mine.json"), "mine.json");
  EXPECT_THAT(error_of([] { tokenizer_location("synth:nano", ""); }), HasSubstr("--tokenizer"));
  scratch.write("sentencepiece.bpe.model", "");
  EXPECT_THAT(
      error_of([] { tokenizer_location("demo", ""); }),
      AllOf(HasSubstr("has sentencepiece.bpe.model but no tokenizer.json"), HasSubstr("save_pretrained")));
  scratch.write("vocab.txt", "");
  EXPECT_EQ(tokenizer_location("demo", ""), scratch.path() / "vocab.txt");
  scratch.write("tokenizer.json", "{}");
  EXPECT_EQ(tokenizer_location("synth:nano", ""), scratch.path() / "tokenizer.json");
  EXPECT_EQ(tokenizer_location("demo", ""), scratch.path() / "tokenizer.json");
  EXPECT_EQ(tokenizer_location(scratch.path().string(), ""), scratch.path() / "tokenizer.json");
}

}  // namespace
}  // namespace rerank
