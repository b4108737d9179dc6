// Reads a model of type "BPE".
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "tokenizer/models/bpe_model.h"
#include "tokenizer/models/models.h"

namespace rerank {
namespace {

enum class Input { kBytes, kCharacters };

ByteIds find_byte_ids(const Vocabulary& vocabulary, const JsonView& model, Input input) {
  ByteIds ids;
  for (unsigned byte = 0; byte < 256; ++byte) {
    auto character = static_cast<char>(byte);
    ids[byte] =
        vocabulary.find(input == Input::kBytes ? std::string(1, character) : fmt::format("<0x{:02X}>", byte));
    bool is_in_utf8 = byte < 0xC0 || (byte >= 0xC2 && byte <= 0xF4);
    if (ids[byte] < 0 && is_in_utf8) {
      model.at("vocab").unsupported(
          fmt::format("has no token for the byte {:#04x}, so some text could not be encoded; this is not a "
                      "vocabulary {}",
                      byte, input == Input::kBytes ? "of byte-level tokens" : "with byte fallback"));
    }
  }
  return ids;
}

// The two tokens of a merge, written "a b" or ["a", "b"].
std::pair<std::string_view, std::string_view> read_pair(const JsonView& merges, size_t index) {
  const boost::json::value& merge = merges.array()[index];
  if (merge.is_array() && merge.get_array().size() == 2 && merge.get_array()[0].is_string() &&
      merge.get_array()[1].is_string()) {
    return {merge.get_array()[0].get_string(), merge.get_array()[1].get_string()};
  }
  std::string_view text = merge.is_string() ? std::string_view(merge.get_string()) : std::string_view();
  size_t space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
    merges.element(index).refuse("should be a merge \"a b\" or [\"a\", \"b\"], not " +
                                 merges.element(index).quoted());
  }
  return {text.substr(0, space), text.substr(space + 1)};
}

MergeTable read_merges(const JsonView& model, const Vocabulary& vocabulary) {
  JsonView merges = model.at("merges");
  size_t count = merges.array().size();
  MergeTable table(count);
  std::string merged;
  int32_t guess = 0;
  for (size_t i = 0; i < count; ++i) {
    const boost::json::value& merge = merges.array()[i];
    if (merge.is_string() && std::string_view(merge.get_string()).starts_with("#version")) continue;
    auto [left, right] = read_pair(merges, i);
    merged = left;
    merged += right;
    int32_t ids[3] = {-1, -1, 0};
    std::string_view texts[3] = {left, right, merged};
    for (int k = 0; k < 3; ++k) {
      // Most files list merges in the order of the resulting ids, and checking a guess is far cheaper than
      // searching.
      bool guessed = k == 2 && vocabulary.is_written(guess, merged);
      ids[k] = guessed ? guess : vocabulary.find_written(texts[k]);
      if (ids[k] < 0) {
        merges.element(i).refuse(fmt::format("needs the token \"{}\", which model.vocab lacks", texts[k]));
      }
    }
    table.set(ids[0], ids[1], {static_cast<int32_t>(i), ids[2]});
    guess = ids[2] + 1;
  }
  return table;
}

// REQUIRES: read_merges succeeded.
CharacterJoins read_joins(const JsonView& model) {
  const JsonView merges = model.at("merges");
  std::vector<std::pair<char32_t, char32_t>> pairs;
  pairs.reserve(merges.array().size());
  for (size_t i = 0; i < merges.array().size(); ++i) {
    const boost::json::value& merge = merges.array()[i];
    if (merge.is_string() && std::string_view(merge.get_string()).starts_with("#version")) continue;
    const auto [left, right] = read_pair(merges, i);
    if (left.empty() || right.empty() || byte_of_token(left) || byte_of_token(right) ||
        byte_of_token(std::string(left) + std::string(right))) {
      merges.element(i).unsupported("is a merge of nothing or of bytes; supported are merges of characters");
    }
    size_t at = 0;
    pairs.emplace_back(previous_code_point(left, left.size()), next_code_point(right, at));
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  CharacterJoins joins(pairs.size());
  for (const auto& [left, right] : pairs) joins.add(left, right);
  return joins;
}

void check_keys(const JsonView& model, bool is_byte_level, bool has_byte_fallback) {
  model.allow_only({"type", "vocab", "merges", "dropout", "unk_token", "continuing_subword_prefix",
                    "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"});
  model.require_off("dropout", "merges left out at random would give other ids each time; set it to null");
  model.require_off("continuing_subword_prefix", "supported is BPE without one");
  model.require_off("end_of_word_suffix", "supported is BPE without one");
  // No token is ever unknown, see find_byte_ids, so unk_token and fuse_unk have no effect.
  if (has_byte_fallback) {
    model.require_off("ignore_merges",
                      "a text that is not cut into words has none to look up; set it to false");
  } else if (!is_byte_level) {
    model.unsupported(
        "is BPE without bytes; supported are \"byte_fallback\" and a pre_tokenizer that ends with a "
        "ByteLevel step");
  }
}

}  // namespace

std::unique_ptr<TokenModel> read_bpe(const JsonView& model, bool is_byte_level) {
  const bool has_byte_fallback = model.boolean_or("byte_fallback", false);
  check_keys(model, is_byte_level, has_byte_fallback);
  if (has_byte_fallback) {
    Vocabulary vocabulary = read_vocabulary(model, Vocabulary::Writing::kText);
    const ByteIds byte_ids = find_byte_ids(vocabulary, model, Input::kCharacters);
    MergeTable merges = read_merges(model, vocabulary);
    return std::make_unique<ByteFallbackBpe>(std::move(vocabulary), byte_ids, std::move(merges),
                                             read_joins(model));
  }
  Vocabulary vocabulary = read_vocabulary(model, Vocabulary::Writing::kByteLevel);
  const ByteIds byte_ids = find_byte_ids(vocabulary, model, Input::kBytes);
  MergeTable merges = read_merges(model, vocabulary);
  return std::make_unique<ByteLevelBpe>(std::move(vocabulary), byte_ids, std::move(merges),
                                        model.boolean_or("ignore_merges", false));
}

}  // namespace rerank
