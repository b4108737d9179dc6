// Turns the file's steps into a chain of regular expressions.
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace rerank {

// The pattern that ByteLevel with use_regex stands for, published with GPT-2.
static constexpr const char* kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

PreTokenizer::PreTokenizer(const PreTokenizerSpec& spec) {
  for (const SplitStep& split : spec.splits)
    steps_.push_back({SplitRegex(split.pattern), split.keeps, false});
  if (spec.use_regex) {
    steps_.push_back({SplitRegex(kGpt2Pattern), SplitKeeps::kAll, spec.add_prefix_space});
  } else {
    final_prefix_space_ = spec.add_prefix_space;
  }
}

}  // namespace rerank
