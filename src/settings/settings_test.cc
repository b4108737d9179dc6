#include "rerank/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "rerank/client.h"
#include "settings/known_settings.h"

namespace rerank {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

// A working folder of its own and an environment without settings.
class SettingsTest : public testing::Test {
 protected:
  SettingsTest() : before_(std::filesystem::current_path()) {
    std::string name = testing::TempDir() + "settings-XXXXXX";
    folder_ = mkdtemp(name.data());
    std::filesystem::current_path(folder_);
    for (const std::string& variable : all_variables()) unsetenv(variable.c_str());
    unsetenv("ENV_FILE");
    unsetenv("XDG_CONFIG_HOME");
    set("HOME", (folder_ / "home").string());
  }
  ~SettingsTest() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

  static void set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }

  static void write(const std::filesystem::path& path, std::string_view content) {
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }

  static std::string refusal(const SettingsOptions& options = {}) {
    try {
      Settings::load(options);
    } catch (const Error& error) {
      return error.what();
    }
    return "taken";
  }

  // The value with its source.
  static std::string told(const char* key, const SettingsOptions& options = {}) {
    const Settings settings = Settings::load(options);
    return settings.get(key) + " from " + settings.source(key);
  }

  std::filesystem::path before_;
  std::filesystem::path folder_;
};

TEST_F(SettingsTest, EverySourceGoesBeforeThoseBelowIt) {
  SettingsOptions options;
  options.section = "serve";
  EXPECT_EQ(told("port", options), " from default");
  write("home/.config/rerank/rerank.toml", "port = 1\n");
  EXPECT_EQ(told("port", options),
            "1 from port in " + (folder_ / "home/.config/rerank/rerank.toml").string() + ", line 1");
  write("rerank.toml", "# the folder's\nport = 2\n");
  EXPECT_EQ(told("port", options), "2 from port in rerank.toml, line 2");
  write("rerank.toml", "# the folder's\nport = 2\n[serve]\nport = 3\n");
  EXPECT_EQ(told("port", options), "3 from [serve] port in rerank.toml, line 4");
  EXPECT_EQ(told("port"), "2 from port in rerank.toml, line 2");
  write("third.toml", "port = 4\n");
  write(".env", "RERANK_CONFIG=third.toml\n");
  EXPECT_EQ(told("port", options), "4 from port in third.toml, line 1");
  write("fourth.toml", "port = 5\n");
  set("RERANK_CONFIG", "fourth.toml");
  EXPECT_EQ(told("port", options), "5 from port in fourth.toml, line 1");
  write("fifth.toml", "port = 6\n");
  options.config_file = "fifth.toml";
  EXPECT_EQ(told("port", options), "6 from port in fifth.toml, line 1");
  write(".env", "\nPORT=7\n");
  EXPECT_EQ(told("port", options), "7 from PORT in .env, line 2");
  write(".env", "RERANK_PORT=8\nPORT=7\n");
  EXPECT_EQ(told("port", options), "8 from RERANK_PORT in .env, line 1");
  write("other.env", "PORT=9\n");
  set("ENV_FILE", "other.env");
  EXPECT_EQ(told("port", options), "9 from PORT in other.env, line 1");
  set("PORT", "10");
  EXPECT_EQ(told("port", options), "10 from PORT in the environment");
  set("RERANK_PORT", "11");
  EXPECT_EQ(told("port", options), "11 from RERANK_PORT in the environment");
  options.flags["port"] = "12";
  EXPECT_EQ(told("port", options), "12 from port");
}

TEST_F(SettingsTest, WhatIsEmptyCountsAsUnset) {
  write("rerank.toml", "uds = \"socket\"\nport = 2\n[serve]\nuds = \"\"\n");
  write(".env", "PORT=\nRERANK_UDS=''\n");
  set("PORT", "");
  set("RERANK_PORT", "");
  set("RERANK_NO_SUCH_THING", "");
  EXPECT_EQ(told("port"), "2 from port in rerank.toml, line 2");
  EXPECT_EQ(told("uds", {.section = "serve"}), "socket from uds in rerank.toml, line 1");
  set("PORT", "3");
  EXPECT_EQ(told("port"), "3 from PORT in the environment");
  unsetenv("RERANK_NO_SUCH_THING");
}

