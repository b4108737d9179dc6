// Settings from the environment and files, as the commands take them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "rerank/version.h"
#include "tests/cli/program.h"
#include "tests/cli/working_folder.h"
#include "tests/support/scripted_server.h"

namespace rerank {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Words = std::vector<std::string>;

const Words kRank = {"rank", "-q", "question", "--format", "jsonl"};
constexpr const char* kDocuments = "one\ntwo\n";

TEST(SettingsOfCommands, AModelAndItsFlagsComeFromTheEnvironment) {
  const WorkingFolder folder;
  Words with_flags = folder.model().rank({"-q", "question", "--format", "jsonl"});
  const Outcome expected = run(with_flags, kDocuments);
  ASSERT_EQ(expected.exit_code, 0) << expected.err;
  const Words environment = {"DTYPE=float32", "RERANK_NO_WEIGHT_CACHE=1"};
  for (const char* variable : {"MODEL_PATH", "RERANK_MODEL_PATH", "RERANK_MODEL"}) {
    Words given = environment;
    given.push_back(std::string(variable) + "=" + folder.model().directory());
    const Outcome outcome = run(kRank, kDocuments, given);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, expected.out);
  }
  with_flags.insert(with_flags.end(), {"--truncate", "--enable-prefix-caching"});
  const Outcome flags_first =
      run(with_flags, kDocuments, {"MODEL_PATH=/nowhere", "RERANK_TRUNCATE=false", "PREFIX_CACHING=no"});
  EXPECT_EQ(flags_first.out, expected.out) << flags_first.err;
}

TEST(SettingsOfCommands, FilesSayTheSame) {
  const WorkingFolder folder;
  const Outcome expected = run(folder.model().rank({"-q", "question", "--format", "jsonl"}), kDocuments);
  const std::string model = folder.model().directory();
  WorkingFolder::write(".env",
                       "MODEL_PATH='" + model + "'\r\nDTYPE=float32 # here\r\nRERANK_NO_WEIGHT_CACHE=on\r\n");
  EXPECT_EQ(run(kRank, kDocuments).out, expected.out);
  std::filesystem::remove(".env");
  WorkingFolder::write("rerank.toml",
                       "no_weight_cache = true\n[rank]\nmodel = \"" + model + "\"\ndtype = \"float32\"\n");
  EXPECT_EQ(run(kRank, kDocuments).out, expected.out);
  std::filesystem::rename("rerank.toml", "other.toml");
  Words named = kRank;
  named.insert(named.end(), {"--config", "other.toml"});
  EXPECT_EQ(run(named, kDocuments).out, expected.out);
  EXPECT_EQ(run(kRank, kDocuments).exit_code, 2);
}

