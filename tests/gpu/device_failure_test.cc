// A GPU that fails while requests are computed: each ends with an error that says so, and nothing hangs.
#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "rerank/engine.h"
#include "tests/backend_variants.h"

namespace rerank {
namespace {

using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{60};

Request make_request(int number) {
  Request request;
  request.query = "request " + std::to_string(number);
  for (int i = 0; i < 40; ++i) {
    request.documents.push_back("document " + std::to_string(40 * number + i) + std::string(300, ' ') + ".");
  }
  return request;
}

// A kernel that traps, in this process's context of the first GPU, which is the engine's too.
void break_gpu() {
  constexpr char kPtx[] = ".version 8.0\n.target sm_90\n.address_size 64\n.visible .entry fail() { trap; }\n";
  cudaLibrary_t library = nullptr;
  cudaKernel_t kernel = nullptr;
  ASSERT_EQ(cudaLibraryLoadData(&library, kPtx, nullptr, nullptr, 0, nullptr, nullptr, 0), cudaSuccess);
  ASSERT_EQ(cudaLibraryGetKernel(&kernel, library, "fail"), cudaSuccess);
  ASSERT_EQ(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), 1, 1, nullptr, 0, nullptr), cudaSuccess);
}

TEST(DeviceFailure, EndsRequestsWithAnErrorThatSaysSo) {
  if (usable_gpus().empty()) GTEST_SKIP() << "no GPU that will do";
  EngineOptions options;
  options.model = "synth:nano";
  options.device = "cuda";
  std::vector<std::future<Result>> results;
  {
    Engine engine(options);
    ASSERT_EQ(engine.submit(make_request(0)).get().status, Status::kOk);
    for (int i = 1; i < 400; ++i) results.push_back(engine.submit(make_request(i)));
    break_gpu();
    int num_failed = 0;
    for (std::future<Result>& future : results) {
      ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
      const Result result = future.get();
      if (result.status == Status::kOk) {
        EXPECT_EQ(result.documents.size(), 40u);
        continue;
      }
      ++num_failed;
      EXPECT_EQ(result.status, Status::kUnavailable);
      EXPECT_THAT(result.message, HasSubstr("cuda"));
    }
    EXPECT_GT(num_failed, 0);
    EXPECT_FALSE(engine.healthy());
    std::future<Result> late = engine.submit(make_request(0));
    ASSERT_EQ(late.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(late.get().status, Status::kUnavailable);
  }  // and it can be put away
}

}  // namespace
}  // namespace rerank
