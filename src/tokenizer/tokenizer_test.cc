#include "tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/utf8.h"
#include "rerank/error.h"
#include "tests/support/test_tokenizer_file.h"
#include "tokenizer/small_tokenizer.h"

namespace rerank {
namespace {

using boost::json::object;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

Tokenizer make(const object& document) {
  return Tokenizer::parse(boost::json::serialize(document), "t.json");
}

std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text,
                            SpecialTokens special = SpecialTokens::kParse) {
  std::vector<int32_t> ids;
  tokenizer.encode(text, special, ids);
  return ids;
}

object with_tokens(object document, std::initializer_list<object> tokens) {
  for (const object& token : tokens) document["added_tokens"].as_array().push_back(token);
  return document;
}

TEST(Tokenizer, NormalizesCutsAndMerges) {
  Tokenizer tokenizer = make(small_document({{"a", "b"}, {" ", "ab"}, {"\xc3", "\xa9"}}));
  EXPECT_THAT(encode(tokenizer, "ab ab"), ElementsAre(256, 257));
  EXPECT_THAT(encode(tokenizer, "e\u0301"), ElementsAre(258));
  EXPECT_THAT(encode(tokenizer, "a1b"), ElementsAre('a', '1', 'b'));
  EXPECT_THAT(encode(tokenizer, ""), ElementsAre());
  EXPECT_THAT(encode(tokenizer, std::string_view("\0", 1)), ElementsAre(0));
}

TEST(Tokenizer, AppendsAndLeavesIdsAloneOnFailure) {
  Tokenizer tokenizer = make(small_document());
  std::vector<int32_t> ids = {7};
  tokenizer.encode("a", SpecialTokens::kAsText, ids);
  EXPECT_THAT(ids, ElementsAre(7, 'a'));
  EXPECT_THROW(tokenizer.encode("b\xff", SpecialTokens::kAsText, ids), Error);
  EXPECT_THAT(ids, ElementsAre(7, 'a'));
}

// id, text, start and stop of each piece, in one line.
std::string pieces(const Tokenizer& tokenizer, std::string_view text,
                   SpecialTokens special = SpecialTokens::kParse) {
  std::string line;
  for (const TokenPiece& piece : tokenizer.pieces(text, special)) {
    line += std::to_string(piece.id) + (piece.special ? "*" : "") + " '" + piece.text + "' " +
            std::to_string(piece.start) + ".." + std::to_string(piece.stop) + "; ";
  }
  return line;
}

TEST(Tokenizer, PiecesStandWhereTheyCameFrom) {
  const Tokenizer tokenizer = make(with_tokens(
      small_document({{"a", "b"}, {" ", "ab"}, {"\xc3", "\xa9"}}),
      {small_added_token(259, "<s>", "special rstrip"), small_added_token(260, "éx", "normalized")}));
  EXPECT_EQ(pieces(tokenizer, "ab ab"), "256 'ab' 0..2; 257 ' ab' 2..5; ");
  EXPECT_EQ(pieces(tokenizer, ""), "");
  EXPECT_EQ(pieces(tokenizer, "é<s> ab"), "258 'é' 0..1; 259* '<s> ' 1..5; 256 'ab' 5..7; ");
  EXPECT_EQ(pieces(tokenizer, "<s>", SpecialTokens::kAsText), "60 '<' 0..1; 115 's' 1..2; 62 '>' 2..3; ");
  // Two tokens in one code point; code points that become one; an added token in normalized text.
  EXPECT_EQ(pieces(tokenizer, "üb"), "195 'ü' 0..1; 188 'ü' 0..1; 98 'b' 1..2; ");
  EXPECT_EQ(pieces(tokenizer, "be\u0301b"), "98 'b' 0..1; 258 'e' 1..2; 98 'b' 3..4; ");
  EXPECT_EQ(pieces(tokenizer, "ae\u0301xe\u0301"), "97 'a' 0..1; 260 'e\u0301x' 1..4; 258 'e' 4..5; ");
  EXPECT_THROW(tokenizer.pieces("\xff", SpecialTokens::kAsText), Error);
}

TEST(Tokenizer, PiecesCountNoSpaceThatIsNotThere) {
  object document = small_document({{" ", "a"}});
  document["pre_tokenizer"] = object{{"type", "ByteLevel"}, {"add_prefix_space", true}, {"use_regex", true}};
  EXPECT_EQ(pieces(make(document), "ab a"), "256 'a' 0..1; 98 'b' 1..2; 256 ' a' 2..4; ");
}

TEST(Tokenizer, NamesTheByteThatIsNotUtf8) {
  Tokenizer tokenizer = make(small_document());
  for (SpecialTokens special : {SpecialTokens::kAsText, SpecialTokens::kParse}) {
    try {
      encode(tokenizer, "h\xc3\xa9llo \xed\xa0\x80", special);
      ADD_FAILURE() << "a surrogate was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("at byte 7"));
    }
  }
}

TEST(Tokenizer, IgnoresMergesForWholeWordsIfTold) {
  object document =
      small_document({{"a", "b"}, {"b", "c"}, {"a", "bc"}});  // "abc" is reachable only as a whole word
  EXPECT_THAT(encode(make(document), "abc"), ElementsAre(256, 'c'));
  document["model"].as_object()["ignore_merges"] = true;
  EXPECT_THAT(encode(make(document), "abc"), ElementsAre(258));
  EXPECT_THAT(encode(make(document), "abcc"), ElementsAre(256, 'c', 'c'));
}

// Whether merges produce a token is remembered for all threads; one that they do not produce is never taken
// as a whole word.
TEST(Tokenizer, AWordIsATokenOnlyWhereMergesMakeIt) {
  const Tokenizer tokenizer = make(small_document({{"a", "b"}, {"b", "c"}, {"a", "bc"}}));
  for (int round = 0; round < 3; ++round) {
    std::thread([&] {
      EXPECT_THAT(encode(tokenizer, "abc"), ElementsAre(256, 'c'));
      EXPECT_THAT(encode(tokenizer, "bc"), ElementsAre(257));
      EXPECT_THAT(encode(tokenizer, "ab"), ElementsAre(256));
    }).join();
  }
}

// Many at a time, some too long for the cache, some of them copies with a space in front.
TEST(Tokenizer, KeepsWordsInOrder) {
  object document = small_document();
  std::string text = "first";
  for (int i = 0; i < 200; ++i) {
    text += " w" + std::to_string(i % 90) + std::string(i % 7 == 0 ? 40 : 0, 'x');
  }
  const std::vector<int32_t> bytes(text.begin(), text.end());
  EXPECT_EQ(encode(make(document), text), bytes);
  document["pre_tokenizer"].as_object()["add_prefix_space"] = true;
  std::vector<int32_t> after_space = {' '};
  after_space.insert(after_space.end(), bytes.begin(), bytes.end());
  EXPECT_EQ(encode(make(document), text), after_space);
}

TEST(Tokenizer, ParsesAddedTokensOnlyIfTold) {
  Tokenizer tokenizer = make(
      with_tokens(small_document(), {small_added_token(256, "<s>", "special"), small_added_token(257, "tool"),
                                     small_added_token(258, "éx", "normalized")}));
  EXPECT_THAT(encode(tokenizer, "<s>tool"), ElementsAre(256, 257));
  EXPECT_THAT(encode(tokenizer, "<s>tool", SpecialTokens::kAsText),
              ElementsAre('<', 's', '>', 't', 'o', 'o', 'l'));
  EXPECT_THAT(encode(tokenizer, "e\u0301x"), ElementsAre(258)) << "looked for in normalized text";
  EXPECT_THAT(encode(tokenizer, "é", SpecialTokens::kAsText), ElementsAre(0xc3, 0xa9));
}

// As ModernBERT's indentation, without which code has other ids than it was trained with.
TEST(Tokenizer, FindsRunsOfWhiteSpaceInPlainText) {
  const Tokenizer tokenizer = make(
      with_tokens(small_document(),
                  {small_added_token(256, "    ", "normalized"), small_added_token(257, "  ", "normalized"),
                   small_added_token(258, "\t\t"), small_added_token(259, "   ", "special"),
                   small_added_token(260, "[unused0]", "normalized")}));
  const auto ids = [&](std::string_view text) { return encode(tokenizer, text, SpecialTokens::kAsText); };
  EXPECT_THAT(ids("a\n    b"), ElementsAre('a', '\n', 256, 'b'));
  EXPECT_THAT(ids("a   b"), ElementsAre('a', 257, ' ', 'b')) << "special tokens stay text";
  EXPECT_THAT(ids("\t\te\u0301"), ElementsAre(258, 0xc3, 0xa9)) << "normalized on both sides";
  EXPECT_EQ(ids("[unused0]").size(), 9u);
  EXPECT_EQ(pieces(tokenizer, "a  b", SpecialTokens::kAsText), "97 'a' 0..1; 257 '  ' 1..3; 98 'b' 3..4; ");
}

TEST(Tokenizer, LooksForTokensBeforeOrAfterNormalization) {
  object document = small_document();
  auto with = [&](const char* content, const char* flags) {
    return make(with_tokens(document, {small_added_token(256, content, flags)}));
  };
  EXPECT_THAT(encode(with("Åx", ""), "\u212bx"), ElementsAre(0xc3, 0x85, 'x')) << "not as it is in the text";
  EXPECT_THAT(encode(with("Åx", "normalized"), "\u212bx"), ElementsAre(256));
  EXPECT_THAT(encode(with("\u212b", "normalized"), "\u00c5"), ElementsAre(256))
      << "the content is normalized too";
  EXPECT_THAT(encode(with("\u212b", ""), "\u212b\u00c5"), ElementsAre(256, 0xc3, 0x85));
  EXPECT_THAT(encode(with("xe", ""), "xe\u0301"), ElementsAre(256, 0xcc, 0x81))
      << "normalization does not cross it";
}

TEST(Tokenizer, AppliesEachFlag) {
  auto ids = [](const char* flags, std::string_view text) {
    return encode(make(with_tokens(small_document(), {small_added_token(256, "TT", flags)})), text);
  };
  EXPECT_THAT(ids("", "x TT y"), ElementsAre('x', ' ', 256, ' ', 'y'));
  EXPECT_THAT(ids("lstrip", "x TT y"), ElementsAre('x', 256, ' ', 'y'));
  EXPECT_THAT(ids("rstrip", "x TT y"), ElementsAre('x', ' ', 256, 'y'));
  EXPECT_THAT(ids("lstrip rstrip normalized special", "x \n TT \ty"), ElementsAre('x', 256, 'y'));
  EXPECT_THAT(ids("single_word", "TT xTT"), ElementsAre(256, ' ', 'x', 'T', 'T'));
}

TEST(Tokenizer, AddsAPrefixSpaceToEachStretch) {
  object document = small_document();
  document["pre_tokenizer"].as_object()["add_prefix_space"] = true;
  Tokenizer tokenizer = make(with_tokens(document, {small_added_token(256, "TT")}));
  EXPECT_THAT(encode(tokenizer, "aTTb"), ElementsAre(' ', 'a', 256, ' ', 'b'));
  EXPECT_THAT(encode(tokenizer, " a"), ElementsAre(' ', 'a'));
  EXPECT_THAT(encode(tokenizer, ""), ElementsAre());
}

TEST(Tokenizer, NeverMakesASpecialTokenOfPlainText) {
  object document = small_document();
  document["model"].as_object()["vocab"].as_object()["<|x|>"] = 256;
  document["model"].as_object()["ignore_merges"] = true;
  document["pre_tokenizer"].as_object()["use_regex"] = false;
  Tokenizer tokenizer = make(with_tokens(document, {small_added_token(256, "<|x|>", "special")}));
  EXPECT_THAT(encode(tokenizer, "<|x|>"), ElementsAre(256));
  EXPECT_THAT(encode(tokenizer, "<|x|>", SpecialTokens::kAsText), ElementsAre('<', '|', 'x', '|', '>'));
}

TEST(Tokenizer, Decodes) {
  Tokenizer tokenizer =
      make(with_tokens(small_document({{"\xc3", "\xa9"}}), {small_added_token(257, "<s>", "special")}));
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{257, 'a', ' ', 256, 0xc3}), "<s>a \xc3\xa9\xc3");
  for (int32_t bad : {-1, 258, 1 << 30}) {
    try {
      tokenizer.decode(std::vector<int32_t>{bad});
      ADD_FAILURE() << bad << " was decoded";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr(std::to_string(bad)));
    }
  }
}

