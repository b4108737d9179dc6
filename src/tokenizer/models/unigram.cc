// Unigram: the segmentation of a word into tokens with the largest sum of scores, found with the Viterbi
// algorithm. A character without a token costs more than any token; a run of them becomes one unknown token.
// Sums and comparisons are made in the order of the Hugging Face library, so that ties are broken in the same
// way.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/utf8.h"
#include "tokenizer/models/models.h"
#include "tokenizer/models/token_trie.h"

namespace rerank {
namespace {

constexpr double kUnknownPenalty = 10.0;
constexpr std::size_t kShortBytes = 4 << 10;

class Unigram final : public TokenModel {
 public:
  Unigram(Vocabulary vocabulary, std::vector<double> scores, std::int32_t unknown)
      : TokenModel(std::move(vocabulary)),
        tokens_(make_trie(vocabulary_)),
        scores_(std::move(scores)),
        unknown_(unknown),
        unknown_score_(std::ranges::min(scores_) - kUnknownPenalty) {}

  void append(std::string_view word, const ControlTokens& controls, std::vector<std::int32_t>& ids,
              std::vector<std::size_t>* ends) const override {
    if (word.size() > kShortBytes) {
      Scratch scratch;
      return append_best(word, controls, scratch, ids, ends);
    }
    static thread_local Scratch scratch;
    append_best(word, controls, scratch, ids, ends);
  }
  bool looks_at_controls() const override { return true; }
  // Takes linear time: about 10 ms.
  std::size_t max_word_bytes() const override { return std::size_t{256} << 10; }

 private:
  // The best segmentation that ends at a position.
  struct Best {
    double score;
    std::size_t begin;   // of the last token
    std::int32_t token;  // -1: none yet
  };

  // Reused for all words.
  struct Scratch {
    std::vector<Best> best;         // [bytes + 1]
    std::vector<std::size_t> path;  // the ends of the tokens, in reverse order
  };

  void append_best(std::string_view word, const ControlTokens& controls, Scratch& scratch,
                   std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends) const {
    std::vector<Best>& best = scratch.best;
    find_best(word, controls, best);
    std::vector<std::size_t>& path = scratch.path;
    path.clear();
    for (std::size_t end = word.size(); end > 0;) {
      const std::size_t run_end = end;
      // Neighbouring unknown characters become one token.
      const bool is_unknown = best[end].token == unknown_;
      do end = best[end].begin;
      while (is_unknown && end > 0 && best[end].token == unknown_);
      path.push_back(run_end);
    }
    std::size_t begin = 0;
    for (auto end = path.rbegin(); end != path.rend(); begin = *end++) {
      std::int32_t token = best[*end].token;
      if (token == unknown_) {
        const std::int32_t known = vocabulary_.find(word.substr(begin, *end - begin));
        if (known >= 0 && !is_control(controls, known)) token = known;
      }
      ids.push_back(token);
      if (ends != nullptr) ends->push_back(*end);
    }
  }

  static TokenTrie make_trie(const Vocabulary& vocabulary) {
    TokenTrie trie(1);
    for (std::int32_t id = 0; id < vocabulary.id_end(); ++id) {
      if (!vocabulary.bytes_of(id)->empty()) trie.add(0, *vocabulary.bytes_of(id), id);
    }
    return trie;
  }

  static bool is_control(const ControlTokens& controls, std::int32_t token) {
    const auto id = static_cast<std::size_t>(token);
    return id < controls.size() && controls[id];
  }

