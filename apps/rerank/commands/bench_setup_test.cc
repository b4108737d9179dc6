// What the flags of `rerank bench` ask for: points, endless runs that are refused, names of files.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/bench_flags.h"

namespace rerank::cli {
namespace {

std::string usage_error_of(const BenchFlags& flags) {
  try {
    bench_setup(flags);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(BenchSetup, WithoutFlagsOneClosedLoopOfTenSeconds) {
  const BenchSetup setup = bench_setup({});
  ASSERT_EQ(setup.points.size(), 1U);
  const BenchPoint& point = setup.points.front();
  EXPECT_EQ(point.plan.concurrency, 16);
  EXPECT_FALSE(point.plan.rate.has_value());
  EXPECT_EQ(point.plan.duration, std::chrono::seconds(10));
  EXPECT_EQ(point.num_warmups, 4);
  EXPECT_EQ(setup.output, "");
  EXPECT_EQ(setup.form.extra_body, R"({"return_documents":false})");
}

TEST(BenchSetup, ListsMultiply) {
  BenchFlags flags;
  flags.concurrency = "1,2";
  flags.docs_per_request = "5,10,20";
  flags.document_words = "100,400";
  const BenchSetup setup = bench_setup(flags);
  ASSERT_EQ(setup.points.size(), 12U);
  EXPECT_EQ(setup.points.back().words.docs_per_request, 20);
  EXPECT_EQ(setup.points.back().words.document_words, 400);
  EXPECT_EQ(setup.points.back().plan.concurrency, 2);
  EXPECT_EQ(setup.points.front().num_warmups, 1) << "no more than are sent at a time";
}

TEST(BenchSetup, AnInfiniteRateNeedsAnEnd) {
  BenchFlags flags;
  flags.request_rate = "inf";
  EXPECT_NE(usage_error_of(flags).find("--num-requests"), std::string::npos);
  flags.num_requests = 10;
  const BenchSetup open = bench_setup(flags);
  EXPECT_EQ(open.points.front().plan.rate, std::numeric_limits<double>::infinity());
  flags.concurrency = "4";  // all at once, four at a time: a closed loop
  EXPECT_FALSE(bench_setup(flags).points.front().plan.rate.has_value());
}

TEST(BenchSetup, ExtraFieldsReplaceOurs) {
  BenchFlags flags;
  flags.extra_body = R"({"return_documents":true,"top_n":3})";
  EXPECT_EQ(bench_setup(flags).form.extra_body, R"({"return_documents":true,"top_n":3})");
  flags.extra_body = "[]";
  EXPECT_NE(usage_error_of(flags).find("--extra-body"), std::string::npos);
}

TEST(BenchSetup, FlagsThatContradictEachOtherAreRefusedByName) {
  BenchFlags flags;
  flags.dataset_name = "custom";
  EXPECT_NE(usage_error_of(flags).find("--dataset-path"), std::string::npos);
  flags = {};
  flags.dataset_name = "random-rerank";
  flags.document_words = "100";
  EXPECT_NE(usage_error_of(flags).find("--random-input-len"), std::string::npos);
  flags = {};
  flags.endpoint = "v1/rerank";
  EXPECT_NE(usage_error_of(flags).find("--endpoint"), std::string::npos);
  flags = {};
  flags.metadata = {"=gpu"};
  EXPECT_NE(usage_error_of(flags).find("--metadata"), std::string::npos);
  flags = {};
  flags.offline = true;
  EXPECT_NE(usage_error_of(flags).find("--offline"), std::string::npos);
}

TEST(BenchSetup, AnIpv6HostGetsBrackets) {
  BenchFlags flags;
  flags.host = "::1";
  flags.port = 9000;
  const auto address = bench_setup(flags).http.address;
  EXPECT_EQ(address.url.host, "::1");
  EXPECT_EQ(address.url.port, 9000);
}

}  // namespace
}  // namespace rerank::cli
