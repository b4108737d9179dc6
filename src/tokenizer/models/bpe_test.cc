#include "tokenizer/models/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <random>

#include "tokenizer/models/byte_level.h"
#include "tokenizer/models/vocabulary.h"
#include "tokenizer/models/whole_words.h"
#include "tokenizer/word_cache.h"

namespace rerank {
namespace {

using testing::ElementsAre;

std::array<int32_t, 256> plain_bytes() {
  std::array<int32_t, 256> ids;
  for (int32_t i = 0; i < 256; ++i) ids[static_cast<size_t>(i)] = i;
  return ids;
}

std::vector<int32_t> merged(std::string_view bytes, const MergeTable& merges) {
  std::vector<int32_t> ids;
  append_merged(bytes, plain_bytes(), merges, ids);
  return ids;
}

TEST(Bpe, MergesTheLowestRankFirstAndTheLeftmostOfEquals) {
  MergeTable merges(3);
  merges.set('b', 'c', {0, 256});
  merges.set('a', 'b', {1, 257});
  merges.set('a', 'a', {2, 258});
  EXPECT_THAT(merged("abc", merges), ElementsAre('a', 256));
  EXPECT_THAT(merged("abab", merges), ElementsAre(257, 257));
  EXPECT_THAT(merged("aaa", merges), ElementsAre(258, 'a'));
  EXPECT_THAT(merged("x", merges), ElementsAre('x'));
  EXPECT_THAT(merged("", merges), ElementsAre());
}

TEST(Bpe, CountsTheLaterOfTwoEqualPairs) {
  MergeTable merges(3);
  merges.set('a', 'b', {0, 256});
  merges.set('b', 'c', {1, 257});
  merges.set('a', 'b', {2, 256});
  EXPECT_THAT(merged("abc", merges), ElementsAre('a', 257));
}

// A naive implementation.
std::vector<int32_t> merged_plainly(std::string_view bytes,
                                    const std::map<std::pair<int32_t, int32_t>, MergeTable::Merge>& merges) {
  std::vector<int32_t> ids;
  for (char byte : bytes) ids.push_back(static_cast<unsigned char>(byte));
  while (true) {
    size_t best = ids.size();
    int32_t rank = MergeTable::kNoRank;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      auto merge = merges.find({ids[i], ids[i + 1]});
      if (merge != merges.end() && merge->second.rank < rank) {
        rank = merge->second.rank;
        best = i;
      }
    }
    if (best == ids.size()) return ids;
    ids[best] = merges.at({ids[best], ids[best + 1]}).id;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, EqualsTheDefinitionOnShortAndLongWords) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::map<std::pair<int32_t, int32_t>, MergeTable::Merge> expected;
    MergeTable merges(40);
    std::vector<int32_t> known = {'a', 'b', 'c'};
    for (int32_t rank = 0; rank < 40; ++rank) {
      std::pair<int32_t, int32_t> pair{known[random() % known.size()], known[random() % known.size()]};
      if (expected.count(pair)) continue;
      MergeTable::Merge merge{rank, 256 + rank};
      expected[pair] = merge;
      merges.set(pair.first, pair.second, merge);
      known.push_back(merge.id);
    }
    for (size_t length : {1, 2, 3, 5, 8, 31, 32, 33, 34, 100, 300}) {
      std::string word;
      for (size_t i = 0; i < length; ++i) word += static_cast<char>('a' + random() % 3);
      ASSERT_EQ(merged(word, merges), merged_plainly(word, expected)) << word;
    }
  }
}

TEST(Bpe, TakesLongWordsInItsStride) {
  constexpr int kDoublings = 19;
  MergeTable merges(kDoublings);
  int32_t last = 'a';
  for (int32_t i = 0; i < kDoublings; ++i) {
    merges.set(last, last, {i, 256 + i});
    last = 256 + i;
  }
  std::clock_t begin = std::clock();  // processor time: ignores other work on the machine
  EXPECT_THAT(merged(std::string(1 << kDoublings, 'a'), merges), ElementsAre(last));
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 10) << "quadratic merging takes many minutes";
}

