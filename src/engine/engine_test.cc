// The engine as a program uses it, on a synthetic model in memory: loading and its errors, results, shared
// prefixes, and the cache of packed weights.
#include "rerank/engine.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/option_ranges.h"
#include "checkpoint/scratch_directory.h"
#include "engine/loading.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "model/synthetic/write_synthetic.h"
#include "rerank/error.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class EngineTest : public testing::Test {
 protected:
  EngineOptions options() const {
    EngineOptions options;
    options.model = "synth:nano";
    options.tokenizer = tokenizer_;
    options.dtype = "float32";
    options.num_threads = 2;
    options.use_weight_cache = false;
    return options;
  }
  std::string refusal(const std::function<void(EngineOptions&)>& change) const {
    EngineOptions changed = options();
    change(changed);
    return error_of([&] { const Engine engine(changed); });
  }
  static Request make_request(std::vector<std::string> documents) {
    Request request;
    request.query = "What is the capital of China?";
    request.documents = std::move(documents);
    return request;
  }
  static std::vector<float> logits(const Result& result) {
    std::vector<float> out;
    for (const DocumentScore& document : result.documents) out.push_back(document.logit_difference());
    return out;
  }

  const ScratchDirectory scratch_;
  const std::string tokenizer_ = scratch_.write("tokenizer.json", byte_tokenizer_json()).string();
};

TEST_F(EngineTest, ScoresAndSaysHow) {
  Engine engine(options());
  EXPECT_EQ(engine.info().model, "synth:nano");
  EXPECT_EQ(engine.info().device, "cpu");
  EXPECT_EQ(engine.info().dtype, "float32");
  EXPECT_EQ(engine.info().num_threads, 2);
  EXPECT_EQ(engine.info().max_model_len, 8192);
  EXPECT_GE(engine.info().max_positions, 8192);
  EXPECT_NE(engine.info().identity, "");
  EXPECT_EQ(engine.info().weight_cache, "");
  EXPECT_GT(engine.info().weight_bytes, 100'000);
  EXPECT_TRUE(engine.healthy());
  const Result result = engine.score(make_request({"Beijing", "", "Beijing", "Bananas"}));
  ASSERT_EQ(result.documents.size(), 4u);
  EXPECT_EQ(result.documents[0].logit_difference(), result.documents[2].logit_difference());
  EXPECT_NE(result.documents[0].logit_difference(), result.documents[3].logit_difference());
  EXPECT_EQ(result.documents[0].num_tokens, result.documents[1].num_tokens + 7);
  for (const DocumentScore& document : result.documents) {
    EXPECT_GT(document.score, 0);
    EXPECT_LT(document.score, 1);
    EXPECT_FALSE(document.truncated);
  }
  EXPECT_EQ(engine.score(make_request({})).documents.size(), 0u);
}

TEST_F(EngineTest, TruncatesAndSaysSo) {
  EngineOptions small = options();
  small.max_model_len = 400;
  Engine engine(small);
  const Result result = engine.score(make_request({"short", std::string(1000, 'x'), std::string(2000, 'x')}));
  EXPECT_FALSE(result.documents[0].truncated);
  EXPECT_TRUE(result.documents[1].truncated);
  EXPECT_EQ(result.documents[1].num_tokens, 400);
  EXPECT_EQ(result.documents[1].logit_difference(), result.documents[2].logit_difference());
  EXPECT_EQ(engine.statistics().num_truncated, 2);
}

TEST_F(EngineTest, RefusalsAreErrorsWithTheFieldsName) {
  Engine engine(options());
  const auto refused = [&](Request request) {
    try {
      engine.score(std::move(request));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(refused(make_request({"fine", "\xff"})), HasSubstr("documents[1]"));
  Request request = make_request({"fine"});
  request.query = std::string(9000, 'q');
  EXPECT_THAT(refused(request), HasSubstr("query: with the instruction and the prompt around it, it has "));
  request = make_request({"fine", std::string(9000, 'd')});
  request.truncate = false;
  EXPECT_THAT(refused(request), HasSubstr("documents[1]: "));
  EXPECT_EQ(engine.statistics().num_documents, 0);
  EXPECT_EQ(engine.statistics().num_requests, 3);
}

TEST_F(EngineTest, LoadingRefusesNamingTheOption) {
  EXPECT_THAT(refusal([](EngineOptions& o) { o.model = "synth:huge"; }), HasSubstr("no such size"));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.tokenizer = "/no/such.json"; }), HasSubstr("/no/such.json"));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.device = "gpu"; }), HasSubstr("device: gpu"));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.dtype = "int8"; }), HasSubstr("dtype: int8"));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.instruction_set = "sse"; }),
              HasSubstr("instruction_set: sse"));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.prompt_suffix = "none"; }),
              HasSubstr("prompt_suffix: the prompt of qwen3-reranker has no suffix \"none\""));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.max_model_len = 50000; }), HasSubstr("max_model_len: 50000"));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.max_model_len = -1; }), HasSubstr("max_model_len: "));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.max_num_seqs = -1; }), HasSubstr("max_num_seqs: "));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.max_num_batched_tokens = -1; }),
              HasSubstr("max_num_batched_tokens: "));
  EXPECT_THAT(refusal([](EngineOptions& o) { o.num_threads = -1; }), HasSubstr("num_threads: "));
}

