#include "model/sentence_transformers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/shown_text.h"
#include "checkpoint/module_list.h"
#include "prompt/chat_template.h"
#include "prompt/prompt_text.h"
#include "prompt/split_prompt.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::int64_t kMaxTokenId = 1 << 24;
constexpr std::string_view kSettingsFile = "config_sentence_transformers.json";

// The folder of LogitScore; empty: the model is its Transformer alone.
std::string logit_score_folder(const std::vector<Module>& modules, const std::string& name) {
  std::string folder;
  for (const Module& module : modules) {
    if (module.type == "Transformer") continue;
    if (module.type == "LogitScore" && folder.empty() && !module.path.empty()) {
      folder = module.path;
      continue;
    }
    const bool is_embedding = module.type == "Pooling" || module.type == "Normalize";
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{} has the module {}, {}", name, shown_text(module.type),
                    is_embedding ? "so it makes embeddings and is not a reranker; use a reranker, such "
                                   "as Qwen/Qwen3-Reranker-0.6B"
                                 : "which this program does not compute"));
  }
  return folder;
}

Answers read_answers(const JsonView& config) {
  return {.yes = {.id = config.at("true_token_id").integer(0, kMaxTokenId)},
          .no = {.id = config.integer_or("false_token_id", -1, 0, kMaxTokenId)}};
}

// The name of a torch module, such as torch.nn.modules.activation.Sigmoid; a single score's default is that.
ScoreFunction score_of_activation(const JsonView& activation) {
  const std::string_view name = activation.string();
  if (name.ends_with(".Sigmoid")) return {};
  if (name.ends_with(".Identity")) return {.sigmoid = false};
  activation.unsupported(
      fmt::format("is {}, but only Sigmoid and Identity are supported", activation.quoted()));
}

std::string default_instruction(const JsonView& settings) {
  const std::optional<JsonView> name = settings.find("default_prompt_name");
  return std::string(name ? settings.at("prompts").at(name->string()).string() : "");
}

// `limit`, 0 for none, or less where the key says so.
std::int32_t lesser_limit(std::int32_t limit, const JsonView& config, std::string_view key) {
  const std::optional<JsonView> own = config.find(key);
  if (!own || own->number() > INT32_MAX) return limit;  // Transformers writes 1e30 for none
  const std::int32_t least = own->integer(1, INT32_MAX);
  return limit == 0 ? least : std::min(limit, least);
}

using Variables = decltype(ChatTemplateOptions::variables);

// What CrossEncoder passes to the template besides the messages.
Variables template_variables(const Checkpoint& checkpoint, const JsonView& tokenizer) {
  Variables variables;
  for (const char* key : {"bos_token", "eos_token", "pad_token", "unk_token"}) {
    const std::optional<JsonView> token = tokenizer.find(key);
    if (token && token->is_string()) variables[key] = std::string(token->string());
  }
  const JsonFile settings = checkpoint.json_file("sentence_bert_config.json");
  const std::optional<JsonView> processing = settings.find("processing_kwargs");
  const std::optional<JsonView> own = processing ? processing->find("chat_template") : std::nullopt;
  if (!own) return variables;
  for (const boost::json::key_value_pair& member : own->object()) {
    if (member.value().is_bool()) variables[member.key()] = member.value().get_bool();
    if (member.value().is_string()) variables[member.key()] = std::string(member.value().get_string());
  }
  return variables;
}

std::optional<Prompt> read_prompt(const Checkpoint& checkpoint, const std::string& instruction) {
  const JsonFile tokenizer = checkpoint.json_file("tokenizer_config.json");
  std::optional<std::string> text = checkpoint.text_file("chat_template.jinja");
  std::string name = checkpoint.name_of("chat_template.jinja");
  const std::optional<JsonView> own = tokenizer.find("chat_template");
  if (!text && own) {
    text = std::string(own->string());
    name = own->name();
  }
  if (!text) return std::nullopt;
  Prompt prompt = read_chat_template(*text, {.name = std::move(name),
                                             .default_instruction = instruction,
                                             .variables = template_variables(checkpoint, tokenizer)});
  prompt.name = "chat template";
  prompt.default_text_limit = lesser_limit(prompt.default_text_limit, tokenizer, "model_max_length");
  return prompt;
}

