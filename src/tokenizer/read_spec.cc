// Reads the model and the added tokens of a tokenizer.json and puts the whole together.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <unordered_set>

#include "base/utf8.h"
#include "text/json_view.h"
#include "text/strict_json.h"
#include "tokenizer/read_pipeline.h"
#include "tokenizer/tokenizer_spec.h"

namespace rerank {
namespace {

constexpr int64_t kMaxId = (1 << 24) - 1;  // far beyond any vocabulary

// Tables are indexed by id, so ids far apart would take memory that nothing in the file accounts for.
int64_t max_id(size_t num_entries) {
  constexpr int64_t kSpareIds = 1 << 16;
  constexpr int64_t kIdsPerEntry = 16;
  return std::min(kMaxId, kSpareIds + kIdsPerEntry * static_cast<int64_t>(num_entries));
}

void check_model_keys(const JsonView& model) {
  model.allow_only({"type", "vocab", "merges", "dropout", "unk_token", "continuing_subword_prefix",
                    "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"});
  if (auto type = model.find("type"); type && type->string() != "BPE") {
    type->unsupported(fmt::format("is {}; only \"BPE\" is supported", type->quoted()));
  }
  model.require_off("dropout", "merges left out at random would give other ids each time; set it to null");
  model.require_off("continuing_subword_prefix",
                    "byte-level tokens have none; this is not a byte-level vocabulary");
  model.require_off("end_of_word_suffix", "byte-level tokens have none; this is not a byte-level vocabulary");
  if (model.boolean_or("byte_fallback", false)) {
    // No token is ever unknown, see find_byte_ids.
    model.require_off("ignore_merges",
                      "a text that is not cut into words has none to look up; set it to false");
    return;
  }
  model.require_off("unk_token", "byte-level text needs none; set it to null if no token is ever unknown");
  model.require_off("fuse_unk", "byte-level text has no unknown tokens to fuse; set it to false");
}

Vocabulary read_vocabulary(const JsonView& model, Vocabulary::Writing writing) {
  JsonView vocab = model.at("vocab");
  const boost::json::object& entries = vocab.object();
  const int64_t most = max_id(entries.size());
  int64_t last_id = -1;
  for (const auto& entry : entries) {
    JsonView node(entry.value(), "", "");
    if (!entry.value().is_int64() || entry.value().get_int64() < 0 || entry.value().get_int64() > most) {
      vocab.refuse(fmt::format("gives \"{}\" the id {}; ids of {} entries are integers from 0 to {}",
                               std::string_view(entry.key()), node.quoted(), entries.size(), most));
    }
    last_id = std::max(last_id, entry.value().get_int64());
  }
  Vocabulary vocabulary(entries.size(), static_cast<int32_t>(last_id + 1), writing);
  for (const auto& entry : entries) {
    if (!vocabulary.add(std::string_view(entry.key()), static_cast<int32_t>(entry.value().get_int64()))) {
      vocab.refuse(
          fmt::format("has an entry \"{}\" whose text or id {} another entry has; each may stand once",
                      std::string_view(entry.key()), entry.value().get_int64()));
    }
  }
  return vocabulary;
}

std::array<int32_t, 256> find_byte_ids(const Vocabulary& vocabulary, const JsonView& model,
                                       ModelInput input) {
  std::array<int32_t, 256> ids;
  for (unsigned byte = 0; byte < 256; ++byte) {
    auto character = static_cast<char>(byte);
    ids[byte] = vocabulary.find(input == ModelInput::kBytes ? std::string(1, character)
                                                            : fmt::format("<0x{:02X}>", byte));
    bool is_in_utf8 = byte < 0xC0 || (byte >= 0xC2 && byte <= 0xF4);
    if (ids[byte] < 0 && is_in_utf8) {
      model.at("vocab").unsupported(
          fmt::format("has no token for the byte {:#04x}, so some text could not be encoded; this is not a "
                      "vocabulary {}",
                      byte, input == ModelInput::kBytes ? "of byte-level tokens" : "with byte fallback"));
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
      // Most files list the merges in the order of the ids that they make, and a guess is far cheaper than a
      // search.
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

// REQUIRES: read_merges took them.
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

AddedToken read_added_token(const JsonView& node) {
  node.allow_only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
  AddedToken token;
  int64_t id = node.at("id").integer();
  if (id < 0 || id > kMaxId) node.at("id").refuse(fmt::format("should be from 0 to {}", kMaxId));
  token.id = static_cast<int32_t>(id);
  token.content = node.at("content").string();
  token.single_word = node.at("single_word").boolean();
  token.lstrip = node.at("lstrip").boolean();
  token.rstrip = node.at("rstrip").boolean();
  token.normalized = node.at("normalized").boolean();
  token.special = node.at("special").boolean();
  if (token.content.empty()) node.at("content").refuse("is empty; remove the token");
  return token;
}

// The Hugging Face library gives an added token the id that the vocabulary has for it, else the next free
// one, and only warns where the file says another; here the file must agree.
std::vector<AddedToken> read_added_tokens(const JsonView& root, const Vocabulary& vocabulary,
                                          const Normalizer& normalizer, bool byte_fallback) {
  std::vector<AddedToken> tokens;
  std::unordered_set<std::string> contents;
  std::optional<JsonView> list = root.find("added_tokens");
  if (!list) return tokens;
  int64_t next_id = static_cast<int64_t>(vocabulary.num_tokens());
  for (size_t i = 0; i < list->array().size(); ++i) {
    JsonView node = list->element(i);
    AddedToken token = read_added_token(node);
    std::string storage;
    if (!contents.emplace(normalizer.normalized(token.content, storage)).second) {
      node.at("content").unsupported(
          "is, in normal form, that of an earlier token too; remove one of the two");
    }
    int32_t known = vocabulary.find_written(token.content);
    int64_t expected = known >= 0 ? known : next_id;
    if (token.id != expected || (known < 0 && vocabulary.bytes_of(token.id))) {
      node.at("id").unsupported(
          fmt::format("is {}, but the Hugging Face library would give \"{}\" the id {}; list the added "
                      "tokens by ascending id, from the size of model.vocab on",
                      token.id, token.content, expected));
    }
    if (byte_fallback && token.normalized && !token.special && known >= 0) {
      node.at("normalized")
          .unsupported(
              fmt::format("is true, but \"{}\" is a token of model.vocab, which is looked for in the text as "
                          "it is; supported is false",
                          token.content));
    }
    if (token.id >= next_id) next_id = token.id + 1;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// Text of users never becomes a control token, so none may be within reach of the merges.
void check_special_tokens_are_apart(const JsonView& root, const TokenizerSpec& spec) {
  for (size_t i = 0; i < spec.added_tokens.size(); ++i) {
    const AddedToken& token = spec.added_tokens[i];
    std::vector<int32_t> ids;
    if (token.special && spec.vocabulary.find(token.content) == token.id) {
      std::vector<int32_t> symbols;
      if (spec.byte_fallback) append_symbols(token.content, spec.vocabulary, spec.byte_ids, symbols);
      spec.byte_fallback ? append_merged(symbols, spec.merges, ids)
                         : append_merged(token.content, spec.byte_ids, spec.merges, ids);
    }
    if (ids.size() == 1) {
      root.at("added_tokens")
          .element(i)
          .unsupported(
              fmt::format("is special, but model.merges make \"{}\" of plain text too; remove those merges",
                          token.content));
    }
  }
}

}  // namespace

TokenizerSpec read_tokenizer_spec(std::string_view json, std::string_view name) {
  boost::json::monotonic_resource memory(json.size());  // one block for hundreds of thousands of strings
  const boost::json::value document = parse_strict_json(
      json, name,
      {.advice = "is it a tokenizer.json, and complete?", .unique_keys = false, .storage = &memory});
  const JsonView root(document, name);
  root.allow_only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                   "post_processor", "decoder", "model"});
  if (auto version = root.find("version"); version && version->string() != "1.0") {
    version->unsupported(fmt::format("is {}; supported is \"1.0\"", version->quoted()));
  }
  root.require_off("truncation", "the prompt's own rule cuts documents; set it to null");
  root.require_off("padding", "batches are packed without padding; set it to null");
  JsonView model = root.at("model");
  check_model_keys(model);
  TokenizerSpec spec;
  spec.byte_fallback = model.boolean_or("byte_fallback", false);
  const ModelInput input = spec.byte_fallback ? ModelInput::kCharacters : ModelInput::kBytes;
  spec.normalizer = read_normalizer(root);
  if (spec.byte_fallback) {
    check_no_pre_tokenizer(root, spec.normalizer);
  } else {
    spec.pre_tokenizer = read_pre_tokenizer(root);
  }
  check_post_processor(root, input);
  spec.decoder = read_decoder(root, input);
  spec.vocabulary = read_vocabulary(
      model, spec.byte_fallback ? Vocabulary::Writing::kText : Vocabulary::Writing::kByteLevel);
  spec.byte_ids = find_byte_ids(spec.vocabulary, model, input);
  spec.merges = read_merges(model, spec.vocabulary);
  if (spec.byte_fallback) spec.joins = read_joins(model);
  spec.ignore_merges = model.boolean_or("ignore_merges", false);
  spec.added_tokens =
      read_added_tokens(root, spec.vocabulary, Normalizer(spec.normalizer), spec.byte_fallback);
  check_special_tokens_are_apart(root, spec);
  return spec;
}

}  // namespace rerank
