// Text to tokens and back with the tokenizer of the demo model: ids decode to the text in normal form, pieces
// are the tokens, and what is no UTF-8 is refused.
#include <cstdlib>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tokenizer/normalizers/nfc.h"
#include "tokenizer/tokenizer.h"

namespace rerank::fuzz {
namespace {

const Tokenizer& tokenizer() {
  static const Tokenizer tokenizer = [] {
    const char* const folder =
        std::getenv("RERANK_FUZZ_MODEL");  // for programs that ran away from their source
    return Tokenizer::load(std::string(folder == nullptr ? RERANK_SOURCE_DIR "/models/demo" : folder) +
                           "/tokenizer.json");
  }();
  return tokenizer;
}

std::string normal_form(std::string_view text) {
  std::string storage;
  return std::string(to_nfc(text, storage));
}

void check_pieces(std::string_view text, SpecialTokens special, const std::vector<std::int32_t>& ids) {
  const std::vector<TokenPiece> pieces = tokenizer().pieces(text, special);
  expect(pieces.size() == ids.size(), "there are as many pieces as tokens");
  std::int64_t num_code_points = 0;
  for (const char c : text) num_code_points += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    expect(pieces[i].id == ids[i], "pieces are the tokens");
    expect(pieces[i].start >= 0 && pieces[i].start <= pieces[i].stop && pieces[i].stop <= num_code_points,
           "a piece lies in the text");
    expect(first_invalid_utf8(pieces[i].text) == pieces[i].text.size(), "a piece is whole characters");
  }
}

void check_text(std::string_view text, SpecialTokens special) {
  std::vector<std::int32_t> ids = {7};
  tokenizer();  // loaded before memory counts
  {
    const MemoryBound bound(100 * text.size() + (std::size_t{4} << 20));
    tokenizer().encode(text, special, ids);
  }
  expect(ids.front() == 7, "what was there stays");
  ids.erase(ids.begin());
  expect(ids.size() <= normal_form(text).size(), "no more tokens than bytes");
  const std::string decoded = tokenizer().decode(ids);
  if (special == SpecialTokens::kAsText) {
    expect(decoded == normal_form(text), "tokens decode to the text in normal form");
  } else {
    // A token that was parsed stands between texts that were normalized apart.
    expect(normal_form(decoded) == normal_form(text), "tokens decode to the text, normal forms apart");
  }
  check_pieces(text, special, ids);
}

}  // namespace

void run_input(std::string_view input) {
  const bool is_text = first_invalid_utf8(input) == input.size();
  for (const SpecialTokens special : {SpecialTokens::kAsText, SpecialTokens::kParse}) {
    if (is_text) {
      check_text(input, special);
      continue;
    }
    std::vector<std::int32_t> ids = {7};
    try {
      tokenizer().encode(input, special, ids);
      expect(false, "what is no UTF-8 is refused");
    } catch (const Error& error) {
      expect(error.code() == ErrorCode::kInvalidArgument && ids.size() == 1, "a refusal leaves ids alone");
    }
  }
  if (!is_text) {
    const std::string mended = replace_invalid_utf8(std::string(input));
    expect(first_invalid_utf8(mended) == mended.size(), "mended text is UTF-8");
    check_text(mended, SpecialTokens::kAsText);
  }
}

}  // namespace rerank::fuzz
