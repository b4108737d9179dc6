// rerank config: what it shows, what it never shows, and that table, flags and documentation agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/cli/working_folder.h"
#include "tests/support/test_source_directory.h"

namespace rerank {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Words = std::vector<std::string>;

// The line of a setting, with single blanks.
std::string line_of(const std::string& key, const Words& words, const Words& environment = {}) {
  const Outcome outcome = run(words, "", environment);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const std::string& line : lines_of(outcome.out)) {
    if (line.starts_with(key + " ")) return std::regex_replace(line, std::regex(" +"), " ");
  }
  return "none";
}

TEST(Config, ShowsTheValueThatCountsAndItsSource) {
  const WorkingFolder folder;
  EXPECT_EQ(line_of("port", {"config"}), "port 8000 default");
  EXPECT_EQ(line_of("port", {"config", "serve"}), "port 8000 default");
  WorkingFolder::write("rerank.toml", "port = 1\n[serve]\nport = 2\n");
  EXPECT_EQ(line_of("port", {"config"}), "port 1 port in rerank.toml, line 1");
  EXPECT_EQ(line_of("port", {"config", "--table", "serve"}), "port 2 [serve] port in rerank.toml, line 3");
  EXPECT_EQ(line_of("port", {"config", "serve"}), "port 2 [serve] port in rerank.toml, line 3");
  WorkingFolder::write(".env", "PORT=3\n");
  EXPECT_EQ(line_of("port", {"config", "serve"}), "port 3 PORT in .env, line 1");
  EXPECT_EQ(line_of("port", {"config", "serve"}, {"PORT=4"}), "port 4 PORT in the environment");
  EXPECT_EQ(line_of("port", {"config", "serve"}, {"PORT=4", "RERANK_PORT=5"}),
            "port 5 RERANK_PORT in the environment");
  EXPECT_EQ(line_of("port", {"config", "serve", "--port", "6"}, {"PORT=4"}), "port 6 --port");
  WorkingFolder::write("other.toml", "host = \"::\"\n");
  EXPECT_EQ(line_of("host", {"config", "--config", "other.toml", "serve"}),
            "host :: host in other.toml, line 1");
  EXPECT_THAT(run({"config", "serve"}).out, StartsWith("read: .env, rerank.toml\n"));
}

TEST(Config, ShowsModelsSwitchesAndLists) {
  const WorkingFolder folder;
  EXPECT_EQ(line_of("model_path", {"config", "serve", "demo"}, {"MODEL_PATH=other"}),
            "model_path demo MODEL");
  EXPECT_EQ(line_of("model_path", {"config", "serve", "-m", "demo"}), "model_path demo --model");
  EXPECT_EQ(line_of("model_path", {"config", "rank", "-q", "x"}, {"MODEL_PATH=demo"}),
            "model_path demo MODEL_PATH in the environment");
  EXPECT_EQ(line_of("model", {"config", "rank", "-q", "x", "--url", "http://a"},
                    {"RERANK_MODEL=name", "MODEL_PATH=p"}),
            "model name RERANK_MODEL in the environment");
  EXPECT_EQ(line_of("truncate", {"config", "rank", "-q", "x"}), "truncate true default");
  EXPECT_EQ(line_of("truncate", {"config", "rank", "-q", "x", "--no-truncate"}), "truncate false --truncate");
  EXPECT_EQ(line_of("truncate", {"config", "rank", "-q", "x"}, {"RERANK_TRUNCATE=no"}),
            "truncate false RERANK_TRUNCATE in the environment");
  EXPECT_EQ(line_of("enable_prefix_caching", {"config", "serve"}, {"PREFIX_CACHING=False"}),
            "enable_prefix_caching false PREFIX_CACHING in the environment");
  EXPECT_EQ(line_of("disable_log_stats", {"config", "serve"}), "disable_log_stats false default");
  EXPECT_EQ(line_of("disable_log_stats", {"config", "serve"}, {"RERANK_DISABLE_LOG_STATS=1"}),
            "disable_log_stats true RERANK_DISABLE_LOG_STATS in the environment");
  EXPECT_EQ(line_of("disable_log_stats", {"config", "serve", "--disable-log-stats"}),
            "disable_log_stats true --disable-log-stats");
  EXPECT_EQ(line_of("uvicorn_log_level", {"config", "serve"}, {"UVICORN_LOG_LEVEL=error"}),
            "uvicorn_log_level error UVICORN_LOG_LEVEL in the environment");
  EXPECT_EQ(line_of("served_model_name", {"config", "serve"}, {"SERVED_MODEL_NAME=one two"}),
            "served_model_name one two SERVED_MODEL_NAME in the environment");
  WorkingFolder::write("rerank.toml", "allowed_origins = [\"https://a\", \"https://b\"]\n");
  EXPECT_EQ(line_of("allowed_origins", {"config", "serve"}),
            "allowed_origins [\"https://a\",\"https://b\"] allowed_origins in rerank.toml, line 1");
  // pull's flag of this name is about another cache.
  EXPECT_EQ(line_of("cache_dir", {"config", "pull", "org/name"}, {"RERANK_CACHE=x"}), "none");
  EXPECT_EQ(line_of("idle_timeout", {"config", "serve"}), "idle_timeout 75 default");
  EXPECT_EQ(line_of("engine", {"config", "serve"}, {"ENGINE=vllm"}), "engine vllm ENGINE in the environment");
}

