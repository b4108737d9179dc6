#include "settings/toml_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "rerank/error.h"

namespace rerank {
namespace {

int line_of(const toml::source_region& region) {
  return static_cast<int>(region.begin.line);
}

class EntryReader {
 public:
  explicit EntryReader(const std::string& file) : file_(file) {}

  std::vector<TomlEntry> read(const toml::table& file) {
    for (const auto& [key, node] : file) {
      const toml::table* const section = node.as_table();
      if (section == nullptr) {
        add("", key, node);
        continue;
      }
      for (const auto& [inner_key, inner_node] : *section) {
        add(std::string(key.str()), inner_key, inner_node);
      }
      // Kept though it holds nothing, so that a table of no known name is noticed.
      if (section->empty())
        entries_.push_back({std::string(key.str()), "", {}, false, line_of(key.source())});
    }
    // The parser sorts by name; people read from the top.
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const TomlEntry& a, const TomlEntry& b) { return a.line < b.line; });
    return std::move(entries_);
  }

 private:
  void add(std::string section, const toml::key& key, const toml::node& node) {
    TomlEntry entry{std::move(section), std::string(key.str()), {}, node.is_array(), line_of(key.source())};
    if (const toml::array* const list = node.as_array()) {
      for (const toml::node& element : *list) entry.values.push_back(text_of(element, entry));
    } else {
      entry.values.push_back(text_of(node, entry));
    }
    entries_.push_back(std::move(entry));
  }

  std::string text_of(const toml::node& node, const TomlEntry& entry) const {
    if (const auto* const text = node.as_string()) return text->get();
    if (const auto* const number = node.as_integer()) return fmt::format("{}", number->get());
    if (const auto* const number = node.as_floating_point()) return fmt::format("{}", number->get());
    if (const auto* const answer = node.as_boolean()) return answer->get() ? "true" : "false";
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}, line {}: {} must be a text, a number, true or false, or a list of these",
                            file_, entry.line, entry.key));
  }

  const std::string& file_;
  std::vector<TomlEntry> entries_;
};

}  // namespace

std::vector<TomlEntry> toml_entries(std::string_view content, const std::string& file) {
  try {
    return EntryReader(file).read(toml::parse(content));
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}, line {}: {}", file, line_of(error.source()), error.description()));
  }
}

}  // namespace rerank