  void find_best(std::string_view word, const ControlTokens& controls, std::vector<Best>& best) const {
    best.assign(word.size() + 1, {0.0, 0, -1});
    const auto offer = [&](std::size_t begin, std::size_t end, std::int32_t token, double score) {
      const double sum = score + best[begin].score;
      if (best[end].token < 0 || sum > best[end].score) best[end] = {sum, begin, token};
    };
    for (std::size_t begin = 0; begin < word.size();) {
      const std::size_t next = begin + sequence_bytes(word[begin]);
      bool has_single = false;
      std::uint32_t node = 0;
      for (std::size_t at = begin; at < word.size();) {
        node = tokens_.child(node, word[at++]);
        if (node == TokenTrie::kNoNode) break;
        const std::int32_t token = tokens_.token(node);
        if (token < 0 || is_control(controls, token)) continue;
        offer(begin, at, token, scores_[static_cast<std::size_t>(token)]);
        has_single = has_single || at == next;
      }
      if (!has_single) offer(begin, next, unknown_, unknown_score_);
      begin = next;
    }
  }

  TokenTrie tokens_;
  std::vector<double> scores_;  // [id_end]
  std::int32_t unknown_;
  double unknown_score_;
};

// Reproduces how the Hugging Face library's JSON reader parses the shortest text of a number: its digits as
// an integer times a power of ten, which may be wrong in the last bit.
double as_the_library_reads(double exact) {
  char text[32];
  const auto written =
      std::to_chars(text, text + sizeof text, std::fabs(exact), std::chars_format::scientific);
  std::uint64_t digits = 0;
  int exponent = 0;
  const std::string_view all(text, static_cast<std::size_t>(written.ptr - text));
  const std::size_t e = std::min(all.find('e'), all.size());
  for (const char c : all.substr(0, e)) {
    if (c == '.') continue;
    digits = 10 * digits + static_cast<std::uint64_t>(c - '0');
    --exponent;
  }
  ++exponent;  // the digit before the point
  int written_exponent = 0;
  const char* const first = text + e + 1 + (text[e + 1] == '+' ? 1 : 0);
  std::from_chars(first, written.ptr, written_exponent);
  exponent += written_exponent;
  constexpr int kMostPower = 308;
  auto value = static_cast<double>(digits);
  if (exponent < -kMostPower) {
    value /= 1e308;
    exponent += kMostPower;
  }
  double power = 1;
  const std::string power_text = fmt::format("1e{}", std::abs(exponent));
  std::from_chars(power_text.data(), power_text.data() + power_text.size(), power);
  value = exponent >= 0 ? value * power : value / power;
  return std::signbit(exact) ? -value : value;
}

}  // namespace

std::unique_ptr<TokenModel> read_unigram(const JsonView& model, bool is_byte_level) {
  if (is_byte_level) model.unsupported("is Unigram behind a ByteLevel pre_tokenizer; supported is BPE there");
  model.allow_only({"type", "unk_id", "vocab", "byte_fallback"});
  model.require_off("byte_fallback", "supported is Unigram with a token for what is unknown");
  const JsonView vocab = model.at("vocab");
  const std::size_t num_tokens = vocab.array().size();
  if (num_tokens > static_cast<std::size_t>(max_token_id(num_tokens)))
    vocab.unsupported("has too many tokens");
  Vocabulary vocabulary(num_tokens, static_cast<std::int32_t>(num_tokens), Vocabulary::Writing::kText);
  std::vector<double> scores;
  scores.reserve(num_tokens);
  for (std::size_t i = 0; i < num_tokens; ++i) {
    const JsonView entry = vocab.element(i);
    if (entry.array().size() != 2) {
      entry.refuse("should be a token and its score");
    }
    if (!vocabulary.add(entry.element(0).string(), static_cast<std::int32_t>(i))) {
      entry.refuse("is the same token as another entry; each may occur once");
    }
    scores.push_back(as_the_library_reads(entry.element(1).number()));
  }
  const JsonView unknown = model.at("unk_id");
  if (unknown.integer() < 0 || unknown.integer() >= static_cast<std::int64_t>(num_tokens)) {
    unknown.refuse("is not the index of a token");
  }
  return std::make_unique<Unigram>(std::move(vocabulary), std::move(scores),
                                   static_cast<std::int32_t>(unknown.integer()));
}

}  // namespace rerank
