#include "http/retry_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace rerank {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

// Sun, 06 Nov 1994 08:49:37 GMT.
const system_clock::time_point kNow = system_clock::from_time_t(784'111'777);

std::optional<milliseconds> wait_of(const std::string& retry_after) {
  return server_wait({.status = 503, .headers = {{"retry-after", retry_after}}}, kNow);
}

TEST(ServerWait, ReadsRetryAfter) {
  EXPECT_EQ(wait_of("3"), seconds(3));
  EXPECT_EQ(wait_of("0"), seconds(0));
  EXPECT_EQ(wait_of("-5"), seconds(0));
  EXPECT_EQ(wait_of("Sun, 06 Nov 1994 08:49:47 GMT"), seconds(10));
  EXPECT_EQ(wait_of("Sun, 06 Nov 1994 08:49:07 GMT"), seconds(0));
  EXPECT_FALSE(RetryPolicy().accepts(wait_of("99999999999999999999")));
  EXPECT_FALSE(RetryPolicy().accepts(wait_of("Fri, 31 Dec 9999 23:59:59 GMT")));
  for (const char* text : {"", "soon", "1.5", "3 s"}) EXPECT_EQ(wait_of(text), std::nullopt) << text;
}

TEST(ServerWait, ReadsRateLimitOfTooManyRequests) {
  const HeaderList headers = {{"ratelimit", "\"api\";r=0;t=17"}};
  EXPECT_EQ(server_wait({.status = 429, .headers = headers}, kNow), seconds(17));
  EXPECT_EQ(server_wait({.status = 503, .headers = headers}, kNow), std::nullopt);
  EXPECT_EQ(server_wait({.status = 429, .headers = {{"ratelimit", "\"api\";r=0"}}}, kNow), std::nullopt);
  // Retry-After has precedence.
  EXPECT_EQ(server_wait({.status = 429, .headers = {headers[0], {"retry-after", "2"}}}, kNow), seconds(2));
}

TEST(RetryPolicy, DelaysDouble) {
  const RetryPolicy full{.first_delay = milliseconds(250), .longest_delay = milliseconds(8'000), .jitter = 1};
  EXPECT_EQ(full.delay(1, 0, {}), milliseconds(0));
  EXPECT_EQ(full.delay(1, 1, {}), milliseconds(250));
  EXPECT_EQ(full.delay(2, 1, {}), milliseconds(500));
  EXPECT_EQ(full.delay(4, 0.5, {}), milliseconds(1'000));
  EXPECT_EQ(full.delay(100, 1, {}), milliseconds(8'000));
  EXPECT_EQ(full.delay(1, 0.5, seconds(3)), milliseconds(3'125));
  const RetryPolicy half{.first_delay = milliseconds(1'000), .jitter = 0.5};
  EXPECT_EQ(half.delay(1, 0, {}), milliseconds(500));
  EXPECT_EQ(half.delay(1, 1, {}), milliseconds(1'000));
  const RetryPolicy exact{.first_delay = milliseconds(1'000), .jitter = 0};
  EXPECT_EQ(exact.delay(1, 0.3, {}), milliseconds(1'000));
}

TEST(RetryPolicy, KnowsWhatMayPass) {
  const RetryPolicy all;
  const RetryPolicy untouched{.retries_server_errors = false};
  for (const int status : {429, 502, 503}) {
    EXPECT_TRUE(all.is_retryable(status)) << status;
    EXPECT_TRUE(untouched.is_retryable(status)) << status;
  }
  for (const int status : {408, 500, 501, 504}) {
    EXPECT_TRUE(all.is_retryable(status)) << status;
    EXPECT_FALSE(untouched.is_retryable(status)) << status;
  }
  for (const int status : {200, 304, 400, 401, 404, 413}) EXPECT_FALSE(all.is_retryable(status)) << status;
  EXPECT_TRUE(is_transient({TransferError::Kind::kLost, true, ""}));
  EXPECT_FALSE(is_transient({TransferError::Kind::kTls, false, ""}));
  EXPECT_TRUE(all.accepts(std::nullopt));
  EXPECT_TRUE(all.accepts(seconds(600)));
  EXPECT_FALSE(all.accepts(seconds(601)));
}

TEST(Sleep, EndsWhenStopped) {
  std::stop_source stop;
  EXPECT_TRUE(sleep_for(milliseconds(1), stop.get_token()));
  stop.request_stop();
  EXPECT_FALSE(sleep_for(seconds(600), stop.get_token()));
}

}  // namespace
}  // namespace rerank
