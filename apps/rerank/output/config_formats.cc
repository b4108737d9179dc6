#include "apps/rerank/output/config_formats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/rerank/output/terminal_text.h"
#include "text/json_writer.h"

namespace rerank::cli {
namespace {

using Kind = SettingSource::Kind;

// An address may hold a password: http://user:password@host.
std::string without_password(std::string value) {
  const std::size_t scheme = value.find("://");
  if (scheme == std::string::npos) return value;
  const std::size_t begin = scheme + 3;
  const std::size_t end = value.find_first_of("/?#", begin);
  const std::size_t at = value.substr(0, end).rfind('@');
  if (at != std::string::npos && at > begin) value.replace(begin, at - begin, "***");
  return value;
}

std::string shown_value(const ConfigRow& row) {
  if (row.setting->is_secret && row.is_set()) return "(set)";
  return row.value.empty() ? "-" : without_password(row.value);
}

std::string json_value(const ConfigRow& row) {
  if (row.setting->is_secret) return row.is_set() ? "true" : "null";
  return row.value.empty() && !row.is_set() ? "null" : json_string(without_password(row.value));
}

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kDefault:
      return "default";
    case Kind::kFlag:
      return "flag";
    case Kind::kEnvironment:
      return "environment";
    case Kind::kFile:
      return "file";
  }
  return "";
}

std::string quoted_for_shell(const std::string& value) {
  std::string text = "'";
  for (const char letter : value) text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return text + "'";
}

// The name without a prefix where there is one: what the script calls it.
std::string shell_name(const KnownSetting& setting) {
  const std::vector<std::string> names = variables_of(setting);
  for (const std::string& name : names) {
    if (!name.starts_with("RERANK_")) return name;
  }
  return names.front();
}

}  // namespace

std::string as_text(const ConfigReport& report) {
  std::string text = fmt::format(
      "read: {}\n\n",
      report.files.empty() ? "no file" : harmless(fmt::format("{}", fmt::join(report.files, ", "))));
  for (const ConfigRow& row : report.rows) {
    text += fmt::format("{:<27} {:<20} {}\n", row.setting->key, harmless(shown_value(row)),
                        harmless(row.source.text()));
  }
  return text;
}

std::string as_json(const ConfigReport& report) {
  std::string files;
  for (const std::string& file : report.files)
    files += (files.empty() ? "" : ",") + json_string(harmless(file));
  std::string rows;
  for (const ConfigRow& row : report.rows) {
    std::string source = fmt::format(R"("kind":"{}")", kind_name(row.source.kind));
    if (row.is_set()) source += fmt::format(R"(,"name":{})", json_string(row.source.name));
    if (row.source.kind == Kind::kFile) {
      source +=
          fmt::format(R"(,"file":{},"line":{})", json_string(harmless(row.source.file)), row.source.line);
    }
    rows += fmt::format("{}\n{{\"key\":\"{}\",\"value\":{},\"source\":{{{}}}}}", rows.empty() ? "" : ",",
                        row.setting->key, json_value(row), source);
  }
  return fmt::format("{{\"command\":{},\"files\":[{}],\"settings\":[{}\n]}}\n",
                     report.command.empty() ? "null" : json_string(report.command), files, rows);
}

std::string as_shell(const ConfigReport& report) {
  std::string text;
  for (const ConfigRow& row : report.rows) {
    if (!row.is_set()) continue;
    if (row.setting->is_secret || without_password(row.value) != row.value) {
      text += fmt::format("# {} is set and not shown: {}\n", row.setting->key, harmless(row.source.text()));
    } else {
      text += fmt::format("{}={}\n", shell_name(*row.setting), quoted_for_shell(row.value));
    }
  }
  return text;
}

}  // namespace rerank::cli
