// A GPU that fails or hangs while requests are computed: each ends with an error that says so, and nothing
// waits for ever. Each test breaks the GPU for its process, so each is run in a process of its own.
#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "rerank/engine.h"
#include "tests/support/backend_variants.h"

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

using Clock = std::chrono::steady_clock;

// Kernels for this process's context of the first GPU, which is the engine's too.
constexpr char kPtx[] = R"(
.version 8.0
.target sm_90
.address_size 64
.visible .entry fail() { trap; }
.visible .entry spin() {
  .reg .u64 %begin, %now, %passed;
  .reg .pred %goes_on;
  mov.u64 %begin, %globaltimer;
again:
  mov.u64 %now, %globaltimer;
  sub.u64 %passed, %now, %begin;
  setp.lt.u64 %goes_on, %passed, 4000000000;
  @%goes_on bra again;
  ret;
})";

void launch(const char* name, unsigned blocks, unsigned threads) {
  cudaLibrary_t library = nullptr;
  cudaKernel_t kernel = nullptr;
  ASSERT_EQ(cudaLibraryLoadData(&library, kPtx, nullptr, nullptr, 0, nullptr, nullptr, 0), cudaSuccess);
  ASSERT_EQ(cudaLibraryGetKernel(&kernel, library, name), cudaSuccess);
  ASSERT_EQ(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), blocks, threads, nullptr, 0, nullptr),
            cudaSuccess);
}

// Takes all places of the first GPU for four seconds.
void hang_gpu() {
  int num_processors = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&num_processors, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  launch("spin", 2 * static_cast<unsigned>(num_processors), 1024);
}

EngineOptions options_for(int num_gpus) {
  EngineOptions options;
  options.model = "synth:nano";
  options.device = "cuda";
  options.tensor_parallel_size = num_gpus;
  return options;
}

void expect_failure(std::future<Result>& future, const char* reason) {
  ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
  const Result result = future.get();
  EXPECT_EQ(result.status, Status::kUnavailable);
  EXPECT_THAT(result.message, HasSubstr(reason));
}

// By the number of GPUs that compute together.
class DeviceFailure : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (usable_gpus().size() < static_cast<std::size_t>(GetParam()))
      GTEST_SKIP() << "too few GPUs that will do";
  }
};

TEST_P(DeviceFailure, EndsRequestsWithAnErrorThatSaysSo) {
  std::vector<std::future<Result>> results;
  {
    Engine engine(options_for(GetParam()));
    ASSERT_EQ(engine.submit(make_request(0)).get().status, Status::kOk);
    for (int i = 1; i < 400; ++i) results.push_back(engine.submit(make_request(i)));
    launch("fail", 1, 1);
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
      EXPECT_THAT(result.message, HasSubstr("the backend failed"));
    }
    EXPECT_GT(num_failed, 0);
    EXPECT_FALSE(engine.healthy());
    std::future<Result> late = engine.submit(make_request(0));
    expect_failure(late, "the backend failed");
  }  // and it can be put away
}

TEST_P(DeviceFailure, IsNotWaitedForWhenItHangs) {
  EngineOptions options = options_for(GetParam());
  options.device_timeout = std::chrono::seconds(1);
  Clock::time_point begun;
  {
    Engine engine(options);
    ASSERT_EQ(engine.submit(make_request(0)).get().status, Status::kOk);
    hang_gpu();
    begun = Clock::now();
    std::future<Result> waiting = engine.submit(make_request(1));
    expect_failure(waiting, "hangs");
    EXPECT_GE(Clock::now() - begun, std::chrono::milliseconds(900));
    EXPECT_FALSE(engine.healthy());
    std::future<Result> late = engine.submit(make_request(2));
    expect_failure(late, "hangs");
    EXPECT_LT(Clock::now() - begun, std::chrono::milliseconds(2000));
  }
  // Nor is what it holds waited for, but where NCCL has to let go: it does when the GPU goes on, and the
  // process ends after that.
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(GetParam() == 1 ? 3 : 9));
}

INSTANTIATE_TEST_SUITE_P(Gpus, DeviceFailure, testing::Values(1, 2), testing::PrintToStringParamName());

}  // namespace
}  // namespace rerank