TEST_F(SettingsTest, NoDevicesAreDevicesToo) {
  write(".env", "CUDA_VISIBLE_DEVICES=0,1\n");
  EXPECT_EQ(told("cuda_visible_devices"), "0,1 from CUDA_VISIBLE_DEVICES in .env, line 1");
  set("CUDA_VISIBLE_DEVICES", "");
  EXPECT_EQ(told("cuda_visible_devices"), " from CUDA_VISIBLE_DEVICES in the environment");
}

TEST_F(SettingsTest, AModelToLoadGoesByItsPathAndAClientsByItsName) {
  set("RERANK_MODEL", "reranker");
  EXPECT_EQ(told("model_path"), "reranker from RERANK_MODEL in the environment");
  set("MODEL_PATH", "org/model");
  EXPECT_EQ(told("model_path"), "org/model from MODEL_PATH in the environment");
  EXPECT_EQ(told("model"), "reranker from RERANK_MODEL in the environment");
  // The nearer source counts, whichever name it uses.
  unsetenv("MODEL_PATH");
  write(".env", "MODEL_PATH=org/other\n");
  EXPECT_EQ(told("model_path"), "reranker from RERANK_MODEL in the environment");
}

TEST_F(SettingsTest, TheUsersOwnFileStandsWhereItsSystemKeepsSuch) {
  write("home/.config/rerank/rerank.toml", "port = 1\n");
  write("elsewhere/rerank/rerank.toml", "port = 2\n");
  set("XDG_CONFIG_HOME", (folder_ / "elsewhere").string());
  const Settings settings = Settings::load();
  EXPECT_EQ(settings.get("port"), "2");
  EXPECT_THAT(settings.files(), ElementsAre((folder_ / "elsewhere/rerank/rerank.toml").string()));
  unsetenv("HOME");
  unsetenv("XDG_CONFIG_HOME");
  EXPECT_THAT(Settings::load().files(), ElementsAre());
}

TEST_F(SettingsTest, ListsAndWordsAreSeveralValues) {
  write("rerank.toml", "api_key = [\"a b\", \"c\"]\nserved_model_name = [\"one\", \"two\"]\n");
  const Settings settings = Settings::load();
  EXPECT_THAT(settings.find("api_key")->values, ElementsAre("a b", "c"));
  EXPECT_TRUE(settings.find("api_key")->is_list);
  EXPECT_THAT(settings.find("served_model_name")->values, ElementsAre("one", "two"));
  set("SERVED_MODEL_NAME", " one  two three ");
  set("RERANK_API_KEY", "a b");
  const Settings more = Settings::load();
  EXPECT_THAT(more.find("served_model_name")->values, ElementsAre("one", "two", "three"));
  EXPECT_THAT(more.find("api_key")->values, ElementsAre("a b"));
}

TEST_F(SettingsTest, ALaterLineReplacesAnEarlierOne) {
  write(".env", "PORT=1\nPORT=2\n");
  EXPECT_EQ(told("port"), "2 from PORT in .env, line 2");
}

TEST_F(SettingsTest, AFolderCalledEnvIsSomebodyElses) {
  std::filesystem::create_directory(".env");
  std::filesystem::create_directory("rerank.toml");
  EXPECT_THAT(Settings::load().files(), ElementsAre());
}

TEST_F(SettingsTest, WhatOthersKeepInTheSameFileIsTheirs) {
  write(".env", "DATABASE_URL=\"a\"b\nRERANK_TEST_LARGE=1\nRERANK_SERVICE_HOST=10.0.0.1\nPORT=9\n");
  EXPECT_EQ(told("port"), "9 from PORT in .env, line 4");
  set("RERANK_PORT", "tcp://10.0.0.1:8000");  // Kubernetes, for a service called rerank
  EXPECT_EQ(told("port"), "9 from PORT in .env, line 4");
}

