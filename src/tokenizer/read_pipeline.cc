// Accepts the few combinations of steps that this room runs exactly as the Hugging Face library would.
#include "tokenizer/read_pipeline.h"

#include <fmt/format.h>

namespace rerank {
namespace {

constexpr std::string_view kFamily =
    "only tokenizers of the byte-level BPE family are supported; use a model of that family, such as "
    "Qwen/Qwen3-Reranker-0.6B";

// The members of a step `{"type": "Sequence", LIST: [...]}`, or the step itself.
std::vector<JsonNode> flattened(const JsonNode& step, std::string_view list) {
  if (step.at("type").string() != "Sequence") return {step};
  step.allow_only({"type", list});
  std::vector<JsonNode> steps;
  JsonNode members = step.at(list);
  for (size_t i = 0; i < members.array().size(); ++i) {
    for (JsonNode& member : flattened(members.element(i), list)) steps.push_back(std::move(member));
  }
  return steps;
}

void allow_byte_level_keys(const JsonNode& step) {
  step.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
}

SplitStep read_split(const JsonNode& step) {
  step.allow_only({"type", "pattern", "behavior", "invert"});
  JsonNode pattern = step.at("pattern");
  pattern.allow_only({"Regex", "String"});
  if (pattern.find("String"))
    pattern.refuse("is a \"String\"; write it as a \"Regex\", with special characters escaped");
  SplitStep split{std::string(pattern.at("Regex").string()), SplitKeeps::kAll};
  std::string_view behavior = step.at("behavior").string();
  bool inverted = step.boolean_or("invert", false);
  if (behavior == "Removed") {
    split.keeps = inverted ? SplitKeeps::kMatches : SplitKeeps::kGaps;
  } else if (behavior != "Isolated") {
    step.at("behavior")
        .refuse(fmt::format("is \"{}\"; supported are \"Isolated\" and \"Removed\"", behavior));
  }
  try {
    SplitRegex probe(split.pattern);
  } catch (const Error& error) {
    pattern.at("Regex").refuse(fmt::format("cannot be used: {}", error.what()), error.code());
  }
  return split;
}

}  // namespace

bool read_normalizer(const JsonNode& root) {
  std::optional<JsonNode> normalizer = root.find("normalizer");
  if (!normalizer) return false;
  bool nfc = false;
  for (const JsonNode& step : flattened(*normalizer, "normalizers")) {
    std::string_view type = step.at("type").string();
    if (type != "NFC") step.refuse(fmt::format("has the type \"{}\"; supported are \"NFC\" and null", type));
    step.allow_only({"type"});
    nfc = true;
  }
  return nfc;
}

PreTokenizerSpec read_pre_tokenizer(const JsonNode& root) {
  std::optional<JsonNode> pre_tokenizer = root.find("pre_tokenizer");
  if (!pre_tokenizer) root.refuse(fmt::format("has no pre_tokenizer: {}", kFamily));
  PreTokenizerSpec spec;
  bool has_byte_level = false;
  for (const JsonNode& step : flattened(*pre_tokenizer, "pretokenizers")) {
    std::string_view type = step.at("type").string();
    if (has_byte_level) step.refuse("follows a ByteLevel step, which must be the last");
    if (type == "Split") {
      spec.splits.push_back(read_split(step));
    } else if (type == "ByteLevel") {
      allow_byte_level_keys(step);
      spec.add_prefix_space = step.boolean_or("add_prefix_space", true);
      spec.use_regex = step.boolean_or("use_regex", true);
      has_byte_level = true;
    } else {
      step.refuse(
          fmt::format("has the type \"{}\"; supported are \"Split\" and \"ByteLevel\": {}", type, kFamily));
    }
  }
  if (!has_byte_level) pre_tokenizer->refuse(fmt::format("has no ByteLevel step: {}", kFamily));
  return spec;
}

void check_post_processor(const JsonNode& root) {
  std::optional<JsonNode> processor = root.find("post_processor");
  if (!processor) return;
  for (const JsonNode& step : flattened(*processor, "processors")) {
    std::string_view type = step.at("type").string();
    if (type == "ByteLevel") {
      allow_byte_level_keys(step);
    } else if (type == "TemplateProcessing") {
      JsonNode single = step.at("single");
      bool is_text_alone = single.array().size() == 1 && single.element(0).find("Sequence") &&
                           single.element(0).at("Sequence").at("id").string() == "A";
      if (!is_text_alone) {
        single.refuse(
            "adds tokens around the text; the prompt's template adds all there are, so set post_processor to "
            "null if the model was trained that way");
      }
    } else {
      step.refuse(fmt::format(
          "has the type \"{}\"; supported are \"ByteLevel\", a \"TemplateProcessing\" that adds no "
          "token, and null",
          type));
    }
  }
}

void check_decoder(const JsonNode& root) {
  std::optional<JsonNode> decoder = root.find("decoder");
  if (!decoder) return;
  for (const JsonNode& step : flattened(*decoder, "decoders")) {
    std::string_view type = step.at("type").string();
    if (type != "ByteLevel") {
      step.refuse(fmt::format("has the type \"{}\"; supported is \"ByteLevel\": {}", type, kFamily));
    }
    allow_byte_level_keys(step);
  }
}

}  // namespace rerank
