#include "settings/env_file.h"

#include <fmt/format.h>

#include "base/ascii.h"
#include "base/shown_text.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::string_view kBlanks = " \t\v\f\r";

[[noreturn]] void refuse(const std::string& file, int line, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}, line {}: {}", file, line, shown_text(what, 300)));
}

std::string_view without_export(std::string_view text) {
  constexpr std::string_view kExport = "export";
  if (!text.starts_with(kExport) || text.size() == kExport.size()) return text;
  const bool is_word = kBlanks.find(text[kExport.size()]) != std::string_view::npos;
  return is_word ? trimmed(text.substr(kExport.size())) : text;
}

}  // namespace

std::vector<EnvLine> env_lines(std::string_view content, const std::string& file) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (content.starts_with(kByteOrderMark)) content.remove_prefix(kByteOrderMark.size());
  std::vector<EnvLine> lines;
  for (int number = 1; !content.empty(); ++number) {
    const std::size_t end = content.find('\n');
    const std::string_view text = without_export(trimmed(content.substr(0, end)));
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (text.empty() || text.front() == '#') continue;
    if (text.find('\0') != std::string_view::npos)
      refuse(file, number, "not a text file; save the file as UTF-8");
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
      refuse(file, number, "neither NAME=VALUE nor a comment, which begins with #");
    }
    lines.push_back(
        {std::string(trimmed(text.substr(0, equals))), std::string(text.substr(equals + 1)), number});
  }
  return lines;
}

std::string value_of(const EnvLine& line, const std::string& file) {
  const std::string_view text = trimmed(line.text);
  if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
    const std::size_t end = text.find(text.front(), 1);
    if (end == std::string_view::npos) refuse(file, line.number, line.name + " has no closing quote");
    const std::string_view rest = trimmed(text.substr(end + 1));
    if (!rest.empty() && rest.front() != '#') {
      refuse(file, line.number,
             line.name +
                 " has text after the closing quote; to include one kind of quotes, use the other around the "
                 "value");
    }
    return std::string(text.substr(1, end - 1));
  }
  // A # begins a comment only behind a blank, so what directly follows the = matters.
  const std::string_view whole = line.text;
  for (std::size_t at = whole.find('#'); at != std::string_view::npos; at = whole.find('#', at + 1)) {
    if (at > 0 && kBlanks.find(whole[at - 1]) != std::string_view::npos) {
      return std::string(trimmed(whole.substr(0, at)));
    }
  }
  return std::string(text);
}

}  // namespace rerank
