// A compiled Split pattern: PCRE2 on text converted to byte symbols, see code_point_set.h. The pre-tokenizer
// decides what to do with the matches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace rerank {

// Safe from any number of threads at once.
class SplitRegex {
 public:
  // Throws Error{kUnsupported} as parse_split_pattern. REQUIRES: pattern is valid UTF-8.
  explicit SplitRegex(std::string_view pattern);
  ~SplitRegex();
  SplitRegex(SplitRegex&&) noexcept;
  SplitRegex& operator=(SplitRegex&&) noexcept;

  // Calls visit(piece, is_match) for each match and each stretch between matches, in order; together they
  // form `text`. Throws Error{kInvalidArgument} if matching needs more memory than allowed. REQUIRES: text is
  // valid UTF-8.
  template <typename Visit>
  void split(std::string_view text, const Visit& visit) const {
    run(text, visit,
        [this](std::string_view subject, size_t at) { return std::optional(find(subject, at)); });
  }

  // The same for the first pieces of the text, as long as they are the same in every text that begins with
  // it; returns their total bytes. The result does not depend on what precedes the text: patterns only look
  // ahead.
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

  // Repeats until `next` returns nullopt; returns the number of bytes visited.
  template <typename Visit, typename Find>
  size_t run(std::string_view text, const Visit& visit, const Find& next) const {
    std::string spelled;
    bool is_plain = skip_ascii(text, 0) == text.size();
    std::string_view subject = is_plain ? text : spell(text, spelled);
    size_t byte = 0;  // position in text of the symbol at `at` in subject
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
  // The same if it is found without looking at the end of the subject, otherwise nullopt.
  std::optional<Match> find_settled(std::string_view subject, size_t at) const;
  std::optional<Match> match(std::string_view subject, size_t at, uint32_t options) const;

  // Converts text to symbols, one byte for each code point, in `spelled`, and returns a view of it.
  std::string_view spell(std::string_view text, std::string& spelled) const;

  std::unique_ptr<Code> code_;
};

}  // namespace rerank
