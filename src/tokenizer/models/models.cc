#include "tokenizer/models/models.h"

#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/step_list.h"

namespace rerank {
namespace {

constexpr StepKind<ModelReader> kModels[] = {
    {"BPE", read_bpe}, {"WordPiece", read_word_piece}, {"Unigram", read_unigram}};

}  // namespace

std::unique_ptr<TokenModel> read_model(const JsonView& root, bool is_byte_level) {
  const JsonView model = root.at("model");
  // Files from before 2020 have no type and are BPE.
  return (model.find("type") ? reader_of(model, kModels) : read_bpe)(model, is_byte_level);
}

std::int64_t max_token_id(std::size_t num_tokens) {
  constexpr std::int64_t kMostId = (1 << 24) - 1;  // far beyond any vocabulary
  constexpr std::int64_t kSpareIds = 1 << 16;
  constexpr std::int64_t kIdsPerToken = 16;
  return std::min(kMostId, kSpareIds + kIdsPerToken * static_cast<std::int64_t>(num_tokens));
}

Vocabulary read_vocabulary(const JsonView& model, Vocabulary::Writing writing) {
  const JsonView vocab = model.at("vocab");
  const boost::json::object& entries = vocab.object();
  const std::int64_t most = max_token_id(entries.size());
  std::int64_t last_id = -1;
  for (const auto& entry : entries) {
    const JsonView node(entry.value(), "", "");
    if (!entry.value().is_int64() || entry.value().get_int64() < 0 || entry.value().get_int64() > most) {
      vocab.refuse(fmt::format("gives \"{}\" the id {}; ids of {} entries are integers from 0 to {}",
                               std::string_view(entry.key()), node.quoted(), entries.size(), most));
    }
    last_id = std::max(last_id, entry.value().get_int64());
  }
  Vocabulary vocabulary(entries.size(), static_cast<std::int32_t>(last_id + 1), writing);
  for (const auto& entry : entries) {
    if (!vocabulary.add(std::string_view(entry.key()),
                        static_cast<std::int32_t>(entry.value().get_int64()))) {
      vocab.refuse(
          fmt::format("has an entry \"{}\" whose text or id {} another entry has; each may occur once",
                      std::string_view(entry.key()), entry.value().get_int64()));
    }
  }
  return vocabulary;
}

}  // namespace rerank
