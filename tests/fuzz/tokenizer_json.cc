// tokenizer.json: read or refused with words, and what is read encodes. An input that is a JSON object is
// read a second time with its members in place of those of small tokenizers that work, so that what stands
// deep in such a file is reached.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <vector>

#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/character_map.h"
#include "tokenizer/small_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace rerank::fuzz {
namespace {

namespace json = boost::json;

constexpr std::string_view kText = "The he\u0301 'll <s> 2024\r\n\n  \xF0\x9F\x98\x80 end  ";

void check_encoding(const Tokenizer& tokenizer) {
  for (const SpecialTokens special : {SpecialTokens::kAsText, SpecialTokens::kParse}) {
    std::vector<std::int32_t> ids;
    try {
      tokenizer.encode(kText, special, ids);
    } catch (const Error& error) {
      expect_presentable(error.what());
      expect(error.code() != ErrorCode::kInternal, "text that cannot be split is no mistake of ours");
      continue;
    }
    for (const std::int32_t id : ids) {
      expect(id >= 0 && id < tokenizer.vocab_size(), "an id is below the end of the ids");
    }
    tokenizer.decode(ids);
    std::vector<std::int32_t> of_pieces;
    for (const TokenPiece& piece : tokenizer.pieces(kText, special)) of_pieces.push_back(piece.id);
    expect(of_pieces == ids, "pieces are the tokens");
  }
}

void read_tokenizer(std::string_view text) {
  try {
    const MemoryBound bound(1000 * text.size() + (std::size_t{4} << 20));
    const Tokenizer tokenizer = Tokenizer::parse(text, "t.json");
    check_encoding(tokenizer);
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(error.code() != ErrorCode::kInternal, "an odd file is no mistake of ours");
  }
}

// Members of objects one in another; all else of `changes` takes the place of what is there.
void merge(json::object& document, const json::object& changes, int depth) {
  for (const auto& [key, value] : changes) {
    json::value& place = document[key];
    if (depth > 0 && place.is_object() && value.is_object()) {
      merge(place.get_object(), value.get_object(), depth - 1);
    } else {
      place = value;
    }
  }
}

}  // namespace

void run_input(std::string_view input) {
  read_tokenizer(input);
  json::error_code error;
  const json::value changes = json::parse({input.data(), input.size()}, error);
  if (error || !changes.is_object()) return;
  static const json::object bytes = small_document({{"h", "e"}, {"T", "he"}, {" ", "e"}});
  static const json::object fallback =
      small_fallback_document({"T", "h", "e", "\u2581"}, {{"h", "e"}, {"T", "he"}, {"\u2581", "e"}});
  static const json::object words =
      small_word_piece_document({"t", "the", "##e", "he", "'", "l", "##l", "end", "2", "<"});
  static const json::object unigram = [] {
    json::object document =
        small_unigram_document({{"\u2581", -2}, {"T", -3}, {"he", -3}, {"\u2581The", -5}, {"l", -4}});
    document["normalizer"] = {
        {"type", "Precompiled"},
        {"precompiled_charsmap", character_map({{"e\u0301", "e"}, {"\n", " "}, {"2", "x"}})}};
    return document;
  }();
  for (const json::object* const small : {&bytes, &fallback, &words, &unigram}) {
    json::object document = *small;
    merge(document, changes.get_object(), 2);
    read_tokenizer(json::serialize(document));
  }
}

}  // namespace rerank::fuzz
