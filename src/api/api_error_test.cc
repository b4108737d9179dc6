#include "api/api_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <stdexcept>

namespace rerank::api {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

TEST(WriteError, SpeaksToEveryClient) {
  const json::value body = json::parse(write_error(ApiError(400, "top_n must be \"one\"", "top_n")));
  EXPECT_EQ(body.at("error").at("message"), "top_n must be \"one\"");
  EXPECT_EQ(body.at("error").at("type"), "BadRequestError");
  EXPECT_EQ(body.at("error").at("param"), "top_n");
  EXPECT_EQ(body.at("error").at("code"), 400);
  EXPECT_EQ(body.at("message"), "top_n must be \"one\"");
  EXPECT_EQ(body.at("detail"), "top_n must be \"one\"");
  EXPECT_TRUE(json::parse(write_error(unauthorized())).at("error").at("param").is_null());
}

TEST(WriteError, GivesTeiAndWeaviateAString) {
  ApiError error = queue_full(std::chrono::seconds(3));
  error.set_style(ErrorStyle::kString);
  const json::value body = json::parse(write_error(error));
  EXPECT_TRUE(body.at("error").is_string());
  EXPECT_EQ(body.at("error_type"), "Overloaded");
  EXPECT_EQ(error.retry_after(), std::chrono::seconds(3));
}

TEST(WriteError, IsJsonWhateverIsNamed) {
  const json::value body = json::parse(write_error(unknown_model("\xff\"\\\n")));
  EXPECT_EQ(body.at("message"), "The model `?\"\\?` does not exist.");
  EXPECT_EQ(body.at("error").at("type"), "NotFoundError");
}

TEST(ErrorOfException, HidesOurOwnMistakes) {
  EXPECT_EQ(error_of(Error(ErrorCode::kNotFound, "x")).status(), 404);
  EXPECT_EQ(error_of(Error(ErrorCode::kUnavailable, "x")).status(), 503);
  const ApiError internal = error_of(Error(ErrorCode::kInternal, "secret (file.cc:3)"));
  EXPECT_EQ(internal.status(), 500);
  EXPECT_THAT(internal.what(), Not(HasSubstr("secret")));
  EXPECT_THAT(error_of(std::runtime_error("secret")).what(), Not(HasSubstr("secret")));
  EXPECT_EQ(error_of(ApiError(413, "x")).status(), 413);
}

}  // namespace
}  // namespace rerank::api
