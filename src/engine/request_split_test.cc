#include "engine/request_split.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace rerank {
namespace {

constexpr std::int32_t kLongest = 8192;

Request make_request(const std::vector<std::size_t>& sizes) {
  Request request;
  for (const std::size_t size : sizes) request.documents.emplace_back(size, 'x');
  return request;
}

// The number of documents in each part.
std::vector<std::size_t> counts(const Request& request, std::size_t max_parts) {
  std::vector<std::size_t> found;
  for (const RequestPart& part : split_request(request, max_parts, kLongest)) {
    found.push_back(part.documents.end - part.documents.first);
  }
  return found;
}

using Counts = std::vector<std::size_t>;

TEST(RequestSplit, PartsAreOfAboutEqualCost) {
  EXPECT_EQ(counts(make_request(std::vector<std::size_t>(50, 1200)), 2), Counts({25, 25}));
  EXPECT_EQ(counts(make_request(std::vector<std::size_t>(51, 1200)), 4), Counts({13, 12, 13, 13}));
  EXPECT_EQ(counts(make_request({30000, 10000, 10000, 10000}), 2), Counts({1, 3}));
  EXPECT_EQ(counts(make_request({10000, 10000, 10000, 30000}), 2), Counts({3, 1}));
}

TEST(RequestSplit, SmallRequestsStayWhole) {
  EXPECT_EQ(counts(make_request({}), 4), Counts({0}));
  EXPECT_EQ(counts(make_request({20000}), 4), Counts({1}));
  EXPECT_EQ(counts(make_request(std::vector<std::size_t>(5, 1200)), 4), Counts({5}));
  EXPECT_EQ(counts(make_request(std::vector<std::size_t>(20, 1200)), 4).size(), 3u);
  EXPECT_EQ(counts(make_request(std::vector<std::size_t>(100, 1200)), 1), Counts({100}));
}

// A query costs once for each run of documents that share it.
TEST(RequestSplit, QueriesOfDocumentsCount) {
  Request request = make_request({1000, 1000, 1000, 1000});
  request.queries.assign(4, std::string(30000, 'q'));
  EXPECT_EQ(counts(request, 2), Counts({1, 3}));
  request.queries[3][0] = 'r';
  EXPECT_EQ(counts(request, 2), Counts({2, 2}));
}

// A document of a megabyte is truncated before it is scored, so it costs no more than others.
TEST(RequestSplit, WhatIsCutCostsNothing) {
  EXPECT_EQ(counts(make_request({1000000, 40000, 40000, 40000}), 2), Counts({2, 2}));
  Request request = make_request({100000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000, 2000});
  request.max_tokens_per_document = 400;
  EXPECT_EQ(counts(request, 2), Counts({5, 5}));
}

TEST(RequestSplit, EveryDocumentOnceInOrder) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::size_t> sizes(random() % 40);
    for (std::size_t& size : sizes) size = random() % 4 == 0 ? random() % 60000 : random() % 3000;
    const Request request = make_request(sizes);
    const std::size_t max_parts = 1 + random() % 8;
    std::size_t next = 0;
    const std::vector<RequestPart> parts = split_request(request, max_parts, kLongest);
    ASSERT_LE(parts.size(), max_parts);
    for (const RequestPart& part : parts) {
      ASSERT_EQ(part.documents.first, next);
      ASSERT_TRUE(part.documents.end > next || sizes.empty());
      next = part.documents.end;
    }
    ASSERT_EQ(next, sizes.size());
  }
}

}  // namespace
}  // namespace rerank
