#include "model/synthetic/synthetic_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/files/whole_file.h"
#include "checkpoint/content_hash.h"
#include "model/reranker.h"
#include "prompt/prompt_file.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// Large enough that distributing pieces costs nothing, small enough to divide a tensor among many processors.
constexpr std::int64_t kPieceElements = std::int64_t{1} << 18;

}  // namespace

std::string synthetic_config(const std::string& config) {
  if (std::string published = published_config(config); !published.empty()) return published;
  std::error_code ignored;
  require(std::filesystem::exists(config, ignored),
          fmt::format("config {}: neither a file nor one of nano, odd, 0.6B, 4B, 8B", config),
          ErrorCode::kNotFound);
  return read_whole_file(config);
}

SyntheticCheckpoint::SyntheticCheckpoint(const SyntheticOptions& options)
    : recipe_(options.recipe),
      size_name_(options.size_name),
      config_json_(options.config_json),
      files_(options.files) {
  require_valid(recipe_);
  ModelLayout layout = read_layout(*this);
  recipe_.norm_base = 1 - layout.spec.norm_weight_offset;
  for (ModelTensor& tensor : layout.tensors) {
    tensors_.push_back({std::move(tensor.name), DataType::kBFloat16, std::move(tensor.shape)});
  }
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  blocks_.resize(tensors_.size());
  ContentHash hash;
  hash.add(options.config_json);
  for (const auto& [path, text] : files_) hash.add(path + text);
  identity_ = fmt::format("synth-{:016x}-{}-{}", hash.value(), recipe_.seed, recipe_.std);
}

std::optional<std::string> SyntheticCheckpoint::text_file(std::string_view path) const {
  if (const auto file = files_.find(std::string(path)); file != files_.end()) return file->second;
  if (path != kPromptFileName) return std::nullopt;
  return prompt_file_of_config(config_json_, config_name());
}

TensorView SyntheticCheckpoint::tensor(std::string_view name) const {
  const std::size_t index = index_of(name);
  const TensorInfo& info = tensors_[index];
  TensorView view{info.type, info.shape, nullptr};
  const std::lock_guard lock(mutex_);
  MemoryBlock& block = blocks_[index];
  if (block.data() == nullptr) {
    if (pool_ == nullptr) pool_ = std::make_unique<ThreadPool>(ThreadPool::available_processors());
    MemoryBlock made(view.size_bytes());
    const std::span<BFloat16> elements(made.as<BFloat16>(), static_cast<std::size_t>(view.num_elements()));
    const std::int64_t num_pieces = (view.num_elements() + kPieceElements - 1) / kPieceElements;
    pool_->parallel_for(num_pieces, [&](std::int64_t piece, int) {
      const std::size_t first = static_cast<std::size_t>(piece * kPieceElements);
      const std::size_t count = std::min<std::size_t>(kPieceElements, elements.size() - first);
      make_synthetic_weights(recipe_, info.name, first, elements.subspan(first, count));
    });
    block = std::move(made);
  }
  view.data = block.data();
  return view;
}

void SyntheticCheckpoint::release(std::string_view name) {
  const std::size_t index = index_of(name);
  const std::lock_guard lock(mutex_);
  blocks_[index] = MemoryBlock();
}

std::string SyntheticCheckpoint::description() const {
  return fmt::format("synth:{} (seed {}, std {})", size_name_, recipe_.seed, recipe_.std);
}

}  // namespace rerank
