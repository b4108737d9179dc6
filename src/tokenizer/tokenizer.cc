// The order of steps: added tokens, normalization, added tokens again, pre-tokens, model.
#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <system_error>

#include "base/files/whole_file.h"
#include "rerank/error.h"
#include "tokenizer/read_vocab_txt.h"
#include "tokenizer/text_encoding.h"
#include "tokenizer/token_pieces.h"
#include "tokenizer/tokenizer_impl.h"

namespace rerank {
namespace {

// Below this a TextEncoding is not worthwhile.
constexpr size_t kShortBytes = 8 << 10;
constexpr size_t kMaxFileBytes = size_t{1} << 30;

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored) || std::filesystem::is_directory(file, ignored)) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: cannot be read; give the path of a Hugging Face tokenizer.json", file.string()));
  }
  if (file.filename() != "vocab.txt") return parse(read_whole_file(file, kMaxFileBytes), file.string());
  const std::filesystem::path config = file.parent_path() / "tokenizer_config.json";
  return Tokenizer(std::make_unique<Impl>(read_vocab_txt(
      read_whole_file(file), std::filesystem::exists(config, ignored) ? read_whole_file(config) : "",
      file.string())));
}

Tokenizer Tokenizer::parse(std::string_view json, std::string_view name) {
  return Tokenizer(std::make_unique<Impl>(read_pipeline(json, name)));
}

void Tokenizer::encode(std::string_view text, SpecialTokens special, std::vector<int32_t>& ids) const {
  if (special == SpecialTokens::kAsText && impl_->text_tokens().is_empty() && text.size() <= kShortBytes) {
    require_utf8(text);
    std::string storage;
    const std::string_view normal = impl_->normalizers().normalized(text, storage);
    const size_t before = ids.size();
    try {
      impl_->append_words(special, ids, [&](PreTokenVisit visit) { impl_->split(normal, visit); });
    } catch (...) {
      ids.resize(before);
      throw;
    }
    return;
  }
  TextEncoding encoding(*this, {TextPart{text, special}}, SIZE_MAX);
  while (!encoding.advance()) {
  }
  ids.insert(ids.end(), encoding.ids().begin(), encoding.ids().end());
}

std::vector<TokenPiece> Tokenizer::pieces(std::string_view text, SpecialTokens special) const {
  require_utf8(text);
  return find_pieces(*impl_, text, special);
}

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  return impl_->decode(ids);
}

size_t Tokenizer::max_stretch_bytes() const {
  return impl_->max_stretch_bytes();
}

const TokenFrames& Tokenizer::frames() const {
  return impl_->frames();
}

bool Tokenizer::splits_between(std::string_view before, std::string_view after) const {
  return impl_->splits_between(before, after);
}

std::optional<int32_t> Tokenizer::token_id(std::string_view token) const {
  return impl_->token_id(token);
}

int32_t Tokenizer::vocab_size() const {
  return impl_->vocab_size();
}

}  // namespace rerank
