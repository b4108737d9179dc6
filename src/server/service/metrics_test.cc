#include "server/service/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rerank {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

TEST(Metrics, ShowsTheEngineByVllmsNames) {
  const FrontCounters front;
  const Metrics metrics(front, "m");
  MetricsMoment moment;
  moment.model_name = "m";
  EXPECT_THAT(metrics.render(moment), Not(HasSubstr("vllm:num_requests_running")));

  EngineInfo info;
  info.prefix_cache_capacity = 200;
  info.max_num_batched_tokens = 100;
  moment.info = &info;
  moment.statistics.num_running = 5;
  moment.statistics.num_waiting = 2;
  moment.statistics.prefix_cache_tokens_used = 50;
  moment.statistics.num_prompt_tokens = 1000;
  moment.statistics.num_cached_tokens = 700;
  moment.statistics.num_computed_tokens = 300;
  moment.statistics.num_batches = 6;
  const std::string text = metrics.render(moment);
  const std::string labels = R"({model_name="m",engine="0"} )";
  EXPECT_THAT(text, HasSubstr("vllm:num_requests_running" + labels + "3\n"));
  EXPECT_THAT(text, HasSubstr("vllm:num_requests_waiting" + labels + "2\n"));
  EXPECT_THAT(text, HasSubstr("vllm:kv_cache_usage_perc" + labels + "0.25\n"));
  EXPECT_THAT(text, HasSubstr("vllm:prompt_tokens_total" + labels + "1000\n"));
  EXPECT_THAT(text, HasSubstr("vllm:prefix_cache_hits_total" + labels + "700\n"));
  EXPECT_THAT(text, HasSubstr("rerank_batch_fill_ratio" + labels + "0.5\n"));
  EXPECT_THAT(text, HasSubstr(R"(num_gpu_blocks="200")"));
}

TEST(Metrics, CountsHowRequestsEnd) {
  const FrontCounters front;
  Metrics metrics(front, "m");
  Result result;
  result.documents.resize(3);
  result.documents[1].truncated = true;
  metrics.count_scoring("/v1/rerank", 200, 3, result, milliseconds(3));
  metrics.count_scoring("/v1/rerank", 499, 10, {}, milliseconds(3));
  metrics.count_scoring("/v1/rerank", 400, 10, {}, milliseconds(3));
  const std::string text = metrics.render({.model_name = "m"});
  const auto finished = [](const char* reason) {
    return std::string(R"(vllm:request_success_total{engine="0",finished_reason=")") + reason +
           R"(",model_name="m"} 1)";
  };
  for (const char* reason : {"stop", "abort", "error"}) EXPECT_THAT(text, HasSubstr(finished(reason)));
  EXPECT_THAT(text, HasSubstr(R"(rerank_documents_total{route="/v1/rerank",status="200"} 3)"));
  EXPECT_THAT(text, HasSubstr("rerank_truncated_documents_total{engine=\"0\",model_name=\"m\"} 1\n"));
  const std::string total = R"(rerank_request_total_seconds_bucket{engine="0",model_name="m",le=)";
  EXPECT_THAT(text, HasSubstr(total + R"("0.002"} 0)"));
  EXPECT_THAT(text, HasSubstr(total + R"("0.005"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(rerank_rejected_requests_total{reason="queue_full"} 0)"));
}

TEST(Metrics, ShowsProcessAndFront) {
  FrontCounters front;
  front.num_connections = 7;
  const Metrics metrics(front, "m");
  const std::string text = metrics.render({.model_name = "m"});
  EXPECT_THAT(text, HasSubstr("rerank_http_connections 7\n"));
  EXPECT_THAT(text, Not(HasSubstr("process_resident_memory_bytes 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("process_open_fds 0\n")));
  EXPECT_THAT(text, HasSubstr("process_start_time_seconds 1"));
}

}  // namespace
}  // namespace rerank