TEST(Config, NeverShowsASecret) {
  const WorkingFolder folder;
  WorkingFolder::write("rerank.toml",
                       "api_key = [\"hidden-1\", \"hidden-2\"]\nurl = \"http://me:hidden@host/path\"\n");
  for (const Words& words : {Words{"config"}, Words{"config", "serve"}, Words{"config", "-f", "json"},
                             Words{"config", "-f", "json", "serve"}, Words{"config", "-f", "sh"},
                             Words{"config", "-f", "sh", "serve"}}) {
    for (const Words& environment : {Words{}, Words{"VLLM_API_KEY=hidden", "HF_TOKEN=hidden"}}) {
      const Outcome outcome = run(words, "", environment);
      EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_THAT(outcome.out, HasSubstr("api_key"));
      EXPECT_THAT(outcome.out, Not(HasSubstr("hidden"))) << words.back();
    }
  }
  EXPECT_EQ(line_of("api_key", {"config", "serve"}), "api_key (set) api_key in rerank.toml, line 1");
  EXPECT_EQ(line_of("url", {"config"}), "url http://***@host/path url in rerank.toml, line 2");
  EXPECT_EQ(run({"config", "-f", "sh"}).out,
            "# url is set and not shown: url in rerank.toml, line 2\n"
            "# api_key is set and not shown: api_key in rerank.toml, line 1\n");
}

TEST(Config, WritesWhatAShellTakesLiterally) {
  const WorkingFolder folder;
  const Outcome outcome = run({"config", "--format", "sh", "--table", "serve"}, "",
                              {"PORT=9", "HOST=it's $(touch ran)", "RERANK_TP=2", "SERVED_MODEL_NAME=a b",
                               "RERANK_MAX_DOCUMENTS=7", "RERANK_MODEL=name", "CUDA_VISIBLE_DEVICES="});
  EXPECT_EQ(outcome.out,
            "MODEL_PATH='name'\nTP='2'\nSERVED_MODEL_NAME='a b'\nHOST='it'\\''s $(touch ran)'\nPORT='9'\n"
            "RERANK_MAX_DOCUMENTS='7'\nRERANK_MODEL='name'\nCUDA_VISIBLE_DEVICES=''\n")
      << outcome.err;
}

TEST(Config, IsJsonForPrograms) {
  const WorkingFolder folder;
  WorkingFolder::write(".env", "PORT=3\n");
  const Outcome outcome = run({"config", "--format", "json", "serve"}, "", {"VLLM_API_KEY=hidden"});
  const boost::json::value report = boost::json::parse(outcome.out);
  EXPECT_EQ(report.at("command"), "serve");
  EXPECT_EQ(report.at("files").as_array().size(), 1U);
  std::set<std::string> seen;
  for (const boost::json::value& row : report.at("settings").as_array()) {
    const std::string key(row.at("key").as_string());
    EXPECT_TRUE(seen.insert(key).second) << key;
    if (key == "port") {
      EXPECT_EQ(row.at("value"), "3");
      EXPECT_EQ(row.at("source"),
                boost::json::parse(R"({"kind":"file","name":"PORT","file":".env","line":1})"));
    }
    if (key == "api_key") {
      EXPECT_EQ(row.at("value"), true);
      EXPECT_EQ(row.at("source"), boost::json::parse(R"({"kind":"environment","name":"VLLM_API_KEY"})"));
    }
    if (key == "hf_token") {
      EXPECT_TRUE(row.at("value").is_null());
    }
  }
  EXPECT_TRUE(seen.contains("log_dir"));
}

