// Which device is selected, and the errors if none can be used.
#include "backend/device_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rerank/error.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const CudaDevice kH100{
    .name = "NVIDIA H100", .memory_bytes = std::int64_t{80} << 30, .instruction_set = "sm_90"};
const CudaDevice kT4{.name = "Tesla T4",
                     .memory_bytes = std::int64_t{16} << 30,
                     .instruction_set = "sm_75",
                     .why_not = "has compute capability 7.5"};
const CudaPresence kNone{.devices = {}, .why_none = "there is no NVIDIA driver", .has_driver = false};
const CudaPresence kOne{.devices = {kH100}, .why_none = "", .has_driver = true};
const CudaPresence kMixed{.devices = {kT4, kH100, kH100, kH100, kH100}, .why_none = "", .has_driver = true};

std::string refusal(const BackendOptions& options, const CudaPresence& cuda, std::int32_t num_replicas = 1) {
  try {
    choose_device(options, num_replicas, cuda);
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::kInternal);
    return error.what();
  }
  return "no error";
}

TEST(DeviceChoice, AutoTakesAGpuThatWillDo) {
  EXPECT_EQ(choose_device({}, 1, kOne).device, "cuda");
  EXPECT_EQ(choose_device({}, 1, kOne).gpu_names, "NVIDIA H100");
  const DeviceChoice without = choose_device({}, 1, kNone);
  EXPECT_EQ(without.device, "cpu");
  EXPECT_EQ(without.reason, "no GPU: there is no NVIDIA driver");
  EXPECT_FALSE(without.is_surprise);
  const DeviceChoice old = choose_device({}, 1, {.devices = {kT4}, .why_none = "", .has_driver = true});
  EXPECT_EQ(old.device, "cpu");
  EXPECT_THAT(old.reason, HasSubstr("no GPU: Tesla T4 has compute capability 7.5"));
  EXPECT_TRUE(old.is_surprise);
}

TEST(DeviceChoice, AutoTakesTheCpuForWhatOnlyItCan) {
  const DeviceChoice choice = choose_device({.dtype = "float32"}, 1, kOne);
  EXPECT_EQ(choice.device, "cpu");
  EXPECT_EQ(choice.reason, "dtype float32 asks for it");
  EXPECT_EQ(choose_device({.instruction_set = "avx2"}, 1, kOne).device, "cpu");
  EXPECT_EQ(choose_device({.dtype = "bfloat16"}, 1, kOne).device, "cuda");
}

TEST(DeviceChoice, ModelsThatAGpuDoesNotComputeAreForTheCpu) {
  CudaPresence cuda = kOne;
  cuda.unsupported_key = "attention_bias";
  const DeviceChoice choice = choose_device({}, 1, cuda);
  EXPECT_EQ(choice.device, "cpu");
  EXPECT_EQ(choice.reason, "the CUDA module does not compute attention_bias");
  EXPECT_EQ(choose_device({.device = "cpu"}, 1, cuda).device, "cpu");
  EXPECT_EQ(refusal({.device = "cuda"}, cuda),
            "device: cuda cannot be used: the CUDA module does not compute attention_bias");
  EXPECT_EQ(refusal({.quantization = "fp8"}, cuda),
            "quantization: fp8 is for the device cuda, and the CUDA module does not compute attention_bias");
}

TEST(DeviceChoice, WhatIsAskedForIsTakenOrRefused) {
  EXPECT_EQ(choose_device({.device = "cpu"}, 3, kOne).device, "cpu");
  EXPECT_EQ(choose_device({.device = "reference", .dtype = "float32"}, 1, kOne).device, "reference");
  EXPECT_EQ(refusal({.device = "cuda"}, kNone), "device: cuda cannot be used: there is no NVIDIA driver");
  EXPECT_THAT(refusal({.device = "gpu"}, kOne), HasSubstr("device: gpu is not one of"));
}

TEST(DeviceChoice, ReplicasAndRanksShareTheGpusThatWillDo) {
  EXPECT_THAT(choose_device({}, 1, kMixed).gpus, ElementsAre(1));
  const DeviceChoice all = choose_device({.tensor_parallel_size = 2}, 2, kMixed);
  EXPECT_THAT(all.gpus, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(all.gpu_names, "4 x NVIDIA H100");
  EXPECT_THAT(refusal({.tensor_parallel_size = 2}, kMixed, 3),
              AllOf(HasSubstr("tensor_parallel_size: 2 for each of 3 replicas are 6 GPUs"),
                    HasSubstr("shows 4"), HasSubstr("CUDA_VISIBLE_DEVICES")));
}

TEST(DeviceChoice, FlagsOfTheOtherDeviceAreRefusedByName) {
  EXPECT_EQ(refusal({.device = "cpu", .quantization = "fp8"}, kOne),
            "quantization: fp8 is for the device cuda");
  EXPECT_EQ(refusal({.device = "reference", .quantization = "int8"}, kOne),
            "quantization: int8 is for the device cpu or cuda");
  EXPECT_EQ(choose_device({.device = "cpu", .quantization = "int8"}, 1, kOne).device, "cpu");
  EXPECT_EQ(choose_device({.quantization = "int8"}, 1, kOne).device, "cuda");
  EXPECT_EQ(choose_device({.quantization = "int8"}, 1, kNone).device, "cpu");
  EXPECT_EQ(refusal({.quantization = "fp8"}, kNone),
            "quantization: fp8 is for the device cuda, and there is no NVIDIA driver");
  EXPECT_EQ(refusal({.device = "cpu", .gpu_memory_utilization = 0.5}, kOne),
            "gpu_memory_utilization: 0.5 is for the device cuda");
  EXPECT_EQ(refusal({.device = "cpu", .tensor_parallel_size = 2}, kOne),
            "tensor_parallel_size: 2 is for the device cuda");
  EXPECT_THAT(refusal({.device = "cuda", .dtype = "float32"}, kOne),
              HasSubstr("dtype: float32 is for the device cpu"));
  EXPECT_EQ(refusal({.device = "reference", .dtype = "bfloat16"}, kOne),
            "dtype: bfloat16 is for the device cpu or cuda");
  EXPECT_EQ(refusal({.device = "reference", .instruction_set = "avx2"}, kOne),
            "instruction_set: avx2 is for the device cpu");
  EXPECT_EQ(refusal({.device = "cuda", .instruction_set = "avx2"}, kOne),
            "instruction_set: avx2 is for the device cpu");
  EXPECT_EQ(refusal({.dtype = "float32", .quantization = "fp8"}, kOne),
            "quantization: fp8 is for the device cuda");
}

TEST(DeviceChoice, ValuesAreChecked) {
  EXPECT_THAT(refusal({.quantization = "int4"}, kOne), HasSubstr("quantization: int4"));
  EXPECT_THAT(refusal({.dtype = "int8"}, kOne), HasSubstr("dtype: int8"));
  EXPECT_THAT(refusal({.gpu_memory_utilization = 1.5}, kOne), HasSubstr("gpu_memory_utilization: "));
  EXPECT_THAT(refusal({.gpu_memory_utilization = -0.1}, kOne), HasSubstr("gpu_memory_utilization: "));
  EXPECT_THAT(refusal({.tensor_parallel_size = -1}, kOne), HasSubstr("tensor_parallel_size: "));
  EXPECT_THAT(refusal({}, kOne, 0), HasSubstr("data_parallel_size: "));
}

}  // namespace
}  // namespace rerank
