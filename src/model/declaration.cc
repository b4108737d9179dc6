#include "model/declaration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/ascii.h"
#include "base/files/whole_file.h"
#include "base/shown_text.h"
#include "model/sentence_transformers.h"
#include "prompt/prompt_file.h"
#include "rerank/error.h"

namespace rerank {
namespace {

const PublishedReranker* find_published(std::string_view name) {
  for (const Family* family : families()) {
    for (const PublishedReranker& reranker : family->rerankers) {
      if (reranker.name == name) return &reranker;
    }
  }
  return nullptr;
}

std::string names_of(std::span<const Family* const> of) {
  std::vector<std::string_view> names;
  for (const Family* family : of) {
    for (const PublishedReranker& reranker : family->rerankers) names.push_back(reranker.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

const PublishedReranker* published_in_repository(const Family& family, const std::string& description) {
  const std::string where = lower_case(description);
  for (const PublishedReranker& reranker : family.rerankers) {
    if (!reranker.repository.empty() && where.find(reranker.repository) != std::string::npos)
      return &reranker;
  }
  return nullptr;
}

Declaration declaration_of(const PublishedReranker& reranker) {
  Declaration declaration{reranker.declare(), fmt::format("{}: {}", reranker.name, reranker.source)};
  declaration.declared.prompt.name = reranker.name;
  return declaration;
}

// `suffix` selects a rendering of the same published prompt, wherever it is declared.
void choose_suffix(DeclaredPrompt& declared, const std::string& suffix) {
  if (suffix == "official") return;
  const PublishedReranker* chosen = find_published(fmt::format("{}-{}", declared.prompt.name, suffix));
  if (chosen == nullptr) {
    throw Error(ErrorCode::kUnsupported, {.member = "prompt_suffix"},
                fmt::format("the prompt of {} has no suffix \"{}\"", declared.prompt.name, suffix));
  }
  declared.prompt.pieces = chosen->declare().prompt.pieces;
  declared.prompt.name = chosen->name;
}

void choose_activation(Declaration& declaration, const std::string& activation) {
  if (activation == "auto") return;
  if (activation != "none" && activation != "sigmoid") {
    throw Error(ErrorCode::kInvalidArgument, {.member = "activation"},
                fmt::format("{} is not one of auto, none, sigmoid", shown_text(activation)));
  }
  declaration.declared.score = {.sigmoid = activation == "sigmoid"};
  declaration.source += "; the activation was chosen";
}

// `text` is the contents of the prompt file `name`, which may refer to published prompts.
Declaration read_declaration(const std::string& text, const std::string& name) {
  std::vector<BuiltInPrompt> built_ins;
  for (const Family* family : families()) {
    for (const PublishedReranker& reranker : family->rerankers) {
      built_ins.push_back({std::string(reranker.name), reranker.declare()});
      built_ins.back().declared.prompt.name = reranker.name;
    }
  }
  Declaration declaration{read_prompt_file(text, name, built_ins), name};
  if (declaration.declared.prompt.name.empty()) declaration.declared.prompt.name = "prompt file";
  return declaration;
}

Declaration chosen_prompt(const PromptChoice& choice) {
  if (const PublishedReranker* published = find_published(choice.prompt)) {
    return declaration_of(*published);
  }
  std::error_code ignored;
  if (std::filesystem::exists(choice.prompt, ignored)) {
    return read_declaration(read_whole_file(choice.prompt), choice.prompt);
  }
  throw Error(ErrorCode::kNotFound, fmt::format("prompt {}: neither a file nor one of {}",
                                                shown_text(choice.prompt), names_of(families())));
}

// Without a prompt of its own in the directory: its tokenizer joins the pair.
Declaration declaration_of_encoder(const Checkpoint& checkpoint, const JsonView& config,
                                   const FamilyMatch& match) {
  const PublishedReranker* published = published_in_repository(*match.family, checkpoint.description());
  if (published == nullptr) published = match.family->undeclared(config, match.has_classification_head());
  Declaration declaration = declaration_of(*published);
  DeclaredPrompt& declared = declaration.declared;
  declared.prompt.default_text_limit = declared_text_limit(checkpoint, declared.prompt.default_text_limit);
  if (const std::optional<ScoreFunction> score = declared_activation(checkpoint, config)) {
    declared.score = *score;
    declaration.source += "; its files declare the activation";
  }
  return declaration;
}

Declaration declaration_by_its_files(const Checkpoint& checkpoint, const JsonView& config,
                                     const FamilyMatch& match) {
  if (const auto text = checkpoint.text_file(kPromptFileName)) {
    return read_declaration(*text, checkpoint.name_of(kPromptFileName));
  }
  if (match.family->is_encoder()) return declaration_of_encoder(checkpoint, config, match);
  if (auto declared = read_modules(checkpoint, config, match)) return *std::move(declared);
  const PublishedReranker* published = published_in_repository(*match.family, checkpoint.description());
  if (published == nullptr) published = match.family->undeclared(config, match.has_classification_head());
  if (published == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: {} is a language model, and nothing in its directory declares how it ranks; "
                            "if it is a reranker, name its prompt ({}) or write a prompt file, see "
                            "docs/prompts.md",
                            checkpoint.description(), match.architecture, names_of({&match.family, 1})));
  }
  Declaration declaration = declaration_of(*published);
  if (match.has_classification_head()) {
    declaration.declared.answers = {};
    declaration.declared.score = declared_activation(checkpoint, config).value_or(ScoreFunction{});
  }
  return declaration;
}

// Prompts in pieces are for language models, pairs for encoders.
void require_prompt_for(const FamilyMatch& match, const Declaration& declaration) {
  const bool is_encoder = match.family->is_encoder();
  if (declaration.declared.prompt.pair.has_value() == is_encoder) return;
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format(
          "{}: this prompt is for {}; {}", declaration.source, is_encoder ? "language models" : "encoders",
          is_encoder ? fmt::format("{} is an encoder, whose tokenizer joins query and document: "
                                   "leave the prompt out",
                                   match.architecture)
                     : fmt::format("{} is a language model: name one of its prompts", match.architecture)));
}

}  // namespace

Declaration find_declaration(const Checkpoint& checkpoint, const JsonView& config, const FamilyMatch& match,
                             const PromptChoice& choice) {
  Declaration declaration =
      choice.prompt.empty() ? declaration_by_its_files(checkpoint, config, match) : chosen_prompt(choice);
  require_prompt_for(match, declaration);
  choose_suffix(declaration.declared, choice.suffix);
  choose_activation(declaration, choice.activation);
  return declaration;
}

}  // namespace rerank
