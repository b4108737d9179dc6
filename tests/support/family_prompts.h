// Prompts of published rerankers by name, and one that a directory might declare. For tests only.
#pragma once

#include <string>
#include <string_view>

#include "model/families.h"
#include "rerank/error.h"

namespace rerank {

// As find_family's rerankers declare it.
inline Prompt published_prompt(std::string_view name) {
  for (const Family* family : families()) {
    for (const PublishedReranker& reranker : family->rerankers) {
      if (reranker.name == name) return reranker.declare().prompt;
    }
  }
  throw Error(ErrorCode::kNotFound, "no published reranker has this name");
}

inline Prompt qwen3_reranker_prompt() {
  return published_prompt("qwen3-reranker");
}

// Nothing of it is shared.
inline Prompt document_first_prompt() {
  return {.pieces = {{{{"", PromptField::kDocument}, {"\n"}}}, {{{"Q:", PromptField::kQuery}}}}};
}

// A Qwen3-Reranker that was tuned for other words.
inline Prompt tuned_prompt() {
  return {.name = "tuned",
          .pieces = {{{{"<|im_start|>system\nAnswer 1 or 0.<|im_end|>\n<|im_start|>user\n"}}},
                     {{{"Task: ", PromptField::kInstruction}, {"\nQ:"}}},
                     {{{" ", PromptField::kQuery}, {"\nD:"}}},
                     {{{" ", PromptField::kDocument}}},
                     {{{"<|im_end|>\n<|im_start|>assistant\n"}}}},
          .default_instruction = qwen3_reranker_prompt().default_instruction};
}

}  // namespace rerank