TEST(Vocabulary, FindsByBytesAndAsWritten) {
  Vocabulary vocabulary(3, 10);
  EXPECT_TRUE(vocabulary.add("Ġa", 4));
  EXPECT_TRUE(vocabulary.add("not byte level", 5));
  EXPECT_FALSE(vocabulary.add("x", 4)) << "the id is taken";
  EXPECT_FALSE(vocabulary.add("Ġa", 6)) << "the text is taken";
  EXPECT_FALSE(vocabulary.add("not byte level", 7)) << "the text is taken";
  EXPECT_EQ(vocabulary.find(" a"), 4);
  EXPECT_EQ(vocabulary.find("a"), -1);
  EXPECT_EQ(vocabulary.find("not byte level"), -1) << "reached by no bytes";
  EXPECT_EQ(vocabulary.find_written("Ġa"), 4);
  EXPECT_EQ(vocabulary.find_written(" a"), -1);
  EXPECT_EQ(vocabulary.find_written("not byte level"), 5);
  EXPECT_EQ(vocabulary.bytes_of(4), " a");
  EXPECT_EQ(vocabulary.bytes_of(6), std::nullopt);
  EXPECT_EQ(vocabulary.bytes_of(-1), std::nullopt);
  EXPECT_EQ(vocabulary.bytes_of(10), std::nullopt);
  EXPECT_EQ(vocabulary.num_tokens(), 2u);
}

TEST(ByteLevel, SpellsEveryByteAndBack) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(byte_level_bytes(byte_level_written(bytes)), bytes);
  EXPECT_EQ(byte_level_written(" \n\tA"), "ĠĊĉA");
  EXPECT_EQ(byte_level_bytes("a b"), std::nullopt);
  EXPECT_EQ(byte_level_bytes("漢"), std::nullopt);
}

TEST(WordCache, KeepsOwnersApart) {
  WordCache& cache = WordCache::of_this_thread();
  const uint32_t first = WordCache::new_owner();
  const uint32_t second = WordCache::new_owner();
  const int32_t ids[7] = {1, 2, 3, 4, 5, 6, 7};
  const auto fill = [&](std::string_view word, size_t num_ids) {
    WordCache::fill(cache.pair(first, word), first, word, ids, num_ids);
  };
  const auto find = [&](uint32_t owner, std::string_view word) {
    return WordCache::find(cache.pair(owner, word), owner, word);
  };
  EXPECT_EQ(find(first, "word"), nullptr);
  fill("word", 2);
  ASSERT_NE(find(first, "word"), nullptr);
  EXPECT_EQ(find(first, "word")->num_ids, 2);
  EXPECT_EQ(find(second, "word"), nullptr);
  EXPECT_EQ(find(first, "ward"), nullptr);
  fill("many", 7);
  EXPECT_EQ(find(first, "many"), nullptr) << "too many ids to keep";
  const std::string longest(WordCache::kMaxWordBytes, 'x');
  fill(longest, 6);
  ASSERT_NE(find(first, longest), nullptr);
  EXPECT_EQ(find(first, longest)->ids[5], 6);
}

TEST(WordCache, OfAPairTheOneFilledLongestAgoGoes) {
  WordCache::Pair pair;
  const int32_t id = 7;
  for (const char* word : {"one", "two", "three"}) WordCache::fill(pair, 1, word, &id, 1);
  EXPECT_EQ(WordCache::find(pair, 1, "one"), nullptr);
  EXPECT_NE(WordCache::find(pair, 1, "two"), nullptr);
  EXPECT_NE(WordCache::find(pair, 1, "three"), nullptr);
}

TEST(WholeWords, HoldsWhatWasAdded) {
  WholeWords words(129);
  for (const int32_t id : {0, 64, 128}) words.add(id);
  for (int32_t id = 0; id < 129; ++id) EXPECT_EQ(words.holds(id), id % 64 == 0) << id;
}

}  // namespace
}  // namespace rerank
