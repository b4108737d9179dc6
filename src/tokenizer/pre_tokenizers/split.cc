// Split, which splits by a regular expression, and ByteLevel, which may split by GPT-2's and insert a space
// before a text. The vocabulary maps bytes to characters.
#include <fmt/format.h>

#include "rerank/error.h"
#include "tokenizer/pre_tokenizers/pre_tokenizers.h"
#include "tokenizer/pre_tokenizers/split_regex.h"

namespace rerank {
namespace {

// The pattern of ByteLevel with use_regex, published with GPT-2.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Which stretches of a split text are kept, each as a separate pre-token.
enum class Keeps {
  kAll,      // behavior Isolated
  kMatches,  // Removed, inverted
  kGaps,     // Removed
};

class RegexSplit final : public PreTokenizer {
 public:
  RegexSplit(std::string_view pattern, Keeps keeps, bool adds_space)
      : regex_(pattern), keeps_(keeps), adds_space_(adds_space) {}

  std::string_view prefix_of(std::string_view text) const override {
    return adds_space_ && text.front() != ' ' ? " " : "";
  }
  void split_prefixed(const PreToken& whole, PreTokenVisit visit) const override {
    regex_.split(whole.text,
                 [&](std::string_view piece, bool is_match) { pass(whole, piece, is_match, visit); });
  }
  size_t split_settled(std::string_view text, PreTokenVisit visit) const override {
    const PreToken whole{text, text.data()};
    return regex_.split_settled(
        text, [&](std::string_view piece, bool is_match) { pass(whole, piece, is_match, visit); });
  }

 private:
  void pass(const PreToken& whole, std::string_view piece, bool is_match, PreTokenVisit visit) const {
    if (keeps_ != Keeps::kAll && is_match != (keeps_ == Keeps::kMatches)) return;
    const auto begin = static_cast<size_t>(piece.data() - whole.text.data());
    visit(whole.part(begin, begin + piece.size()));
  }

  SplitRegex regex_;
  Keeps keeps_;
  bool adds_space_;
};

// ByteLevel without a pattern.
class SpaceBefore final : public PreTokenizer {
 public:
  std::string_view prefix_of(std::string_view text) const override { return text.front() != ' ' ? " " : ""; }
  void split_prefixed(const PreToken& whole, PreTokenVisit visit) const override { visit(whole); }
  size_t split_settled(std::string_view, PreTokenVisit) const override { return 0; }
};

}  // namespace

void read_split(const JsonView& step, PreTokenizerSteps& steps) {
  step.allow_only({"type", "pattern", "behavior", "invert"});
  const JsonView pattern = step.at("pattern");
  pattern.allow_only({"Regex", "String"});
  if (pattern.find("String")) {
    pattern.unsupported("is a \"String\"; write it as a \"Regex\", with special characters escaped");
  }
  const std::string_view behavior = step.at("behavior").string();
  const bool is_inverted = step.boolean_or("invert", false);
  Keeps keeps = Keeps::kAll;
  if (behavior == "Removed") {
    keeps = is_inverted ? Keeps::kMatches : Keeps::kGaps;
  } else if (behavior != "Isolated") {
    step.at("behavior")
        .unsupported(fmt::format("is \"{}\"; supported are \"Isolated\" and \"Removed\"", behavior));
  }
  try {
    steps.push_back(std::make_unique<RegexSplit>(pattern.at("Regex").string(), keeps, false));
  } catch (const Error& error) {
    pattern.at("Regex").refuse(fmt::format("cannot be used: {}", error.what()), error.code());
  }
}

void read_byte_level(const JsonView& step, PreTokenizerSteps& steps) {
  step.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  const bool adds_space = step.boolean_or("add_prefix_space", true);
  if (step.boolean_or("use_regex", true)) {
    steps.push_back(std::make_unique<RegexSplit>(kGpt2Pattern, Keeps::kAll, adds_space));
  } else if (adds_space) {
    steps.push_back(std::make_unique<SpaceBefore>());
  }
}

}  // namespace rerank
