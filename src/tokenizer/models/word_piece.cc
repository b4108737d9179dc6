// WordPiece: takes the longest token at the beginning of a word, then repeatedly the longest one with the
// continuation prefix. A word that cannot be covered, or is too long, becomes a single unknown token.
#include <fmt/format.h>

#include "base/utf8.h"
#include "tokenizer/models/models.h"
#include "tokenizer/models/token_trie.h"

namespace rerank {
namespace {

constexpr std::size_t kMostWordBytes = 256 << 10;  // the characters of long words are only counted

enum Root : std::uint32_t { kFirst, kContinuing, kNumRoots };

class WordPiece final : public TokenModel {
 public:
  WordPiece(Vocabulary vocabulary, std::string_view prefix, std::int32_t unknown, std::size_t most_characters)
      : TokenModel(std::move(vocabulary)),
        tokens_(make_trie(vocabulary_, prefix)),
        unknown_(unknown),
        most_characters_(most_characters) {}

  void append(std::string_view word, const ControlTokens& controls, std::vector<std::int32_t>& ids,
              std::vector<std::size_t>* ends) const override {
    const std::size_t before = ids.size();
    const std::size_t num_ends = ends == nullptr ? 0 : ends->size();
    bool is_covered = count_characters(word) <= most_characters_;
    for (std::size_t begin = 0; is_covered && begin < word.size();) {
      const Longest longest = find_longest(begin == 0 ? kFirst : kContinuing, word.substr(begin), controls);
      is_covered = longest.token >= 0;
      begin += longest.size;
      ids.push_back(longest.token);
      if (ends != nullptr) ends->push_back(begin);
    }
    if (is_covered) return;
    ids.resize(before);
    ids.push_back(unknown_);
    if (ends == nullptr) return;
    ends->resize(num_ends);
    ends->push_back(word.size());
  }
  bool looks_at_controls() const override { return true; }
  std::size_t max_word_bytes() const override { return kMostWordBytes; }

 private:
  struct Longest {
    std::int32_t token = -1;
    std::size_t size = 0;
  };

  static TokenTrie make_trie(const Vocabulary& vocabulary, std::string_view prefix) {
    TokenTrie trie(kNumRoots);
    for (std::int32_t id = 0; id < vocabulary.id_end(); ++id) {
      const std::string_view token = vocabulary.bytes_of(id).value_or("");
      if (!token.empty()) trie.add(kFirst, token, id);
      if (token.starts_with(prefix) && token.size() > prefix.size()) {
        trie.add(kContinuing, token.substr(prefix.size()), id);
      }
    }
    return trie;
  }

  static std::size_t count_characters(std::string_view word) {
    std::size_t count = 0;
    for (const char byte : word) count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
    return count;
  }

  Longest find_longest(Root root, std::string_view text, const ControlTokens& controls) const {
    Longest longest;
    std::uint32_t node = root;
    for (std::size_t at = 0; at < text.size(); ++at) {
      node = tokens_.child(node, text[at]);
      if (node == TokenTrie::kNoNode) break;
      const std::int32_t token = tokens_.token(node);
      if (token < 0) continue;
      const auto id = static_cast<std::size_t>(token);
      if (id >= controls.size() || !controls[id]) longest = {token, at + 1};
    }
    return longest;
  }

  TokenTrie tokens_;
  std::int32_t unknown_;
  std::size_t most_characters_;
};

}  // namespace

std::unique_ptr<TokenModel> read_word_piece(const JsonView& model, bool is_byte_level) {
  if (is_byte_level)
    model.unsupported("is WordPiece behind a ByteLevel pre_tokenizer; supported is BPE there");
  model.allow_only({"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
  Vocabulary vocabulary = read_vocabulary(model, Vocabulary::Writing::kText);
  const std::string_view unknown = model.at("unk_token").string();
  const std::int32_t id = vocabulary.find(unknown);
  if (id < 0) {
    model.at("unk_token").refuse(fmt::format("is \"{}\", which model.vocab lacks", unknown));
  }
  const std::int32_t most = model.at("max_input_chars_per_word").integer(0, INT32_MAX);
  const std::string_view prefix = model.at("continuing_subword_prefix").string();
  return std::make_unique<WordPiece>(std::move(vocabulary), prefix, id, static_cast<std::size_t>(most));
}

}  // namespace rerank
