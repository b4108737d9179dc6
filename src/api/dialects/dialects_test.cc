#include "api/dialects/dialects.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "rerank/error.h"

namespace rerank::api {
namespace {

TEST(Dialects, AreFoundByTheirNames) {
  for (const Dialect* dialect : dialects()) EXPECT_EQ(&dialect_named(dialect->name), dialect);
  EXPECT_EQ(dialects().back(), &kStandard);
}

TEST(Dialects, RefuseUnknownNamesWithThoseThatAreKnown) {
  try {
    dialect_named("TEI2");
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("--reply-format TEI2: choose one of nim, weaviate, tei"));
  }
}

// The tables of docs/api.md name every dialect, in the order in which they apply.
TEST(Dialects, AreInTheDocumentation) {
  std::ifstream file(RERANK_SOURCE_DIR "/docs/api.md");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::string rows = "| the request | the reply |\n|---|---|\n";
  for (const Dialect* dialect : dialects()) {
    rows += fmt::format("| {} | {} |\n", dialect->documented_request, dialect->documented_reply);
  }
  EXPECT_THAT(text, testing::HasSubstr(rows));
}

}  // namespace
}  // namespace rerank::api
