// The words of Qwen3-Reranker's prompt.
#include "prompt/prompt.h"

namespace rerank {

std::vector<PromptPiece> Qwen3Prompt::preamble(std::string_view instruction) {
  return {{"<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the "
           "Instruct "
           "provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n",
           true},
          {"<Instruct>: " + std::string(instruction) + "\n<Query>:", false}};
}

std::string Qwen3Prompt::query(std::string_view query) {
  return " " + std::string(query);
}

std::string Qwen3Prompt::query_end() {
  return "\n<Document>:";
}

std::string Qwen3Prompt::document(std::string_view document) {
  return " " + std::string(document);
}

PromptPiece Qwen3Prompt::suffix(PromptSuffix suffix) {
  std::string text = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";
  if (suffix == PromptSuffix::kVllm) text.pop_back();
  return {text, true};
}

}  // namespace rerank
