// Finding and opening the module: what is wrong is reported, and errors are passed on. The modules in this
// test do not need CUDA.
#include "backend/cuda_module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "backend/device_choice.h"
#include "rerank/error.h"

namespace rerank {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string why_none(const std::string& module) {
  ::setenv("RERANK_CUDA_MODULE", module.c_str(), 1);
  const CudaPresence presence = find_cuda();
  EXPECT_THAT(presence.devices, IsEmpty());
  return presence.why_none;
}

// A single test, since the module stays open once it was opened.
TEST(CudaModule, IsOpenedOnceItIsRight) {
  EXPECT_THAT(why_none("/no/such/module.so"), HasSubstr("/no/such/module.so"));
  EXPECT_THAT(why_none("libm.so.6"), HasSubstr("is not a CUDA module"));
  EXPECT_THAT(why_none(RERANK_OLD_FAKE_MODULE), HasSubstr("is of version 0.0.0, this program of"));
  EXPECT_THROW(create_cuda_backend({}), Error);

  ::setenv("RERANK_CUDA_MODULE", RERANK_FAKE_MODULE, 1);
  const CudaPresence presence = find_cuda();
  ASSERT_EQ(presence.devices.size(), 1u);
  EXPECT_EQ(presence.devices[0].name, "a GPU");
  EXPECT_EQ(presence.devices[0].why_not, "");
  EXPECT_EQ(presence.why_none, "");
  EXPECT_EQ(presence.unsupported_key, "");
  const TransformerSpec with_biases{.qkv_bias = true}, without{};
  EXPECT_EQ(find_cuda(&with_biases).unsupported_key, "attention_bias");
  EXPECT_EQ(find_cuda(&without).unsupported_key, "");
  EXPECT_EQ(choose_device({}, 1, &with_biases).device, "cpu");
  EXPECT_EQ(choose_device({}, 1, &without).device, "cuda");
  try {
    create_backend({.device = "cuda", .device_ordinals = {7}});
    ADD_FAILURE() << "no error came through";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    EXPECT_STREQ(error.what(), "rank 0 is GPU 7");
  }
}

}  // namespace
}  // namespace rerank
