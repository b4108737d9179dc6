#include "tokenizer/models/bpe_model.h"

namespace rerank {
namespace {

bool is_control(const ControlTokens& controls, std::int32_t id) {
  return static_cast<std::size_t>(id) < controls.size() && controls[static_cast<std::size_t>(id)];
}

}  // namespace

ByteLevelBpe::ByteLevelBpe(Vocabulary vocabulary, const ByteIds& byte_ids, MergeTable merges,
                           bool ignore_merges)
    : TokenModel(std::move(vocabulary)),
      byte_ids_(byte_ids),
      merges_(std::move(merges)),
      ignore_merges_(ignore_merges),
      whole_words_(vocabulary_.id_end()) {}

void ByteLevelBpe::append(std::string_view word, const ControlTokens& controls,
                          std::vector<std::int32_t>& ids, std::vector<std::size_t>* ends) const {
  const std::int32_t whole = vocabulary_.find(word);
  if (whole >= 0 && (ignore_merges_ ? !is_control(controls, whole) : whole_words_.holds(whole))) {
    ids.push_back(whole);
    if (ends != nullptr) ends->push_back(word.size());
    return;
  }
  const std::size_t before = ids.size();
  append_merged(word, byte_ids_, merges_, ids);
  if (whole >= 0 && ids.size() == before + 1 && ids.back() == whole) whole_words_.add(whole);
  if (ends == nullptr) return;
  for (std::size_t i = before, end = 0; i < ids.size(); ++i) {
    ends->push_back(end += vocabulary_.bytes_of(ids[i])->size());
  }
}

bool ByteLevelBpe::is_made_of_text(std::string_view text) const {
  std::vector<std::int32_t> ids;
  append_merged(text, byte_ids_, merges_, ids);
  return ids.size() == 1;
}

ByteFallbackBpe::ByteFallbackBpe(Vocabulary vocabulary, const ByteIds& byte_ids, MergeTable merges,
                                 CharacterJoins joins)
    : TokenModel(std::move(vocabulary)),
      byte_ids_(byte_ids),
      merges_(std::move(merges)),
      cuts_(std::move(joins)),
      whole_words_(vocabulary_.id_end()) {}

void ByteFallbackBpe::append(std::string_view word, const ControlTokens&, std::vector<std::int32_t>& ids,
                             std::vector<std::size_t>* ends) const {
  const std::int32_t whole = vocabulary_.find(word);
  const std::size_t before = ids.size();
  if (whole >= 0 && whole_words_.holds(whole)) {
    ids.push_back(whole);
  } else {
    static thread_local std::vector<std::int32_t> symbols;
    symbols.clear();
    append_symbols(word, vocabulary_, byte_ids_, symbols);
    append_merged(symbols, merges_, ids);
    if (whole >= 0 && ids.size() == before + 1 && ids.back() == whole) whole_words_.add(whole);
  }
  if (ends == nullptr) return;
  for (std::size_t i = before, end = 0; i < ids.size(); ++i) {
    ends->push_back(end += byte_of(ids[i]) ? 1 : vocabulary_.bytes_of(ids[i])->size());
  }
}

bool ByteFallbackBpe::is_made_of_text(std::string_view text) const {
  std::vector<std::int32_t> symbols;
  std::vector<std::int32_t> ids;
  append_symbols(text, vocabulary_, byte_ids_, symbols);
  append_merged(symbols, merges_, ids);
  return ids.size() == 1;
}

std::optional<char> ByteFallbackBpe::byte_of(std::int32_t id) const {
  const std::optional<unsigned char> byte = byte_of_token(vocabulary_.bytes_of(id).value_or(""));
  return byte ? std::optional(static_cast<char>(*byte)) : std::nullopt;
}

void ByteFallbackBpe::Cuts::split_prefixed(const PreToken& whole, PreTokenVisit visit) const {
  const std::size_t rest = split_settled(whole.text, visit);
  if (rest < whole.text.size()) visit(whole.part(rest, whole.text.size()));
}

std::size_t ByteFallbackBpe::Cuts::split_settled(std::string_view text, PreTokenVisit visit) const {
  return joins.split_settled(text, [&](std::string_view piece) { visit(PreToken{piece, piece.data()}); });
}

}  // namespace rerank