TEST_F(SettingsTest, SaysWhatIsWrongAndWhere) {
  const auto in_env = [](std::string_view content) {
    write(".env", content);
    const std::string message = refusal();
    std::filesystem::remove(".env");
    return message;
  };
  const auto in_toml = [](std::string_view content) {
    write("rerank.toml", content);
    const std::string message = refusal();
    std::filesystem::remove("rerank.toml");
    return message;
  };
  EXPECT_EQ(in_env("RERANK_PROT=1\n"),
            ".env, line 1: unknown setting RERANK_PROT; did you mean RERANK_PORT?");
  EXPECT_EQ(in_env("a=1\nPORT='1\n"), ".env, line 2: PORT has no closing quote");
  EXPECT_EQ(in_env("PORT\n"), ".env, line 1: neither NAME=VALUE nor a comment, which begins with #");
  EXPECT_EQ(
      in_env("RERANK_CUDA_MODULE=evil.so\n"),
      ".env, line 1: RERANK_CUDA_MODULE is not read from a file because it names code to run; set it in the "
      "environment");
  EXPECT_EQ(in_toml("prot = 1\n"), "rerank.toml, line 1: unknown setting prot; did you mean port?");
  EXPECT_EQ(in_toml("\n[serve]\nmax_num_seq = 1\n"),
            "rerank.toml, line 3: unknown setting max_num_seq; did you mean max_num_seqs?");
  EXPECT_EQ(in_toml("[server]\nport = 1\n"),
            "rerank.toml, line 2: unknown table [server]; did you mean [serve]?");
  EXPECT_EQ(in_toml("[server]\n"), "rerank.toml, line 1: unknown table [server]; did you mean [serve]?");
  EXPECT_THAT(in_toml("port = \n"), StartsWith("rerank.toml, line 1: "));
  set("RERANK_TIMEOUTS", "1");
  EXPECT_EQ(refusal(), "the environment: unknown setting RERANK_TIMEOUTS; did you mean RERANK_TIMEOUT?");
  EXPECT_EQ(refusal({.refuse_unknown_variables = false}), "taken");
  unsetenv("RERANK_TIMEOUTS");
  EXPECT_EQ(refusal({.flags = {{"prot", "1"}}}),
            "SettingsOptions::flags: unknown setting prot; did you mean port?");
}

