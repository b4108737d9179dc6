// The words that made-up texts consist of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank::load {

// A few hundred common English words with blanks between. Each is one token of Qwen3's tokenizer, with a
// blank before it and without, so that there N of them are N tokens; for another tokenizer that need not be.
std::string_view common_words();

// Words by the blanks between them.
std::vector<std::string> split_words(std::string_view text);

}  // namespace rerank::load