TEST_F(EngineTest, ATokenizerWithoutTheAnswersIsRefused) {
  const std::string file =
      scratch_.write("mute.json", boost::json::serialize(small_document({{"n", "o"}}))).string();
  EXPECT_THAT(refusal([&](EngineOptions& o) { o.tokenizer = file; }),
              HasSubstr("the answer yes is not a token of its vocabulary"));
}

TEST_F(EngineTest, WhatTheTokenizerPutsAroundATextThePromptHasToWrite) {
  const auto loaded = [&](const char* prompt) {
    boost::json::object document = boost::json::parse(byte_tokenizer_json()).as_object();
    document["post_processor"] = boost::json::parse(R"({"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "s", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "special_tokens": {"s": {"ids": [115]}}})");
    EngineOptions framed = options();
    framed.tokenizer = scratch_.write("framed.json", boost::json::serialize(document)).string();
    framed.prompt = scratch_
                        .write("prompt.json", std::string("{\"prompt\": \"") + prompt +
                                                  " {query}\\nDoc: {document}\", \"answers\": {\"yes\": 1}}")
                        .string();
    return error_of([&] { load_model(framed); });
  };
  EXPECT_EQ(loaded("s:"), "no error");
  EXPECT_THAT(loaded("q:"), HasSubstr("its tokenizer puts s before a text, which the prompt does not"));
}

TEST_F(EngineTest, HeadsAreSharedAndCounted) {
  Engine engine(options());
  const Result first = engine.score(make_request({"a", "b", "c"}));
  const std::int64_t head = first.num_cached_tokens / 2;
  EXPECT_GT(head, 100);
  const Result again = engine.score(make_request({"a", "b", "c"}));
  EXPECT_EQ(again.num_cached_tokens, 3 * head);
  EXPECT_EQ(engine.statistics().prefix_cache_tokens_used, head);
  EXPECT_GT(engine.info().prefix_cache_capacity, head);
  EXPECT_EQ(logits(first), logits(again));

  EngineOptions apart = options();
  apart.enable_prefix_caching = false;
  Engine other(apart);
  EXPECT_EQ(logits(other.score(make_request({"a", "b", "c"}))), logits(first));
  EXPECT_EQ(other.score(make_request({"a", "b", "c"})).num_cached_tokens, 2 * head);
  EXPECT_EQ(other.score(make_request({"a"})).num_cached_tokens, 0);
}

// The document comes before the query in this prompt: only the words before it are worth keeping.
TEST_F(EngineTest, APromptWithAConstantPrefixReservesNoMoreThanThat) {
  EngineOptions document_first = options();
  document_first.prompt = "ctxl-rerank-v2";
  document_first.prefix_cache_tokens = 500;
  document_first.max_model_len = 300;
  const Request request = make_request({"a", std::string(60, 'b'), "c"});
  std::vector<float> wanted;
  for (const std::int32_t budget : {400, 50}) {  // several pairs per batch; the prefix in chunks
    document_first.max_num_batched_tokens = budget;
    Engine engine(document_first);
    const Result result = engine.score(request);
    ASSERT_EQ(result.status, Status::kOk);
    const std::int64_t prefix = result.num_cached_tokens / 2;
    EXPECT_GT(prefix, 50);
    EXPECT_EQ(engine.info().prefix_cache_tokens, prefix);
    EXPECT_EQ(engine.info().prefix_cache_capacity, 2 * prefix);
    EXPECT_EQ(engine.score(request).num_cached_tokens, 3 * prefix);
    if (wanted.empty()) wanted = logits(result);
    EXPECT_EQ(logits(result), wanted);
  }
}

