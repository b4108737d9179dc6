// From texts to ids: pieces equal the whole, users' text is plain text, and what is too long is truncated.
#include "engine/encode/request_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/byte_tokenizer.h"
#include "tests/support/error_of.h"
#include "tests/support/family_prompts.h"
#include "tests/support/test_tokenizer_file.h"
#include "tokenizer/small_tokenizer.h"

namespace rerank {
namespace {

using testing::HasSubstr;

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

Request make_request(const std::string& query, const std::string& document) {
  Request request;
  request.query = query;
  request.documents = {document};
  return request;
}

// The ids of the whole prompt of a single document.
std::vector<std::int32_t> pair_ids(const RequestEncoder& encoder, const Request& request) {
  const EncodedHead head = encoder.encode_head(request);
  TokenIds ids;
  for (const TokenIds& part : head.parts) ids.insert(ids.end(), part.begin(), part.end());
  const EncodedDocument document = encoder.encode_document(request, 0, head);
  ids.insert(ids.end(), document.ids.begin(), document.ids.end());
  return ids;
}

std::size_t pair_tokens(const RequestEncoder& encoder, const Request& request) {
  return pair_ids(encoder, request).size();
}

RequestEncoder byte_encoder(EncoderOptions options = {.max_model_len = 1000}) {
  return {byte_tokenizer(), qwen3_reranker_prompt(), options};
}

TEST(RequestEncoder, PiecesThatATokenMaySpanAreRefused) {
  const auto encoder = [](const std::string& mark) {
    const boost::json::object document =
        small_fallback_document({"Q", "D", ":", "\n", "\u2581"}, {{"\n", "D"}});
    const Prompt prompt = {
        .pieces = {{{{"Q:", PromptField::kQuery}, {"\n"}}}, {{{mark + ": ", PromptField::kDocument}}}}};
    return RequestEncoder(Tokenizer::parse(boost::json::serialize(document), "t.json"), prompt,
                          {.max_model_len = 1000});
  };
  EXPECT_EQ(pair_tokens(encoder("Q"), make_request("x", "y")), 8u);
  EXPECT_THAT(error_of([&] { encoder("D"); }), HasSubstr("the tokenizer may have a token that begins in"));
}

class RealTokenizerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test_tokenizer_file()) GTEST_SKIP() << kNoTestTokenizer;
  }
  static RequestEncoder encoder(EncoderOptions options = {.max_model_len = 8192},
                                Prompt prompt = qwen3_reranker_prompt()) {
    return {Tokenizer::load(*test_tokenizer_file()), std::move(prompt), options};
  }
};

// As published in vLLM's tests.
TEST_F(RealTokenizerTest, PublishedTruncationNumbers) {
  const RequestEncoder real = encoder();
  Request request = make_request(repeat("What is the capital of France?", 20),
                                 repeat("The capital of France is Paris. ", 20));
  EXPECT_EQ(pair_tokens(real, request), 352u);
  request.max_tokens_per_query = 10;
  EXPECT_EQ(pair_tokens(real, request), 223u);
  request.max_tokens_per_document = 10;
  EXPECT_EQ(pair_tokens(real, request), 92u);
  request.max_tokens_per_query = 0;
  EXPECT_EQ(pair_tokens(real, request), 221u);
}

// The prompt as one text.
std::string whole_prompt(const Prompt& prompt, const Request& request) {
  std::string whole;
  for (const PromptPiece& piece : prompt.pieces) {
    for (const PromptText& text : piece.texts) {
      if (text.needs_instruction && request.instruction.empty()) continue;
      whole += text.words;
      if (text.field == PromptField::kInstruction) whole += request.instruction;
      if (text.field == PromptField::kQuery) whole += request.query;
      if (text.field == PromptField::kDocument) whole += request.documents[0];
    }
  }
  return whole;
}

TEST_F(RealTokenizerTest, PiecesAreEncodedAsTheWhole) {
  const std::string texts[] = {"",          " ",     "\n",         "a",          " a ",   "\n\nb\n", "1",
                               "\xcc\x81x", "don't", "'s",         "<|im_end|>", "tab\t", "...",     "北京 ",
                               "e\xcc\x81", "  two", "\r\n x\r\n", "?",          "<"};
  for (const Prompt& prompt : {qwen3_reranker_prompt(), tuned_prompt(), published_prompt("zerank"),
                               published_prompt("ctxl-rerank-v2")}) {
    const RequestEncoder real = encoder({.parse_special_tokens = true, .max_model_len = 8192}, prompt);
    for (const std::string& query : texts) {
      for (const std::string& document : texts) {
        Request request = make_request(query, document);
        request.instruction = document + query;
        if (request.instruction.empty()) request.instruction = "i";
        TokenIds ids;
        real.tokenizer().encode(whole_prompt(prompt, request), SpecialTokens::kParse, ids);
        EXPECT_EQ(pair_ids(real, request), ids) << prompt.name << ": " << testing::PrintToString(query)
                                                << " and " << testing::PrintToString(document);
      }
    }
  }
}

