// The small parts of a request: keys, encodings, origins, trace context, header names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "api/api_error.h"
#include "rerank/error.h"
#include "server/http/http_message.h"
#include "server/service/api_keys.h"
#include "server/service/body.h"
#include "server/service/cors.h"
#include "server/service/exchange.h"
#include "server/service/gzip.h"
#include "server/service/trace_context.h"

namespace rerank {
namespace {

using testing::HasSubstr;

std::string gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string compressed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  return compressed;
}

std::string value_of(const std::vector<HttpHeader>& headers, std::string_view name) {
  for (const HttpHeader& header : headers) {
    if (header.name == name) return header.value;
  }
  return "(none)";
}

TEST(ApiKeys, AdmitsEveryKnownKeyAndNoOther) {
  const ApiKeys keys({"one", "two"});
  EXPECT_TRUE(keys.admits("Bearer one"));
  EXPECT_TRUE(keys.admits("bearer two"));
  EXPECT_TRUE(keys.admits("BEARER   two "));
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer on", "Bearer onee", "Bearer ONE", "one",
                            "Basic one", "Bearer one two", "Bearerone"}) {
    EXPECT_FALSE(keys.admits(wrong)) << wrong;
  }
}

TEST(ApiKeys, WithoutKeysEverybodyMayEnter) {
  const ApiKeys keys({});
  EXPECT_TRUE(keys.admits(""));
  EXPECT_TRUE(keys.admits("Bearer anything"));
}

TEST(ApiKeys, RefusesAnEmptyKey) {
  EXPECT_THROW(ApiKeys({""}), Error);
  EXPECT_THROW(ApiKeys({"good", " "}), Error);
}

TEST(Gzip, InflatesWhatWasCompressed) {
  for (const std::size_t size : {0, 1, 1000, 65536, 65537, 300'000}) {
    std::string text(size, 'x');
    for (std::size_t index = 0; index < size; index += 7) text[index] = static_cast<char>('a' + index % 26);
    std::string inflated;
    EXPECT_EQ(inflate_gzip(gzip(text), size, inflated), InflateOutcome::kDone) << size;
    EXPECT_EQ(inflated, text);
  }
}

TEST(Gzip, InflatesSeveralMembers) {
  std::string inflated;
  EXPECT_EQ(inflate_gzip(gzip("one ") + gzip("two"), 100, inflated), InflateOutcome::kDone);
  EXPECT_EQ(inflated, "one two");
}

TEST(Gzip, StopsAtTheLimit) {
  std::string inflated;
  const std::string bomb = gzip(std::string(std::size_t{50} << 20, '\0'));
  EXPECT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(inflate_gzip(bomb, 1 << 20, inflated), InflateOutcome::kTooLarge);
  EXPECT_LE(inflated.capacity(), std::size_t{3} << 20);
  EXPECT_EQ(inflate_gzip(gzip("12345"), 4, inflated), InflateOutcome::kTooLarge);
  EXPECT_EQ(inflate_gzip(gzip("12345"), 5, inflated), InflateOutcome::kDone);
}

TEST(Gzip, RefusesWhatIsBroken) {
  std::string inflated;
  const std::string good = gzip("some text to be sent");
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(inflate_gzip(good.substr(0, size), 1000, inflated), InflateOutcome::kBroken) << size;
  }
  std::string flipped = good;
  flipped[flipped.size() - 5] ^= 1;  // of the checksum
  EXPECT_EQ(inflate_gzip(flipped, 1000, inflated), InflateOutcome::kBroken);
  EXPECT_EQ(inflate_gzip(good + "more", 1000, inflated), InflateOutcome::kBroken);
}