// Even if a prefix is larger than a batch, or a batch is one token.
TEST_F(EngineTest, BudgetsChangeNoBit) {
  Engine whole(options());
  const Request request = make_request({"a", std::string(60, 'b')});
  const std::vector<float> wanted = logits(whole.score(request));
  for (const std::int32_t budget : {1, 10, 100, 400}) {
    EngineOptions tight = options();
    tight.max_num_batched_tokens = budget;
    tight.max_num_seqs = budget;
    tight.num_threads = 1;
    Engine engine(tight);
    EXPECT_EQ(logits(engine.score(request)), wanted) << "budget " << budget;
  }
}

TEST_F(EngineTest, ControlTokensAreTextUnlessParsed) {
  EngineOptions parsing = options();
  parsing.parse_special_tokens = true;
  Engine text(options()), parsed(parsing);
  const Request request = make_request({"<|im_end|>"});
  EXPECT_EQ(text.score(request).documents[0].num_tokens, parsed.score(request).documents[0].num_tokens + 9);
  EXPECT_EQ(text.tokenize("<|im_end|>").size(), 10u);
  EXPECT_THAT(parsed.tokenize("<|im_end|>"), ElementsAre(260));
}

TEST_F(EngineTest, TextToTokensAndBack) {
  const Engine engine(options());
  EXPECT_EQ(engine.tokenize_pieces("é<|im_end|>", false).size(), 12u);
  const std::vector<TokenPiece> pieces = engine.tokenize_pieces("é<|im_end|>", true);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[2].id, 260);
  EXPECT_TRUE(pieces[2].special);
  EXPECT_EQ(pieces[2].start, 1);
  EXPECT_EQ(pieces[2].stop, 11);
  EXPECT_EQ(engine.detokenize(engine.tokenize("héllo")), "héllo");
  EXPECT_EQ(engine.detokenize(std::vector<std::int32_t>{'a', 0xc3, 260}), "a\uFFFD<|im_end|>");
  EXPECT_THROW(engine.detokenize(std::vector<std::int32_t>{-1}), Error);
}

TEST_F(EngineTest, DestroyedWithRequestsInFlight) {
  std::vector<std::future<Result>> results;
  {
    Engine engine(options());
    for (int i = 0; i < 10; ++i)
      results.push_back(engine.submit(make_request(std::vector<std::string>(50, "document"))));
  }
  for (std::future<Result>& result : results) {
    const Status status = result.get().status;
    EXPECT_TRUE(status == Status::kOk || status == Status::kCancelled);
  }
}

TEST_F(EngineTest, TheReferenceAgrees) {
  EngineOptions reference = options();
  reference.device = "reference";
  Engine naive(reference), fast(options());
  EXPECT_EQ(naive.info().device, "reference");
  const Request request = make_request({"Beijing", ""});
  const std::vector<float> wanted = logits(naive.score(request)), found = logits(fast.score(request));
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(wanted[i], found[i], 1e-4);
}

TEST_F(EngineTest, PackedWeightsAreKeptAndFollowTheCheckpoint) {
  WriteSyntheticOptions writing;
  writing.config_json = published_config("nano");
  writing.directory = scratch_.path() / "model";
  writing.tokenizer_file = tokenizer_;
  ASSERT_TRUE(write_synthetic(writing, nullptr));
  EngineOptions cached = options();
  cached.model = writing.directory.string();
  cached.tokenizer.clear();
  cached.use_weight_cache = true;
  cached.cache_directory = (scratch_.path() / "cache").string();
  const Request request = make_request({"Beijing"});
  const auto run = [&] {
    Engine engine(cached);
    return std::make_pair(engine.info().weight_cache, logits(engine.score(request)));
  };
  const auto [file, first] = run();
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_EQ(run(), std::make_pair(file, first));

  // Other weights under the same name.
  std::filesystem::remove_all(writing.directory);
  writing.recipe.seed = 2;
  ASSERT_TRUE(write_synthetic(writing, nullptr));
  const auto [other_file, second] = run();
  EXPECT_NE(other_file, file);
  EXPECT_NE(second, first);

  cached.use_weight_cache = false;
  EXPECT_EQ(run(), std::make_pair(std::string(), second));
}

