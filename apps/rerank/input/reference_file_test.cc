#include "apps/rerank/input/reference_file.h"

#include <gtest/gtest.h>

#include <string>

#include "checkpoint/scratch_directory.h"
#include "tests/support/error_of.h"

namespace rerank::cli {
namespace {

constexpr const char* kCase =
    R"({"query":"q","document":"d","token_count":7,"float32":{"logit_no":1.5,"logit_yes":-2}})";

std::string error_for(const std::string& text) {
  const ScratchDirectory folder;
  const std::string path = folder.write("reference.json", text);
  return error_of([&] { read_reference(path); });
}

TEST(ReferenceFile, ACaseIsRead) {
  const ScratchDirectory folder;
  const Reference reference = read_reference(folder.write(
      "reference.json",
      std::string(R"({"bfloat16_logit_difference_error":{"rms":0.25},"cases":[)") + kCase + "]}"));
  ASSERT_EQ(reference.cases.size(), 1U);
  EXPECT_EQ(reference.cases[0].logit_difference, -3.5);
  EXPECT_EQ(reference.cases[0].token_count, 7);
  EXPECT_EQ(reference.cases[0].instruction, "");
  EXPECT_EQ(reference.bfloat16_rms, 0.25);
  EXPECT_FALSE(reference.spec.has_value());
}

TEST(ReferenceFile, WhatIsWrongIsNamedByCaseAndField) {
  EXPECT_NE(error_for(R"({"cases":[]})").find("cases should not be empty"), std::string::npos);
  EXPECT_NE(error_for(std::string(R"({"cases":[)") + kCase + R"(,{"query":"q"}]})").find("cases[1]"),
            std::string::npos);
  EXPECT_NE(error_for(R"({"cases":[{"query":"q","document":"d","float32":{"logit_no":0,"logit_yes":0}}]})")
                .find("token_count"),
            std::string::npos);
  EXPECT_NE(error_for("{").find("not JSON at byte 1"), std::string::npos);
}

}  // namespace
}  // namespace rerank::cli
