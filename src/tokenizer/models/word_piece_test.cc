// WordPiece in a BERT tokenizer: the longest tokens first, unknown words, and the files of old repositories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tokenizer/small_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace rerank {
namespace {

using boost::json::object;
using testing::ElementsAre;
using testing::HasSubstr;

Tokenizer make(const object& document) {
  return Tokenizer::parse(boost::json::serialize(document), "t.json");
}

std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text,
                            SpecialTokens special = SpecialTokens::kAsText) {
  std::vector<int32_t> ids;
  tokenizer.encode(text, special, ids);
  return ids;
}

const std::vector<std::string> kTokens = {"un",  "##aff", "##able", "able", "##a", "u",
                                          "##f", ",",     "\u4eac", "cafe", "##s"};

TEST(WordPiece, LongestTokensFirst) {
  const Tokenizer tokenizer = make(small_word_piece_document(kTokens));
  EXPECT_THAT(encode(tokenizer, "unaffable"), ElementsAre(1, 2, 3));
  EXPECT_THAT(encode(tokenizer, "able unable"), ElementsAre(4, 1, 3));
  EXPECT_THAT(encode(tokenizer, "unaffab"), ElementsAre(0)) << "covered but for its end";
  EXPECT_THAT(encode(tokenizer, "Caf\u00c9s,\u4eacun"), ElementsAre(10, 11, 8, 9, 1));
  EXPECT_THAT(encode(tokenizer, "x"), ElementsAre(0));
  EXPECT_THAT(encode(tokenizer, " \n"), ElementsAre());
  EXPECT_EQ(tokenizer.decode(encode(tokenizer, "unaffable , able")), "unaffable, able");
}

TEST(WordPiece, WordsOfTooManyCharactersAreUnknown) {
  object document = small_word_piece_document(kTokens);
  document["model"].as_object()["max_input_chars_per_word"] = 4;
  const Tokenizer tokenizer = make(document);
  EXPECT_THAT(encode(tokenizer, "caf\u00e9 able"), ElementsAre(10, 4)) << "characters, not bytes";
  EXPECT_THAT(encode(tokenizer, "cafes unable"), ElementsAre(0, 0));
}

TEST(WordPiece, TokensAreWhereTheirTextIs) {
  const Tokenizer tokenizer = make(small_word_piece_document(kTokens));
  std::string line;
  for (const TokenPiece& piece :
       tokenizer.pieces("Unaffable\u00c9 CAFE\u0301S\u200b,xyz \u4eac", SpecialTokens::kAsText)) {
    line += std::to_string(piece.id) + " '" + piece.text + "' " + std::to_string(piece.start) + ".." +
            std::to_string(piece.stop) + "; ";
  }
  EXPECT_EQ(line,
            "0 'Unaffable\u00c9' 0..10; 10 'CAFE' 11..15; 11 'S' 16..17; 8 ',' 18..19; 0 'xyz' 19..22; 9 "
            "'\u4eac' 23..24; ");
}

TEST(WordPiece, NoTextOfAUserIsASpecialToken) {
  object document = small_word_piece_document(kTokens);
  document["pre_tokenizer"] = object{{"type", "WhitespaceSplit"}};
  document["normalizer"] = nullptr;
  document["added_tokens"] = {small_added_token(0, "[UNK]", "special"),
                              small_added_token(1, "un", "special single_word")};
  const Tokenizer tokenizer = make(document);
  EXPECT_THAT(encode(tokenizer, "un unable", SpecialTokens::kParse), ElementsAre(1, 1, 3));
  EXPECT_THAT(encode(tokenizer, "un unable uf"), ElementsAre(0, 0, 6, 7)) << "u is a token, ##n is none";
}

// The output of Hugging Face's converter for an older repository.
TEST(WordPiece, ReadsTheFilesOfOldRepositories) {
  const std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / ("rerank-vocab-" + std::to_string(::getpid()));
  std::filesystem::create_directory(directory);
  const auto write = [&directory](const char* name, const char* text) {
    std::ofstream(directory / name, std::ios::binary) << text;
    return directory / name;
  };
  const auto file =
      write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\r\n[SEP]\n[MASK]\ncaf\u00e9\ncafe\n##s\nCaf\u00e9\n");
  const auto ids = [&](std::string_view text) { return encode(Tokenizer::load(file), text); };
  EXPECT_THAT(ids("Caf\u00c9s"), ElementsAre(6, 7)) << "no tokenizer_config.json";
  write("tokenizer_config.json", R"({"do_lower_case": true, "strip_accents": false})");
  EXPECT_THAT(ids("Caf\u00c9s"), ElementsAre(5, 7));
  write("tokenizer_config.json", R"({"do_lower_case": false, "unk_token": {"content": "[UNK]"}})");
  EXPECT_THAT(ids("Caf\u00e9s caf\u00c9"), ElementsAre(8, 7, 1));
  const Tokenizer tokenizer = Tokenizer::load(file);
  EXPECT_THAT(encode(tokenizer, "[SEP]", SpecialTokens::kParse), ElementsAre(3));
  EXPECT_THAT(encode(tokenizer, "[SEP]"), ElementsAre(1, 1, 1));
  ASSERT_EQ(tokenizer.frames().pair.parts.size(), 5u);
  EXPECT_EQ(tokenizer.frames().pair.parts[0].ids, std::vector<int32_t>{2});
  EXPECT_EQ(tokenizer.frames().pair.parts[4], (TokenFrame::Part{.ids = {3}, .type = 1}));
  write("tokenizer_config.json", R"({"tokenizer_class": "MPNetTokenizer"})");
  EXPECT_THAT(error_of([&] { Tokenizer::load(file); }), HasSubstr("tokenizer_class is \"MPNetTokenizer\""));
  write("tokenizer_config.json", R"({"mask_token": "<mask>"})");
  EXPECT_THAT(error_of([&] { Tokenizer::load(file); }), HasSubstr("vocab.txt: has no line \"<mask>\""));
  std::filesystem::remove_all(directory);
}

TEST(WordPiece, WhatIsNotDoneIsRefusedByName) {
  const auto refusal = [](const char* path, const char* key, const boost::json::value& value) {
    object document = small_word_piece_document(kTokens);
    object& place = path == std::string() ? document : document[path].as_object();
    place[key] = value;
    return error_of([&] { make(document); });
  };
  EXPECT_THAT(refusal("model", "unk_token", "<unk>"),
              HasSubstr("model.unk_token is \"<unk>\", which model.vocab lacks"));
  EXPECT_THAT(refusal("model", "max_input_chars_per_word", -1),
              HasSubstr("max_input_chars_per_word should be a whole number from 0"));
  EXPECT_THAT(refusal("", "pre_tokenizer", {{"type", "ByteLevel"}}),
              HasSubstr("model is WordPiece behind a ByteLevel"));
  EXPECT_THAT(refusal("", "pre_tokenizer", nullptr), HasSubstr("has no pre_tokenizer"));
}

}  // namespace
}  // namespace rerank
