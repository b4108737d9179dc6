// Reads tokenizer.json stage by stage and checks that the stages fit together.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>

#include "text/json_view.h"
#include "text/strict_json.h"
#include "tokenizer/models/models.h"
#include "tokenizer/pipeline.h"
#include "tokenizer/post_processors/post_processors.h"
#include "tokenizer/read_added_tokens.h"
#include "tokenizer/step_list.h"

namespace rerank {
namespace {

// For a model that cuts text itself: accepts only steps that cut nothing.
void check_cuts_nothing(const JsonView& root, const Normalizers& normalizers) {
  const std::optional<JsonView> pre_tokenizer = root.find("pre_tokenizer");
  if (!pre_tokenizer) return;
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
    if (is_inverted || !pattern.find("String") || !normalizers.remove(pattern.at("String").string())) {
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

bool has_byte_fallback(const JsonView& root) {
  const JsonView model = root.at("model");
  const std::optional<JsonView> type = model.find("type");
  return (!type || type->string() == "BPE") && model.boolean_or("byte_fallback", false);
}

// Text of users must never become a control token, so none may be reachable by a model that cannot exclude
// it.
void check_special_tokens_are_apart(const JsonView& root, const TokenizerPipeline& read) {
  for (size_t i = 0; i < read.added_tokens.size(); ++i) {
    const AddedToken& token = read.added_tokens[i];
    if (token.special && read.model->vocabulary().find(token.content) == token.id &&
        read.model->is_made_of_text(token.content)) {
      root.at("added_tokens")
          .element(i)
          .unsupported(
              fmt::format("is special, but model.merges make \"{}\" of plain text too; remove those merges",
                          token.content));
    }
  }
}

void check_frames(const JsonView& root, const TokenizerPipeline& read) {
  const auto is_token = [&read](std::int32_t id) {
    return read.model->vocabulary().bytes_of(id) ||
           std::ranges::any_of(read.added_tokens, [id](const AddedToken& token) { return token.id == id; });
  };
  for (const TokenFrame* frame : {&read.frames.single, &read.frames.pair}) {
    for (const TokenFrame::Part& part : frame->parts) {
      for (const std::int32_t id : part.ids) {
        if (is_token(id)) continue;
        root.at("post_processor").unsupported(fmt::format("adds the id {}, which no token has", id));
      }
    }
  }
}

}  // namespace

TokenizerPipeline read_pipeline(std::string_view json, std::string_view name) {
  boost::json::monotonic_resource memory(json.size());  // one block for hundreds of thousands of strings
  const boost::json::value document = parse_strict_json(
      json, name,
      {.advice = "is it a tokenizer.json, and complete?", .unique_keys = false, .storage = &memory});
  return read_pipeline(JsonView(document, name));
}

TokenizerPipeline read_pipeline(const JsonView& root) {
  // Truncation and padding are ignored: the prompt determines truncation, and batches are packed without
  // padding.
  root.allow_only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                   "post_processor", "decoder", "model"});
  if (auto version = root.find("version"); version && version->string() != "1.0") {
    version->unsupported(fmt::format("is {}; supported is \"1.0\"", version->quoted()));
  }
  TokenizerPipeline read;
  read.normalizers = read_normalizers(root);
  bool is_byte_level = false;
  if (has_byte_fallback(root)) {
    check_cuts_nothing(root, read.normalizers);
  } else {
    if (!root.find("pre_tokenizer")) {
      root.unsupported(
          "has no pre_tokenizer, which cuts text into words; supported without one is BPE with "
          "byte_fallback");
    }
    ReadPreTokenizers pre_tokenizers = read_pre_tokenizers(root);
    is_byte_level = pre_tokenizers.is_byte_level;
    read.pre_tokenizers = std::move(pre_tokenizers.steps);
  }
  read.model = read_model(root, is_byte_level);
  read.frames = read_post_processors(root);
  read.decoders = read_decoders(root);
  read.added_tokens = read_added_tokens(root, *read.model, read.normalizers);
  check_special_tokens_are_apart(root, read);
  check_frames(root, read);
  return read;
}

}  // namespace rerank