// The model's files are overwritten or truncated while requests are served: the engine has only its own files
// open.
TEST_F(EngineTest, TheModelsFilesMayGoOnceItIsLoaded) {
  const Request request = make_request({"Beijing is the capital of China.", "\x01\x02 0123456789 <>"});
  for (const bool use_cache : {false, true}) {
    const ScratchDirectory place;
    WriteSyntheticOptions write;
    write.config_json = published_config("nano");
    write.tokenizer_file = tokenizer_;
    write.directory = place.path() / "model";
    write_synthetic(write, [](std::uint64_t, std::uint64_t) { return true; });
    EngineOptions own = options();
    own.model = write.directory.string();
    own.tokenizer = "";
    own.use_weight_cache = use_cache;
    own.cache_directory = (place.path() / "cache").string();
    const std::vector<float> before = logits(Engine(own).score(request));
    Engine engine(own);
    std::filesystem::resize_file(write.directory / "model.safetensors", 0);
    EXPECT_EQ(logits(engine.score(request)), before) << use_cache;
  }
}

// If each replica measured for itself, one might choose differently.
TEST_F(EngineTest, AllReplicasComputeInWhatWasChosenOnce) {
  EngineOptions automatic = options();
  automatic.dtype = "auto";
  automatic.data_parallel_size = 3;
  const LoadedModel loaded = load_model(automatic);
  for (const LoadedReplica& replica : loaded.replicas) {
    EXPECT_EQ(replica.backend->info().dtype, loaded.info.dtype);
    EXPECT_EQ(replica.backend->info().dtype_reason, "asked for");
  }
  EXPECT_NE(loaded.info.dtype_reason, "asked for");
}

// Every numeric option, one step outside its range and at the extremes.
TEST_F(EngineTest, NumbersOutOfRangeAreRefusedByName) {
  constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t kHighest = std::numeric_limits<std::int32_t>::max();
  struct Case {
    std::int32_t EngineOptions::*field;
    const char* name;
    NumberRange range;
  };
  const Case cases[] = {
      {&EngineOptions::num_threads, "num_threads", ranges::kThreads},
      {&EngineOptions::tensor_parallel_size, "tensor_parallel_size", ranges::kTensorParallelSize},
      {&EngineOptions::data_parallel_size, "data_parallel_size", ranges::kDataParallelSize},
      {&EngineOptions::max_model_len, "max_model_len", ranges::kModelLen},
      {&EngineOptions::max_num_batched_tokens, "max_num_batched_tokens", ranges::kBatchedTokens},
      {&EngineOptions::max_num_seqs, "max_num_seqs", ranges::kNumSeqs},
      {&EngineOptions::prefix_cache_tokens, "prefix_cache_tokens", ranges::kPrefixCacheTokens}};
  for (const Case& c : cases) {
    for (const std::int32_t value : {-1, static_cast<std::int32_t>(c.range.most) + 1, kLowest, kHighest}) {
      EXPECT_EQ(refusal([&](EngineOptions& o) { o.*c.field = value; }),
                fmt::format("{}: must be a {}, not {}", c.name, text_of(c.range), value));
    }
  }
  for (const double share : {-0.1, 1.1, 1e30, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(refusal([&](EngineOptions& o) { o.gpu_memory_utilization = share; }),
                HasSubstr("gpu_memory_utilization: must be above 0 and at most 1"));
  }
  for (const std::int64_t milliseconds : {std::int64_t{-1}, std::int64_t{1'000'000'001}}) {
    EXPECT_THAT(
        refusal([&](EngineOptions& o) { o.device_timeout = std::chrono::milliseconds(milliseconds); }),
        HasSubstr("device_timeout: must be a number of seconds from 0 to 1000000"));
  }
  EXPECT_EQ(refusal([](EngineOptions& o) { o.num_threads = o.data_parallel_size = 64; }),
            "num_threads: 64 for each of 64 replicas are 4096 threads, and at most 1024 make sense");
}

TEST_F(EngineTest, MoreMemoryThanThereIsIsAnErrorBeforeItIsReserved) {
  // 16.8 million slots in 3 layers, each with keys and values of 64 floats.
  constexpr std::int64_t kNeeded = std::int64_t{25} << 30;
  if (std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE) >= kNeeded)
    GTEST_SKIP() << "this machine has the memory: RequireMemory has the message";
  EXPECT_THAT(refusal([](EngineOptions& o) {
                o.prefix_cache_tokens = static_cast<std::int32_t>(ranges::kPrefixCacheTokens.most);
                o.max_num_seqs = static_cast<std::int32_t>(ranges::kNumSeqs.most);
              }),
              AllOf(HasSubstr("prefix_cache_tokens"), HasSubstr(" GiB, and this machine has ")));
}

}  // namespace
}  // namespace rerank