TEST(Tokenizer, KnowsItsTokens) {
  Tokenizer tokenizer =
      make(with_tokens(small_document({{" ", "a"}}), {small_added_token(257, "< s>", "special")}));
  EXPECT_EQ(tokenizer.vocab_size(), 258);
  EXPECT_EQ(tokenizer.token_id("< s>"), 257);
  EXPECT_EQ(tokenizer.token_id("Ġa"), 256);
  EXPECT_EQ(tokenizer.token_id(" a"), std::nullopt);
  EXPECT_EQ(tokenizer.token_id("\xff"), std::nullopt);
}

TEST(Tokenizer, NamesAFileThatCannotBeRead) {
  try {
    Tokenizer::load("/nowhere/tokenizer.json");
    ADD_FAILURE() << "was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/tokenizer.json: cannot be read"));
  }
}

TEST(Tokenizer, MovesAndServesManyThreadsAtOnce) {
  Tokenizer first = make(small_document({{"a", "b"}}));
  Tokenizer second = make(small_document({{"b", "a"}}));  // other ids for the same words
  Tokenizer moved = std::move(first);
  std::vector<std::thread> threads;
  std::vector<int> wrong(8);
  threads.reserve(wrong.size());
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        std::string text = "abab " + std::to_string(i) + " ab";
        const Tokenizer& tokenizer = i % 2 ? moved : second;
        std::vector<int32_t> ids = encode(tokenizer, text, SpecialTokens::kAsText);
        bool merged = i % 2 ? ids[0] == 256 && ids[1] == 256 : ids[0] == 'a' && ids[1] == 256;
        count += !merged || tokenizer.decode(ids) != text;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, testing::Each(0));
}

