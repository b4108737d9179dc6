// The words of Qwen3-Reranker's prompt.
#include "prompt/prompt.h"

namespace rerank {

namespace {

std::string joined(std::string_view before, std::string_view text, std::string_view after) {
  std::string all(before);
  all += text;
  return all += after;
}

}  // namespace

std::string_view Qwen3Prompt::preamble_start() {
  return "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the "
         "Instruct "
         "provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n";
}

std::vector<Qwen3Piece> Qwen3Prompt::preamble(std::string_view instruction) {
  return {{std::string(preamble_start()), true},
          {joined(kBeforeInstruction, instruction, kAfterInstruction), false}};
}

std::string Qwen3Prompt::query(std::string_view query) {
  return joined(kBeforeQuery, query, "");
}

std::string Qwen3Prompt::query_end() {
  return std::string(kAfterQuery);
}

std::string Qwen3Prompt::document(std::string_view document) {
  return joined(kBeforeDocument, document, "");
}

Qwen3Piece Qwen3Prompt::suffix(PromptSuffix suffix) {
  std::string text = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";
  if (suffix == PromptSuffix::kVllm) text.pop_back();
  return {text, true};
}

}  // namespace rerank