TEST(Config, SaysWhatIsWrong) {
  const WorkingFolder folder;
  const struct {
    Words words;
    std::string message;
  } cases[] = {
      {{"config", "--prot", "9"}, "unknown flag --prot\n"},
      {{"config", "sevre"}, "unknown command sevre; did you mean serve?\n"},
      {{"config", "serve", "--prot", "9"}, "unknown flag --prot; did you mean --port?\n"},
      {{"config", "serve", "--port", "abc"}, ""},
      {{"config", "synth", "--config", "nano", "--out", "x"}, "rerank synth has no settings\n"},
      {{"config", "--format", "markdown"}, "--format markdown requires --list\n"},
      {{"config", "--list", "--format", "sh"},
       "--format sh prints values and cannot be combined with --list\n"},
      {{"config", "--list", "serve"}, "--list shows all settings; remove serve\n"},
      {{"config", "--table", "server"}, "--table: "},
      {{"config", "--table", "serve", "serve"}, "--table is for all settings: serve has its own\n"},
      {{"config", "--config", "absent.toml"}, "absent.toml: there is no such file\n"},
  };
  for (const auto& c : cases) {
    const Outcome outcome = run(c.words);
    EXPECT_EQ(outcome.exit_code, 2) << c.message;
    EXPECT_THAT(outcome.err, StartsWith("rerank: " + c.message));
    EXPECT_EQ(outcome.out, "");
  }
}

boost::json::array all_settings() {
  return boost::json::parse(run({"config", "--list", "--format", "json"}).out).as_array();
}

TEST(Config, EveryFlagIsASettingOrOfOneCall) {
  // What one call is about, and what scripts for vLLM hold: no file or variable may say it for all calls.
  const std::set<std::string> of_one_call = {"help",
                                             "config",
                                             "query",
                                             "field",
                                             "top_n",
                                             "format",
                                             "input_format",
                                             "raw",
                                             "output",
                                             "resume",
                                             "force",
                                             "remote",
                                             "task",
                                             "runner",
                                             "convert",
                                             "seed",
                                             "trust_remote_code",
                                             "hf_overrides",
                                             "chat_template"};
  std::set<std::string> keys;
  for (const boost::json::value& setting : all_settings()) {
    for (const boost::json::value& key : setting.at("keys").as_array()) keys.emplace(key.as_string());
  }
  const std::regex entry("  (?:-\\w, |    )(--[a-z0-9-]+)((?:, --[a-z0-9-]+)*).*");
  for (const char* command : {"rank", "score", "verify", "tokenize", "inspect", "serve"}) {
    int num_flags = 0;
    for (const std::string& line : lines_of(run({"help", command}).out)) {
      std::smatch match;
      if (!std::regex_match(line, match, entry)) continue;
      ++num_flags;
      std::string key = match[1].str().substr(2);
      std::replace(key.begin(), key.end(), '-', '_');
      EXPECT_TRUE(keys.contains(key) || of_one_call.contains(key))
          << "--" << match[1].str().substr(2) << " of rerank " << command
          << ": put it into src/settings/known_settings.cc, or here if it belongs to one call";
    }
    EXPECT_GT(num_flags, 4) << command;
  }
}

TEST(Config, EverySettingIsReadByCommandsThatAre) {
  const std::string overview = run({"--help"}).out;
  const std::set<std::string> others = {"clients", "start_rerank.sh", "all"};
  for (const boost::json::value& setting : all_settings()) {
    const std::string text = serialize(setting);
    EXPECT_FALSE(setting.at("readers").as_array().empty()) << text;
    EXPECT_FALSE(setting.at("help").as_string().empty()) << text;
    for (const boost::json::value& reader : setting.at("readers").as_array()) {
      const std::string name(reader.as_string());
      EXPECT_TRUE(others.contains(name) || overview.find("\n  " + name + " ") != std::string::npos) << text;
    }
  }
}

TEST(Config, TheDocumentationHasTheSameList) {
  const std::string page = content_of((test_source_directory() / "docs/settings.md").string());
  const std::string list = run({"config", "--list", "--format", "markdown"}).out;
  EXPECT_GT(lines_of(list).size(), 80U);
  EXPECT_THAT(page, HasSubstr(list))
      << "docs/settings.md: put in what rerank config --list --format markdown prints";
}

}  // namespace
}  // namespace rerank
