// Replace: replaces one character by a text, or each run of two or more spaces, as converters from
// SentencePiece write its rule for spaces.
#include "base/utf8.h"
#include "tokenizer/normalizers/normalizers.h"

namespace rerank {
namespace {

constexpr size_t kMostContentBytes = 64;
constexpr std::string_view kSpaces = " {2,}";

void append_replaced(std::string_view text, size_t& copied, size_t begin, size_t end,
                     std::string_view content, std::string& storage, std::vector<Origin>* origins) {
  storage.append(text, copied, begin - copied);
  copied = end;
  if (origins != nullptr) origins->push_back({begin, end, storage.size(), storage.size() + content.size()});
  storage += content;
}

class ReplaceCharacter final : public Normalizer {
 public:
  ReplaceCharacter(std::string_view pattern, std::string_view content)
      : pattern_(pattern), content_(content) {}

  std::string_view apply(std::string_view text, std::string& storage,
                         std::vector<Origin>* origins) const override {
    size_t at = text.find(pattern_);
    if (at == std::string_view::npos) return text;
    storage.clear();
    size_t copied = 0;
    for (; at != std::string_view::npos; at = text.find(pattern_, copied)) {
      append_replaced(text, copied, at, at + pattern_.size(), content_, storage, origins);
    }
    storage.append(text, copied);
    return storage;
  }
  size_t cut_of(std::string_view prefix) const override { return last_code_point(prefix); }
  size_t growth() const override {
    return std::max<size_t>(1, (content_.size() + pattern_.size() - 1) / pattern_.size());
  }
  bool removes(std::string_view character) const override {
    return character == pattern_ && !may_make(character);
  }
  bool may_make(std::string_view character) const override {
    return content_.find(character) != std::string::npos;
  }

 private:
  std::string pattern_, content_;
};

class ReplaceSpaces final : public Normalizer {
 public:
  explicit ReplaceSpaces(std::string_view content) : content_(content) {}

  std::string_view apply(std::string_view text, std::string& storage,
                         std::vector<Origin>* origins) const override {
    size_t at = text.find("  ");
    if (at == std::string_view::npos) return text;
    storage.clear();
    size_t copied = 0;
    for (; at != std::string_view::npos; at = text.find("  ", copied)) {
      const size_t end = std::min(text.find_first_not_of(' ', at), text.size());
      append_replaced(text, copied, at, end, content_, storage, origins);
    }
    storage.append(text, copied);
    return storage;
  }
  // Not between two spaces, nor after one.
  size_t cut_of(std::string_view prefix) const override {
    size_t at = last_code_point(prefix);
    if (at < prefix.size() && prefix[at] != ' ') return at;
    while (at > 0 && prefix[at - 1] == ' ') --at;
    return at;
  }
  size_t growth() const override { return content_.size() / 2 + 1; }

 private:
  std::string content_;
};

}  // namespace

void read_replace(const JsonView& step, NormalizerSteps& steps) {
  step.allow_only({"type", "pattern", "content"});
  const JsonView pattern = step.at("pattern");
  pattern.allow_only({"Regex", "String"});
  const std::string_view content = step.at("content").string();
  if (first_invalid_utf8(content) != content.size()) {
    step.at("content").refuse("is not valid UTF-8");
  }
  if (content.size() > kMostContentBytes) step.at("content").unsupported("has more than 64 bytes");
  if (const std::optional<JsonView> regex = pattern.find("Regex")) {
    if (regex->string() != kSpaces) {
      regex->unsupported(
          "is not supported; supported are a \"String\" of one character, and the \"Regex\" \" {2,}\"");
    }
    steps.push_back(std::make_unique<ReplaceSpaces>(content));
    return;
  }
  const std::string_view text = pattern.at("String").string();
  if (text.empty() || first_invalid_utf8(text) != text.size() ||
      sequence_bytes(text.front()) != text.size()) {
    pattern.at("String").unsupported("should be one character");
  }
  steps.push_back(std::make_unique<ReplaceCharacter>(text, content));
}

}  // namespace rerank
