// Pairs of encoders: the tokenizer's special tokens and types, how a long pair is truncated, and what is
// rejected.
#include "engine/encode/pair_encoding.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/support/error_of.h"
#include "tests/support/pair_tokenizer.h"

namespace rerank {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

Request make_request(const std::string& query, const std::string& document) {
  Request request;
  request.query = query;
  request.documents = {document};
  return request;
}

std::string words(const std::string& word, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += word;
  return text;
}

RequestEncoder make_encoder(EncoderOptions options = {.max_model_len = 1000, .num_token_types = 2},
                            Prompt prompt = pair_prompt()) {
  return {pair_tokenizer(), std::move(prompt), options};
}

// ^ is [CLS], | is [SEP], a / precedes the first token of type 1, ~ ends what is truncated.
std::string shown(const RequestEncoder& encoder, const Request& request, std::size_t document = 0) {
  const EncodedHead head = encoder.encode_head(request, document);
  EXPECT_EQ(head.num_tokens(), 0);
  const EncodedDocument pair = encoder.encode_document(request, document, head);
  std::string text;
  for (const std::int32_t id : pair.ids)
    text += id == kClsId ? '^' : id == kSepId ? '|' : static_cast<char>(id);
  if (pair.type_border != kOneType) text.insert(static_cast<std::size_t>(pair.type_border), "/");
  return pair.truncated ? text + "~" : text;
}

std::string too_long(const std::function<void()>& encode) {
  try {
    encode();
  } catch (const Error& error) {
    const ErrorSubject& subject = error.subject();
    if (!subject.too_long) return error.what();
    return fmt::format("{}: {}{} of {}", subject.member,
                       subject.too_long->is_exact ? "" : ">= ", subject.too_long->num_tokens,
                       subject.too_long->limit);
  }
  return "no error";
}

// The "longest_first" truncation of Hugging Face's tokenizers 0.23.
TEST(PairEncoding, LongestFirst) {
  struct Case {
    PairSizes found;
    std::int32_t budget;
    PairSizes kept;
  };
  for (const auto& [found, budget, kept] : std::initializer_list<Case>{
           {{3, 4}, 7, {3, 4}}, {{3, 5}, 7, {3, 4}}, {{5, 3}, 7, {4, 3}}, {{4, 4}, 7, {3, 4}},
           {{4, 5}, 7, {3, 4}}, {{5, 4}, 7, {4, 3}}, {{9, 9}, 7, {3, 4}}, {{9, 8}, 7, {4, 3}},
           {{8, 9}, 7, {3, 4}}, {{3, 9}, 7, {3, 4}}, {{9, 3}, 7, {4, 3}}, {{0, 9}, 7, {0, 7}},
           {{9, 0}, 7, {7, 0}}, {{2, 9}, 4, {2, 2}}, {{9, 2}, 4, {2, 2}}, {{3, 9}, 4, {2, 2}},
           {{9, 3}, 4, {2, 2}}, {{1, 9}, 4, {1, 3}}, {{9, 9}, 0, {0, 0}}, {{9, 9}, 1, {0, 1}},
           {{9, 1}, 1, {1, 0}}, {{1, 9}, 1, {0, 1}}, {{0, 0}, 0, {0, 0}}}) {
    EXPECT_EQ(longest_first(found, budget), kept)
        << found.query << " and " << found.document << " of " << budget;
  }
}

TEST(PairEncoding, TheTokenizersFrameAndTypes) {
  EXPECT_EQ(shown(make_encoder(), make_request("ab", "cde")), "^ab|/cde|");
  EXPECT_EQ(shown(make_encoder(), make_request("ab", "")), "^ab|/|");
  EXPECT_EQ(shown(make_encoder(), make_request("", "c")), "^|/c|");
  EXPECT_EQ(shown(make_encoder(), make_request("", "")), "^|/|");
  // A model without a second token type.
  EXPECT_EQ(shown(make_encoder({.max_model_len = 100, .num_token_types = 1}), make_request("ab", "c")),
            "^ab|c|");
}

TEST(PairEncoding, ControlTokensInATextAreText) {
  const Request request = make_request("[SEP]", "[CLS]");
  EXPECT_EQ(shown(make_encoder(), request), "^[SEP]|/[CLS]|");
  EXPECT_EQ(shown(make_encoder({.parse_special_tokens = true, .max_model_len = 9}), request), "^||^|");
}

TEST(PairEncoding, TheLongestIsCutFirst) {
  const RequestEncoder encoder = make_encoder({.max_model_len = 10, .num_token_types = 2});
  EXPECT_EQ(shown(encoder, make_request("abc", "0123")), "^abc|/0123|");
  EXPECT_EQ(shown(encoder, make_request("abc", "01234")), "^abc|/0123|~");
  EXPECT_EQ(shown(encoder, make_request("abcde", "0")), "^abcde|/0|");
  EXPECT_EQ(shown(encoder, make_request("abcdefg", "0")), "^abcdef|/0|~");
  EXPECT_EQ(shown(encoder, make_request("abcdefg", "012345")), "^abcd|/012|~");
  EXPECT_EQ(shown(encoder, make_request("abcdef", "012345")), "^abc|/0123|~");
}

// The odd token goes to the longer text, even if both are cut long before their ends.
TEST(PairEncoding, OfLongTextsTheLonger) {
  const RequestEncoder encoder = make_encoder({.max_model_len = 10, .num_token_types = 2});
  EXPECT_EQ(shown(encoder, make_request(words(" ab", 5001), words(" 01", 5000))), "^ ab |/ 01|~");
  EXPECT_EQ(shown(encoder, make_request(words(" ab", 5000), words(" 01", 5000))), "^ ab|/ 01 |~");
  EXPECT_EQ(shown(encoder, make_request(words(" ab", 5000), words(" 01", 5001))), "^ ab|/ 01 |~");
}

TEST(PairEncoding, LimitsOfTheRequest) {
  const RequestEncoder encoder = make_encoder();
  Request request = make_request("abcdefgh", "01234567");
  request.max_tokens_per_query = 3;
  EXPECT_EQ(shown(encoder, request), "^abc|/01234567|");
  request.max_tokens_per_document = 5;
  EXPECT_EQ(shown(encoder, request), "^abc|/01234|~");
  request.max_tokens_per_pair = 10;
  EXPECT_EQ(shown(encoder, request), "^abc|/0123|~");
  request.max_tokens_per_pair = 3;
  EXPECT_EQ(shown(encoder, request), "^|/|~");
  request.max_tokens_per_pair = 2;
  EXPECT_EQ(too_long([&] { encoder.encode_head(request); }),
            "max_tokens_per_pair: 2 is less than the 3 special tokens of a pair: raise it");
}

TEST(PairEncoding, RefusesWhatIsTooLongIfAsked) {
  const RequestEncoder encoder = make_encoder({.max_model_len = 10, .num_token_types = 2});
  const auto refusal = [&](const std::string& query, const std::string& document) {
    Request request = make_request(query, document);
    request.truncate = false;
    return too_long([&] { shown(encoder, request); });
  };
  EXPECT_EQ(refusal("abc", "0123"), "no error");
  EXPECT_EQ(refusal("abc", "01234"), "documents: 11 of 10");
  EXPECT_EQ(refusal("abcdefgh", ""), "query: 11 of 10");
  EXPECT_THAT(refusal("a", words(" ab", 5000)), HasSubstr("documents: >= "));
  Request request = make_request("abc", "01234");
  request.truncate = false;
  EXPECT_EQ(error_of([&] { shown(encoder, request); }),
            "documents[0]: with the prompt around it, it has 11 tokens, and max_model_len allows 10: shorten "
            "it, or "
            "let it be cut (truncate)");
  request.max_tokens_per_document = 4;
  EXPECT_EQ(shown(encoder, request), "^abc|/0123|~");
}

TEST(PairEncoding, AQueryOfItsOwn) {
  const RequestEncoder encoder = make_encoder();
  Request request;
  request.documents = {"0", "1", "2\xff"};
  request.queries = {"a", "b", "c"};
  const auto encoding = PromptEncoding::start(encoder, request);
  for (std::size_t d = 0; d < 2; ++d) {
    while (!encoding->advance(d)) {
    }
    EXPECT_EQ(encoding->take_document().ids[1], 'a' + static_cast<std::int32_t>(d));
  }
  EXPECT_THAT(error_of([&] { shown(encoder, request, 2); }), HasSubstr("documents[2]: "));
  request.queries[1] = "\xff";
  EXPECT_THAT(error_of([&] { shown(encoder, request, 1); }), HasSubstr("queries[1]: "));
}

TEST(PairEncoding, OneTextLosesItsEnd) {
  const auto encoder = [](std::int32_t limit, bool parse = false) {
    json::object document = pair_tokenizer_document();
    document["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single",
         {{{"SpecialToken", {{"id", "[CLS]"}, {"type_id", 0}}}},
          {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
        {"pair", nullptr},
        {"special_tokens", {{"[CLS]", {{"id", "[CLS]"}, {"ids", {kClsId}}, {"tokens", {"[CLS]"}}}}}}};
    return RequestEncoder(pair_tokenizer(document), joined_pair_prompt(),
                          {.parse_special_tokens = parse, .max_model_len = limit, .num_token_types = 2});
  };
  Request request = make_request("abcd", "0123");
  EXPECT_EQ(shown(encoder(14), request), "^q:abcd d:0123");
  EXPECT_EQ(shown(encoder(12), request), "^q:abcd d:01~");
  EXPECT_EQ(shown(encoder(4), request), "^q:a~");
  request.max_tokens_per_query = 2;
  EXPECT_EQ(shown(encoder(100), request), "^q:ab d:0123");
  request.max_tokens_per_document = 3;
  EXPECT_EQ(shown(encoder(100), request), "^q:ab d:012~");
  request.max_tokens_per_query = 4;
  EXPECT_EQ(shown(encoder(12), request), "^q:abcd d:01~");
  request.truncate = false;
  EXPECT_EQ(too_long([&] { shown(encoder(12), request); }), "documents: 13 of 12");
  EXPECT_EQ(shown(encoder(100), make_request("[CLS]", "")), "^q:[CLS] d:");
  EXPECT_EQ(shown(encoder(100, true), make_request("[CLS]", "")), "^q:^ d:");
}

TEST(PairEncoding, RefusesAnInstruction) {
  Request request = make_request("q", "d");
  EXPECT_EQ(error_of([&] { check_request(request, make_encoder()); }), "no error");
  request.instruction = "i";
  for (const Prompt& prompt : {pair_prompt(), joined_pair_prompt()}) {
    EXPECT_EQ(error_of([&] { check_request(request, make_encoder({.max_model_len = 99}, prompt)); }),
              "instruction: the model takes no instruction: leave it out");
  }
}

TEST(PairEncoding, RefusesATokenizerThatSaysNothingOfPairs) {
  const auto refusal = [](json::value post_processor, std::int32_t num_types = 2) {
    json::object document = pair_tokenizer_document();
    document["post_processor"] = std::move(post_processor);
    return error_of([&] {
      RequestEncoder(pair_tokenizer(document), pair_prompt(),
                     {.max_model_len = 100, .num_token_types = num_types});
    });
  };
  EXPECT_THAT(refusal(nullptr),
              HasSubstr("post_processor of tokenizer.json puts no special tokens around a pair of texts"));
  const auto typed = [](int first, int second) -> json::value {
    const auto text = [](const char* id, int type) -> json::value {
      return {{"Sequence", {{"id", id}, {"type_id", type}}}};
    };
    return {{"type", "TemplateProcessing"},
            {"single", json::array{text("A", 0)}},
            {"pair", json::array{text("A", first), text("B", second),
                                 json::value{{"SpecialToken", {{"id", "[SEP]"}, {"type_id", second}}}}}},
            {"special_tokens", {{"[SEP]", {{"id", "[SEP]"}, {"ids", {kSepId}}, {"tokens", {"[SEP]"}}}}}}};
  };
  EXPECT_EQ(refusal(typed(0, 1)), "no error");
  EXPECT_THAT(refusal(typed(1, 0)), HasSubstr("types that are not 0 at first and then 1"));
  EXPECT_THAT(refusal(typed(0, 2)), HasSubstr("types that are not 0 at first and then 1"));
  EXPECT_EQ(refusal(typed(0, 2), 1), "no error");
  EXPECT_THAT(error_of([] { make_encoder({.max_model_len = 3}); }),
              HasSubstr("max_model_len: 3 leaves no room for texts beside the 3 special tokens"));
}

}  // namespace
}  // namespace rerank
