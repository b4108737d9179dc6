#include "model/sentence_transformers.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/string.hpp>
#include <utility>
#include <vector>

#include "base/shown_text.h"
#include "checkpoint/module_list.h"
#include "prompt/chat_template.h"
#include "prompt/prompt_text.h"
#include "prompt/split_prompt.h"
#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

namespace json = boost::json;

constexpr std::int64_t kMaxTokenId = 1 << 24;

// The files of a directory that sentence-transformers saved.
class SavedModel {
 public:
  explicit SavedModel(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  std::string name_of(std::string_view file) const {
    return fmt::format("{}: {}", checkpoint_.description(), file);
  }
  std::optional<std::string> text(const std::string& file) const { return checkpoint_.text_file(file); }
  // An empty object where there is no such file.
  ConfigReader read(const std::string& file) const { return {text(file).value_or("{}"), name_of(file)}; }
  std::vector<Module> modules(const std::string& list) const {
    return parse_module_list(list, name_of(kModuleListFile));
  }

 private:
  const Checkpoint& checkpoint_;
};

// The folder of LogitScore; empty: the model is its Transformer alone.
std::string logit_score_folder(const SavedModel& saved, const std::string& modules) {
  std::string folder;
  for (const Module& module : saved.modules(modules)) {
    if (module.type == "Transformer") continue;
    if (module.type == "LogitScore" && folder.empty() && !module.path.empty()) {
      folder = module.path;
      continue;
    }
    const bool is_embedding = module.type == "Pooling" || module.type == "Normalize";
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{} has the module {}, {}", saved.name_of("modules.json"), shown_text(module.type),
                    is_embedding ? "so it makes embeddings and is not a reranker; use a reranker, such "
                                   "as Qwen/Qwen3-Reranker-0.6B"
                                 : "which this program does not compute"));
  }
  return folder;
}

AnswerToken token(const ConfigReader& config, std::string_view key) {
  if (!config.contains(key)) return {};
  return {.word = "", .id = config.integer(key, 0, kMaxTokenId)};
}

Answers read_answers(const ConfigReader& config) {
  Answers answers{.yes = token(config, "true_token_id"), .no = token(config, "false_token_id")};
  if (!answers.yes.is_given()) config.get("true_token_id");
  return answers;
}

// The name of a torch module, such as torch.nn.modules.activation.Sigmoid; a single score's default is that.
ScoreFunction score_of_activation(const ConfigReader& config, std::string_view key) {
  const std::string_view name = config.text(key);
  if (name.ends_with(".Sigmoid")) return {};
  if (name.ends_with(".Identity")) return {.sigmoid = false};
  config.unsupported(key,
                     fmt::format("is {}, but only Sigmoid and Identity are supported", shown_text(name)));
}

std::string default_instruction(const ConfigReader& settings) {
  if (!settings.contains("default_prompt_name")) return "";
  if (!settings.contains("prompts") || !settings.get("prompts").is_object()) settings.get("prompts");
  return std::string(settings.inner("prompts").text(settings.text("default_prompt_name")));
}

using Variables = decltype(ChatTemplateOptions::variables);

// What CrossEncoder passes to the template besides the messages.
Variables template_variables(const SavedModel& saved, const ConfigReader& tokenizer) {
  Variables variables;
  for (const char* key : {"bos_token", "eos_token", "pad_token", "unk_token"}) {
    if (tokenizer.contains(key) && tokenizer.get(key).is_string())
      variables[key] = std::string(tokenizer.text(key));
  }
  const ConfigReader settings = saved.read("sentence_bert_config.json");
  const auto has_object = [](const ConfigReader& reader, std::string_view key) {
    return reader.contains(key) && reader.get(key).is_object();
  };
  if (!has_object(settings, "processing_kwargs")) return variables;
  const ConfigReader processing = settings.inner("processing_kwargs");
  if (!has_object(processing, "chat_template")) return variables;
  for (const json::key_value_pair& entry : processing.inner("chat_template").object()) {
    if (entry.value().is_bool()) variables[entry.key()] = entry.value().get_bool();
    if (entry.value().is_string()) variables[entry.key()] = std::string(entry.value().get_string().c_str());
  }
  return variables;
}

