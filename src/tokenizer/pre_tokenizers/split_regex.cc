// Compiles a parsed pattern to a PCRE2 program over bytes (neither UTF nor UCP) and runs it.
#include "tokenizer/pre_tokenizers/split_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <stdexcept>

#include "rerank/error.h"
#include "tokenizer/pre_tokenizers/split_pattern.h"
#include "tokenizer/unicode/code_point_set.h"

namespace rerank {
namespace {

// Match data and the memory limit; one for each thread, since programs are shared.
struct Scratch {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32 << 10, 16 << 20, nullptr);

  Scratch() {
    pcre2_set_match_limit(context, UINT32_MAX);
    pcre2_set_depth_limit(context, UINT32_MAX);
    pcre2_set_heap_limit(context, 1 << 20);  // KiB
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Scratch() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  static Scratch& of_this_thread() {
    static thread_local Scratch scratch;
    return scratch;
  }
};

PCRE2_SPTR units(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

std::string byte_pattern(const SplitPattern& pattern, const SymbolAlphabet& alphabet,
                         std::string_view source) {
  std::string bytes;
  for (const SplitPattern::Piece& piece : pattern.pieces) {
    std::string members = piece.syntax.empty() ? alphabet.byte_class(piece.set) : piece.syntax;
    if (members.empty()) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("the pattern `{}` is not supported: it has a class without characters", source));
    }
    bytes += members;
  }
  return bytes;
}

SymbolAlphabet make_alphabet(const SplitPattern& pattern, std::string_view source) {
  try {
    return SymbolAlphabet(pattern.sets);
  } catch (const std::length_error&) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the pattern `{}` is not supported: it tells too many kinds of characters apart",
                            source));
  }
}

}  // namespace

struct SplitRegex::Code {
  SymbolAlphabet alphabet;
  pcre2_code* program = nullptr;
  bool has_jit = false;

  explicit Code(SymbolAlphabet symbols) : alphabet(std::move(symbols)) {}
  ~Code() { pcre2_code_free(program); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
};

SplitRegex::SplitRegex(std::string_view pattern) {
  SplitPattern parsed = parse_split_pattern(pattern);
  code_ = std::make_unique<Code>(make_alphabet(parsed, pattern));
  std::string bytes = byte_pattern(parsed, code_->alphabet, pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  uint32_t options = PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
  code_->program = pcre2_compile(units(bytes), bytes.size(), options, &error, &offset, nullptr);
  if (code_->program == nullptr) {
    PCRE2_UCHAR message[256];
    pcre2_get_error_message(error, message, sizeof message);
    throw Error(ErrorCode::kUnsupported, fmt::format("the pattern `{}` is not supported: {}", pattern,
                                                     reinterpret_cast<const char*>(message)));
  }
  code_->has_jit = pcre2_jit_compile(code_->program, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD) == 0;
}

SplitRegex::~SplitRegex() = default;
SplitRegex::SplitRegex(SplitRegex&&) noexcept = default;
SplitRegex& SplitRegex::operator=(SplitRegex&&) noexcept = default;

SplitRegex::Match SplitRegex::find(std::string_view subject, size_t at) const {
  return match(subject, at, 0).value_or(Match{subject.size(), subject.size()});
}

// A hard partial match means that the engine needed to look past the end, for whatever reason.
std::optional<SplitRegex::Match> SplitRegex::find_settled(std::string_view subject, size_t at) const {
  return match(subject, at, PCRE2_PARTIAL_HARD);
}

std::optional<SplitRegex::Match> SplitRegex::match(std::string_view subject, size_t at,
                                                   uint32_t options) const {
  Scratch& scratch = Scratch::of_this_thread();
  const auto is_answer = [](int result) {
    return result >= 0 || result == PCRE2_ERROR_NOMATCH || result == PCRE2_ERROR_PARTIAL;
  };
  int result = PCRE2_ERROR_JIT_BADOPTION;
  if (code_->has_jit) {
    result = pcre2_jit_match(code_->program, units(subject), subject.size(), at, options, scratch.data,
                             scratch.context);
  }
  if (!is_answer(result)) {
    result = pcre2_match(code_->program, units(subject), subject.size(), at, options | PCRE2_NO_JIT,
                         scratch.data, scratch.context);
  }
  if (!is_answer(result)) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("the text cannot be split by the tokenizer's pattern near character {}: the regular "
                    "expression engine gives up (PCRE2 error {}); shorten the text",
                    at, result));
  }
  if (result < 0) return std::nullopt;
  const PCRE2_SIZE* span = pcre2_get_ovector_pointer(scratch.data);
  return Match{span[0], span[1]};
}

std::string_view SplitRegex::spell(std::string_view text, std::string& spelled) const {
  spelled.resize(text.size());
  size_t length = 0;
  for (size_t at = 0; at < text.size();) {
    spelled[length++] =
        static_cast<char>(is_ascii(text[at]) ? static_cast<uint8_t>(text[at++])
                                             : code_->alphabet.symbol(next_code_point(text, at)));
  }
  spelled.resize(length);
  return spelled;
}

}  // namespace rerank