// As one text with marks, however it is cut into pieces.
std::string whole_text(const Prompt& prompt) {
  std::vector<PromptText> texts;
  for (const PromptPiece& piece : prompt.pieces)
    texts.insert(texts.end(), piece.texts.begin(), piece.texts.end());
  return print_prompt_text(joined_texts(texts));
}

// A published reranker with this prompt and these answers, whose publisher knows a better score than the
// activation that was saved.
const PublishedReranker* same_published(const Family& family, const DeclaredPrompt& declared) {
  const auto same =
      std::find_if(family.rerankers.begin(), family.rerankers.end(), [&](const PublishedReranker& reranker) {
        const DeclaredPrompt published = reranker.declare();
        return published.answers.yes.id >= 0 && published.answers.yes.id == declared.answers.yes.id &&
               published.answers.no.id == declared.answers.no.id &&
               whole_text(published.prompt) == whole_text(declared.prompt);
      });
  return same == family.rerankers.end() ? nullptr : &*same;
}

}  // namespace

std::optional<Declaration> read_modules(const Checkpoint& checkpoint, const JsonView& config,
                                        const FamilyMatch& match) {
  const std::optional<std::string> modules = checkpoint.text_file(kModuleListFile);
  if (!modules) return std::nullopt;
  const std::string name = checkpoint.name_of(kModuleListFile);
  const std::string folder = logit_score_folder(parse_module_list(*modules, name), name);
  if (folder.empty() != match.has_classification_head()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} {}, but {} has {}", name,
                            folder.empty() ? "has no LogitScore" : "has LogitScore", match.architecture,
                            folder.empty() ? "no classification head, so nothing says how it scores"
                                           : "a classification head"));
  }
  const JsonFile settings = checkpoint.json_file(kSettingsFile);
  const std::optional<Prompt> prompt = read_prompt(checkpoint, default_instruction(settings));
  if (!prompt) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{}: there is no chat template that says how a pair is asked; write a prompt file, "
                    "see docs/prompts.md",
                    checkpoint.description()));
  }
  Declaration declaration;
  declaration.declared.prompt = *prompt;
  declaration.source = "sentence-transformers' modules.json";
  if (!folder.empty())
    declaration.declared.answers = read_answers(checkpoint.json_file(folder + "/config.json"));
  declaration.declared.score = declared_activation(checkpoint, config).value_or(ScoreFunction{});
  if (const PublishedReranker* published = same_published(*match.family, declaration.declared)) {
    declaration.declared.score = published->declare().score;
    declaration.source += fmt::format(", and {}", published->source);
  }
  return declaration;
}

std::optional<ScoreFunction> declared_activation(const Checkpoint& checkpoint, const JsonView& config) {
  const JsonFile settings = checkpoint.json_file(kSettingsFile);
  const std::optional<JsonView> own = config.find("sentence_transformers");
  std::optional<JsonView> found = settings.find("activation_fn");
  if (!found && own) found = own->find("activation_fn");
  if (!found) found = config.find("sbert_ce_default_activation_function");
  return found ? std::optional(score_of_activation(*found)) : std::nullopt;
}

std::int32_t declared_text_limit(const Checkpoint& checkpoint, std::int32_t otherwise) {
  const std::int32_t limit =
      lesser_limit(otherwise, checkpoint.json_file("tokenizer_config.json"), "model_max_length");
  return lesser_limit(limit, checkpoint.json_file("sentence_bert_config.json"), "max_seq_length");
}

}  // namespace rerank
