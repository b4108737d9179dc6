// Accepts the few combinations of steps that this room runs exactly as the Hugging Face library would.
#include "tokenizer/read_pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/utf8.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::string_view kFamily =
    "only BPE tokenizers, byte-level or with byte fallback, are supported; use a model with such a "
    "tokenizer, such as Qwen/Qwen3-Reranker-0.6B";

// The members of a step `{"type": "Sequence", LIST: [...]}`, or the step itself.
std::vector<JsonView> flattened(const JsonView& step, std::string_view list) {
  if (step.at("type").string() != "Sequence") return {step};
  step.allow_only({"type", list});
  std::vector<JsonView> steps;
  JsonView members = step.at(list);
  for (size_t i = 0; i < members.array().size(); ++i) {
    for (JsonView& member : flattened(members.element(i), list)) steps.push_back(std::move(member));
  }
  return steps;
}

void allow_byte_level_keys(const JsonView& step) {
  step.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
}

SplitStep read_split(const JsonView& step) {
  step.allow_only({"type", "pattern", "behavior", "invert"});
  JsonView pattern = step.at("pattern");
  pattern.allow_only({"Regex", "String"});
  if (pattern.find("String"))
    pattern.unsupported("is a \"String\"; write it as a \"Regex\", with special characters escaped");
  SplitStep split{std::string(pattern.at("Regex").string()), SplitKeeps::kAll};
  std::string_view behavior = step.at("behavior").string();
  bool inverted = step.boolean_or("invert", false);
  if (behavior == "Removed") {
    split.keeps = inverted ? SplitKeeps::kMatches : SplitKeeps::kGaps;
  } else if (behavior != "Isolated") {
    step.at("behavior")
        .unsupported(fmt::format("is \"{}\"; supported are \"Isolated\" and \"Removed\"", behavior));
  }
  try {
    SplitRegex probe(split.pattern);
  } catch (const Error& error) {
    pattern.at("Regex").refuse(fmt::format("cannot be used: {}", error.what()), error.code());
  }
  return split;
}

// A Replace step of a normalizer or decoder.
Replacement read_replace(const JsonView& step) {
  step.allow_only({"type", "pattern", "content"});
  const JsonView pattern = step.at("pattern");
  pattern.allow_only({"Regex", "String"});
  if (pattern.find("Regex"))
    pattern.unsupported("is a \"Regex\"; supported is a \"String\" of one character");
  Replacement replacement{std::string(pattern.at("String").string()),
                          std::string(step.at("content").string())};
  const std::string& text = replacement.pattern;
  if (text.empty() || first_invalid_utf8(text) != text.size() ||
      sequence_bytes(text.front()) != text.size()) {
    pattern.at("String").unsupported("should be one character");
  }
  if (first_invalid_utf8(replacement.content) != replacement.content.size()) {
    step.at("content").refuse("is not valid UTF-8");
  }
  return replacement;
}

std::vector<Replacement> checked(std::vector<Replacement> replacements, const JsonView& node) {
  try {
    Replacements probe(replacements);
  } catch (const Error& error) {
    node.refuse(fmt::format("cannot be used: {}", error.what()), error.code());
  }
  return replacements;
}

}  // namespace

NormalizerSpec read_normalizer(const JsonView& root) {
  NormalizerSpec spec;
  const std::optional<JsonView> normalizer = root.find("normalizer");
  if (!normalizer) return spec;
  for (const JsonView& step : flattened(*normalizer, "normalizers")) {
    const std::string_view type = step.at("type").string();
    if (type == "NFC") {
      step.allow_only({"type"});
      spec.nfc = true;
    } else if (type == "Replace") {
      spec.replacements.push_back(read_replace(step));
    } else {
      step.unsupported(fmt::format("has the type \"{}\"; supported are \"NFC\", \"Replace\" and null", type));
    }
    if (spec.nfc && !spec.replacements.empty()) {
      step.unsupported(
          "comes beside a step of another kind; supported are \"NFC\" alone or \"Replace\" alone");
    }
  }
  spec.replacements = checked(std::move(spec.replacements), *normalizer);
  return spec;
}

PreTokenizerSpec read_pre_tokenizer(const JsonView& root) {
  std::optional<JsonView> pre_tokenizer = root.find("pre_tokenizer");
  if (!pre_tokenizer) root.unsupported(fmt::format("has no pre_tokenizer: {}", kFamily));
  PreTokenizerSpec spec;
  bool has_byte_level = false;
  for (const JsonView& step : flattened(*pre_tokenizer, "pretokenizers")) {
    std::string_view type = step.at("type").string();
    if (has_byte_level) step.unsupported("follows a ByteLevel step, which must be the last");
    if (type == "Split") {
      spec.splits.push_back(read_split(step));
    } else if (type == "ByteLevel") {
      allow_byte_level_keys(step);
      spec.add_prefix_space = step.boolean_or("add_prefix_space", true);
      spec.use_regex = step.boolean_or("use_regex", true);
      has_byte_level = true;
    } else {
      step.unsupported(
          fmt::format("has the type \"{}\"; supported are \"Split\" and \"ByteLevel\": {}", type, kFamily));
    }
  }
  if (!has_byte_level) pre_tokenizer->unsupported(fmt::format("has no ByteLevel step: {}", kFamily));
  return spec;
}

