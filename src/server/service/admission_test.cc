#include "server/service/admission.h"

#include <gtest/gtest.h>

namespace rerank {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Admission::Clock::time_point kStart{};

Load load_of(std::int64_t num_documents, std::int64_t num_bytes) {
  return {.num_documents = num_documents, .num_bytes = num_bytes};
}

TEST(Admission, CountsWhatIsInside) {
  Admission admission(100, 1'000'000);
  EXPECT_EQ(admission.enter(load_of(3, 1000), kStart), std::nullopt);
  EXPECT_EQ(admission.enter(load_of(4, 1000), kStart), std::nullopt);
  EXPECT_EQ(admission.num_documents(), 7);
  EXPECT_EQ(admission.num_tokens(), 600);
  admission.leave(load_of(3, 1000), 300, kStart + seconds(1));
  EXPECT_EQ(admission.num_documents(), 4);
  admission.leave(load_of(4, 1000), 300, kStart + seconds(1));
  EXPECT_EQ(admission.num_documents(), 0);
  EXPECT_EQ(admission.num_tokens(), 0);
}

TEST(Admission, RefusesOneDocumentTooMany) {
  Admission admission(10, 1'000'000);
  EXPECT_EQ(admission.enter(load_of(10, 1), kStart), std::nullopt);
  EXPECT_NE(admission.enter(load_of(1, 1), kStart), std::nullopt);
  EXPECT_EQ(admission.num_documents(), 10);
  admission.leave(load_of(10, 1), 0, kStart);
  EXPECT_EQ(admission.enter(load_of(1, 1), kStart), std::nullopt);
}

TEST(Admission, RefusesTooManyTokens) {
  Admission admission(1000, 300);
  EXPECT_EQ(admission.enter(load_of(1, 1000), kStart), std::nullopt);
  EXPECT_NE(admission.enter(load_of(1, 100), kStart), std::nullopt);
}

TEST(Admission, TakesWhatIsLargerThanTheLimitsAlone) {
  Admission admission(10, 100);
  EXPECT_EQ(admission.enter(load_of(50, 100'000), kStart), std::nullopt);
  EXPECT_NE(admission.enter(load_of(1, 1), kStart), std::nullopt);
}

TEST(Admission, LargeRequestsDoNotLockOutSmallOnes) {
  Admission admission(10'240, 1'024'000);
  EXPECT_EQ(admission.enter(load_of(20'000, 100'000'000), kStart), std::nullopt);
  EXPECT_NE(admission.enter(load_of(41, 100), kStart), std::nullopt);
  EXPECT_NE(admission.enter(load_of(1, 4001), kStart), std::nullopt);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(admission.enter(load_of(40, 4000), kStart), std::nullopt) << i;
  EXPECT_NE(admission.enter(load_of(1, 1), kStart), std::nullopt) << "the reserve has an end";
  admission.leave(load_of(40, 4000), 0, kStart);
  EXPECT_EQ(admission.enter(load_of(40, 4000), kStart), std::nullopt);
}

TEST(Admission, SaysHowLongToWaitByTheMeasuredRate) {
  Admission admission(1'000'000, 3000);
  // 1000 bytes are 300 tokens; they take three seconds: 100 tokens a second.
  EXPECT_EQ(admission.enter(load_of(1, 1000), kStart), std::nullopt);
  admission.leave(load_of(1, 1000), 300, kStart + seconds(3));
  EXPECT_NEAR(admission.tokens_per_second(), 100, 0.1);
  EXPECT_EQ(admission.enter(load_of(1, 10'000), kStart + seconds(3)), std::nullopt);
  // 600 tokens over the limit: six seconds.
  EXPECT_EQ(admission.enter(load_of(1, 2000), kStart + seconds(3)), seconds(6));
  // The wait is never longer than a minute.
  EXPECT_EQ(admission.enter(load_of(1, 1'000'000), kStart + seconds(3)), seconds(60));
}

TEST(Admission, CountsNoTimeWithoutWork) {
  Admission admission(10, 1000);
  EXPECT_EQ(admission.enter(load_of(1, 1000), kStart), std::nullopt);
  admission.leave(load_of(1, 1000), 300, kStart + seconds(1));
  EXPECT_EQ(admission.enter(load_of(1, 1000), kStart + seconds(1000)), std::nullopt);
  admission.leave(load_of(1, 1000), 300, kStart + seconds(1001));
  EXPECT_NEAR(admission.tokens_per_second(), 300, 10);
}

TEST(Admission, LearnsTokensPerByte) {
  Admission admission(1000, 1'000'000);
  for (int round = 0; round < 200; ++round) {
    ASSERT_EQ(admission.enter(load_of(1, 1000), kStart), std::nullopt);
    admission.leave(load_of(1, 1000), 1000, kStart + milliseconds(1));
  }
  EXPECT_EQ(admission.enter(load_of(1, 1000), kStart), std::nullopt);
  EXPECT_NEAR(static_cast<double>(admission.num_tokens()), 1000, 5);
}

TEST(Load, CountsTextsAsFarAsTheyWillBeRead) {
  Request request;
  request.query = std::string(10, 'q');
  request.documents = {std::string(100, 'd'), std::string(100'000, 'd')};
  Load load;
  load.add(request, 100);  // tokens: at most 800 bytes are read
  EXPECT_EQ(load.num_documents, 2);
  EXPECT_EQ(load.num_bytes, 10 + 100 + 800 + 2 * 32);
}

TEST(Load, CountsEachRunOfEqualQueries) {
  Request request;
  request.instruction = std::string(7, 'i');
  request.queries = {std::string(10, 'q'), std::string(10, 'q'), std::string(20, 'r'), std::string(10, 'q')};
  request.documents = {"", "", "", ""};
  Load load;
  load.add(request, 100);
  EXPECT_EQ(load.num_documents, 4);
  EXPECT_EQ(load.num_bytes, 7 + 10 + 20 + 10 + 4 * 32);
}

}  // namespace
}  // namespace rerank