TEST_F(RealTokenizerTest, PublishedLengths) {
  const RequestEncoder real = encoder();
  std::vector<std::int32_t> front;
  const std::string& words = real.prompt().pieces[0].texts[0].words;
  real.tokenizer().encode(words.substr(0, words.find("<Instruct>")), SpecialTokens::kParse, front);
  EXPECT_EQ(front.size(), 39u);
  // The space before the empty document, then nine tokens of the template.
  const EncodedHead head = real.encode_head(make_request("", ""));
  const std::vector<std::int32_t> back = real.encode_document(make_request("", ""), 0, head).ids;
  EXPECT_EQ(back.size(), 10u);
  EXPECT_EQ(back.back(), 271);
  EXPECT_EQ(real.tokenizer().token_id("yes"), 9693);
  EXPECT_EQ(real.tokenizer().token_id("no"), 2152);
  const RequestEncoder vllm = encoder({.max_model_len = 8192}, published_prompt("qwen3-reranker-vllm"));
  EXPECT_EQ(vllm.encode_document(make_request("", ""), 0, vllm.encode_head(make_request("", ""))).ids.back(),
            198);
}

TEST(RequestEncoder, ControlTokensOfUsersStayText) {
  const RequestEncoder text = byte_encoder();
  const RequestEncoder parsed = byte_encoder({.parse_special_tokens = true, .max_model_len = 1000});
  constexpr std::int32_t kImEnd = 260;
  for (const auto& change : std::vector<std::function<void(Request&, const std::string&)>>{
           [](Request&r, const std::string&s) { r.query = s; },
           [](Request&r, const std::string&s) { r.documents[0] = s; },
           [](Request&r, const std::string&s) { r.instruction = s; }}) {
    Request plain = make_request("q", "d"), tricky = plain;
    plain.instruction = tricky.instruction = "i";
    change(plain, "");
    change(tricky, "<|im_end|>");
    if (plain.instruction.empty()) plain.instruction = "i";  // empty would mean the default
    const auto count = [&](const RequestEncoder& encoder, const Request& request) {
      const std::vector<std::int32_t> ids = pair_ids(encoder, request);
      return std::count(ids.begin(), ids.end(), kImEnd);
    };
    EXPECT_EQ(count(text, plain), 2);
    EXPECT_EQ(count(text, tricky), 2);
    EXPECT_EQ(count(parsed, tricky), 3);
  }
}

TEST(RequestEncoder, CutsTheDocumentNeverThePrompt) {
  const RequestEncoder encoder = byte_encoder();
  const Request whole = make_request("query", std::string(600, 'd'));
  const std::vector<std::int32_t> all = pair_ids(encoder, whole);
  Request request = whole;
  for (const std::int32_t limit : {1000, 900, 500, static_cast<std::int32_t>(all.size()) - 600}) {
    request.max_tokens_per_pair = limit;
    const std::vector<std::int32_t> ids = pair_ids(encoder, request);
    const std::size_t length = std::min(all.size(), static_cast<std::size_t>(limit));
    ASSERT_EQ(ids.size(), length);
    const EncodedHead head = encoder.encode_head(request);
    EXPECT_EQ(encoder.encode_document(request, 0, head).truncated, length < all.size());
    // Prefix and suffix, the same 4 control tokens with their newlines, are complete.
    const auto suffix = static_cast<std::ptrdiff_t>(all.size()) - head.num_tokens() - 601;
    EXPECT_TRUE(std::equal(ids.end() - suffix, ids.end(), all.end() - suffix));
    EXPECT_TRUE(std::equal(ids.begin(), ids.end() - suffix, all.begin()));
  }
  --request.max_tokens_per_pair;
  EXPECT_EQ(pair_tokens(encoder, request), static_cast<std::size_t>(request.max_tokens_per_pair));
}

// The subject of the expected Error.
ErrorSubject subject_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.what(), error.subject().text() + ": " + error.reason());
    return error.subject();
  }
  return {};
}

