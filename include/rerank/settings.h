// Settings from environment, .env and TOML file, by the same rules for the program `rerank`, its start script
// and programs that use the client library. docs/settings.md has the rules and every setting.
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
  // The TOML table that has precedence over the top level: "client", or a command of the program, such as
  // "serve".
  std::string section = "client";
  // The TOML file; empty: $RERANK_CONFIG, ./rerank.toml, or rerank/rerank.toml in $XDG_CONFIG_HOME or
  // ~/.config, whichever exists first. Only one is read.
  std::string config_file;
  // By key; has precedence over everything else: the flags of an application.
  std::map<std::string, std::string> flags;
  // Whether an unknown variable RERANK_... is an error. An application may have its own variables of that
  // form.
  bool refuse_unknown_variables = true;
};

// Where a value comes from.
struct __attribute__((visibility("default"))) SettingSource {
  enum class Kind { kDefault, kFlag, kEnvironment, kFile };

  Kind kind = Kind::kDefault;
  std::string name;  // as written there: "--port", "PORT" or "port"
  std::string file;
  int line = 0;  // of the file, from 1

  // "PORT in .env, line 3", "PORT in the environment", "--port" or "default".
  std::string text() const;
};

struct Setting {
  std::vector<std::string> values;  // one; several only for a list in the file
  bool is_list = false;             // written as a list
  SettingSource source;
};

// An immutable snapshot of the settings at the time of loading.
class __attribute__((visibility("default"))) Settings {
 public:
  // Throws Error whose message names the variable, or file and line, and says what to do. Reads the
  // environment, which must not be modified at the same time.
  static Settings load(const SettingsOptions& options = {});

  // Null if it is not set and has its default. All members throw Error for an unknown key.
  const Setting* find(std::string_view key) const;
  // The value, of a list the first one; empty if it is not set.
  std::string get(std::string_view key) const;
  // "PORT in .env, line 3", or "default".
  std::string source(std::string_view key) const;
  // "PORT=8000 in .env, line 3", for the beginning of an error message; omits the value of a secret.
  // REQUIRES: it is set.
  std::string described(std::string_view key) const;

  // The value as a number, 0 or more, or as true/false, yes/no, on/off or 1/0; unset if it is not set. Throws
  // Error naming the source of an invalid value.
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;

  // The files that were read.
  const std::vector<std::string>& files() const { return files_; }

 private:
  std::map<std::string, Setting, std::less<>> found_;
  std::vector<std::string> files_;
};

// The client options for the service that these settings describe. Throws Error naming the source of an
// invalid value.
__attribute__((visibility("default"))) ClientOptions client_options(const Settings& settings);

}  // namespace rerank
