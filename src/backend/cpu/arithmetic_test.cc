// How kernels are chosen: by options, by the checkpoint's type, by a measurement that is cached.
#include "backend/cpu/arithmetic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "backend/cpu/processor.h"
#include "rerank/error.h"
#include "tests/support/error_of.h"

namespace rerank::cpu {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class ArithmeticTest : public testing::Test {
 protected:
  ArithmeticTest() {
    std::string name = (std::filesystem::temp_directory_path() / "rerank-arithmetic-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~ArithmeticTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  BackendOptions options(const std::string& dtype, const std::string& set = "auto") const {
    return {.device = "cpu", .dtype = dtype, .instruction_set = set, .cache_directory = directory_.string()};
  }
  KernelChoice choose(const std::string& dtype, const std::string& set,
                      DataType checkpoint = DataType::kBFloat16) const {
    return choose_kernels(options(dtype, set), checkpoint);
  }
  Error refusal(const std::string& dtype, const std::string& set) const {
    try {
      choose(dtype, set);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << dtype << " with " << set << " was accepted";
    return {ErrorCode::kInternal, ""};
  }
  static bool has_bfloat16() { return __builtin_cpu_supports("avx512bf16"); }
  static const Kernels* widest_bfloat16() { return has_amx_bfloat16() ? &kAmxBFloat16 : &kAvx512BFloat16; }
  GemmSpeeds measure() const { return measure_gemms(*widest_bfloat16(), kAvx512Float32OfBFloat16); }

  std::filesystem::path directory_;
};

TEST_F(ArithmeticTest, RefusesUnknownNamesNamingTheOption) {
  EXPECT_EQ(refusal("auto", "sse2").code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refusal("auto", "sse2").what(), HasSubstr("instruction_set: sse2 is not one of"));
  EXPECT_THAT(refusal("float16", "auto").what(), HasSubstr("dtype: float16 is not one of"));
}

TEST_F(ArithmeticTest, DoesAsAsked) {
  const KernelChoice narrow = choose("float32", "avx2");
  EXPECT_EQ(narrow.kernels, &kAvx2Float32OfBFloat16);
  EXPECT_EQ(narrow.reason, "asked for");
  if (__builtin_cpu_supports("avx512f")) {
    EXPECT_EQ(choose("float32", "avx512").kernels, &kAvx512Float32OfBFloat16);
    EXPECT_EQ(choose("float32", "auto").kernels, &kAvx512Float32OfBFloat16);
  } else {
    EXPECT_EQ(choose("float32", "auto").kernels, &kAvx2Float32OfBFloat16);
    EXPECT_EQ(refusal("float32", "avx512").code(), ErrorCode::kUnsupported);
  }
  if (has_bfloat16()) {
    EXPECT_EQ(choose("bfloat16", "auto").kernels, widest_bfloat16());
    EXPECT_EQ(choose("bfloat16", "avx512").kernels, &kAvx512BFloat16);
  } else {
    EXPECT_EQ(refusal("bfloat16", "auto").code(), ErrorCode::kUnsupported);
  }
  // There are no bfloat16 kernels for AVX2 on any processor.
  EXPECT_EQ(refusal("bfloat16", "avx2").code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refusal("bfloat16", "avx2").what(), HasSubstr("dtype: bfloat16"));
}

// AMX has no float32 products: what would need them is refused instead of computed on another set.
TEST_F(ArithmeticTest, AmxComputesInBFloat16) {
  if (!has_amx_bfloat16()) {
    EXPECT_EQ(refusal("auto", "amx").code(), ErrorCode::kUnsupported);
    EXPECT_THAT(refusal("auto", "amx").what(), HasSubstr(std::string("instruction_set: no AMX")));
    EXPECT_THAT(refusal("auto", "amx").what(), HasSubstr(why_no_amx()));
    return;
  }
  EXPECT_EQ(choose("auto", "amx").kernels, &kAmxBFloat16);
  EXPECT_EQ(choose("bfloat16", "amx", DataType::kFloat32).kernels, &kAmxBFloat16);
  EXPECT_THAT(refusal("float32", "amx").what(), HasSubstr("dtype: amx computes in bfloat16 only"));
  EXPECT_THROW(choose("auto", "amx", DataType::kFloat32), Error);
}

// Nobody needs to wonder why the widest set was not taken.
TEST_F(ArithmeticTest, SaysWhyThereIsNoAmx) {
  if (!has_bfloat16()) GTEST_SKIP() << "bfloat16 is not computed on this processor";
  const bool said = choose("bfloat16", "auto").reason.find("no AMX") != std::string::npos;
  EXPECT_EQ(said, !has_amx_bfloat16());
  EXPECT_EQ(choose("bfloat16", "avx512").reason, "asked for");
}

TEST_F(ArithmeticTest, KeepsTheCheckpointsPrecision) {
  for (const DataType type : {DataType::kFloat32, DataType::kFloat16}) {
    const KernelChoice choice = choose("auto", "auto", type);
    EXPECT_EQ(choice.kernels->arithmetic, kFloat32);
    EXPECT_THAT(choice.reason, HasSubstr(std::string(to_string(type))));
  }
}

// Every kernel set is found under its name, and is unavailable if the processor lacks its instructions.
TEST_F(ArithmeticTest, KernelsAreFoundByInstructionSetAndArithmetic) {
  EXPECT_EQ(find_kernels("avx2", kFloat32), &kAvx2Float32);
  EXPECT_EQ(find_kernels("avx2", kFloat32OfBFloat16), &kAvx2Float32OfBFloat16);
  EXPECT_EQ(find_kernels("avx2", kBFloat16), nullptr);
  EXPECT_EQ(find_kernels("auto", {.keys = Format::kBFloat16}), nullptr);
  for (const Arithmetic& arithmetic : {kFloat32, kFloat32OfBFloat16, kBFloat16}) {
    const Kernels* widest = find_kernels("auto", arithmetic);
    const Kernels* avx512 = find_kernels("avx512", arithmetic);
    const Kernels* amx = find_kernels("amx", arithmetic);
    EXPECT_EQ(amx != nullptr, arithmetic == kBFloat16 && has_amx_bfloat16());
    if (amx != nullptr || avx512 != nullptr) {
      EXPECT_EQ(widest, amx != nullptr ? amx : avx512);
    }
    EXPECT_EQ(avx512 != nullptr,
              arithmetic == kBFloat16 ? has_bfloat16() : __builtin_cpu_supports("avx512f") != 0);
  }
}

// Quantized layers have the instruction set and the keys of the others.
TEST_F(ArithmeticTest, Int8GoesWithTheOtherLayers) {
  const auto int8_of = [&](const std::string& dtype, const std::string& set) {
    BackendOptions asked = options(dtype, set);
    asked.quantization = "int8";
    return choose_kernels(asked, DataType::kBFloat16);
  };
  EXPECT_EQ(choose("float32", "avx2").int8, nullptr);
  const Kernels* narrow = int8_of("float32", "avx2").int8;
  EXPECT_EQ(narrow, kAvxVnniInt8.supported() ? &kAvxVnniInt8 : &kAvx2Int8);
  for (const char* dtype : {"float32", "bfloat16", "auto"}) {
    for (const char* set : {"auto", "avx512", "avx2"}) {
      KernelChoice choice;
      try {
        choice = int8_of(dtype, set);
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::AnyOf(HasSubstr("dtype: "), HasSubstr("instruction_set: "),
                                                 HasSubstr("quantization: int8 needs AVX-512 VNNI")));
        continue;
      }
      ASSERT_NE(choice.int8, nullptr);
      EXPECT_STREQ(choice.int8->instruction_set, choice.kernels->instruction_set);
      EXPECT_EQ(choice.int8->arithmetic, int8_with(choice.kernels->arithmetic.keys));
      if (set != std::string("auto") || has_avx512_vnni() || !has_avx512()) {
        EXPECT_EQ(choice.kernels, choose(dtype, set).kernels);
      }
    }
  }
}

// The first processors with AVX-512 have no instructions for bytes that are wider than AVX2's.
TEST_F(ArithmeticTest, WithoutVnniInt8TakesAvx2) {
  if (!has_avx512()) GTEST_SKIP() << "this processor lacks AVX-512";
  const IsSupported by_skylake = [](const Kernels& kernels) {
    return std::string(kernels.instruction_set) == "avx2" ? &kernels != &kAvxVnniInt8
                                                          : kernels.arithmetic.rows == Format::kFloat32;
  };
  BackendOptions asked = options("auto");
  EXPECT_EQ(choose_kernels(asked, DataType::kBFloat16, by_skylake).kernels, &kAvx512Float32OfBFloat16);
  asked.quantization = "int8";
  const KernelChoice choice = choose_kernels(asked, DataType::kBFloat16, by_skylake);
  EXPECT_EQ(choice.kernels, &kAvx2Float32OfBFloat16);
  EXPECT_EQ(choice.int8, &kAvx2Int8);
  EXPECT_THAT(choice.reason, EndsWith("; no AVX-512 VNNI for int8"));
  asked.instruction_set = "avx512";
  EXPECT_THAT(error_of([&] { choose_kernels(asked, DataType::kBFloat16, by_skylake); }),
              StartsWith("quantization: int8 needs AVX-512 VNNI"));
}

TEST_F(ArithmeticTest, AutoNeverLeavesTheInstructionSet) {
  EXPECT_EQ(choose("auto", "avx2").kernels, &kAvx2Float32OfBFloat16);
}

TEST_F(ArithmeticTest, KeepsWhatItMeasured) {
  if (!has_bfloat16())
    GTEST_SKIP() << "only one arithmetic is possible on this processor: nothing is measured";
  const KernelChoice first = choose("auto", "auto");
  EXPECT_THAT(first.reason, StartsWith("measured now"));
  const KernelChoice second = choose("auto", "auto");
  EXPECT_THAT(second.reason, StartsWith("measured at an earlier start"));
  EXPECT_EQ(second.kernels, first.kernels);

  // A clearly faster arithmetic is chosen; if the line is of another processor or broken, it is measured
  // again.
  const std::filesystem::path file = directory_ / "arithmetic";
  std::string set, bfloat16, float32, processor;
  std::ifstream in(file);
  in >> set >> bfloat16 >> float32 >> std::ws;
  std::getline(in, processor);
  in.close();
  EXPECT_EQ(set, widest_bfloat16()->instruction_set);
  std::ofstream(file) << set << " 10.0 20.0 " << processor << "\n";
  EXPECT_EQ(choose("auto", "auto").kernels, &kAvx512Float32OfBFloat16);
  // Within measurement noise the default is kept.
  std::ofstream(file) << set << " 10.0 11.0 " << processor << "\n";
  EXPECT_EQ(choose("auto", "auto").kernels, widest_bfloat16());
  std::ofstream(file) << set << " 20.0 10.0 " << processor << "\n";
  EXPECT_EQ(choose("auto", "auto").kernels, widest_bfloat16());
  for (const std::string& line : {set + " 10.0 20.0 Another processor\n", "sse2 10.0 20.0 " + processor,
                                  "10.0 20.0 " + processor, set + " 20.0", std::string(), set + " x y z\n"}) {
    std::ofstream(file) << line;
    EXPECT_THAT(choose("auto", "auto").reason, StartsWith("measured now")) << line;
  }
}

TEST(GemmSpeeds, LeavingTheUsualChoiceTakesAClearGain) {
  EXPECT_FALSE(prefers_float32({.bfloat16 = 225, .float32 = 113}));
  EXPECT_FALSE(prefers_float32({.bfloat16 = 100, .float32 = 101}));
  EXPECT_FALSE(prefers_float32({.bfloat16 = 100, .float32 = 119}));
  EXPECT_TRUE(prefers_float32({.bfloat16 = 100, .float32 = 121}));
  EXPECT_TRUE(prefers_float32({.bfloat16 = 85, .float32 = 170}));
}

// Other busy programs, or a quota, prolong a measurement but do not change the choice.
TEST_F(ArithmeticTest, StoppedMeasurementsSayTheSame) {
  if (!has_bfloat16())
    GTEST_SKIP() << "only one arithmetic is possible on this processor: nothing is measured";
  const GemmSpeeds alone = measure();
  std::atomic<bool> ended{false};
  std::vector<std::thread> neighbours;
  for (unsigned i = 0; i < 3 * std::thread::hardware_concurrency(); ++i) {
    neighbours.emplace_back([&ended] {
      while (!ended) {
      }
    });
  }
  const GemmSpeeds crowded = measure();
  ended = true;
  for (std::thread& neighbour : neighbours) neighbour.join();
  EXPECT_EQ(prefers_float32(crowded), prefers_float32(alone));
}

TEST_F(ArithmeticTest, MeasuresOnlyWithoutAPlaceToKeepIt) {
  if (!has_bfloat16())
    GTEST_SKIP() << "only one arithmetic is possible on this processor: nothing is measured";
  BackendOptions nowhere = options("auto");
  nowhere.cache_directory = "";
  EXPECT_THAT(choose_kernels(nowhere, DataType::kBFloat16).reason, StartsWith("measured now"));
  nowhere.cache_directory = "/proc/no/such/place";
  EXPECT_THAT(choose_kernels(nowhere, DataType::kBFloat16).reason, StartsWith("measured now"));
}

}  // namespace
}  // namespace rerank::cpu