void check_no_pre_tokenizer(const JsonView& root, const NormalizerSpec& normalizer) {
  const std::optional<JsonView> pre_tokenizer = root.find("pre_tokenizer");
  if (!pre_tokenizer) return;
  const Replacements replacements(normalizer.replacements);
  for (const JsonView& step : flattened(*pre_tokenizer, "pretokenizers")) {
    const std::string_view type = step.at("type").string();
    if (type != "Split") {
      step.unsupported(
          fmt::format("has the type \"{}\"; with byte fallback, supported are null and a \"Split\" at a "
                      "character that the normalizer replaces",
                      type));
    }
    step.allow_only({"type", "pattern", "behavior", "invert"});
    const JsonView pattern = step.at("pattern");
    pattern.allow_only({"Regex", "String"});
    const bool is_inverted = step.boolean_or("invert", false);
    if (is_inverted || !pattern.find("String") || !replacements.removes(pattern.at("String").string())) {
      step.unsupported(
          "cuts text; with byte fallback, supported is a \"Split\" at a \"String\" of one character that "
          "the normalizer replaces, which cuts nothing");
    }
    const std::string_view behavior = step.at("behavior").string();
    constexpr std::string_view kBehaviors[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                               "Contiguous"};
    if (std::ranges::find(kBehaviors, behavior) == std::end(kBehaviors)) {
      step.at("behavior").unsupported(fmt::format("is \"{}\", which is unknown", behavior));
    }
  }
}

// A TemplateProcessing step. For characters, tokens may come around the text.
static void check_template(const JsonView& step, ModelInput input) {
  step.allow_only({"type", "single", "pair", "special_tokens"});
  const JsonView single = step.at("single");
  const size_t num_elements = single.array().size();
  size_t num_texts = 0;
  for (size_t i = 0; i < num_elements; ++i) {
    const JsonView element = single.element(i);
    element.allow_only({"Sequence", "SpecialToken"});
    const std::optional<JsonView> text = element.find("Sequence");
    if (text && text->at("id").string() == "A") ++num_texts;
    if (text && text->at("id").string() != "A") text->at("id").unsupported("should be \"A\"");
  }
  if (num_texts != 1) single.unsupported("should have the text, a \"Sequence\" with the id \"A\", once");
  if (input == ModelInput::kBytes && num_elements > 1) {
    single.unsupported(
        "adds tokens around the text; the prompt's template adds all there are, so set post_processor to "
        "null if the model was trained that way");
  }
}

void check_post_processor(const JsonView& root, ModelInput input) {
  std::optional<JsonView> processor = root.find("post_processor");
  if (!processor) return;
  for (const JsonView& step : flattened(*processor, "processors")) {
    std::string_view type = step.at("type").string();
    if (type == "ByteLevel") {
      allow_byte_level_keys(step);
    } else if (type == "TemplateProcessing") {
      check_template(step, input);
    } else {
      step.unsupported(fmt::format(
          "has the type \"{}\"; supported are \"ByteLevel\", a \"TemplateProcessing\" that adds no "
          "token, and null",
          type));
    }
  }
}

std::vector<Replacement> read_decoder(const JsonView& root, ModelInput input) {
  std::vector<Replacement> replacements;
  const std::optional<JsonView> decoder = root.find("decoder");
  if (!decoder) return replacements;
  for (const JsonView& step : flattened(*decoder, "decoders")) {
    const std::string_view type = step.at("type").string();
    if (input == ModelInput::kBytes) {
      if (type != "ByteLevel") {
        step.unsupported(fmt::format("has the type \"{}\"; supported is \"ByteLevel\": {}", type, kFamily));
      }
      allow_byte_level_keys(step);
    } else if (type == "Replace") {
      replacements.push_back(read_replace(step));
    } else if (type == "ByteFallback" || type == "Fuse") {
      step.allow_only({"type"});
    } else {
      step.unsupported(
          fmt::format("has the type \"{}\"; with byte fallback, supported are \"Replace\", \"ByteFallback\" "
                      "and \"Fuse\"",
                      type));
    }
  }
  return checked(std::move(replacements), *decoder);
}

}  // namespace rerank
