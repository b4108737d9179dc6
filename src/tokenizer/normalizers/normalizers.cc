#include "tokenizer/normalizers/normalizers.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "rerank/error.h"
#include "tokenizer/step_list.h"

namespace rerank {
namespace {

constexpr StepKind<NormalizerReader> kNormalizers[] = {{"NFC", read_nfc},
                                                       {"Replace", read_replace},
                                                       {"BertNormalizer", read_bert_normalizer},
                                                       {"Lowercase", read_lowercase},
                                                       {"Strip", read_strip},
                                                       {"Precompiled", read_precompiled}};

constexpr size_t kMostGrowth = 256;

}  // namespace

Normalizers::Normalizers(NormalizerSteps steps) : steps_(std::move(steps)) {
  size_t growth = 1;
  for (const auto& step : steps_) {
    growth *= step->growth();
    if (growth > kMostGrowth) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("may make more than {} bytes of one byte of text", kMostGrowth));
    }
  }
}

std::string_view Normalizers::normalized(std::string_view text, std::string& storage) const {
  if (steps_.size() == 1) return steps_.front()->apply(text, storage, nullptr);
  std::string made;
  for (const auto& step : steps_) {
    const std::string_view next = step->apply(text, made, nullptr);
    const bool is_copy = next.data() == made.data();
    text = next;
    if (is_copy) {
      storage.swap(made);
      text = storage;
    }
  }
  return text;
}

bool Normalizers::remove(std::string_view character) const {
  bool is_removed = false;
  for (const auto& step : steps_) {
    is_removed = step->removes(character) || (is_removed && !step->may_make(character));
  }
  return is_removed;
}

NormalizerStream::NormalizerStream(const Normalizers& normalizers)
    : normalizers_(normalizers), pending_(normalizers.steps().size()) {}

void NormalizerStream::push(std::string_view piece, bool is_end, std::string& normal) {
  partial_ += piece;
  const size_t whole = is_end ? partial_.size() : last_code_point(partial_);
  const auto next = [&](size_t step) -> std::string& {
    return step < pending_.size() ? pending_[step] : normal;
  };
  next(0).append(partial_, 0, whole);
  partial_.erase(0, whole);
  std::string storage;
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Normalizer& step = *normalizers_.steps()[i];
    const size_t cut = is_end ? pending_[i].size() : step.cut_of(pending_[i]);
    next(i + 1) += step.apply(std::string_view(pending_[i]).substr(0, cut), storage, nullptr);
    pending_[i].erase(0, cut);
  }
}

size_t NormalizerStream::num_pending_bytes() const {
  size_t size = partial_.size();
  for (const std::string& text : pending_) size += text.size();
  return size;
}

Normalizers read_normalizers(const JsonView& root) {
  const std::optional<JsonView> normalizer = root.find("normalizer");
  NormalizerSteps steps;
  if (!normalizer) return Normalizers();
  for (const JsonView& step : flattened(*normalizer, "normalizers")) {
    reader_of(step, kNormalizers)(step, steps);
  }
  try {
    return Normalizers(std::move(steps));
  } catch (const Error& error) {
    normalizer->refuse(error.what(), error.code());
  }
}

}  // namespace rerank
