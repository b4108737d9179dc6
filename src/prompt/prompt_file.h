// The prompt file beside a model, JSON: how its pairs are asked and how the answer becomes a score.
// docs/prompts.md describes it for people.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "prompt/declared_prompt.h"

namespace rerank {

inline constexpr std::string_view kPromptFileName = "rerank_prompt.json";

// What a file may name instead of a text of its own.
struct BuiltInPrompt {
  std::string name;
  DeclaredPrompt declared;
};

// Strict: throws Error that begins with `file` and names the key and the way out, for an unknown key too. A
// prompt of one text is cut as by split_prompt, a list is encoded apart.
DeclaredPrompt read_prompt_file(std::string_view text, std::string_view file,
                                std::span<const BuiltInPrompt> built_ins);

// The text that read_prompt_file reads as the same. REQUIRES: see prompt.h
std::string write_prompt_file(const DeclaredPrompt& declared);

}  // namespace rerank