// For example "query: 583 of 400": the text, its tokens including the prompt around it, and the limit.
std::string too_long(const std::function<void()>& action) {
  const ErrorSubject subject = subject_of(action);
  if (!subject.too_long) return "not too long";
  return subject.text() + ": " + (subject.too_long->is_exact ? "" : "more than ") +
         std::to_string(subject.too_long->num_tokens) + " of " +
         (subject.too_long->is_limit_of_request ? "its own " : "") + std::to_string(subject.too_long->limit);
}

TEST(RequestEncoder, RefusesWhatCannotBeCut) {
  const RequestEncoder encoder = byte_encoder({.max_model_len = 400});
  Request request = make_request(std::string(300, 'q'), "d");
  const auto head = [&] { encoder.encode_head(request); };
  const auto document = [&] { encoder.encode_document(request, 0, encoder.encode_head(request)); };
  EXPECT_EQ(too_long(head), "query: 583 of 400");
  // A smaller limit set by the request.
  request.max_tokens_per_pair = 350;
  EXPECT_EQ(too_long(head), "query: 583 of its own 350");
  // The tokens of a text that is far too long are not counted.
  request = make_request(repeat("word ", 20000), "d");
  EXPECT_THAT(too_long(head), HasSubstr("query: more than "));
  request = make_request("q", "d");
  request.instruction = repeat("word ", 20000);
  EXPECT_THAT(too_long(head), HasSubstr("instruction: more than "));
  request = make_request("q", repeat("word ", 20000));
  request.truncate = false;
  EXPECT_THAT(too_long(document), HasSubstr("documents[0]: more than "));
  request = make_request("q", std::string(300, 'd'));
  EXPECT_TRUE(encoder.encode_document(request, 0, encoder.encode_head(request)).truncated);
  request.truncate = false;
  EXPECT_EQ(too_long(document), "documents[0]: 585 of 400");
  EXPECT_EQ(error_of(document),
            "documents[0]: with the prompt around it, it has 585 tokens, and max_model_len allows 400: "
            "shorten it, or "
            "let it be cut (truncate)");
}

TEST(RequestEncoder, LimitsOfTexts) {
  const RequestEncoder encoder = byte_encoder();
  Request request = make_request("query", "document");
  const std::size_t all = pair_tokens(encoder, request);
  // A space precedes each text: " query" has 6 tokens.
  request.max_tokens_per_query = 6;
  EXPECT_EQ(pair_tokens(encoder, request), all);
  request.max_tokens_per_query = 5;
  EXPECT_EQ(pair_tokens(encoder, request), all - 1);
  request.max_tokens_per_query = 0;
  request.max_tokens_per_document = 9;
  EXPECT_EQ(pair_tokens(encoder, request), all);
  EXPECT_FALSE(encoder.encode_document(request, 0, encoder.encode_head(request)).truncated);
  request.max_tokens_per_document = 8;
  EXPECT_EQ(pair_tokens(encoder, request), all - 1);
  EXPECT_TRUE(encoder.encode_document(request, 0, encoder.encode_head(request)).truncated);
  // A text that its own limit cuts is not "too long", even if truncation is forbidden.
  request.truncate = false;
  EXPECT_EQ(pair_tokens(encoder, request), all - 1);
}

TEST(RequestEncoder, NamesTheTextThatIsNoUtf8) {
  const RequestEncoder encoder = byte_encoder();
  Request request = make_request("\xc3\x28", "d");
  EXPECT_THAT(error_of([&] { encoder.encode_head(request); }), HasSubstr("query: "));
  request = make_request("q", "d");
  request.instruction = "\xed\xa0\x80";  // a lone surrogate
  EXPECT_THAT(error_of([&] { encoder.encode_head(request); }), HasSubstr("instruction: "));
  request = make_request("q", "d");
  request.documents.emplace_back("\xff");
  const EncodedHead head = encoder.encode_head(request);
  EXPECT_THAT(error_of([&] { encoder.encode_document(request, 1, head); }), HasSubstr("documents[1]: "));
  EXPECT_THAT(error_of([&] { encoder.encode_text("\xff"); }), HasSubstr("text: "));
}

Prompt byte_prompt(std::vector<PromptPiece> pieces) {
  return {.name = "test", .pieces = std::move(pieces)};
}

std::string shown(const TokenIds& ids) {
  static const Tokenizer tokenizer = byte_tokenizer();
  return tokenizer.decode(ids);
}

// "part|part|rest"
std::string shown_parts(const RequestEncoder& encoder, const Request& request) {
  const EncodedHead head = encoder.encode_head(request);
  std::string all;
  for (const TokenIds& part : head.parts) all += shown(part) + "|";
  return all + shown(encoder.encode_document(request, 0, head).ids);
}

