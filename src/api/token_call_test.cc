#include "api/token_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/api_error.h"

namespace rerank::api {
namespace {

using testing::ElementsAre;

RequestRules rules() {
  return {.served_names = {"demo"}, .max_model_len = 100, .max_documents = 2};
}

std::string param_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const ApiError& error) {
    return error.param();
  }
  return "nothing was refused";
}

TEST(TokenizeCall, ReadsVllmAndTei) {
  const TokenizeCall prompt =
      parse_tokenize_call(R"({"prompt":"a","add_special_tokens":true,"return_token_strs":true})", rules());
  EXPECT_THAT(prompt.texts, ElementsAre("a"));
  EXPECT_FALSE(prompt.wants_pieces);
  EXPECT_TRUE(prompt.wants_token_strings);
  const TokenizeCall inputs = parse_tokenize_call(R"({"inputs":["a","b"]})", rules());
  EXPECT_THAT(inputs.texts, ElementsAre("a", "b"));
  EXPECT_TRUE(inputs.wants_pieces);
  EXPECT_THAT(parse_tokenize_call(R"({"inputs":"a"})", rules()).texts, ElementsAre("a"));
}

TEST(TokenizeCall, NamesWhatIsWrong) {
  EXPECT_EQ(param_of([] { parse_tokenize_call("{}", rules()); }), "prompt");
  EXPECT_EQ(param_of([] { parse_tokenize_call(R"({"prompt":["a"]})", rules()); }), "prompt");
  EXPECT_EQ(param_of([] { parse_tokenize_call(R"({"inputs":["a","b","c"]})", rules()); }), "inputs");
  EXPECT_EQ(param_of([] { parse_tokenize_call(R"({"inputs":[1]})", rules()); }), "inputs");
  EXPECT_EQ(param_of([] { parse_tokenize_call(R"({"prompt":"a","model":"x"})", rules()); }), "model");
}

TEST(TokenizeCall, BoundsTheText) {
  const std::string most(6400, 'x');  // 64 bytes for each token of max_model_len
  EXPECT_NO_THROW(parse_tokenize_call(R"({"prompt":")" + most + "\"}", rules()));
  EXPECT_EQ(param_of([&] { parse_tokenize_call(R"({"prompt":")" + most + "x\"}", rules()); }), "prompt");
  EXPECT_EQ(param_of([&] { parse_tokenize_call(R"({"inputs":["x",")" + most + "\"]}", rules()); }), "inputs");
  std::string ids;
  for (int i = 0; i < 801; ++i) ids += i == 0 ? "1" : ",1";
  EXPECT_EQ(param_of([&] { parse_detokenize_call(R"({"tokens":[)" + ids + "]}", rules()); }), "tokens");
}

std::string written(const TokenizeCall& call, const std::vector<std::vector<TokenPiece>>& pieces) {
  TokensText text(call, 100);
  for (const auto& one : pieces) text.add(one);
  return text.take();
}

TEST(TokensText, WritesBothShapes) {
  const std::vector<TokenPiece> pieces = {{.id = 5, .text = "a\"", .special = false, .start = 0, .stop = 2},
                                          {.id = 7, .text = "<e>", .special = true, .start = 2, .stop = 5}};
  TokenizeCall call{.texts = {"x"}};
  EXPECT_EQ(written(call, {pieces}), R"({"count":2,"max_model_len":100,"tokens":[5,7],"token_strs":null})");
  call.wants_token_strings = true;
  EXPECT_EQ(written(call, {pieces}),
            R"({"count":2,"max_model_len":100,"tokens":[5,7],"token_strs":["a\"","<e>"]})");
  call.wants_pieces = true;
  EXPECT_EQ(written(call, {pieces, {}}), R"([[{"id":5,"text":"a\"","special":false,"start":0,"stop":2},)"
                                         R"({"id":7,"text":"<e>","special":true,"start":2,"stop":5}],[]])");
}

TEST(DetokenizeCall, ReadsIds) {
  EXPECT_THAT(parse_detokenize_call(R"({"tokens":[1,0,151643]})", rules()), ElementsAre(1, 0, 151643));
  for (const char* body : {"{}", R"({"tokens":5})", R"({"tokens":[-1]})", R"({"tokens":[1.5]})",
                           R"({"tokens":[99999999999]})", R"({"tokens":["1"]})"}) {
    EXPECT_EQ(param_of([body] { parse_detokenize_call(body, rules()); }), "tokens") << body;
  }
  EXPECT_EQ(write_detokenized("a\n"), R"({"prompt":"a\n"})");
}

}  // namespace
}  // namespace rerank::api