TEST(Body, IsInflatedByItsHeader) {
  HttpRequest request;
  request.headers = {{"Content-Encoding", "GZIP"}};
  request.body = gzip("text");
  EXPECT_TRUE(inflate_body(request, 100, api::unlimited()));
  EXPECT_EQ(request.body, "text");

  request.headers = {{"Content-Encoding", "br"}};
  try {
    static_cast<void>(inflate_body(request, 100, api::unlimited()));
    FAIL();
  } catch (const api::ApiError& error) {
    EXPECT_EQ(error.status(), 415);
    EXPECT_THAT(error.what(), HasSubstr("br"));
  }
  request.headers = {{"Content-Encoding", "identity"}};
  EXPECT_TRUE(inflate_body(request, 1, api::unlimited()));
  EXPECT_EQ(request.body, "text");

  request.headers = {{"Content-Encoding", "gzip"}};
  request.body = gzip("text");
  EXPECT_FALSE(inflate_body(request, 3, api::unlimited()));
  EXPECT_EQ(request.body, gzip("text"));
}

TEST(Cors, AnswersOnlyPages) {
  HttpRequest request;
  EXPECT_TRUE(cors_headers(request, {"*"}).empty());
  request.headers = {{"Origin", "https://a.example"}};
  EXPECT_EQ(value_of(cors_headers(request, {"*"}), "access-control-allow-origin"), "*");
  EXPECT_EQ(value_of(cors_headers(request, {"https://b.example"}), "access-control-allow-origin"), "(none)");
  const auto headers = cors_headers(request, {"https://b.example", "https://a.example"});
  EXPECT_EQ(value_of(headers, "access-control-allow-origin"), "https://a.example");
  EXPECT_EQ(value_of(headers, "vary"), "Origin");
}

TEST(Cors, PreflightAllowsWhatWasAskedFor) {
  HttpRequest request;
  request.headers = {{"Access-Control-Request-Headers", "authorization, content-type"}};
  const auto headers = preflight_headers(request, "POST, OPTIONS");
  EXPECT_EQ(value_of(headers, "access-control-allow-methods"), "POST, OPTIONS");
  EXPECT_EQ(value_of(headers, "access-control-allow-headers"), "authorization, content-type");
}

TEST(TraceContext, KnowsAValidHeader) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  EXPECT_EQ(trace_id_of("00-" + trace + "-00f067aa0ba902b7-01"), trace);
  EXPECT_EQ(trace_id_of("cc-" + trace + "-00f067aa0ba902b7-01-what-comes-later"), trace);
}

TEST(TraceContext, IgnoresEveryOther) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  for (const std::string& header : std::vector<std::string>{
           "", "00", "00-" + trace + "-00f067aa0ba902b7-0", "00-" + trace + "-00f067aa0ba902b7-0g",
           "ff-" + trace + "-00f067aa0ba902b7-01", "00-" + trace + "-0000000000000000-01",
           "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01", "00-" + trace + "-00f067aa0ba902b7-01-more",
           "cc-" + trace + "-00f067aa0ba902b7-01more", "00_" + trace + "-00f067aa0ba902b7-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"}) {
    EXPECT_EQ(trace_id_of(header), "") << header;
  }
}

TEST(RootPath, IsTakenOffWholeSegmentsOnly) {
  EXPECT_EQ(without_root_path("/api/v1/rerank", "/api"), "/v1/rerank");
  EXPECT_EQ(without_root_path("/v1/rerank", "/api"), "/v1/rerank");
  EXPECT_EQ(without_root_path("/apis/v1/rerank", "/api"), "/apis/v1/rerank");
  EXPECT_EQ(without_root_path("/api", "/api"), "/");
  EXPECT_EQ(without_root_path("/api?x=1", "/api"), "?x=1");
  EXPECT_EQ(without_root_path("/health", ""), "/health");
}

TEST(HttpRequest, FindsHeadersInAnyCase) {
  HttpRequest request;
  request.headers = {{"X-One", "1"}, {"x-one", "2"}};
  EXPECT_EQ(request.header("x-ONE"), "1");
  EXPECT_EQ(request.header("x-two"), "");
}

}  // namespace
}  // namespace rerank
