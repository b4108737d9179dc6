// rerank verify, tokenize, inspect and synth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/cli/program.h"
#include "tests/cli/small_model.h"
#include "tests/support/deny_amx.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class Verify : public testing::Test {
 protected:
  // Of what the program computes itself, with `error` added to one logit and `extra_tokens` to one count.
  std::string reference(double error, int extra_tokens = 0) const {
    boost::json::array cases;
    for (const char* document : {"one", "two", "three"}) {
      const Outcome outcome =
          run(model_.rank({"-q", "q", "--raw", "--format", "json"}), std::string(document) + "\n");
      const boost::json::value reply = boost::json::parse(outcome.out);
      const double difference = reply.at("results").at(0).at("score").to_number<double>();
      cases.push_back({{"query", "q"},
                       {"instruction", nullptr},
                       {"document", document},
                       {"token_count", reply.at("usage").at("total_tokens").as_int64() + extra_tokens},
                       {"float32", {{"logit_no", 0.25}, {"logit_yes", difference + 0.25 + error}}}});
      error = 0;
      extra_tokens = 0;
    }
    return boost::json::serialize(boost::json::object{{"bfloat16_logit_difference_error", {{"rms", 10.0}}},
                                                      {"cases", std::move(cases)}});
  }
  Outcome verify(const std::string& text, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {model_.file("reference.json", text)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(model_.verify(arguments));
  }

  const SmallModel model_;
};

TEST_F(Verify, WithinTheYardstick) {
  const Outcome outcome = verify(reference(5e-4), {"--format", "json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const boost::json::value reply = boost::json::parse(outcome.out);
  EXPECT_TRUE(reply.at("within").as_bool());
  const boost::json::value& first = reply.at("references").at(0);
  EXPECT_NEAR(first.at("max").to_number<double>(), 5e-4, 1e-6);
  EXPECT_NEAR(first.at("rms").to_number<double>(), 5e-4 / std::sqrt(3.0), 1e-6);
  EXPECT_EQ(first.at("worst").at(0).at("case").as_int64(), 0);
  EXPECT_THAT(verify(reference(5e-4)).out, HasSubstr("max at most 0.001000: within"));
}

TEST_F(Verify, OutsideTheYardstick) {
  const Outcome outcome = verify(reference(2e-3));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("NOT within"));
}

TEST_F(Verify, TokenCountsMustBeEqual) {
  const Outcome outcome = verify(reference(0, 1));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("2 of 3 equal"));
}

bool has_bfloat16() {
  return __builtin_cpu_supports("avx512bf16") != 0;
}

TEST_F(Verify, BFloat16IsMeasuredByTheReferencesOwnLoss) {
  if (!has_bfloat16()) GTEST_SKIP() << "bfloat16 needs AVX-512 BF16, which this processor does not have";
  const Outcome outcome = verify(reference(2e-3), {"--dtype", "bfloat16"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("rms at most 10.000000: within"));
}

TEST_F(Verify, RefusesReferencesOfOtherModelsAndMalformedOnes) {
  boost::json::object other = boost::json::parse(reference(0)).as_object();
  boost::json::object config =
      boost::json::parse(content_of(model_.directory() + "/config.json")).as_object();
  config["num_hidden_layers"] = 3;
  other["config"] = config;
  const Outcome outcome = verify(boost::json::serialize(other));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("num_hidden_layers is 3, this model's is 2"));
  EXPECT_THAT(verify("{\"cases\":[]}").err, HasSubstr("cases should not be empty"));
  EXPECT_THAT(verify("{\"cases\":[{}]}").err, HasSubstr("cases[0] lacks the key \"float32\""));
}

TEST(DemoModel, ScoresAsItsReferenceDoes) {
  const std::string reference = std::string(RERANK_SOURCE_DIR) + "/models/demo/reference.json";
  for (const char* dtype : {"float32", "bfloat16"}) {
    if (dtype == std::string_view("bfloat16") && !has_bfloat16()) continue;
    const Outcome outcome = run({"verify", "demo", reference, "--dtype", dtype, "--no-weight-cache"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  }
}

class Tokenize : public testing::Test {
 protected:
  const SmallModel model_;
};

TEST_F(Tokenize, PlainLinesAndJsonLines) {
  const Outcome plain = run({"tokenize", "-m", model_.directory()}, "yes no\n\na\r\n");
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(lines_of(plain.out), ElementsAre("[257,32,258]", "[]", "[97]"));
  const Outcome jsonl = run({"tokenize", "--tokenizer", model_.tokenizer(), "--input-format", "jsonl"},
                            "{\"text\":\"yes no\"}\n\n{\"text\":\"\"}\n{\"text\":\"a\\r\"}\n");
  EXPECT_EQ(jsonl.exit_code, 0) << jsonl.err;
  EXPECT_THAT(lines_of(jsonl.out), ElementsAre("[257,32,258]", "[]", "[97,13]"));
}

TEST_F(Tokenize, NamesTheLineItRefuses) {
  const Outcome outcome =
      run({"tokenize", "-m", model_.directory(), "--input-format", "jsonl"}, "{\"text\":\"a\"}\n[1]\n");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, StartsWith("rerank: standard input:2: should be an object, not a list"));
}

TEST_F(Tokenize, RefusesLinesWithoutEnd) {
  const std::string half(std::size_t{33} << 20, 'a');
  const Outcome outcome = run({"tokenize", "-m", model_.directory()}, "short\n" + half + half);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, StartsWith("rerank: standard input:2: the line is longer than 64 MiB"));
}