TEST_F(SettingsTest, FilesThatCannotBeReadAreNamed) {
  std::filesystem::create_directory("folder");
  write("huge.toml", std::string(3 << 20, '#'));
  const struct {
    const char* path;
    std::string message;
  } cases[] = {
      {"absent.toml", "absent.toml: there is no such file"},
      {"huge.toml/in.toml", "huge.toml/in.toml: there is no such file"},
      {"folder", "folder: this is a directory; name the file in it"},
      {"huge.toml", "huge.toml: more than a megabyte; settings are a few lines, so this is another file"},
      {"/proc/self/mem", "/proc/self/mem: cannot be read: Input/output error"},
      {"/dev/null", "taken"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(refusal({.config_file = c.path}), c.message);
    set("RERANK_CONFIG", c.path);
    EXPECT_EQ(refusal(), c.message);
    unsetenv("RERANK_CONFIG");
    set("ENV_FILE", c.path);
    EXPECT_EQ(refusal(), c.message);
    unsetenv("ENV_FILE");
  }
}

// Takes from this thread the superuser's right to read every file.
class OrdinaryReader {
 public:
  OrdinaryReader() {
    syscall(SYS_capget, &header_, before_);
    __user_cap_data_struct reduced[_LINUX_CAPABILITY_U32S_3] = {before_[0], before_[1]};
    reduced[0].effective &= ~(1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH);
    EXPECT_EQ(syscall(SYS_capset, &header_, reduced), 0);
  }
  ~OrdinaryReader() { syscall(SYS_capset, &header_, before_); }
  OrdinaryReader(const OrdinaryReader&) = delete;
  OrdinaryReader& operator=(const OrdinaryReader&) = delete;

 private:
  __user_cap_header_struct header_{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct before_[_LINUX_CAPABILITY_U32S_3] = {};
};

TEST_F(SettingsTest, AnUnreadableFileIsAnErrorThoughNobodyNamedIt) {
  const OrdinaryReader reader;
  for (const char* name : {".env", "rerank.toml"}) {
    write(name, "");
    std::filesystem::permissions(name, std::filesystem::perms::none);
    EXPECT_EQ(refusal(), std::string(name) + ": cannot be read: Permission denied");
    std::filesystem::remove(name);
  }
}

TEST_F(SettingsTest, DescribesAValueButNoSecret) {
  write(".env", "PORT=abc\nVLLM_API_KEY=hidden\n");
  write("rerank.toml", "max_retries = [1, 2]\n[client]\nhf_token = \"hidden\"\n");
  const Settings settings = Settings::load();
  EXPECT_EQ(settings.described("port"), "PORT=abc in .env, line 1");
  EXPECT_EQ(settings.described("api_key"), "VLLM_API_KEY in .env, line 2");
  EXPECT_EQ(settings.described("hf_token"), "[client] hf_token in rerank.toml, line 3");
  EXPECT_EQ(settings.described("max_retries"), "max_retries=1, 2 in rerank.toml, line 1");
  EXPECT_THROW(settings.get("no_such_key"), Error);
}

TEST_F(SettingsTest, FillsTheOptionsOfAClient) {
  const ClientOptions defaults = client_options(Settings::load());
  EXPECT_EQ(defaults.url, ClientOptions{}.url);
  EXPECT_EQ(defaults.timeout, ClientOptions{}.timeout);
  EXPECT_EQ(defaults.max_retries, ClientOptions{}.max_retries);
  EXPECT_TRUE(defaults.verify_tls);

  write("rerank.toml",
        "url = \"http://a\"\nport = 1\n[client]\nurl = \"https://b\"\ntimeout = 1.5\nverify_tls = false\n"
        "max_documents_per_request = 64\nca_file = \"ca.pem\"\nclient_max_connections = 3\nunix_socket = "
        "\"s\"\n");
  write(".env", "MODEL_PATH=org/model\nRERANK_COMPRESS_REPLIES=on\n");
  set("VLLM_API_KEY", "key");
  set("RERANK_MAX_RETRIES", "0");
  set("RERANK_DIALECT", "tei");
  const ClientOptions options = client_options(Settings::load());
  EXPECT_EQ(options.url, "https://b");
  EXPECT_EQ(options.api_key, "key");
  EXPECT_EQ(options.model, "");  // a path means nothing to a client
  EXPECT_EQ(options.dialect, "tei");
  EXPECT_EQ(options.timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(options.max_retries, 0);
  EXPECT_EQ(options.max_connections, 3);
  EXPECT_EQ(options.max_documents_per_request, 64U);
  EXPECT_EQ(options.unix_socket, "s");
  EXPECT_EQ(options.ca_file, "ca.pem");
  EXPECT_TRUE(options.compress_replies);
  EXPECT_FALSE(options.compress_requests);
  EXPECT_FALSE(options.verify_tls);
}

TEST_F(SettingsTest, RefusesWhatAClientCannotUseByItsSource) {
  const struct {
    const char* variable;
    const char* value;
    std::string message;
  } cases[] = {
      {"RERANK_TIMEOUT", "soon",
       "RERANK_TIMEOUT=soon in the environment: a number of seconds from 0 to 1000000 is needed"},
      {"RERANK_TIMEOUT", "-1",
       "RERANK_TIMEOUT=-1 in the environment: a number of seconds from 0 to 1000000 is needed"},
      {"RERANK_TIMEOUT", "nan",
       "RERANK_TIMEOUT=nan in the environment: a number of seconds from 0 to 1000000 is needed"},
      {"RERANK_TIMEOUT", "1e7",
       "RERANK_TIMEOUT=1e7 in the environment: a number of seconds from 0 to 1000000 is needed"},
      {"RERANK_MAX_RETRIES", "1.5",
       "RERANK_MAX_RETRIES=1.5 in the environment: a whole number from 0 to 1000 is needed"},
      {"RERANK_VERIFY_TLS", "maybe", "RERANK_VERIFY_TLS=maybe in the environment: true or false is needed"},
  };
  for (const auto& c : cases) {
    set(c.variable, c.value);
    try {
      client_options(Settings::load());
      ADD_FAILURE() << c.message;
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), c.message);
    }
    unsetenv(c.variable);
  }
}

}  // namespace
}  // namespace rerank
