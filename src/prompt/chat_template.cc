#include "prompt/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/shown_text.h"
#include "prompt/jinja_render.h"
#include "prompt/split_prompt.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// A rendered prompt: one unit for each byte and each field.
using Units = std::vector<int>;
constexpr int kFirstField = 256;

int unit_of(PromptField field) {
  return kFirstField + static_cast<int>(field);
}

Units units_of(const std::vector<PromptText>& texts) {
  Units units;
  for (const PromptText& text : texts) {
    for (const char c : text.words) units.push_back(static_cast<unsigned char>(c));
    if (text.field != PromptField::kNone) units.push_back(unit_of(text.field));
  }
  return units;
}

using Range = std::pair<std::size_t, std::size_t>;

std::vector<PromptText> texts_of(const Units& units, Range optional) {
  std::vector<PromptText> texts(1);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const bool needs_instruction = i >= optional.first && i < optional.second;
    if (texts.back().needs_instruction != needs_instruction) {
      texts.push_back({.needs_instruction = needs_instruction});
    }
    if (units[i] < kFirstField) {
      texts.back().words += static_cast<char>(units[i]);
    } else {
      texts.back().field = static_cast<PromptField>(units[i] - kFirstField);
      texts.push_back({.needs_instruction = needs_instruction});
    }
  }
  return joined_texts(texts);
}

class Comparison {
 public:
  explicit Comparison(const ChatTemplateOptions& options) : options_(options) {}

  // `with` and `without` are the renderings with and without an instruction.
  Prompt prompt(const Units& with, const Units& without) {
    const auto instruction = std::ranges::find(with, unit_of(PromptField::kInstruction));
    if (instruction == with.end()) {
      if (with != without) refuse("changes with an instruction but does not contain it");
      return {.pieces = split_prompt(texts_of(with, {}))};
    }
    const auto at = static_cast<std::size_t>(instruction - with.begin());
    if (std::optional<std::string> words = default_words(with, without, at)) {
      return {.pieces = split_prompt(texts_of(with, {})), .default_instruction = std::move(*words)};
    }
    // Finds what is omitted: `without` has the same beginning and end as `with`.
    const auto [begin, unused] = std::ranges::mismatch(with, without);
    const auto first = static_cast<std::size_t>(begin - with.begin());
    if (without.size() > with.size()) refuse_other();
    const std::size_t end = with.size() - (without.size() - std::min(first, without.size()));
    if (first > at || end <= at ||
        !std::equal(without.begin() + static_cast<std::ptrdiff_t>(first), without.end(),
                    with.begin() + static_cast<std::ptrdiff_t>(end))) {
      refuse_other();
    }
    return {.pieces = split_prompt(texts_of(with, {first, end}))};
  }

  void check_fields(const Units& units) const {
    for (const auto& [field, name] :
         {std::pair{PromptField::kInstruction, "the instruction"},
          std::pair{PromptField::kQuery, "the query"}, std::pair{PromptField::kDocument, "the document"}}) {
      const auto found = std::ranges::count(units, unit_of(field));
      if (found > 1) refuse(fmt::format("has {} {} times", name, found));
      if (found == 1 || field == PromptField::kInstruction) continue;
      refuse(fmt::format(
          "does not have {} (a message with a role of its own): it is the template of a chat model, not of a "
          "reranker",
          name));
    }
  }

  [[noreturn]] void refuse(std::string_view what) const {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{}: it {}; write a prompt file beside the model, tools/chat_template_to_prompt.py makes "
                    "one from most templates",
                    options_.name, what));
  }

 private:
  [[noreturn]] void refuse_other() const { refuse("does more without an instruction than leave a part out"); }

  // The text in place of the instruction in `without`, if that is the only difference.
  static std::optional<std::string> default_words(const Units& with, const Units& without, std::size_t at) {
    const std::size_t num_after = with.size() - at - 1;
    if (without.size() < at + num_after) return std::nullopt;
    const auto offset = [](std::size_t i) { return static_cast<std::ptrdiff_t>(i); };
    if (!std::equal(with.begin(), with.begin() + offset(at), without.begin()) ||
        !std::equal(with.end() - offset(num_after), with.end(), without.end() - offset(num_after))) {
      return std::nullopt;
    }
    std::string words;
    for (std::size_t i = at; i < without.size() - num_after; ++i) {
      if (without[i] >= kFirstField) return std::nullopt;
      words += static_cast<char>(without[i]);
    }
    return words;
  }

  const ChatTemplateOptions& options_;
};

Units render(const std::vector<jinja::Node>& nodes, const ChatTemplateOptions& options,
             bool has_instruction) {
  std::vector<jinja::Value> messages;
  const auto add = [&](const char* role, PromptField field) {
    messages.push_back({.kind = jinja::Value::Kind::kMessage,
                        .list = {jinja::Value::of_words(role), jinja::Value::of_field(field)}});
  };
  if (has_instruction) add("system", PromptField::kInstruction);
  add("query", PromptField::kQuery);
  add("document", PromptField::kDocument);
  std::map<std::string, jinja::Value, std::less<>> variables;
  for (const auto& [name, value] : options.variables) {
    variables[name] = std::holds_alternative<bool>(value)
                          ? jinja::Value::of_bool(std::get<bool>(value))
                          : jinja::Value::of_words(std::get<std::string>(value));
  }
  variables.try_emplace("add_generation_prompt", jinja::Value::of_bool(false));
  variables.try_emplace("tools", jinja::Value{.kind = jinja::Value::Kind::kNone});
  variables.try_emplace("documents", jinja::Value{.kind = jinja::Value::Kind::kNone});
  variables["messages"] = {.kind = jinja::Value::Kind::kList, .list = std::move(messages)};
  return units_of(jinja::render(nodes, std::move(variables), options.name));
}

}  // namespace

Prompt read_chat_template(std::string_view text, const ChatTemplateOptions& options) {
  constexpr std::size_t kMostBytes = std::size_t{1} << 17;
  Comparison comparison(options);
  if (text.size() > kMostBytes) comparison.refuse(fmt::format("has more than {} bytes", kMostBytes));
  const std::vector<jinja::Node> nodes = jinja::read_nodes(text, options.name);
  const Units with = render(nodes, options, true);
  comparison.check_fields(with);
  Prompt prompt;
  if (!options.default_instruction.empty()) {
    prompt.pieces = split_prompt(texts_of(with, {}));
    if (std::ranges::count(with, unit_of(PromptField::kInstruction)) == 1) {
      prompt.default_instruction = options.default_instruction;
    }
  } else {
    const Units without = render(nodes, options, false);
    comparison.check_fields(without);
    prompt = comparison.prompt(with, without);
  }
  if (!separates_pair(prompt.pieces)) comparison.refuse(kNoPlaceBetweenPair);
  return prompt;
}

}  // namespace rerank
