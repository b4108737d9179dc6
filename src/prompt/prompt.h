// The words around a query and a document, as data: a list of pieces, each encoded as one text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// Whose text follows some words.
enum class PromptField { kNone, kInstruction, kQuery, kDocument };

struct PromptText {
  std::string words;  // ours; control tokens in them are control tokens
  PromptField field = PromptField::kNone;
  bool needs_instruction = false;  // words and field are left out where there is no instruction
};

// Encoded as one text. Pieces begin and end where the tokenizer's pre-tokenizer splits whatever the texts
// are, so that encoding piece by piece equals encoding the whole; or where the publisher's own code encodes
// apart.
struct PromptPiece {
  std::vector<PromptText> texts;
  int times_outside_limit = 0;  // see Prompt::text_limit
};

// Each field occurs at most once, query and document do. What is before the document and does not depend on
// it is shared between documents.
struct Prompt {
  std::string name;                 // for people
  std::vector<PromptPiece> pieces;  // in order
  std::string default_instruction;  // empty: none

  // The text limit, in tokens: that of the whole prompt, less those of each piece times its
  // times_outside_limit. What a publisher's code calls max_length, 0: no limit but the model's positions.
  std::int32_t default_text_limit = 8192;
  // The piece of the query is cut to this share of the text limit, in percent; 0: it is never cut, and a pair
  // whose query leaves the document no room is refused.
  int query_percent = 0;
  // The piece of the document is cut to the text limit, besides the room that the prompt leaves it.
  bool document_within_text_limit = false;
};

// A piece of a prompt. Template pieces hold control tokens; user pieces are encoded as plain text.
struct Qwen3Piece {
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
  static std::vector<Qwen3Piece> preamble(std::string_view instruction);
  // The query's own piece first, so that it can be cut in tokens, and what closes it; as one piece when it is
  // not cut.
  static std::string query(std::string_view query);
  static std::string query_end();
  static std::string document(std::string_view document);
  static Qwen3Piece suffix(PromptSuffix suffix);
};

}  // namespace rerank
