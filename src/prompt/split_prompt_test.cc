// Where a prompt of one text is cut: in the notation of prompt files, with a bar at each cut.
#include "prompt/split_prompt.h"

#include <gtest/gtest.h>

#include <string>

#include "prompt/prompt_text.h"

namespace rerank {
namespace {

std::string cut(const std::string& text) {
  std::string shown;
  for (const PromptPiece& piece : split_prompt(parse_prompt_text(text, "text"))) {
    shown += (shown.empty() ? "" : "|") + print_prompt_text(piece.texts);
  }
  return shown;
}

TEST(SplitPrompt, CutsBeforeQueryAndDocument) {
  EXPECT_EQ(cut("<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}<|im_end|>\n"),
            "<Instruct>: {instruction}\n<Query>:| {query}\n<Document>:| {document}<|im_end|>\n");
  EXPECT_EQ(cut("<|im_start|>system\n{query}<|im_end|>\n<|im_start|>user\n{document}<|im_end|>\n"),
            "<|im_start|>system|\n{query}<|im_end|>\n<|im_start|>user|\n{document}<|im_end|>\n");
  EXPECT_EQ(cut("Find:\n<d>{document}\n<q>{query} ??"), "Find:\n|<d>{document}\n<q>{query} ??");
  EXPECT_EQ(cut("<d> {document}\n<q> {query} ??"), "<d>| {document}\n<q>| {query} ??");
}

TEST(SplitPrompt, CutsNowhereElse) {
  EXPECT_EQ(cut("{query} {document}"), "{query} {document}");  // the query may end in a space
  EXPECT_EQ(cut("Q:{query}\n\nD:{document}"), "Q:{query}\n\nD:{document}");
  EXPECT_EQ(cut("Q:\n{query}:\n\nD{document}"), "Q:\n{query}:\n\nD{document}");
  EXPECT_EQ(cut(":\n/{query}:\n/{document}"), ":\n/{query}:\n/{document}") << ":\n/ may be one word";
  EXPECT_EQ(cut("\u00a0 {query}\u00a0 {document}"), "\u00a0 {query}\u00a0 {document}");
}

TEST(SplitPrompt, CutsNotInsideWhatMayBeLeftOut) {
  EXPECT_EQ(cut("user: a{if instruction}do: {instruction}\n{end}q{query}\nd: {document}"),
            "user:| a{if instruction}do: {instruction}\n{end}q{query}\nd:| {document}");
  EXPECT_EQ(cut("{if instruction}do: {instruction}\n{end}q: {query}\nd: {document}"),
            "{if instruction}do: {instruction}\n{end}q:| {query}\nd:| {document}");
}

TEST(SplitPrompt, PutsTogetherWhatOnlyWordsSeparate) {
  const std::vector<PromptText> joined =
      joined_texts({{"a"}, {""}, {"b", PromptField::kQuery}, {"c", PromptField::kNone, true}, {"d"}});
  EXPECT_EQ(print_prompt_text(joined), "ab{query}{if instruction}c{end}d");
  EXPECT_EQ(joined.size(), 3u);
}

}  // namespace
}  // namespace rerank
