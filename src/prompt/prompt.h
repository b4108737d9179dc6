// The words around a query and a document. A prompt is three parts, each the parent of the next: what depends
// on the instruction alone, what the query adds, what a document adds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// A piece of a prompt. Template pieces hold control tokens; user pieces are encoded as plain text.
struct PromptPiece {
  std::string text;
  bool is_template = false;
};

enum class PromptSuffix {
  kOfficial,  // ends in two newlines
  kVllm,      // in one, as vLLM's own published template renders it
};

// The prompt of Qwen3-Reranker (its model card). Pieces begin and end where the tokenizer's pre-tokenizer
// splits whatever the texts are, so that encoding piece by piece equals encoding the whole.
struct Qwen3Prompt {
  static constexpr std::string_view kDefaultInstruction =
      "Given a web search query, retrieve relevant passages that answer the query";

  // What stands around each text, in the same piece.
  static constexpr std::string_view kBeforeInstruction = "<Instruct>: ";
  static constexpr std::string_view kAfterInstruction = "\n<Query>:";
  static constexpr std::string_view kBeforeQuery = " ";
  static constexpr std::string_view kAfterQuery = "\n<Document>:";
  static constexpr std::string_view kBeforeDocument = " ";

  // The template piece before the instruction.
  static std::string_view preamble_start();
  static std::vector<PromptPiece> preamble(std::string_view instruction);
  // The query's own piece first, so that it can be cut in tokens, and what closes it; as one piece when it is
  // not cut.
  static std::string query(std::string_view query);
  static std::string query_end();
  static std::string document(std::string_view document);
  static PromptPiece suffix(PromptSuffix suffix);
};

}  // namespace rerank
