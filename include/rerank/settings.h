// What environment, .env and TOML file say, by one set of rules for the program `rerank`, the script that
// starts it and programs with the client library. docs/settings.md has the rules and every setting.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rerank/error.h"

namespace rerank {

struct ClientOptions;  // rerank/client.h

struct SettingsOptions {
  // Whose table of the TOML file goes before what stands outside of tables: "client", or a command of the
  // program, such as "serve".
  std::string section = "client";
  // The TOML file; empty: $RERANK_CONFIG, else ./rerank.toml, else rerank/rerank.toml in $XDG_CONFIG_HOME or
  // ~/.config. Exactly one is read.
  std::string config_file;
  // By key; goes before all else: the flags of an application.
  std::map<std::string, std::string> flags;
  // Whether a variable RERANK_... that is no setting is an error. An application may have its own of that
  // name.
  bool refuse_unknown_variables = true;
};

// Where a value stands.
struct __attribute__((visibility("default"))) SettingSource {
  enum class Kind { kDefault, kFlag, kEnvironment, kFile };

  Kind kind = Kind::kDefault;
  std::string name;  // as it is written there: "--port", "PORT" or "port"
  std::string file;
  int line = 0;  // of the file, from 1

  // "PORT in .env, line 3", "PORT in the environment", "--port" or "default".
  std::string text() const;
};

struct Setting {
  std::vector<std::string> values;  // one; several only where the file has a list
  bool is_list = false;             // written as a list
  SettingSource source;
};

// A fixed picture of what was there when it was loaded.
class __attribute__((visibility("default"))) Settings {
 public:
  // Throws Error whose text names the variable, or file and line, and says what to do. Reads the environment,
  // so nobody may change that at the same time.
  static Settings load(const SettingsOptions& options = {});

  // Null if nobody set it: then the default counts. All members throw Error for a key that is no setting.
  const Setting* find(std::string_view key) const;
  // The value, the first of a list; empty if nobody set it.
  std::string get(std::string_view key) const;
  // "PORT in .env, line 3", or "default".
  std::string source(std::string_view key) const;
  // "PORT=8000 in .env, line 3", to begin an error with; a secret's value is left out. REQUIRES: it is set.
  std::string described(std::string_view key) const;

  // The value as a number from 0 up, or as true/false, yes/no, on/off or 1/0; unset if nobody set it. Throws
  // Error naming the source of what is no such thing.
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;

  // The files that were there and read.
  const std::vector<std::string>& files() const { return files_; }

 private:
  std::map<std::string, Setting, std::less<>> found_;
  std::vector<std::string> files_;
};

// What a client needs to reach the service that these settings describe. Throws Error naming the source of a
// value that is none.
__attribute__((visibility("default"))) ClientOptions client_options(const Settings& settings);

}  // namespace rerank
