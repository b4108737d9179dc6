// What a prompt file may say, how it is refused, and that what is written is read as the same.
#include "prompt/prompt_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "prompt/prompt_text.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

std::vector<BuiltInPrompt> built_ins() {
  DeclaredPrompt declared{.prompt = {.pieces = {{.texts = {{"Q: ", PromptField::kQuery}}},
                                                {.texts = {{"D: ", PromptField::kDocument}}}},
                                     .default_text_limit = 100},
                          .answers = {.yes = {.word = "yes"}, .no = {.word = "no"}},
                          .score = {.sigmoid = false}};
  return {{"known-reranker", declared}};
}

DeclaredPrompt read(const std::string& text) {
  return read_prompt_file(text, "rerank_prompt.json", built_ins());
}

std::string refusal(const std::string& text) {
  return error_of([&] { read(text); });
}

std::string shown(const Prompt& prompt) {
  std::string text;
  for (const PromptPiece& piece : prompt.pieces) text += print_prompt_text(piece.texts) + "|";
  return text;
}

TEST(PromptFile, OneText) {
  const DeclaredPrompt read_back = read(R"({"name": "mine",
    "prompt": "Task: {instruction}\nQ: {query}\nD: {document}<|im_end|>", "default_instruction": "Find {it}.",
    "answers": {"yes": "1", "no": 15}, "score": {"shift": 4.5, "scale": 2}, "text_limit": 512,
    "query_percent": 75, "document_within_text_limit": true})");
  EXPECT_EQ(shown(read_back.prompt), "Task: {instruction}\nQ:| {query}\nD:| {document}<|im_end|>|");
  EXPECT_EQ(read_back.prompt.name, "mine");
  EXPECT_EQ(read_back.prompt.default_instruction, "Find {it}.");
  EXPECT_EQ(read_back.prompt.default_text_limit, 512);
  EXPECT_EQ(read_back.prompt.query_percent, 75);
  EXPECT_TRUE(read_back.prompt.document_within_text_limit);
  EXPECT_EQ(read_back.answers, (Answers{.yes = {.word = "1"}, .no = {.id = 15}}));
  EXPECT_EQ(read_back.score, (ScoreFunction{true, 4.5f, 2}));
}

TEST(PromptFile, TextsThatAreEncodedApart) {
  const DeclaredPrompt read_back = read(R"({"prompt": ["<bos>", "{{A}}: {query}",
    {"text": "\n", "times_outside_limit": 2}, "B: {document}"], "answers": {"yes": "Yes"}, "score": "logit"})");
  EXPECT_EQ(shown(read_back.prompt), "<bos>|{{A}}: {query}|\n|B: {document}|");
  EXPECT_EQ(read_back.prompt.pieces[1].texts[0].words, "{A}: ");
  EXPECT_EQ(read_back.prompt.pieces[2].times_outside_limit, 2);
  EXPECT_FALSE(read_back.answers.no.is_given());
  EXPECT_EQ(read_back.score, (ScoreFunction{false, 0, 1}));
}

TEST(PromptFile, NamesABuiltInPromptAndChangesIt) {
  const DeclaredPrompt plain = read(R"({"prompt": "known-reranker"})");
  EXPECT_EQ(shown(plain.prompt), "Q: {query}|D: {document}|");
  EXPECT_EQ(plain.answers.yes.word, "yes");
  EXPECT_EQ(plain.prompt.default_text_limit, 100);
  const DeclaredPrompt changed =
      read(R"({"prompt": "known-reranker", "answers": "none", "score": "sigmoid"})");
  EXPECT_FALSE(changed.answers.yes.is_given());
  EXPECT_TRUE(changed.score.sigmoid);
  EXPECT_EQ(refusal(R"({"prompt": "known-rerankr"})"),
            "rerank_prompt.json: prompt is the unknown prompt \"known-rerankr\"; give the name of a built-in "
            "prompt, or a text with {query} and {document} in it; did you mean known-reranker?");
}

