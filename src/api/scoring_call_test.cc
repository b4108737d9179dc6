// The errors of a scoring call: what the engine says, with the names of the request's fields.
#include "api/scoring_call.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace rerank::api {
namespace {

ScoringCall parse(std::string_view body, std::string_view path = "/v1/rerank") {
  const RequestRules rules{.served_names = {"demo"}, .max_model_len = 100};
  return parse_scoring_call(std::string(body), match_route("POST", path), rules);
}

Result refused(ErrorSubject subject, const std::string& reason = "") {
  Result result;
  result.status = Status::kInvalidArgument;
  result.message = "in the engine's words";
  result.subject = std::move(subject);
  result.reason = reason;
  return result;
}

TEST(ErrorOfResult, NamesTextsAsTheRequestDoes) {
  const ScoringCall call = parse(R"({"text_1":["a","b"],"text_2":["c","d"]})", "/score");
  const ApiError document = error_of(call, refused({.member = "documents", .index = 1}, "byte 3 is wrong"));
  EXPECT_STREQ(document.what(), "text_2[1]: byte 3 is wrong");
  EXPECT_EQ(document.param(), "text_2");
  EXPECT_EQ(document.status(), 400);
  const ApiError query = error_of(call, refused({.member = "queries", .index = 1}, "byte 3 is wrong"));
  EXPECT_STREQ(query.what(), "text_1[1]: byte 3 is wrong");
  EXPECT_EQ(query.param(), "text_1");
  EXPECT_STREQ(error_of(call, refused({.member = "query"}, "why")).what(), "text_1: why");
  EXPECT_EQ(error_of(call, refused({.member = "instruction"}, "why")).param(), "instruction");
  EXPECT_STREQ(error_of(call, refused({})).what(), "in the engine's words");
}

TEST(ErrorOfRefusal, NamesTheFieldThatHasTheInstruction) {
  const Error refusal(ErrorCode::kInvalidArgument, {.member = "instruction"}, "why");
  for (const auto& [fields, name] : std::vector<std::pair<std::string, std::string>>{
           {R"("instruction":"i")", "instruction"},
           {R"("instruct":"i")", "instruct"},
           {R"("instruct":"i","chat_template_kwargs":{"instruction":"j"})", "chat_template_kwargs"}}) {
    const ApiError error = error_of(parse(R"({"query":"q","texts":["a"],)" + fields + "}"), refusal);
    EXPECT_EQ(error.param(), name);
    EXPECT_EQ(error.what(), name + ": why");
    EXPECT_EQ(error.status(), 400);
    EXPECT_EQ(error.style(), ErrorStyle::kString);
  }
}

// As those of vLLM, which clients look into.
TEST(ErrorOfResult, SaysWhatIsTooLong) {
  const ScoringCall call = parse(R"({"text_1":["a","b"],"text_2":["c","d"]})", "/score");
  const PromptTooLong model{.num_tokens = 12, .limit = 9};
  const ApiError document = error_of(call, refused({.member = "documents", .index = 1, .too_long = model}));
  EXPECT_STREQ(
      document.what(),
      "This model's maximum context length is 9 tokens. However, text_2[1] makes a prompt of 12 tokens. "
      "Please reduce the length of the input prompt, or let it be truncated.");
  EXPECT_EQ(document.param(), "text_2");
  const ApiError query = error_of(call, refused({.member = "query", .too_long = model}));
  EXPECT_STREQ(
      query.what(),
      "This model's maximum context length is 9 tokens. However, the query, the instruction and the prompt "
      "around them alone take 12 tokens. Please reduce the length of the input prompt: of the query or the "
      "instruction.");
  EXPECT_EQ(query.param(), "input_tokens");
  const PromptTooLong own{.num_tokens = 12, .is_exact = false, .limit = 9, .is_limit_of_request = true};
  const ApiError instruction = error_of(call, refused({.member = "instruction", .too_long = own}));
  EXPECT_STREQ(
      instruction.what(),
      "The request's truncate_prompt_tokens is 9 tokens. However, the instruction and the prompt around it "
      "alone take more than 9 tokens. Please reduce the length of the input prompt: of the instruction.");
  EXPECT_EQ(instruction.param(), "");
}

TEST(ErrorOfResult, MapsEveryStatus) {
  const ScoringCall call = parse(R"({"query":"q","texts":["a"]})", "/rerank");
  const auto error = [&call](Status status) {
    Result result;
    result.status = status;
    result.message = "why";
    return error_of(call, result);
  };
  EXPECT_EQ(error(Status::kInvalidArgument).status(), 400);
  EXPECT_EQ(error(Status::kCancelled).status(), 499);
  EXPECT_EQ(error(Status::kDeadlineExceeded).status(), 504);
  EXPECT_EQ(error(Status::kUnavailable).status(), 503);
  EXPECT_EQ(error(Status::kUnavailable).style(), ErrorStyle::kString);
  EXPECT_STREQ(error(Status::kUnavailable).what(), "why");
}

}  // namespace
}  // namespace rerank::api