std::optional<Prompt> read_prompt(const SavedModel& saved, const std::string& instruction) {
  const ConfigReader tokenizer = saved.read("tokenizer_config.json");
  std::optional<std::string> text = saved.text("chat_template.jinja");
  std::string name = saved.name_of("chat_template.jinja");
  if (!text && tokenizer.contains("chat_template")) {
    text = std::string(tokenizer.text("chat_template"));
    name = saved.name_of("tokenizer_config.json: chat_template");
  }
  if (!text) return std::nullopt;
  Prompt prompt = read_chat_template(*text, {.name = std::move(name),
                                             .default_instruction = instruction,
                                             .variables = template_variables(saved, tokenizer)});
  prompt.name = "chat template";
  if (tokenizer.contains("model_max_length") && tokenizer.get("model_max_length").is_int64()) {
    prompt.default_text_limit =
        std::min(prompt.default_text_limit, tokenizer.integer("model_max_length", 1, INT32_MAX));
  }
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

std::optional<Declaration> read_modules(const Checkpoint& checkpoint, const ConfigReader& config,
                                        const FamilyMatch& match) {
  const SavedModel saved(checkpoint);
  const std::optional<std::string> modules = saved.text("modules.json");
  if (!modules) return std::nullopt;
  const std::string folder = logit_score_folder(saved, *modules);
  if (folder.empty() != match.has_classification_head()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} {}, but {} has {}", saved.name_of("modules.json"),
                            folder.empty() ? "has no LogitScore" : "has LogitScore", match.architecture,
                            folder.empty() ? "no classification head, so nothing says how it scores"
                                           : "a classification head"));
  }
  const ConfigReader settings = saved.read("config_sentence_transformers.json");
  const std::optional<Prompt> prompt = read_prompt(saved, default_instruction(settings));
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
  if (!folder.empty()) declaration.declared.answers = read_answers(saved.read(folder + "/config.json"));
  declaration.declared.score = declared_activation(checkpoint, config).value_or(ScoreFunction{});
  if (const PublishedReranker* published = same_published(*match.family, declaration.declared)) {
    declaration.declared.score = published->declare().score;
    declaration.source += fmt::format(", and {}", published->source);
  }
  return declaration;
}

std::optional<ScoreFunction> declared_activation(const Checkpoint& checkpoint, const ConfigReader& config) {
  constexpr std::string_view kOwn = "sentence_transformers", kOld = "sbert_ce_default_activation_function";
  const ConfigReader settings = SavedModel(checkpoint).read("config_sentence_transformers.json");
  if (settings.contains("activation_fn")) return score_of_activation(settings, "activation_fn");
  if (config.contains(kOwn) && config.get(kOwn).is_object() && config.inner(kOwn).contains("activation_fn")) {
    return score_of_activation(config.inner(kOwn), "activation_fn");
  }
  if (config.contains(kOld)) return score_of_activation(config, kOld);
  return std::nullopt;
}

std::int32_t declared_text_limit(const Checkpoint& checkpoint, std::int32_t otherwise) {
  const SavedModel saved(checkpoint);
  std::int32_t limit = otherwise;
  for (const auto& [file, key] : {std::pair{"tokenizer_config.json", "model_max_length"},
                                  {"sentence_bert_config.json", "max_seq_length"}}) {
    const ConfigReader config = saved.read(file);
    // Transformers writes 1e30 for none.
    if (!config.contains(key) || !config.get(key).is_int64() || config.get(key).get_int64() > INT32_MAX)
      continue;
    const std::int32_t own = config.integer(key, 1, INT32_MAX);
    limit = limit == 0 ? own : std::min(limit, own);
  }
  return limit;
}

}  // namespace rerank