TEST(PromptFile, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(
      refusal(R"({"prompt": "known-reranker", "anwsers": "none"})"),
      "rerank_prompt.json: has the key \"anwsers\", which this version does not know; did you mean answers?");
  EXPECT_EQ(refusal(R"({"prompt": "{quer} {document}", "answers": "none"})"),
            "rerank_prompt.json: prompt: at byte 0: unknown placeholder {quer}; the placeholders are "
            "{instruction}, {query}, "
            "{document}, {if instruction} and {end}, and {{ is a brace; did you mean query?");
  EXPECT_EQ(refusal(R"({"prompt": "{query} {query} {document}", "answers": "none"})"),
            "rerank_prompt.json: prompt has {query} 2 times; it should have it once");
  EXPECT_EQ(refusal(R"({"prompt": "{query}", "answers": "none"})"),
            "rerank_prompt.json: prompt has {document} 0 times; it should have it once");
  EXPECT_TRUE(refusal(R"({"prompt": "{query} {document}", "answers": "none"})")
                  .starts_with("rerank_prompt.json: prompt has no place between query and document"));
  EXPECT_EQ(refusal("{"), "rerank_prompt.json: not JSON at byte 1 (incomplete JSON); correct it there");
  for (const char* text :
       {R"([])",
        R"({})",
        R"({"prompt": 1, "answers": "none"})",
        R"({"prompt": "q{query} d{document}"})",
        R"({"prompt": "{query}{document}}", "answers": "none"})",
        R"({"prompt": "{query}{document}{", "answers": "none"})",
        R"({"prompt": "{if instruction}{query}{end}{document}", "answers": "none"})",
        R"({"prompt": "{if instruction}{query}{document}", "answers": "none"})",
        R"({"prompt": "{end}{query}{document}", "answers": "none"})",
        R"({"prompt": "{query}{document}{instruction}{instruction}", "answers": "none"})",
        R"({"prompt": "{query}{document}", "answers": "none", "default_instruction": "x"})",
        R"({"prompt": "{query}{document}", "answers": {"no": "no"}})",
        R"({"prompt": "{query}{document}", "answers": {"yes": ""}})",
        R"({"prompt": "{query}{document}", "answers": {"yes": -1}})",
        R"({"prompt": "{query}{document}", "answers": {"yes": 2147483648}})",
        R"({"prompt": "{query}{document}", "answers": "none", "score": "softmax"})",
        R"({"prompt": "{query}{document}", "answers": "none", "score": {"scale": 0}})",
        R"({"prompt": "{query}{document}", "answers": "none", "score": {"scale": 1e999}})",
        R"({"prompt": "{query}{document}", "answers": "none", "text_limit": -1})",
        R"({"prompt": "{query}{document}", "answers": "none", "query_percent": 101})",
        R"({"prompt": [{"text": "{query}", "times_outside_limit": 1}, "{document}"], "answers": "none"})",
        R"({"prompt": [{"times_outside_limit": 1}, "{query}{document}"], "answers": "none"})"}) {
    EXPECT_TRUE(refusal(text).starts_with("rerank_prompt.json")) << text;
  }
}

TEST(PromptFile, IsReadAsItWasWritten) {
  for (
      const char* text :
      {R"({"prompt": "a {{x}} {if instruction}do {instruction}\n{end}q: {query}\nd: {document} ??",
            "default_instruction": "\"", "answers": {"yes": "\u00e4", "no": 3}})",
       R"({"name": "n", "prompt": ["<bos>", {"text": "\n", "times_outside_limit": 1}, "{query}", "{document}"],
            "answers": "none", "score": {"shift": 0.1, "scale": 3e-7}, "text_limit": 0, "query_percent": 75,
            "document_within_text_limit": true})",
       R"({"prompt": "q: {query} d: {document}", "answers": {"yes": 0}, "score": {"sigmoid": false, "shift": 1}})",
       R"({"prompt": "known-reranker"})"}) {
    const DeclaredPrompt first = read(text);
    const std::string written = write_prompt_file(first);
    const DeclaredPrompt second = read(written);
    EXPECT_EQ(write_prompt_file(second), written);
    EXPECT_EQ(shown(second.prompt), shown(first.prompt)) << written;
    EXPECT_EQ(second.answers, first.answers) << written;
    EXPECT_EQ(second.score, first.score) << written;
    EXPECT_EQ(second.prompt.name, first.prompt.name);
    EXPECT_EQ(second.prompt.default_instruction, first.prompt.default_instruction);
    EXPECT_EQ(second.prompt.default_text_limit, first.prompt.default_text_limit);
    EXPECT_EQ(second.prompt.query_percent, first.prompt.query_percent);
    EXPECT_EQ(second.prompt.document_within_text_limit, first.prompt.document_within_text_limit);
  }
}

}  // namespace
}  // namespace rerank
