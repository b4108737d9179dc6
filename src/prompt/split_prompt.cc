#include "prompt/split_prompt.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/ascii.h"

namespace rerank {
namespace {

bool prints(char c) {
  return c > 0x20 && c < 0x7f;
}

bool is_letter_or_digit(char c) {
  return is_letter(c) || is_digit(c);
}

// See split_prompt. REQUIRES: 0 < i < words.size()
bool splits_at(std::string_view words, std::size_t i) {
  const char before = words[i - 1];
  const char after = words[i];
  if (after == ' ') return prints(before);
  if (after == '\n') return is_letter_or_digit(before);
  return before == '\n' && i >= 2 && prints(words[i - 2]) && prints(after) && after != '/';
}

bool is_pair_field(PromptField field) {
  return field == PromptField::kQuery || field == PromptField::kDocument;
}

struct Cut {
  std::size_t text = 0;
  std::size_t byte = 0;  // in its words
};

// The last cut position before the field of texts[index], in the texts from `begin` on.
std::optional<Cut> cut_before(const std::vector<PromptText>& texts, std::size_t index, std::size_t begin) {
  for (std::size_t t = index + 1; t-- > begin;) {
    if (t < index && is_pair_field(texts[t].field)) return std::nullopt;
    if (texts[t].needs_instruction) continue;  // may be omitted, and the cut with it
    const std::string& words = texts[t].words;
    for (std::size_t i = words.size(); i-- > 1;) {
      if (splits_at(words, i)) return Cut{t, i};
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<PromptText> joined_texts(const std::vector<PromptText>& texts) {
  std::vector<PromptText> joined;
  for (const PromptText& text : texts) {
    if (text.words.empty() && text.field == PromptField::kNone) continue;
    if (!joined.empty() && joined.back().field == PromptField::kNone &&
        joined.back().needs_instruction == text.needs_instruction) {
      joined.back().words += text.words;
      joined.back().field = text.field;
    } else {
      joined.push_back(text);
    }
  }
  return joined;
}

bool separates_pair(const std::vector<PromptPiece>& pieces) {
  return std::ranges::none_of(pieces, [](const PromptPiece& piece) {
    return std::ranges::count_if(piece.texts, [](const PromptText& t) { return is_pair_field(t.field); }) > 1;
  });
}

std::vector<PromptPiece> split_prompt(const std::vector<PromptText>& whole) {
  const std::vector<PromptText> texts = joined_texts(whole);
  std::vector<PromptPiece> pieces(1);
  std::size_t begin = 0;     // the first text not yet completely in a piece
  std::size_t num_left = 0;  // bytes of its words in the previous piece
  const auto take = [&](std::size_t t, std::size_t from, std::size_t to, PromptField field) {
    if (from == to && field == PromptField::kNone) return;
    pieces.back().texts.push_back(
        {texts[t].words.substr(from, to - from), field, texts[t].needs_instruction});
  };
  for (std::size_t t = 0; t < texts.size(); ++t) {
    if (!is_pair_field(texts[t].field)) continue;
    const std::optional<Cut> cut = cut_before(texts, t, begin);
    if (!cut) continue;
    for (; begin < cut->text; ++begin, num_left = 0) {
      take(begin, num_left, texts[begin].words.size(), texts[begin].field);
    }
    take(begin, num_left, cut->byte, PromptField::kNone);
    num_left = cut->byte;
    pieces.emplace_back();
  }
  for (; begin < texts.size(); ++begin, num_left = 0) {
    take(begin, num_left, texts[begin].words.size(), texts[begin].field);
  }
  return pieces;
}

}  // namespace rerank