class Inspect : public testing::Test {
 protected:
  const SmallModel model_;
};

TEST_F(Inspect, ShowsWhatTheFilesHold) {
  const Outcome table = run({"inspect", model_.directory()});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("layers            2\n"));
  const boost::json::value found =
      boost::json::parse(run({"inspect", model_.directory(), "--format", "json"}).out);
  EXPECT_EQ(found.at("architecture").as_string(), "Qwen3ForCausalLM");
  EXPECT_EQ(found.at("vocab_size").as_int64(), 300);
  EXPECT_EQ(found.at("files").as_int64(), 1);
  EXPECT_EQ(found.at("yes_id").as_int64(), 257);
  EXPECT_EQ(found.at("no_id").as_int64(), 258);
}

// What it writes, another model takes.
TEST_F(Inspect, WritesThePromptAsAPromptFile) {
  const std::string file = model_.path("rerank_prompt.json");
  const Outcome plain = run({"inspect", model_.directory(), "--format", "prompt"});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(plain.out, HasSubstr("{query}"));
  EXPECT_THAT(plain.out, HasSubstr("\"answers\": {\n    \"yes\": \"yes\",\n    \"no\": \"no\"\n  }"));
  std::ofstream(file) << plain.out;
  EXPECT_EQ(run({"inspect", model_.directory(), "--format", "prompt", "--prompt", file}).out, plain.out);
  const Outcome other =
      run({"inspect", model_.directory(), "--format", "prompt", "--prompt", "ctxl-rerank-v2"});
  EXPECT_THAT(other.out, HasSubstr("\"name\": \"ctxl-rerank-v2\""));
  EXPECT_THAT(other.out, HasSubstr("\"score\": \"logit\""));
}

TEST_F(Inspect, SaysWhyThereIsNoAmx) {
  bool denied = false;
  Outcome asked, unasked;
  std::thread without_amx([&] {  // with all that it starts
    denied = deny_amx();
    asked = run({"inspect", model_.directory(), "--instruction-set", "amx"});
    unasked = run({"inspect", model_.directory(), "--dtype", "bfloat16"});
  });
  without_amx.join();
  if (!denied) GTEST_SKIP() << "this system lets no filters be set for system calls";
  const testing::Matcher<std::string> says_why =
      AnyOf(HasSubstr("this processor lacks it\n"), HasSubstr("the system keeps it from this process\n"));
  EXPECT_EQ(asked.exit_code, 1);
  EXPECT_THAT(asked.err, AllOf(StartsWith("rerank: --instruction-set: no AMX for bfloat16: "), says_why));
  if (!__builtin_cpu_supports("avx512bf16")) return;
  EXPECT_EQ(unasked.exit_code, 0) << unasked.err;
  EXPECT_THAT(unasked.out, HasSubstr("instruction set   avx512\n"));
  EXPECT_THAT(unasked.out, AllOf(HasSubstr("chosen because    asked for; no AMX: "), says_why));
}

TEST_F(Inspect, RefusesWhatIsNoModel) {
  const Outcome outcome = run({"inspect", model_.path("cache")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
}

class Synth : public testing::Test {
 protected:
  const SmallModel model_;
};

TEST_F(Synth, WritesTheSameFilesEachTime) {
  const std::string again = model_.path("again");
  const Outcome outcome =
      run({"synth", "--config", model_.path("config.json"), "--std", "0.3", "--out", again});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(content_of(again + "/model.safetensors"), content_of(model_.directory() + "/model.safetensors"));
  const std::string other = model_.path("other");
  run({"synth", "--config", model_.path("config.json"), "--std", "0.3", "--seed", "2", "--out", other});
  EXPECT_NE(content_of(other + "/model.safetensors"), content_of(again + "/model.safetensors"));
}

TEST_F(Synth, RefusesWhatItCannotMake) {
  EXPECT_EQ(run({"synth", "--config", "5B", "--out", model_.path("x")}).exit_code, 1);
  EXPECT_EQ(run({"synth", "--config", "nano", "--std", "-1", "--out", model_.path("x")}).exit_code, 2);
  EXPECT_EQ(run({"synth", "--config", "nano", "--std", "much", "--out", model_.path("x")}).exit_code, 2);
  EXPECT_EQ(run({"synth", "--config", "nano", "--out", model_.directory()}).exit_code, 1) << "not empty";
}

TEST_F(Synth, LeavesNothingBehindWhenStopped) {
  const std::filesystem::path folder = model_.path("stopped");
  std::filesystem::create_directory(folder);
  Program program({"synth", "--config", "0.6B", "--out", (folder / "model").string()});
  ASSERT_TRUE(wait_until([&] { return !std::filesystem::is_empty(folder); }));
  program.signal(SIGINT);
  EXPECT_EQ(program.finish().exit_code, 130);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

}  // namespace
}  // namespace rerank
