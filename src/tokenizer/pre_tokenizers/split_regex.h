// A Split pattern ready to run: PCRE2 on text spelled in byte symbols, see code_point_set.h. What is done
// with the matches is the pre-tokenizer's business.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace rerank {

// Any number of threads may run one at once.
class SplitRegex {
 public:
  // Throws Error{kUnsupported} as parse_split_pattern does. REQUIRES: pattern is valid UTF-8.
  explicit SplitRegex(std::string_view pattern);
  ~SplitRegex();
  SplitRegex(SplitRegex&&) noexcept;
  SplitRegex& operator=(SplitRegex&&) noexcept;

  // Calls visit(piece, is_match) for each match and each stretch between matches, in order; together they are
  // `text`. Throws Error{kInvalidArgument} if matching needs more memory than the engine allows. REQUIRES:
  // text is valid UTF-8.
  template <typename Visit>
  void split(std::string_view text, const Visit& visit) const {
    run(text, visit,
        [this](std::string_view subject, size_t at) { return std::optional(find(subject, at)); });
  }

  // The same for the text's first pieces, as far as they are those of every text that begins with it; returns
  // how many bytes they are. What they are does not depend on what stands before them: patterns look ahead
  // only.
  template <typename Visit>
  size_t split_settled(std::string_view text, const Visit& visit) const {
    return run(text, visit,
               [this](std::string_view subject, size_t at) { return find_settled(subject, at); });
  }

 private:
  struct Code;
  struct Match {
    size_t begin;
    size_t end;
  };

  // Until `next` finds nothing; returns the bytes that were visited.
  template <typename Visit, typename Find>
  size_t run(std::string_view text, const Visit& visit, const Find& next) const {
    std::string spelled;
    bool is_plain = skip_ascii(text, 0) == text.size();
    std::string_view subject = is_plain ? text : spell(text, spelled);
    size_t byte = 0;  // of text, where the symbol `at` of subject begins
    auto pass = [&](size_t num_symbols, bool is_match) {
      if (num_symbols == 0) return;
      size_t end = byte;
      if (is_plain) {
        end += num_symbols;
      } else {
        for (size_t i = 0; i < num_symbols; ++i) end += sequence_bytes(text[end]);
      }
      visit(text.substr(byte, end - byte), is_match);
      byte = end;
    };
    for (size_t at = 0; at < subject.size();) {
      const std::optional<Match> match = next(subject, at);
      if (!match) break;
      pass(match->begin - at, false);
      pass(match->end - match->begin, true);
      at = match->end;
    }
    return byte;
  }

  // The leftmost match at or after `at`; {subject.size(), subject.size()} if there is none.
  Match find(std::string_view subject, size_t at) const;
  // The same as far as it is found without a look at the subject's end, else nothing.
  std::optional<Match> find_settled(std::string_view subject, size_t at) const;
  std::optional<Match> match(std::string_view subject, size_t at, uint32_t options) const;

  // Spells text in symbols, one byte for each code point, into `spelled`, and returns a view of it.
  std::string_view spell(std::string_view text, std::string& spelled) const;

  std::unique_ptr<Code> code_;
};

}  // namespace rerank
