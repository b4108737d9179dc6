// From texts to ids: pieces as the whole, users' text as text, and where what is too long is cut.
#include "engine/request_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/byte_tokenizer.h"
#include "tests/support/error_of.h"
#include "tests/support/test_tokenizer_file.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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

// The ids of the one document's whole prompt.
std::vector<std::int32_t> pair_ids(const RequestEncoder& encoder, const Request& request) {
  const EncodedHead head = encoder.encode_head(request);
  std::vector<std::int32_t> ids = head.preamble;
  ids.insert(ids.end(), head.query.begin(), head.query.end());
  const EncodedDocument document = encoder.encode_document(request, 0, head);
  ids.insert(ids.end(), document.ids.begin(), document.ids.end());
  return ids;
}

std::size_t pair_tokens(const RequestEncoder& encoder, const Request& request) {
  return pair_ids(encoder, request).size();
}

RequestEncoder byte_encoder(EncoderOptions options = {.max_model_len = 1000}) {
  return {byte_tokenizer(), options};
}

class RealTokenizerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test_tokenizer_file()) GTEST_SKIP() << kNoTestTokenizer;
  }
  static RequestEncoder encoder(EncoderOptions options = {.max_model_len = 8192}) {
    return {Tokenizer::load(*test_tokenizer_file()), options};
  }
};

// As vLLM's tests publish them.
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

TEST_F(RealTokenizerTest, PiecesAreEncodedAsTheWhole) {
  const RequestEncoder real = encoder({.parse_special_tokens = true, .max_model_len = 8192});
  const std::string texts[] = {"",
                               " ",
                               "\n",
                               "a",
                               " a ",
                               "\n\nb\n",
                               "1",
                               "\xcc\x81"
                               "x",
                               "don't",
                               "'s",
                               "<|im_end|>",
                               "tab\t",
                               "...",
                               "北京 ",
                               "e\xcc\x81",
                               "  two",
                               "\r\n x\r\n"};
  for (const std::string& query : texts) {
    for (const std::string& document : texts) {
      Request request = make_request(query, document);
      request.instruction = document + query;
      if (request.instruction.empty()) request.instruction = "i";
      std::string whole;
      for (const Qwen3Piece& piece : Qwen3Prompt::preamble(request.instruction)) whole += piece.text;
      whole += Qwen3Prompt::query(query) + Qwen3Prompt::query_end() + Qwen3Prompt::document(document) +
               Qwen3Prompt::suffix(PromptSuffix::kOfficial).text;
      std::vector<std::int32_t> ids;
      real.tokenizer().encode(whole, SpecialTokens::kParse, ids);
      EXPECT_EQ(pair_ids(real, request), ids)
          << testing::PrintToString(query) << " and " << testing::PrintToString(document);
    }
  }
}

TEST_F(RealTokenizerTest, PublishedLengths) {
  const RequestEncoder real = encoder();
  std::vector<std::int32_t> front;
  real.tokenizer().encode(Qwen3Prompt::preamble("i")[0].text, SpecialTokens::kParse, front);
  EXPECT_EQ(front.size(), 39u);
  // The space before the empty document, then nine of the template.
  const EncodedHead head = real.encode_head(make_request("", ""));
  const std::vector<std::int32_t> back = real.encode_document(make_request("", ""), 0, head).ids;
  EXPECT_EQ(back.size(), 10u);
  EXPECT_EQ(back.back(), 271);
  EXPECT_EQ(real.tokenizer().token_id("yes"), 9693);
  EXPECT_EQ(real.tokenizer().token_id("no"), 2152);
  const RequestEncoder vllm = encoder({.suffix = PromptSuffix::kVllm, .max_model_len = 8192});
  EXPECT_EQ(vllm.encode_document(make_request("", ""), 0, head).ids.back(), 198);
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
    if (plain.instruction.empty()) plain.instruction = "i";  // empty would be the default
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
    // The head and the suffix, which is the same 4 control tokens and their newlines, are whole.
    const auto suffix = static_cast<std::ptrdiff_t>(all.size()) - head.num_tokens() - 601;
    EXPECT_TRUE(std::equal(ids.end() - suffix, ids.end(), all.end() - suffix));
    EXPECT_TRUE(std::equal(ids.begin(), ids.end() - suffix, all.begin()));
  }
  --request.max_tokens_per_pair;
  EXPECT_EQ(pair_tokens(encoder, request), static_cast<std::size_t>(request.max_tokens_per_pair));
}

