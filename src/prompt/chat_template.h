// The prompt of a model from its Hugging Face chat template, a Jinja text: chat_template.jinja, or the string
// of that name in tokenizer_config.json. Not Jinja: a closed part of it, enough for what published rerankers
// have, computed once while the texts are not known; all else is refused. docs/prompts.md lists the part.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "prompt/prompt.h"

namespace rerank {

struct ChatTemplateOptions {
  std::string name = "chat_template.jinja";  // of the file, for messages
  // The system message of a request without an instruction; empty: it has no system message. In
  // config_sentence_transformers.json: prompts[default_prompt_name].
  std::string default_instruction;
  // What else the template may ask for: bos_token and its like; what sentence_bert_config.json has in
  // processing_kwargs.chat_template, such as add_generation_prompt.
  std::map<std::string, std::variant<bool, std::string>> variables;
};

// With the messages of sentence-transformers' CrossEncoder: role "system" for an instruction, "query",
// "document". Throws Error{kUnsupported} that names line and construct and says what to do. REQUIRES: as
// split_prompt
Prompt read_chat_template(std::string_view text, const ChatTemplateOptions& options = {});

}  // namespace rerank
