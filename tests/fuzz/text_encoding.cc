// A text encoded step by step and no further than wanted: the first ids of the whole, wherever steps and
// texts are cut. The first four bytes choose tokenizer, parts, how far, and the steps.
#include "tokenizer/text_encoding.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/character_map.h"
#include "tokenizer/small_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace rerank::fuzz {
namespace {

// Patterns and added tokens that look ahead, take spaces with them, or need the text in normal form.
std::vector<Tokenizer> make_tokenizers() {
  const auto parse = [](const boost::json::object& document) {
    return Tokenizer::parse(boost::json::serialize(document), "t.json");
  };
  boost::json::object document = small_document({{"a", "b"}, {" ", "ab"}, {"\xc3", "\xa9"}});
  document["added_tokens"] = {small_added_token(259, "<s>", "special"),
                              small_added_token(260, "<t>", "rstrip lstrip"),
                              small_added_token(261, "word", "single_word")};
  std::vector<Tokenizer> tokenizers;
  tokenizers.push_back(parse(document));
  document["added_tokens"].as_array().push_back(small_added_token(262, "e\u0301", "normalized lstrip"));
  document["pre_tokenizer"].as_object()["add_prefix_space"] = true;
  tokenizers.push_back(parse(document));
  boost::json::object byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  const boost::json::string pattern =
      R"((?i:'s|'ll)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  document["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}}, byte_level}}};
  tokenizers.push_back(parse(document));
  boost::json::object fallback = small_fallback_document({"a", "b", "\u2581", "\n", "\u00e9"},
                                                         {{"\u2581", "a"}, {"a", "b"}, {"\n", "\n"}});
  fallback["added_tokens"] = {small_added_token(263, "\n\n"), small_added_token(264, "<s>", "special"),
                              small_added_token(265, "<t>", "rstrip lstrip")};
  tokenizers.push_back(parse(fallback));
  boost::json::object words = small_word_piece_document(
      {"a", "word", "##s", "e", "##e", "\u1112", "##\u1161", "<", "s", ">", "'", "1"});
  words["added_tokens"] = {small_added_token(13, "<s>", "special"),
                           small_added_token(14, "<t>", "rstrip lstrip")};
  tokenizers.push_back(parse(words));
  boost::json::object unigram = small_unigram_document({{"\u2581", -2},
                                                        {"\u2581a", -3},
                                                        {"a", -4},
                                                        {"b", -3},
                                                        {"ab", -4.5},
                                                        {"\u00e9", -5},
                                                        {" ", -6},
                                                        {"<s>", 0}});
  unigram["normalizer"] = {
      {"type", "Precompiled"},
      {"precompiled_charsmap",
       character_map({{"e\u0301", "\u00e9"}, {"\n", " "}, {"\u00a9", "(c)"}, {"\u200d", ""}})}};
  unigram["added_tokens"] = {small_added_token(8, "<s>", "special"),
                             small_added_token(9, "<t>", "rstrip lstrip")};
  tokenizers.push_back(parse(unigram));
  const boost::json::object strip = {{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}};
  const boost::json::object spaces = {
      {"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", "\u2581"}};
  unigram["normalizer"] = {{"type", "Sequence"}, {"normalizers", {unigram["normalizer"], strip, spaces}}};
  unigram["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}};
  tokenizers.push_back(parse(unigram));
  return tokenizers;
}

// Whether a token may be found in plain text, and so depends on the borders of parts.
bool finds_tokens_in_text(const Tokenizer& tokenizer) {
  return tokenizer.token_id("<0x0A>").has_value();  // the one with byte fallback
}

void check_steps(const Tokenizer& tokenizer, const std::vector<TextPart>& parts, std::size_t max_ids,
                 std::size_t first_bytes) {
  // All at once: parts that are one text, or of which no border matters.
  std::vector<std::int32_t> whole;
  TextEncoding at_once(tokenizer, parts, SIZE_MAX, std::size_t{1} << 20);
  while (!at_once.advance()) {
  }
  whole = at_once.ids();
  const bool is_plain =
      std::ranges::all_of(parts, [](auto& part) { return part.special == SpecialTokens::kAsText; });
  if ((is_plain && !finds_tokens_in_text(tokenizer)) || parts.size() == 1) {
    std::string joined;
    for (const TextPart& part : parts) joined += part.text;
    std::vector<std::int32_t> of_pieces;
    for (const TokenPiece& piece : tokenizer.pieces(joined, parts[0].special)) of_pieces.push_back(piece.id);
    expect(of_pieces == whole, "parts are one text");
  }
  TextEncoding encoding(tokenizer, parts, max_ids, first_bytes);
  std::size_t num_before = 0;
  while (!encoding.advance()) {
    expect(encoding.ids().size() >= num_before && encoding.ids().size() <= max_ids,
           "a step takes nothing back");
    num_before = encoding.ids().size();
  }
  const std::vector<std::int32_t>& ids = encoding.ids();
  expect(ids.size() <= whole.size() && std::equal(ids.begin(), ids.end(), whole.begin()),
         "steps make the first ids of the whole");
  expect(encoding.is_whole() ? ids.size() == whole.size() : ids.size() > max_ids,
         "steps go as far as is wanted");
}

}  // namespace

void run_input(std::string_view input) {
  static const std::vector<Tokenizer> tokenizers = make_tokenizers();
  if (input.size() < 4) return;
  const auto byte = [&input](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(input[at]));
  };
  const std::string text = replace_invalid_utf8(std::string(input.substr(4)));
  const std::size_t max_ids = byte(2) == 255 ? SIZE_MAX : byte(2);
  const MemoryBound bound(1000 * input.size() + (std::size_t{8} << 20));
  const Tokenizer& tokenizer = tokenizers[byte(0) % tokenizers.size()];
  for (const SpecialTokens special : {SpecialTokens::kAsText, SpecialTokens::kParse}) {
    check_steps(tokenizer, {{text, special}}, max_ids, 1 + byte(3));
    // In three parts, with tokens parsed in those that the second byte says.
    const std::size_t first = last_code_point(std::string_view(text).substr(0, byte(1) % (text.size() + 1)));
    const std::size_t second = first + last_code_point(std::string_view(text).substr(first)) / 2;
    const auto chosen = [&](std::size_t bit) {
      return (byte(1) >> bit & 1) != 0 ? special : SpecialTokens::kAsText;
    };
    const std::size_t border = std::max(first, last_code_point(std::string_view(text).substr(0, second)));
    check_steps(tokenizer,
                {{std::string_view(text).substr(0, first), chosen(0)},
                 {std::string_view(text).substr(first, border - first), chosen(1)},
                 {std::string_view(text).substr(border), chosen(2)}},
                max_ids, 1 + byte(3));
  }
}

}  // namespace rerank::fuzz
