#include "hub/range_plan.h"

#include <algorithm>
#include <utility>

namespace rerank {
namespace {

// Of one request: large enough to make the time to the first byte negligible, small enough to share the work.
constexpr std::size_t kMaxRangeBlocks = 64;

}  // namespace

RangePlan::RangePlan(std::uint64_t block_bytes, std::size_t num_connections)
    : block_bytes_(block_bytes), num_connections_(num_connections) {}

void RangePlan::add_file(std::uint64_t size_bytes, const std::vector<bool>& is_done) {
  File file;
  file.size_bytes = size_bytes;
  for (const bool is_there : is_done) {
    file.blocks.push_back(is_there ? State::kDone : State::kMissing);
    file.num_left += is_there ? 0 : 1;
  }
  files_.push_back(std::move(file));
}

std::optional<FileRange> RangePlan::next() {
  for (std::size_t index = 0; index < files_.size(); ++index) {
    if (files_[index].num_left == 0) continue;
    if (auto range = files_[index].whole_only ? whole_range(index) : partial_range(index)) return range;
  }
  return std::nullopt;
}

std::optional<FileRange> RangePlan::whole_range(std::size_t index) {
  const std::vector<State>& blocks = files_[index].blocks;
  if (std::find(blocks.begin(), blocks.end(), State::kClaimed) != blocks.end()) return std::nullopt;
  const auto first = std::find(blocks.begin(), blocks.end(), State::kMissing);
  FileRange range = claim(index, static_cast<std::size_t>(first - blocks.begin()), blocks.size());
  range.by_range = false;
  return range;
}

std::optional<FileRange> RangePlan::partial_range(std::size_t index) {
  const File& file = files_[index];
  const auto first = std::find(file.blocks.begin(), file.blocks.end(), State::kMissing);
  if (first == file.blocks.end()) return std::nullopt;
  const auto begin = static_cast<std::size_t>(first - file.blocks.begin());
  const std::size_t share = (file.num_left + 2 * num_connections_ - 1) / (2 * num_connections_);
  const std::size_t longest = std::clamp<std::size_t>(share, 1, kMaxRangeBlocks);
  std::size_t end = begin;
  while (end < file.blocks.size() && end - begin < longest && file.blocks[end] == State::kMissing) ++end;
  FileRange range = claim(index, begin, end);
  range.by_range = range.begin > 0 || range.end < file.size_bytes;
  return range;
}

// Blocks [first, last).
FileRange RangePlan::claim(std::size_t index, std::size_t first, std::size_t last) {
  File& file = files_[index];
  for (std::size_t block = first; block < last; ++block) {
    if (file.blocks[block] == State::kMissing) file.blocks[block] = State::kClaimed;
  }
  return {index, first * block_bytes_, std::min(file.size_bytes, last * block_bytes_), true};
}

bool RangePlan::complete(std::size_t file, std::size_t block) {
  State& state = files_[file].blocks[block];
  if (state == State::kDone) return false;
  state = State::kDone;
  return --files_[file].num_left == 0;
}

void RangePlan::give_back(const FileRange& range) {
  File& file = files_[range.file];
  for (std::size_t block = range.begin / block_bytes_; block * block_bytes_ < range.end; ++block) {
    if (file.blocks[block] == State::kClaimed) file.blocks[block] = State::kMissing;
  }
}

void RangePlan::ignore_ranges(std::size_t file) {
  files_[file].whole_only = true;
}

}  // namespace rerank
