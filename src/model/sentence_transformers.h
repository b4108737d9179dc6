// The files that sentence-transformers adds to a model: modules.json and the configurations of its modules.
#pragma once

#include <optional>

#include "model/declaration.h"

namespace rerank {

// nullopt if the directory has no modules.json. Throws Error{kUnsupported} naming the first module or key
// that is not supported, such as those of an embedding model.
std::optional<Declaration> read_modules(const Checkpoint& checkpoint, const JsonView& config,
                                        const FamilyMatch& match);

// The activation named in config_sentence_transformers.json or, if absent, in config.json; nullopt if neither
// names one.
std::optional<ScoreFunction> declared_activation(const Checkpoint& checkpoint, const JsonView& config);

// The smallest of `otherwise` (0: no limit) and the limits in the configurations of the tokenizer and the
// Transformer module.
std::int32_t declared_text_limit(const Checkpoint& checkpoint, std::int32_t otherwise);

}  // namespace rerank
