// A small tokenizer.json for the tests of this room: one token for each byte, the merges that a test names,
// and the rest of the document as a test changes it. Ids: the byte itself, then 256 on for what the merges
// make, in order.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/models/byte_level.h"

namespace rerank {

// Merges are given as plain text, not in the byte-level alphabet.
inline boost::json::object small_document(
    const std::vector<std::pair<std::string, std::string>>& merges = {}) {
  boost::json::object vocab;
  for (int byte = 0; byte < 256; ++byte) {
    vocab[byte_level_written(std::string(1, static_cast<char>(byte)))] = byte;
  }
  boost::json::array written;
  for (const auto& [left, right] : merges) {
    std::string pair[] = {byte_level_written(left), byte_level_written(right)};
    vocab.emplace(pair[0] + pair[1], vocab.size());
    written.push_back(boost::json::string(pair[0] + " " + pair[1]));
  }
  boost::json::object byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", boost::json::array()},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", ""},
            {"end_of_word_suffix", ""},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", std::move(vocab)},
            {"merges", std::move(written)}}}};
}

// A small tokenizer.json with byte fallback, built as Gemma's: ids 0 to 255 are the bytes, then the
// characters, then what the merges make, in order. Merges are of plain text, with U+2581 for a space.
inline boost::json::object small_fallback_document(
    const std::vector<std::string>& characters,
    const std::vector<std::pair<std::string, std::string>>& merges = {}) {
  constexpr const char* kHex = "0123456789ABCDEF";
  boost::json::object vocab;
  for (int byte = 0; byte < 256; ++byte) {
    vocab[std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">"] = byte;
  }
  for (const std::string& character : characters) vocab.emplace(character, vocab.size());
  boost::json::array written;
  for (const auto& [left, right] : merges) {
    vocab.emplace(left + right, vocab.size());
    written.push_back(boost::json::array{boost::json::string(left), boost::json::string(right)});
  }
  const boost::json::object space = {{"String", " "}}, mark = {{"String", "\u2581"}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", boost::json::array()},
          {"normalizer", {{"type", "Replace"}, {"pattern", space}, {"content", "\u2581"}}},
          {"pre_tokenizer",
           {{"type", "Split"}, {"pattern", space}, {"behavior", "MergedWithPrevious"}, {"invert", false}}},
          {"post_processor", nullptr},
          {"decoder",
           {{"type", "Sequence"},
            {"decoders",
             {{{"type", "Replace"}, {"pattern", mark}, {"content", " "}},
              {{"type", "ByteFallback"}},
              {{"type", "Fuse"}}}}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", true},
            {"byte_fallback", true},
            {"ignore_merges", false},
            {"vocab", std::move(vocab)},
            {"merges", std::move(written)}}}};
}

// A small tokenizer.json of BERT's kind: ids in the order of the tokens, of which "[UNK]" is the first.
inline boost::json::object small_word_piece_document(const std::vector<std::string>& tokens) {
  boost::json::object vocab = {{"[UNK]", 0}};
  for (const std::string& token : tokens) vocab.emplace(token, vocab.size());
  return {{"version", "1.0"},
          {"added_tokens", boost::json::array()},
          {"normalizer", {{"type", "BertNormalizer"}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor", nullptr},
          {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", std::move(vocab)}}}};
}

// A small tokenizer.json of XLM-RoBERTa's kind, without its character map: ids in the order of the tokens, of
// which
// "<unk>" is the first.
inline boost::json::object small_unigram_document(const std::vector<std::pair<std::string, double>>& tokens) {
  boost::json::array vocab;
  vocab.push_back(boost::json::array{"<unk>", 0.0});
  for (const auto& [token, score] : tokens) {
    vocab.push_back(boost::json::array{boost::json::string(token), score});
  }
  const boost::json::object metaspace = {{"type", "Metaspace"}, {"replacement", "\u2581"}};
  const boost::json::array steps = {boost::json::object{{"type", "WhitespaceSplit"}}, metaspace};
  return {{"version", "1.0"},
          {"added_tokens", boost::json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", steps}}},
          {"post_processor", nullptr},
          {"decoder", metaspace},
          {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", std::move(vocab)}}}};
}

// An entry of added_tokens; `flags` names those that are true, apart by spaces.
inline boost::json::object small_added_token(int id, const std::string& content,
                                             const std::string& flags = "") {
  boost::json::object token = {{"id", id}, {"content", content}};
  for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized", "special"}) {
    token[flag] = (" " + flags + " ").find(std::string(" ") + flag + " ") != std::string::npos;
  }
  return token;
}

}  // namespace rerank