TEST(SettingsOfCommands, WhatACommandHasNoUseForDoesNotDisturbIt) {
  const WorkingFolder folder;
  const Words command = folder.model().rank({"-q", "question", "--format", "jsonl"});
  const Outcome expected = run(command, kDocuments);
  ASSERT_EQ(expected.exit_code, 0);
  const Outcome outcome =
      run(command, kDocuments,
          {"PORT=abc", "RERANK_TIMEOUT=soon", "RERANK_URL=http://127.0.0.1:1", "RERANK_MAX_DOCUMENTS=-1",
           "RERANK_API_KEY=key", "RERANK_PORT=tcp://10.0.0.1:8000", "RERANK_SERVICE_HOST=10.0.0.1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, expected.out);

  const Outcome remote = run({"rank", "--url", "http://127.0.0.1:1", "-q", "question"}, kDocuments,
                             {"RERANK_DEVICE=cuda", "TP=2", "MODEL_PATH=/nowhere", "RERANK_MAX_RETRIES=0"});
  EXPECT_EQ(remote.exit_code, 1);
  EXPECT_THAT(remote.err, HasSubstr("127.0.0.1"));
  EXPECT_THAT(remote.err, Not(HasSubstr("--device")));
  EXPECT_THAT(remote.err, Not(HasSubstr("/nowhere")));
}

TEST(SettingsOfCommands, WhoNeedsNoneIsNotDisturbedByBadOnes) {
  const WorkingFolder folder;
  WorkingFolder::write(".env", "what is this\n");
  WorkingFolder::write("rerank.toml", "neither");
  const Words environment = {"RERANK_PROT=1", "PORT=abc"};
  EXPECT_EQ(run({"--version"}, "", environment).out, std::string("rerank ") + version() + "\n");
  for (const Words& words :
       {Words{"help", "serve"}, Words{"serve", "--help"}, Words{"rank", "-h"},
        Words{"synth", "--config", "nano", "--out", "nano"}, Words{"config", "--list"}}) {
    const Outcome outcome = run(words, "", environment);
    EXPECT_EQ(outcome.exit_code, 0) << words.front() << outcome.err;
  }
  // A wrong command line is the nearer mistake.
  EXPECT_THAT(run({"rank", "--topn", "1"}, "", environment).err, StartsWith("rerank: unknown flag --topn"));
}

struct WrongValue {
  Words words;
  Words environment;
  const char* env_file;
  const char* toml;
  std::string message;
};

std::vector<WrongValue> wrong_values() {
  return {
      {{"serve", "demo"},
       {"PORT=abc"},
       "",
       "",
       "PORT=abc in the environment: \"abc\" is not a whole number from 0 to 65535"},
      {{"serve", "demo"},
       {},
       "\n\nPORT=abc\n",
       "",
       "PORT=abc in .env, line 3: \"abc\" is not a whole number from 0 to 65535"},
      {{"serve", "demo"},
       {},
       "",
       "port = 1.5\n",
       "port=1.5 in rerank.toml, line 1: \"1.5\" is not a whole number from 0 to 65535"},
      {kRank,
       {"DTYPE=half"},
       "",
       "",
       "DTYPE=half in the environment: \"half\" is not one of auto | bfloat16 | float32"},
      {kRank,
       {},
       "GPU_MEMORY_UTILIZATION=1.5\n",
       "",
       "GPU_MEMORY_UTILIZATION=1.5 in .env, line 1: \"1.5\" is not a number above 0 and at most 1"},
      {kRank,
       {},
       "",
       "[rank]\nmax_num_seqs = -3\n",
       "[rank] max_num_seqs=-3 in rerank.toml, line 2: \"-3\" is not a whole number from 0 to 65536"},
      {kRank,
       {"RERANK_TRUNCATE=perhaps"},
       "",
       "",
       "RERANK_TRUNCATE=perhaps in the environment: true or false is needed"},
      {kRank,
       {"RERANK_PROT=1"},
       "",
       "",
       "the environment: unknown setting RERANK_PROT; did you mean RERANK_PORT?"},
      {kRank, {}, "RERANK_DEVIEC=cpu\n", "", ".env, line 1: unknown setting RERANK_DEVIEC; did you mean "},
      {kRank,
       {},
       "",
       "devcie = \"cpu\"\n",
       "rerank.toml, line 1: unknown setting devcie; did you mean device?"},
      {kRank, {}, "", "[rnak]\ndevice = 1\n", "rerank.toml, line 2: unknown table [rnak]; did you mean"},
      {kRank,
       {},
       "",
       "[rank]\nport = 1\n",
       "[rank] port=1 in rerank.toml, line 2: rerank rank has no such setting"},
      {kRank, {"ENV_FILE=absent"}, "", "", "absent: there is no such file"},
      {kRank, {"RERANK_CONFIG=."}, "", "", ".: this is a directory; name the file in it"},
      {{"rank", "-q", "x", "--config", "absent.toml"}, {}, "", "", "absent.toml: there is no such file"},
  };
}

TEST(SettingsOfCommands, AWrongValueIsWrongUsageAndNamesItsSource) {
  const WorkingFolder folder;
  for (const WrongValue& c : wrong_values()) {
    if (*c.env_file != '\0') WorkingFolder::write(".env", c.env_file);
    if (*c.toml != '\0') WorkingFolder::write("rerank.toml", c.toml);
    const Outcome outcome = run(c.words, "", c.environment);
    EXPECT_EQ(outcome.exit_code, 2) << c.message;
    EXPECT_THAT(outcome.err, StartsWith("rerank: " + c.message));
    EXPECT_EQ(outcome.out, "");
    std::filesystem::remove(".env");
    std::filesystem::remove("rerank.toml");
  }
}

TEST(SettingsOfCommands, AnErrorTellsWhereTheFlagItNamesComesFrom) {
  const WorkingFolder folder;
  WorkingFolder::write(".env", "GPU_MEMORY_UTILIZATION=0.5\nMODEL_PATH=/nowhere/at-all\n");
  const Outcome flag = run(folder.model().rank({"-q", "x", "--device", "cpu"}), "a\n");
  EXPECT_EQ(flag.exit_code, 1);
  EXPECT_EQ(flag.err,
            "rerank: --gpu-memory-utilization: 0.5 is for the device cuda\n"
            "--gpu-memory-utilization comes from GPU_MEMORY_UTILIZATION=0.5 in .env, line 1\n");
  const Outcome model = run({"rank", "-q", "x", "--device", "cpu"}, "a\n", {"GPU_MEMORY_UTILIZATION="});
  EXPECT_EQ(model.exit_code, 1);
  EXPECT_THAT(model.err, HasSubstr("\n--model comes from MODEL_PATH=/nowhere/at-all in .env, line 2\n"));
  EXPECT_THAT(run({"rank", "-q", "x", "-m", "/nowhere"}, "a\n").err, Not(HasSubstr("comes from MODEL")));
  std::filesystem::remove(".env");
  EXPECT_THAT(run({"serve", "demo", "--port", "0"}, "", {"MAX_MODEL_LEN=1000000"}).err,
              EndsWith("\n--max-model-len comes from MAX_MODEL_LEN=1000000 in the environment\n"));
}

TEST(SettingsOfCommands, AClientSendsTheFirstOfSeveralKeys) {
  const WorkingFolder folder;
  std::mutex mutex;
  std::string head;  // of the one request
  ScriptedServer server([&](const ScriptedRequest& request) {
    const std::lock_guard lock(mutex);
    head = request.head;
    return ScriptedAnswer::reply(400, "{}");
  });
  WorkingFolder::write("rerank.toml",
                       "api_key = [\"first\", \"second\"]\n[client]\nurl = \"" + server.url() + "\"\n");
  const Outcome outcome = run({"rank", "--remote", "-q", "x", "--dialect", "rerank"}, "a\n");
  EXPECT_EQ(outcome.exit_code, 1);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(head, HasSubstr("Bearer first\r\n")) << outcome.err;
}

TEST(SettingsOfCommands, WhatIsLoadedFindsItsVariablesInTheEnvironment) {
  const WorkingFolder folder;
  const std::filesystem::path cache = folder.model().path("hub");
  const std::filesystem::path snapshot = cache / "hub/models--org--small/snapshots/1";
  std::filesystem::create_directories(snapshot.parent_path());
  std::filesystem::copy(folder.model().directory(), snapshot, std::filesystem::copy_options::recursive);
  std::filesystem::create_directories(cache / "hub/models--org--small/refs");
  WorkingFolder::write((cache / "hub/models--org--small/refs/main").string(), "1");
  WorkingFolder::write("rerank.toml", "hf_home = \"" + cache.string() + "\"\nmodel_path = \"org/small\"\n");
  const Outcome outcome = run({"inspect"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("org/small"));
}

}  // namespace
}  // namespace rerank
