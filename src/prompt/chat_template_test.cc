// Chat templates as publishers write them, and random ones as Jinja itself renders them
// (tests/data/chat_templates.json, made by tools/chat_template_cases.py).
#include "prompt/chat_template.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>

#include "prompt/prompt_text.h"
#include "tests/support/error_of.h"
#include "tests/support/test_source_directory.h"

namespace rerank {
namespace {

std::string pieces(const Prompt& prompt) {
  std::string text;
  for (const PromptPiece& piece : prompt.pieces)
    text += (text.empty() ? "" : "|") + print_prompt_text(piece.texts);
  return text;
}

std::string refusal(const std::string& text) {
  return error_of([&] { read_chat_template(text, {.name = "t"}); });
}

constexpr char kAdvice[] =
    "; write a prompt file beside the model, tools/chat_template_to_prompt.py makes one from most templates";

// What Qwen3-Reranker has had in tokenizer_config.json since sentence-transformers 5.4 can read it.
TEST(ChatTemplate, Qwen3Reranker) {
  const Prompt prompt = read_chat_template(
      "{%- set instruction = messages | selectattr(\"role\", \"eq\", \"system\") | "
      "map(attribute=\"content\") | first "
      "| default(\"Given a web search query, retrieve relevant passages that answer the query\") -%}\n"
      "{%- set query_text = messages | selectattr(\"role\", \"eq\", \"query\") | map(attribute=\"content\") "
      "| first "
      "-%}\n{%- set document_text = messages | selectattr(\"role\", \"eq\", \"document\") | "
      "map(attribute=\"content\") "
      "| first -%}\n<|im_start|>system\nJudge.<|im_end|>\n<|im_start|>user\n<Instruct>: {{ instruction "
      "}}\n<Query>: "
      "{{ query_text }}\n<Document>: {{ document_text "
      "}}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n\n");
  EXPECT_EQ(pieces(prompt),
            "<|im_start|>system\nJudge.<|im_end|>\n<|im_start|>user\n<Instruct>: {instruction}\n<Query>:| "
            "{query}\n<Document>:| {document}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
  EXPECT_EQ(prompt.default_instruction,
            "Given a web search query, retrieve relevant passages that answer the query");
}

// A branch for pairs in front of the template of a chat model, which is never reached.
TEST(ChatTemplate, Zerank2) {
  const std::string text =
      "{%- set query = messages | selectattr('role', 'eq', 'query') | map(attribute='content') | list -%}\n"
      "{%- set document = messages | selectattr('role', 'eq', 'document') | map(attribute='content') | list "
      "-%}\n"
      "{%- if query and document -%}\n"
      "{{- '<|im_start|>system\\n' + (query | first) + '<|im_end|>\\n' -}}\n"
      "{{- '<|im_start|>user\\n' + (document | first) + '<|im_end|>\\n' -}}\n"
      "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}\n"
      "{%- else -%}{%- macro f(x) %}{% for m in messages[::-1] %}{{ m.content.split('</think>')[-1] }}{% "
      "endfor %}"
      "{% endmacro %}{%- set ns = namespace(a=1) %}{%- endif -%}\n";
  EXPECT_EQ(pieces(read_chat_template(text)),
            "<|im_start|>system|\n{query}<|im_end|>\n<|im_start|>user|\n{document}<|im_end|>\n");
  EXPECT_EQ(pieces(read_chat_template(text, {.variables = {{"add_generation_prompt", true}}})),
            "<|im_start|>system|\n{query}<|im_end|>\n<|im_start|>user|\n{document}<|im_end|>\n<|im_start|>"
            "assistant\n");
}

TEST(ChatTemplate, AFineTuneWithADefaultPrompt) {
  const std::string text =
      "{%- set q = (messages | selectattr(\"role\", \"eq\", \"query\") | first).content %}{%- set d = "
      "(messages | "
      "selectattr(\"role\", \"eq\", \"document\") | first).content %}{%- set task = (messages | "
      "selectattr(\"role\", "
      "\"eq\", \"system\") | map(attribute=\"content\") | first) %}<|im_start|>user\nTask: {{ task }}\nQ: {{ "
      "q }}\nD: "
      "{{ d }}<|im_end|>\n<|im_start|>assistant\n{{- '\\n' }}";
  const Prompt prompt = read_chat_template(text, {.default_instruction = "Find it."});
  EXPECT_EQ(pieces(prompt),
            "<|im_start|>user\nTask: {instruction}\nQ:| {query}\nD:| {document}<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_EQ(prompt.default_instruction, "Find it.");
  EXPECT_EQ(read_chat_template(text).default_instruction, "");
}

TEST(ChatTemplate, WhatIsLeftOutWithoutAnInstruction) {
  EXPECT_EQ(pieces(read_chat_template(
                "{% if messages[0]['role'] == 'system' %}instruction: {{ messages[0].content }}\n"
                "{% endif %}\nq: {{ messages[-2].content }}\nd: {{ messages[-1].content }}")),
            "{if instruction}instruction: {instruction}\n{end}q:| {query}\nd:| {document}");
  EXPECT_EQ(
      pieces(read_chat_template("{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m['role'] }}>\n"
                                "{% endfor %}")),
      "<{if instruction}system>{instruction}</system>\n<{end}query>{query}</query>\n|<document>{document}"
      "</document>\n");
}

// f() is a call, which is refused where it is computed.
TEST(ChatTemplate, SkipsWhatIsNotComputed) {
  for (const char* expression :
       {"'a' if true else f()", "f() if false else 'a'", "f(1, [2]) if nothing else 'a' or f()",
        "'a' if true else f() or f() if f() else f()", "f() if false else f() if false else 'a'",
        "'a' or f()", "false and f() or 'a'", "'a' if not (nothing and f()) else 'b'",
        "'a' if (1 or f() and f()) else f()"}) {
    EXPECT_EQ(
        pieces(read_chat_template("{% if false %}{{ f() }}{% elif true %}{{ " + std::string(expression) +
                                  " }}{% else %}{% f %}{% endif %}: {{ messages[-2].content }}: "
                                  "{{ messages[-1].content }}")),
        "a:| {query}:| {document}")
        << expression;
  }
}

TEST(ChatTemplate, IsRefusedByWhatItDoesNotKnow) {
  EXPECT_EQ(
      refusal("a\n{{ messages[0].content | trim }}"),
      "t: line 2: the filter trim of a text that is not known before a request: not supported in a chat "
      "template" +
          std::string(kAdvice));
  EXPECT_EQ(refusal("{{ raise_exception('no') }}"),
            "t: line 1: the call raise_exception(): not supported in a chat template" + std::string(kAdvice));
  EXPECT_EQ(refusal("{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"),
            "t: it does not have the query (a message with a role of its own): it is the template of a chat "
            "model, not of a "
            "reranker" +
                std::string(kAdvice));
  EXPECT_EQ(refusal("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}"),
            "t: it has the instruction 2 times" + std::string(kAdvice));
}

TEST(ChatTemplate, IsRefusedWhereQueryAndDocumentAreOnePiece) {
  EXPECT_TRUE(refusal("{{ messages[-2].content }} {{ messages[-1].content }}")
                  .starts_with("t: it has no place between query and document"));
}

TEST(ChatTemplate, IsRefusedByConstruct) {
  struct Case {
    const char* text;
    const char* what;
  };
  for (const auto& [text, what] : std::initializer_list<Case>{
           {"{{ messages", "a tag without its end"},
           {"{{ x | default(", "a tag without its end"},
           {"{% if true %}", "a block without its end"},
           {"{% endif %}", "{% endif %}"},
           {"{% for m in messages %}{% endif %}", "this part of a loop"},
           {"{% if true %}{% endfor %}", "a block that ends as another"},
           {"{# ", "a comment without its end"},
           {"{{ 'a }}", "a string without its end"},
           {"{{ 'a' | upper }}", "the filter upper here"},
           {"{{ 'a' | default('b') | replace('a', 'b') }}", "the filter replace with arguments"},
           {"{% macro a() %}{% endmacro %}", "{% macro %}"},
           {"{% if messages[-1].content == 'x' %}{% endif %}",
            "what depends on the text of an instruction, a query or a document"},
           {"{% if messages[-1].content %}{% endif %}",
            "what depends on whether a query or a document is empty"},
           {"{{ {} }}", "\"{\" here"},
           {"{{ messages[-1].content.strip() }}", "\".strip\" of something that is not a message"},
           {"{{ messages[-1].content[0] }}", "this subscript"},
           {"{{ nothing.content }}", "\".content\" of something that is undefined"},
           {"{{ nothing + 'a' }}", "text joined with something that is not text"},
           {"{{ messages }}", "an output that is not text"},
           {"{{ true }}", "an output that is not text"},
           {"{% set a, b = 1, 2 %}", "{% set %} of something other than one variable"},
           {"{% set a %}{% endset %}", "{% set %} of something other than one variable"},
           {"{% for a, b in messages %}{% endfor %}", "a loop with more than one variable"},
           {"{% for m in messages if m.role == 'query' %}{% endfor %}", "\"if\" here"},
           {"{% for m in 'ab' %}{% endfor %}", "a loop over something that is not a list"},
           {"{% raw %}{% endraw %}", "{% raw %}"},
           {"{{ '\\x41' }}", "the escape \\x in a string"},
           {"{{ 99999999999999999999 }}", "a number out of range"},
           {"{{ 1 < 2 }}", "\"<\" here"},
           {"{{ }}", "an expression that ends early"},
           {"{{ 1 if }}", "an expression that ends early"},
           {"{% %}", "an empty statement"},
           {"{{ messages | selectattr('role', 'in', 'a') }}", "a selection other than by equality"},
           {"{% if messages | selectattr('role', 'eq', 'x') %}{% endif %}",
            "a condition on a selection, which is true even if it is empty without \"| list\""},
           {"{% set m = messages | selectattr('role', 'eq', 'query') %}",
            "{% set %} of a selection, which can be read only once without \"| list\""},
           {"{{ 'a' if 'a' == 'a' == 'a' }}", "\"==\" here"},
           {"{{ 'a' if 'a' in ('abc') }}", "\"in\" of what is not written as a list"},
           {"{{ 'a' if 1 == true }}", "a comparison of a number with true or false"},
           {"{{ messages[0:1] }}", "a slice"},
           {"x\xc2\xa0 {% if true %}{% endif %}", "white space beyond ASCII beside a tag that strips it"},
           {"\xc2\xa0{{- 1 }}", "white space beyond ASCII beside a tag that strips it"},
           {"{{ 1 -}}\xe3\x80\x80", "white space beyond ASCII beside a tag that strips it"}}) {
    EXPECT_EQ(refusal(text),
              "t: line 1: " + std::string(what) + ": not supported in a chat template" + kAdvice);
  }
  std::string nested = "1";
  for (int i = 0; i < 100; ++i) nested = "(" + nested + ")";
  EXPECT_TRUE(
      refusal("{{ " + nested + " }}").starts_with("t: line 1: an expression nested more than 64 deep"));
}

TEST(ChatTemplate, IsRefusedWhereAnInstructionDecidesOverMoreThanItself) {
  for (const char* text :
       {"{% if messages[0].role == 'system' %}{{ messages[0].content }}{{ messages[-2].content }}{% endif %}"
        "{{ messages[-1].content }}",
        "{{ messages[-2].content }}{{ messages[-1].content }}{% if messages[0].role == 'system' %}x{% endif "
        "%}",
        "{% if messages[0].role == 'system' %}a{{ messages[0].content }}b{% else %}c{% endif %}"
        "{{ messages[-2].content }}{{ messages[-1].content }}"}) {
    const std::string refused = refusal(text);
    EXPECT_TRUE(refused.starts_with("t: it ") && refused.ends_with(kAdvice)) << text << ": " << refused;
  }
}

// Each case: a template, and what Jinja renders with marks for the texts, with an instruction and without
// one.
TEST(ChatTemplate, RendersAsJinja) {
  std::ifstream file(test_source_directory() / "tests/data/chat_templates.json");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const boost::json::value cases = boost::json::parse(text);
  int num_read = 0;
  for (const boost::json::value& value : cases.as_array()) {
    const auto member = [&](const char* key) { return std::string(value.at(key).as_string()); };
    Prompt prompt;
    try {
      prompt = read_chat_template(member("template"), {.variables = {{"add_generation_prompt", true}}});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_FALSE(value.at("is_supported").as_bool()) << error.what() << "\n" << member("template");
      continue;
    }
    ++num_read;
    for (const bool has_instruction : {true, false}) {
      std::string rendered;
      for (const PromptPiece& piece : prompt.pieces) {
        for (const PromptText& part : piece.texts) {
          if (part.needs_instruction && !has_instruction) continue;
          rendered += part.words;
          if (part.field == PromptField::kInstruction)
            rendered += has_instruction ? "<I>" : prompt.default_instruction;
          if (part.field == PromptField::kQuery) rendered += "<Q>";
          if (part.field == PromptField::kDocument) rendered += "<D>";
        }
      }
      EXPECT_EQ(rendered, member(has_instruction ? "with" : "without")) << member("template");
    }
  }
  EXPECT_GE(num_read, 340);
}

}  // namespace
}  // namespace rerank
