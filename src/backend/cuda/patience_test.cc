// Needs no GPU; waiting itself is tested in tests/gpu.
#include "backend/cuda/patience.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "rerank/error.h"

namespace rerank::cuda {
namespace {

constexpr const char* kVariable = "RERANK_TEST_GPU_TIMEOUT";

TEST(PatienceTest, IsAMinuteOrWhatTestsSay) {
  ::unsetenv(kVariable);
  EXPECT_EQ(Patience::limit_from_environment(), std::chrono::seconds(60));
  ::setenv(kVariable, "2", 1);
  EXPECT_EQ(Patience::limit_from_environment(), std::chrono::seconds(2));
  for (const char* wrong : {"0", "-1", "3601", "1.5", "1s", "soon", "99999999999999999999"}) {
    ::setenv(kVariable, wrong, 1);
    EXPECT_THROW(Patience::limit_from_environment(), Error) << wrong;
  }
  ::unsetenv(kVariable);
}

}  // namespace
}  // namespace rerank::cuda