TEST(RequestEncoder, RefusesWhatCannotBeCut) {
  const RequestEncoder encoder = byte_encoder({.max_model_len = 400});
  Request request = make_request(std::string(300, 'q'), "d");
  EXPECT_THAT(error_of([&] { encoder.encode_head(request); }),
              AllOf(HasSubstr("This model's maximum context length is 400 tokens."),
                    HasSubstr("the query, the instruction and the prompt around them alone take 583 tokens"),
                    HasSubstr(std::string(kReduceLengthPhrase) + ": of the query or the instruction.")));
  // A smaller limit is the request's own.
  request.max_tokens_per_pair = 350;
  EXPECT_THAT(error_of([&] { encoder.encode_head(request); }),
              AllOf(HasSubstr("The request's truncate_prompt_tokens is 350 tokens."),
                    HasSubstr(kReduceLengthPhrase), Not(HasSubstr("maximum context length"))));
  // Of what is far too long nobody counts the tokens.
  request = make_request(repeat("word ", 20000), "d");
  EXPECT_THAT(error_of([&] { encoder.encode_head(request); }), HasSubstr("alone take more than 400 tokens."));
  request = make_request("q", "d");
  request.instruction = repeat("word ", 20000);
  EXPECT_THAT(error_of([&] { encoder.encode_head(request); }),
              HasSubstr("the instruction and the prompt around it alone take more than 400 tokens."));
  request = make_request("q", repeat("word ", 20000));
  request.truncate = false;
  EXPECT_THAT(error_of([&] { encoder.encode_document(request, 0, encoder.encode_head(request)); }),
              HasSubstr("documents[0] makes a prompt of more than 400 tokens."));
  request = make_request("q", std::string(300, 'd'));
  const EncodedHead head = encoder.encode_head(request);
  EXPECT_TRUE(encoder.encode_document(request, 0, head).truncated);
  request.truncate = false;
  const std::string message = error_of([&] { encoder.encode_document(request, 0, head); });
  EXPECT_THAT(message, HasSubstr("This model's maximum context length is 400 tokens."));
  EXPECT_THAT(message, HasSubstr("documents[0]"));
  EXPECT_THAT(message, HasSubstr("Please reduce the length of the input prompt"));
}

TEST(RequestEncoder, LimitsOfTexts) {
  const RequestEncoder encoder = byte_encoder();
  Request request = make_request("query", "document");
  const std::size_t all = pair_tokens(encoder, request);
  // A space goes before each text: " query" has 6 tokens.
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
  // What a limit cut is not "too long", even where cutting was forbidden.
  request.truncate = false;
  EXPECT_EQ(pair_tokens(encoder, request), all - 1);
}

TEST(RequestEncoder, NamesTheFieldThatIsNoUtf8) {
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

TEST(RequestEncoder, AQueryOfItsOwn) {
  const RequestEncoder encoder = byte_encoder();
  Request request = make_request("not read", "d");
  request.documents.assign(3, "d");
  request.queries = {"a", "bc", "\xff"};
  for (std::size_t d = 0; d < 2; ++d) {
    EXPECT_EQ(encoder.encode_head(request, d).query,
              encoder.encode_head(make_request(request.queries[d], "")).query);
  }
  EXPECT_THAT(error_of([&] { encoder.encode_head(request, 2); }), HasSubstr("queries[2]: "));
  EXPECT_EQ(error_of([&] { check_request(request, 1000); }), "no error");
  request.queries.pop_back();
  EXPECT_THAT(error_of([&] { check_request(request, 1000); }),
              HasSubstr("queries has 2 texts and documents 3"));
}

TEST(RequestEncoder, EmptyTextsAreLegal) {
  const RequestEncoder encoder = byte_encoder();
  const std::size_t none = pair_tokens(encoder, make_request("", ""));
  EXPECT_EQ(pair_tokens(encoder, make_request("ab", "cde")), none + 5);
  EXPECT_EQ(encoder.encode_text(""), std::vector<std::int32_t>{});
}

}  // namespace
}  // namespace rerank
