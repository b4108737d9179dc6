// Results written and read back, and the HTML report.
#include "load/report/result_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "load/report/plot.h"
#include "load/report/report.h"
#include "rerank/error.h"

namespace rerank::load {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

Point point_with(std::int64_t concurrency, double scale) {
  Point point;
  point.plan = {.concurrency = concurrency, .seed = 3, .duration = std::chrono::seconds(10)};
  point.dataset = "words";
  point.docs_per_request = 20;
  point.query_words = 12;
  point.document_words = 100;
  point.num_distinct = 64;
  point.percentiles = {50, 90, 99, 99.9};
  for (int request = 0; request < 50; ++request) {
    point.record.samples.push_back({.start_ns = request * 1'000'000,
                                    .latency_ns = std::llround(scale * (1 + request % 7) * 1e6),
                                    .lateness_ns = 2'000,
                                    .num_tokens = 3000,
                                    .num_documents = 20});
  }
  point.record.failures["HTTP 429"] = {2, "the queue is \"full\" <& closed>"};
  point.record.wall = std::chrono::milliseconds(1500);
  point.record.cpu = std::chrono::milliseconds(5);
  point.record.max_in_flight = concurrency;
  point.figures = figures_of(point.record, {.percentiles = point.percentiles, .goodput_limit_ms = 30});
  return point;
}

BenchResult sample_result() {
  BenchResult result;
  result.created = "2026-11-23T13:20:00Z";
  result.version = "0.1.0";
  result.label = "ours <b>";
  result.command = {"rerank", "bench", "--concurrency", "1,2"};
  result.machine = {{"processor", "some"}, {"cores", "2"}};
  result.target = {{"kind", "HTTP"}, {"address", "http://x"}};
  result.metadata = {{"tp", "1"}};
  result.points = {point_with(1, 5), point_with(4, 9)};
  Point open = point_with(0, 7);
  open.plan.rate = 20;
  open.plan.burstiness = 0.5;
  Point flood = point_with(0, 20);
  flood.plan.rate = std::numeric_limits<double>::infinity();
  flood.plan.max_requests = 50;
  Point empty = point_with(2, 1);
  empty.record.samples.clear();
  empty.record.interrupted = true;
  empty.figures = figures_of(empty.record, {});
  result.points.insert(result.points.end(), {open, flood, empty});
  return result;
}

TEST(ResultFile, GivesBackWhatWasWritten) {
  const BenchResult result = sample_result();
  const std::string text = result_text(result);
  const BenchResult read = parse_result(text, "it");
  EXPECT_EQ(read.label, result.label);
  EXPECT_EQ(read.version, result.version);
  EXPECT_EQ(read.command, result.command);
  EXPECT_EQ(read.machine, result.machine);
  EXPECT_EQ(read.target, result.target);
  EXPECT_EQ(read.metadata, result.metadata);
  ASSERT_EQ(read.points.size(), result.points.size());
  for (std::size_t index = 0; index < read.points.size(); ++index) {
    EXPECT_EQ(point_key(read.points[index]), point_key(result.points[index]));
    const Figures& figures = read.points[index].figures;
    const Figures& expected = result.points[index].figures;
    EXPECT_EQ(figures.num_completed, expected.num_completed);
    EXPECT_EQ(figures.num_failed, expected.num_failed);
    EXPECT_EQ(figures.num_tokens, expected.num_tokens);
    EXPECT_EQ(figures.goodput, expected.goodput);
    EXPECT_DOUBLE_EQ(figures.requests_per_second, expected.requests_per_second);
    ASSERT_EQ(figures.latency.has_value(), expected.latency.has_value());
    if (figures.latency) {
      EXPECT_EQ(figures.latency->percentiles, expected.latency->percentiles);
    }
  }
  EXPECT_EQ(result_text(read), text);
}

TEST(ResultFile, UsesTheNamesOfVllmsBenchmark) {
  const std::string text = result_text(sample_result());
  for (const char* name :
       {"duration", "completed", "failed", "total_input_tokens", "total_input_sequences",
        "request_throughput", "input_sequence_throughput", "total_token_throughput", "request_goodput",
        "mean_e2el_ms", "median_e2el_ms", "std_e2el_ms", "p99_e2el_ms", "p99.9_e2el_ms"}) {
    EXPECT_THAT(text, HasSubstr("\"" + std::string(name) + "\": "));
  }
}

TEST(ResultFile, ThatIsNoneIsRefusedByName) {
  const auto refusal = [](const std::string& text) {
    try {
      parse_result(text, "some.json");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing was refused");
  };
  EXPECT_THAT(refusal("{"), HasSubstr("some.json: not JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("some.json: should be an object, not a list"));
  EXPECT_THAT(refusal("{}"), HasSubstr("some.json: is not a result of `rerank bench`"));
  std::string text = result_text(sample_result());
  text.replace(text.find("\"lateness_us\": [2"), 17, "\"lateness_us\": [2,2");
  EXPECT_THAT(refusal(text), HasSubstr("points[0].requests has lists that differ in length"));
  text = result_text(sample_result());
  text.replace(text.find("\"seed\": 3"), 9, "\"seed\": \"3\"");
  EXPECT_THAT(refusal(text), HasSubstr("load.seed should be an integer, not \"3\"; run the benchmark again"));
}

// Files are untrusted: computations stay in range.
TEST(ResultFile, ThatLiesIsRefused) {
  const std::string honest = result_text(sample_result());
  const auto refusal = [&honest](const std::string& name, const std::string& value) {
    std::string text = honest;
    const std::size_t at = text.find("\"" + name + "\": ") + name.size() + 4;
    text.replace(at, text.find_first_of(",\n]", at) - at, value);
    try {
      (void)report_page(std::vector<BenchResult>{parse_result(text, "it")}, "title");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing was refused");
  };
  for (const char* const list : {"start_us", "latency_us", "lateness_us", "documents", "tokens"}) {
    EXPECT_THAT(refusal(list, "[9223372036854775807"),
                HasSubstr(std::string(list) + " must have whole numbers from"))
        << list;
  }
  EXPECT_THAT(refusal("latency_us", "[-1"), HasSubstr("latency_us must have whole numbers from 0 to"));
  EXPECT_THAT(refusal("duration", "1e300"), HasSubstr("figures.duration must be between 0 and 1000000000"));
  EXPECT_THAT(refusal("cpu_seconds", "-1"), HasSubstr("cpu_seconds must be between 0"));
  EXPECT_THAT(refusal("seconds", "1e19"), HasSubstr("load.seconds must be between"));
  EXPECT_THAT(refusal("max_concurrency", "-1"), HasSubstr("load.max_concurrency must be between 0"));
  EXPECT_THAT(refusal("max_concurrency", "0"), HasSubstr("load needs `max_concurrency`, 1 or more"));
  EXPECT_THAT(refusal("aborted", "9223372036854775807"), HasSubstr("figures.aborted must be between"));
  EXPECT_THAT(refusal("percentiles", "[1e300"),
              HasSubstr("it: points[0].percentiles[0] must be between 0 and 100"));
}

TEST(ResultFile, SteersNoTerminalAndNoAxis) {
  BenchResult result = sample_result();
  result.label = "a\x1b[31mb\nc";
  result.points.resize(2);
  for (Point& point : result.points) {
    for (Sample& sample : point.record.samples) sample.latency_ns = 0;
  }
  const BenchResult read = parse_result(result_text(result), "it");
  EXPECT_EQ(read.label, "a?[31mb?c");
  const std::string page = report_page(std::vector<BenchResult>{read}, "title");
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("inf ")));
}

TEST(Axis, HasRoundTicks) {
  EXPECT_THAT((Axis{0, 100, false, ""}.ticks(5)), ElementsAre(0, 20, 40, 60, 80, 100));
  EXPECT_THAT((Axis{1, 100, true, ""}.ticks(8)), ElementsAre(1, 2, 5, 10, 20, 50, 100));
  EXPECT_THAT((Axis{1, 1000, true, ""}.ticks(4)), ElementsAre(1, 10, 100, 1000));
  EXPECT_DOUBLE_EQ((Axis{1, 100, true, ""}.place(10)), 0.5);
  EXPECT_DOUBLE_EQ((Axis{0, 200, false, ""}.place(50)), 0.25);
  EXPECT_EQ(tick_text(1234567), "1,234,567");
  EXPECT_EQ(tick_text(0.25), "0.25");
  const Axis axis = axis_for({12, 90}, true, "");
  EXPECT_LE(axis.low, 12);
  EXPECT_GE(axis.high, 90);
}

// Every tag is closed in order, as XML requires. The end-to-end test uses a real parser.
void expect_balanced(const std::string& page) {
  std::vector<std::string> open;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = page.substr(at + 1, end - at - 1);
    if (tag.starts_with('!') || tag.ends_with('/')) continue;
    const std::string name = tag.substr(0, tag.find(' '));
    if (!tag.starts_with('/')) {
      open.push_back(name);
      continue;
    }
    ASSERT_FALSE(open.empty()) << tag;
    ASSERT_EQ(open.back(), name.substr(1));
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
}

TEST(Report, ShowsEveryPointAndNothingFromElsewhere) {
  const std::vector<BenchResult> results = {sample_result(), sample_result()};
  const std::string page = report_page(results, "A <title> & more");
  expect_balanced(page);
  EXPECT_THAT(page, HasSubstr("A &lt;title&gt; &amp; more"));
  EXPECT_THAT(page, HasSubstr("ours &lt;b&gt;"));
  EXPECT_THAT(page, HasSubstr("the queue is &quot;full&quot; &lt;&amp; closed&gt;"));
  EXPECT_THAT(page, HasSubstr("Throughput by concurrency"));
  EXPECT_THAT(page, HasSubstr("20/s"));
  EXPECT_THAT(page, HasSubstr("all at once"));
  EXPECT_THAT(page, HasSubstr("stopped early"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  for (const char* outside : {"<script", "<link", "src=", "@import", "url("})
    EXPECT_THAT(page, Not(HasSubstr(outside)));
}

TEST(Report, OfNothingIsStillAPage) {
  BenchResult result;
  result.label = "empty";
  expect_balanced(report_page(std::vector<BenchResult>{result}, "Nothing"));
}

}  // namespace
}  // namespace rerank::load
