// The words of a tokenizer, for made-up texts whose length in tokens is known.
#pragma once

#include <string>
#include <vector>

namespace rerank::cli {

// Words that are one token each, with a blank before them and without. `given` is a tokenizer.json or a model
// that has one. Throws Error naming --tokenizer when there are too few.
std::vector<std::string> words_of_tokenizer(const std::string& given);

}  // namespace rerank::cli