TEST(RequestEncoder, PartsEndWhereTheQueryAndTheDocumentBegin) {
  const std::string words = "Some words that are shared by all queries.";
  const PromptText query{"Q:", PromptField::kQuery}, document{"D:", PromptField::kDocument};
  const PromptText instruction{"I:", PromptField::kInstruction, true};
  const auto parts = [](std::vector<PromptPiece> pieces, const std::string& given = "") {
    Request request = make_request("q", "d");
    request.instruction = given;
    return shown_parts({byte_tokenizer(), byte_prompt(std::move(pieces)), {.max_model_len = 100}}, request);
  };
  EXPECT_EQ(parts({{{{words}}}, {{query}}, {{document}}, {{{"!"}}}}), words + "|Q:q|D:d!");
  EXPECT_EQ(parts({{{{"<s>"}}}, {{query}}, {{document}}}), "<s>Q:q|D:d") << "a part of a token or two";
  EXPECT_EQ(parts({{{query}}, {{document}}}), "Q:q|D:d");
  EXPECT_EQ(parts({{{{words}}}, {{document}}, {{query, {"!"}}}}), words + "|D:dQ:q!");
  EXPECT_EQ(parts({{{document}}, {{query}}}), "D:dQ:q");
  EXPECT_EQ(parts({{{instruction}}, {{query}}, {{document}}}), "Q:q|D:d") << "an empty part";
  EXPECT_EQ(parts({{{instruction}}, {{query}}, {{document}}}, "i"), "I:i|Q:q|D:d");
  EXPECT_THAT(error_of([&] { parts({{{query, document}}}); }), HasSubstr("internal: "));
}

TEST(RequestEncoder, WhatIsCutAndWhatStays) {
  const auto encoder = [](Prompt prompt, std::int32_t max_model_len) {
    return RequestEncoder(byte_tokenizer(), std::move(prompt), {.max_model_len = max_model_len});
  };
  const Request request = make_request("0123456789", "abcdefghij");
  Prompt prompt = byte_prompt(
      {{{{"Q:", PromptField::kQuery}, {"?"}}}, {{{"D:", PromptField::kDocument}, {"."}}}, {{{"!"}}, 1}});
  EXPECT_EQ(shown_parts(encoder(prompt, 27), request), "Q:0123456789?|D:abcdefghij.!");
  // The words after the document are kept.
  EXPECT_EQ(shown_parts(encoder(prompt, 20), request), "Q:0123456789?|D:abc.!");
  // Limits of texts do not count the words before them.
  Request limited = request;
  limited.max_tokens_per_query = 3;
  limited.max_tokens_per_document = 4;
  EXPECT_EQ(shown_parts(encoder(prompt, 27), limited), "Q:012?|D:abcd.!");
  EXPECT_EQ(too_long([&] { encoder(prompt, 13).encode_head(request); }), "query: 14 of 13");
  // Half of 12, the limit 13 minus what is outside it.
  prompt.query_percent = 50;
  EXPECT_EQ(shown_parts(encoder(prompt, 13), request), "Q:0123?|D:ab.!");
  prompt.query_percent = 0;
  prompt.document_within_text_limit = true;
  prompt.pieces[2].times_outside_limit = 20;
  EXPECT_EQ(shown_parts(encoder(prompt, 27), request), "Q:0123456789?|D:abcde.!");
}

TEST(RequestEncoder, AQueryOfItsOwn) {
  const RequestEncoder encoder = byte_encoder();
  Request request = make_request("not read", "d");
  request.documents.assign(3, "d");
  request.queries = {"a", "bc", "\xff"};
  for (std::size_t d = 0; d < 2; ++d) {
    EXPECT_EQ(encoder.encode_head(request, d).parts[1],
              encoder.encode_head(make_request(request.queries[d], "")).parts[1]);
  }
  EXPECT_THAT(error_of([&] { encoder.encode_head(request, 2); }), HasSubstr("queries[2]: "));
  EXPECT_EQ(error_of([&] { check_request(request, encoder); }), "no error");
  request.queries.pop_back();
  EXPECT_THAT(error_of([&] { check_request(request, encoder); }),
              HasSubstr("queries: there are 2 for 3 documents"));
}

TEST(RequestEncoder, EmptyTextsAreLegal) {
  const RequestEncoder encoder = byte_encoder();
  const std::size_t none = pair_tokens(encoder, make_request("", ""));
  EXPECT_EQ(pair_tokens(encoder, make_request("ab", "cde")), none + 5);
  EXPECT_EQ(encoder.encode_text(""), std::vector<std::int32_t>{});
}

}  // namespace
}  // namespace rerank
