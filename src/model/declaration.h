// How a checkpoint's pairs are prompted and scored, as declared in its directory or known for a published
// model.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/checkpoint.h"
#include "model/families.h"

namespace rerank {

// The caller's choices, which override what the directory declares.
struct PromptChoice {
  std::string prompt;               // a published reranker's, by name, or a prompt file; empty: none
  std::string suffix = "official";  // "official" or "vllm"
  std::string activation = "auto";  // "auto", "none" or "sigmoid"
};

struct Declaration {
  DeclaredPrompt declared;
  std::string source;  // for messages: where it is declared
};

// In this order: the choice; the prompt file beside the model; the modules of sentence-transformers; the name
// of the repository, if it is a published reranker's; what the family takes it for. Throws
// Error{kUnsupported}, with what to do, for an embedding model, a language model that nothing declares to be
// a reranker, and whatever the files declare that this program does not compute.
Declaration find_declaration(const Checkpoint& checkpoint, const JsonView& config, const FamilyMatch& match,
                             const PromptChoice& choice);

}  // namespace rerank
