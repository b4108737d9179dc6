// The words of synthetic texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank::load {

// A few hundred common English words separated by spaces. Each is one token of Qwen3's tokenizer, with and
// without a space before it, so that N of them are N tokens; other tokenizers may differ.
std::string_view common_words();

// Splits at spaces.
std::vector<std::string> split_words(std::string_view text);

}  // namespace rerank::load
