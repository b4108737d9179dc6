// What sentence-transformers saves beside a model: modules.json and the configurations of its modules.
#pragma once

#include <optional>

#include "model/declaration.h"

namespace rerank {

// Nothing where the directory has no modules.json. Throws Error{kUnsupported} naming the module or key that
// this program does not compute, as those of an embedding model.
std::optional<Declaration> read_modules(const Checkpoint& checkpoint, const ConfigReader& config,
                                        const FamilyMatch& match);

// The activation that config.json names for sentence-transformers; the sigmoid where it names none.
ScoreFunction score_of_config(const ConfigReader& config);

}  // namespace rerank
