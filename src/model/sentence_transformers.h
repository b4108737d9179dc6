// What sentence-transformers saves beside a model: modules.json and the configurations of its modules.
#pragma once

#include <optional>

#include "model/declaration.h"

namespace rerank {

// Nothing where the directory has no modules.json. Throws Error{kUnsupported} naming the module or key that
// this program does not compute, as those of an embedding model.
std::optional<Declaration> read_modules(const Checkpoint& checkpoint, const JsonView& config,
                                        const FamilyMatch& match);

// The activation that config_sentence_transformers.json, else config.json names; nothing where neither does.
std::optional<ScoreFunction> declared_activation(const Checkpoint& checkpoint, const JsonView& config);

// `otherwise`, 0 for none, or less where the tokenizer's or the Transformer module's configuration says so.
std::int32_t declared_text_limit(const Checkpoint& checkpoint, std::int32_t otherwise);

}  // namespace rerank
