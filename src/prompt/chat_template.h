// Reads a model's prompt from its Hugging Face chat template, a Jinja text: chat_template.jinja or the string
// of that name in tokenizer_config.json. Only the subset of Jinja that published rerankers use is supported,
// evaluated once, before the texts are known; everything else is rejected. docs/prompts.md lists the subset.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "prompt/prompt.h"

namespace rerank {

struct ChatTemplateOptions {
  std::string name = "chat_template.jinja";  // of the file, for messages
  // The system message of a request without an instruction; empty: no system message. It is
  // prompts[default_prompt_name] in config_sentence_transformers.json.
  std::string default_instruction;
  // Other variables of the template: bos_token and the like, and processing_kwargs.chat_template of
  // sentence_bert_config.json, such as add_generation_prompt.
  std::map<std::string, std::variant<bool, std::string>> variables;
};

// Renders the messages that sentence-transformers' CrossEncoder passes: roles "system" for the instruction,
// "query" and "document". Throws Error{kUnsupported} that names line and construct and says what to do.
// REQUIRES: as split_prompt
Prompt read_chat_template(std::string_view text, const ChatTemplateOptions& options = {});

}  // namespace rerank