// tests/data/made-up-tokenizers.jsonl: ids of Hugging Face tokenizers 0.23 for tokenizers of all kinds.
TEST(Tokenizer, GivesTheReferencesIdsForEveryKind) {
  std::ifstream lines(RERANK_SOURCE_DIR "/tests/data/made-up-tokenizers.jsonl");
  size_t num_cases = 0;
  for (std::string line; std::getline(lines, line);) {
    const boost::json::value row = boost::json::parse(line);
    const Tokenizer tokenizer = make(row.at("document").as_object());
    for (const boost::json::value& wanted : row.at("cases").as_array()) {
      const std::string text(wanted.at("text").as_string());
      SCOPED_TRACE(std::string(row.at("kind").as_string()) + ": " + testing::PrintToString(text));
      for (const auto& [key, special] :
           {std::pair{"ids", SpecialTokens::kParse}, std::pair{"plain", SpecialTokens::kAsText}}) {
        const auto ids = boost::json::value_to<std::vector<int32_t>>(wanted.at(key));
        EXPECT_EQ(encode(tokenizer, text, special), ids);
        std::vector<int32_t> placed;
        for (const TokenPiece& piece : tokenizer.pieces(text, special)) placed.push_back(piece.id);
        EXPECT_EQ(placed, ids);
      }
      ++num_cases;
    }
  }
  EXPECT_EQ(num_cases, 650u);
}

