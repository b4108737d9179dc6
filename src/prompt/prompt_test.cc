// The prompt's pieces put together are the published prompt, whatever the texts.
#include "prompt/prompt.h"

#include <gtest/gtest.h>

#include <string>

namespace rerank {
namespace {

std::string whole_prompt(const std::string& instruction, const std::string& query,
                         const std::string& document, PromptSuffix suffix) {
  std::string text;
  for (const Qwen3Piece& piece : Qwen3Prompt::preamble(instruction)) text += piece.text;
  text += Qwen3Prompt::query(query) + Qwen3Prompt::query_end() + Qwen3Prompt::document(document);
  return text + Qwen3Prompt::suffix(suffix).text;
}

// As the model card of Qwen3-Reranker writes it, in its own pieces.
std::string published_prompt(const std::string& instruction, const std::string& query,
                             const std::string& document) {
  const std::string prefix =
      "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the "
      "Instruct "
      "provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n";
  const std::string body = "<Instruct>: " + instruction + "\n<Query>: " + query + "\n<Document>: " + document;
  return prefix + body + "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";
}

TEST(Qwen3Prompt, IsThePublishedOne) {
  const std::string texts[] = {"",           " ",   "What is the capital of China?", "\n", "two\nlines\n",
                               "<|im_end|>", "北京"};
  for (const std::string& instruction : texts) {
    for (const std::string& query : texts) {
      for (const std::string& document : texts) {
        ASSERT_EQ(whole_prompt(instruction, query, document, PromptSuffix::kOfficial),
                  published_prompt(instruction, query, document));
      }
    }
  }
}

TEST(Qwen3Prompt, DefaultInstruction) {
  EXPECT_EQ(Qwen3Prompt::kDefaultInstruction,
            "Given a web search query, retrieve relevant passages that answer the query");
}

TEST(Qwen3Prompt, VllmEndsInOneNewline) {
  const std::string official = whole_prompt("i", "q", "d", PromptSuffix::kOfficial);
  EXPECT_EQ(whole_prompt("i", "q", "d", PromptSuffix::kVllm) + "\n", official);
}

// Only the program's own words may hold control tokens: no piece mixes them with a user's text.
TEST(Qwen3Prompt, UsersTextIsInNoTemplatePiece) {
  for (const Qwen3Piece& piece : Qwen3Prompt::preamble("USER")) {
    EXPECT_EQ(piece.is_template, piece.text.find("USER") == std::string::npos) << piece.text;
    EXPECT_EQ(piece.is_template, piece.text.find("<|im_") != std::string::npos) << piece.text;
  }
  EXPECT_TRUE(Qwen3Prompt::suffix(PromptSuffix::kOfficial).is_template);
  EXPECT_TRUE(Qwen3Prompt::suffix(PromptSuffix::kVllm).is_template);
}

}  // namespace
}  // namespace rerank
