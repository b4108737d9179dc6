// A small tokenizer.json for tests: one token for each byte, the given merges, and the rest of the document
// to be changed by the test. Ids are the byte itself, then from 256 on the results of the merges in order.
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

// A small tokenizer.json with byte fallback, like Gemma's: ids 0 to 255 are the bytes, followed by the
// characters and the results of the merges in order. Merges are plain text, with U+2581 for a space.
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

// A small tokenizer.json like BERT's: ids in the order of the tokens, starting with "[UNK]".
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

// A small tokenizer.json like XLM-RoBERTa's, without a character map: ids in the order of the tokens,
// starting with "<unk>".
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

// An entry of added_tokens; `flags` lists those that are true, separated by spaces.
inline boost::json::object small_added_token(int id, const std::string& content,
                                             const std::string& flags = "") {
  boost::json::object token = {{"id", id}, {"content", content}};
  for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized", "special"}) {
    token[flag] = (" " + flags + " ").find(std::string(" ") + flag + " ") != std::string::npos;
  }
  return token;
}

}  // namespace rerank