class RealTokenizer : public testing::Test {
 protected:
  void SetUp() override {
    if (!test_tokenizer_file()) GTEST_SKIP() << kNoTestTokenizer;
  }
  static const Tokenizer& tokenizer() {
    static const Tokenizer kLoaded = Tokenizer::load(*test_tokenizer_file());
    return kLoaded;
  }
};

// The ids were generated with the Hugging Face package 0.23.2.
TEST_F(RealTokenizer, GivesTheReferencesIds) {
  std::ifstream lines(RERANK_SOURCE_DIR "/tests/data/tokenizer.jsonl");
  size_t cases = 0;
  for (std::string line; std::getline(lines, line); ++cases) {
    boost::json::value row = boost::json::parse(line);
    auto expected = boost::json::value_to<std::vector<int32_t>>(row.at("ids"));
    std::string text(row.at("text").as_string());
    EXPECT_THAT(encode(tokenizer(), text), ElementsAreArray(expected)) << line;
    std::vector<int32_t> placed;
    for (const TokenPiece& piece : tokenizer().pieces(text, SpecialTokens::kParse))
      placed.push_back(piece.id);
    EXPECT_EQ(placed, expected) << line;
  }
  EXPECT_EQ(cases, 1641u);
}

TEST_F(RealTokenizer, KeepsControlTokensOutOfPlainText) {
  EXPECT_EQ(tokenizer().token_id("<|im_end|>"), 151645);
  EXPECT_THAT(encode(tokenizer(), "a<|im_end|>"), ElementsAre(64, 151645));
  for (int32_t id :
       encode(tokenizer(), "<|im_end|><|endoftext|><think></think><tool_call>", SpecialTokens::kAsText)) {
    EXPECT_LT(id, 151643);
  }
  EXPECT_EQ(tokenizer().vocab_size(), 151669);
}

TEST_F(RealTokenizer, TakesLongTextInItsStride) {
  for (std::string unit : {"a", " ", "\n", "漢", "\u0301", "-", "ab "}) {
    std::string text;
    while (text.size() < 1000000) {
      for (size_t size = 0; size + unit.size() < 30000; size += unit.size()) text += unit;
      text += " 1";
    }
    std::vector<int32_t> ids = encode(tokenizer(), text, SpecialTokens::kAsText);
    EXPECT_EQ(tokenizer().decode(ids), text);
  }
}

}  // namespace
}  // namespace rerank
