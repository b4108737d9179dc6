// Opening the files of a Hugging Face directory and finding the tensors in them.
#include "checkpoint/huggingface_directory.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "checkpoint/content_hash.h"
#include "checkpoint/shard_index.h"
#include "checkpoint/text_file.h"
#include "rerank/error.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";
constexpr std::size_t kSampleBytes = 4096;
constexpr std::size_t kNumSamples = 16;

bool is_present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// Size, time of the last change and some pages spread over the data: enough to notice another file, and quick
// even where nothing is in memory yet.
void add_file(ContentHash& hash, const SafetensorsFile& file) {
  struct stat status {};
  if (::stat(file.path().c_str(), &status) != 0) {
    throw Error(ErrorCode::kUnavailable, fmt::format("cannot read the state of {}", file.path().string()));
  }
  hash.add(static_cast<std::uint64_t>(status.st_mtim.tv_sec));
  hash.add(static_cast<std::uint64_t>(status.st_mtim.tv_nsec));
  const std::span<const std::byte> bytes = file.bytes();
  hash.add(std::uint64_t{bytes.size()});
  const std::size_t data_begin = file.entries().empty() ? bytes.size() : file.entries().front().offset;
  hash.add(bytes.first(data_begin));
  const std::span<const std::byte> data = bytes.subspan(data_begin);
  const std::size_t last = data.size() - std::min(data.size(), kSampleBytes);
  for (std::size_t sample = 0; sample < kNumSamples; ++sample) {
    const std::size_t offset = last / (kNumSamples - 1) * sample;
    hash.add(data.subspan(offset, std::min(kSampleBytes, data.size() - offset)));
  }
}

}  // namespace

HuggingFaceDirectory::HuggingFaceDirectory(const fs::path& directory, std::string name)
    : directory_(directory), name_(std::move(name)) {
  const fs::path config_file = directory_ / "config.json";
  require(
      is_present(config_file),
      fmt::format(
          "{}: has no config.json; give the directory of a model in Hugging Face form, or download it again",
          description()),
      ErrorCode::kNotFound);
  config_text_ = read_text_file(config_file);
  config_ = parse_config(config_text_, config_file.string());
  open_files();
  index_tensors();
  identity_ = compute_identity();
}

void HuggingFaceDirectory::open_files() {
  const fs::path single = directory_ / kSingleFile;
  const fs::path index = directory_ / kIndexFile;
  if (is_present(single)) {
    files_.push_back(std::make_unique<SafetensorsFile>(single));
  } else if (is_present(index)) {
    const ShardIndex shards = parse_shard_index(read_text_file(index), index.string());
    for (const std::string& file : shards.files) {
      require(is_present(directory_ / file),
              fmt::format("{}: the shard {} that it names is missing; download the model again",
                          index.string(), file),
              ErrorCode::kNotFound);
      files_.push_back(std::make_unique<SafetensorsFile>(directory_ / file));
    }
    compare_with_index(shards, files_, index.string());
  } else {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: has neither {} nor {}; download the model again, in safetensors form",
                            description(), kSingleFile, kIndexFile));
  }
}

void HuggingFaceDirectory::index_tensors() {
  for (const std::unique_ptr<SafetensorsFile>& file : files_) {
    for (const SafetensorsEntry& entry : file->entries()) locations_.push_back({file.get(), &entry});
  }
  std::sort(locations_.begin(), locations_.end(),
            [](const Location& a, const Location& b) { return a.entry->name < b.entry->name; });
  for (const Location& location : locations_) {
    tensors_.push_back({location.entry->name, location.entry->type, location.entry->shape});
  }
}

std::string HuggingFaceDirectory::compute_identity() const {
  ContentHash hash;
  hash.add(config_text_);
  for (const std::unique_ptr<SafetensorsFile>& file : files_) add_file(hash, *file);
  return fmt::format("{:016x}", hash.value());
}

TensorView HuggingFaceDirectory::tensor(std::string_view name) const {
  const Location& location = locations_[index_of(name)];
  return location.file->view(*location.entry);
}

void HuggingFaceDirectory::release(std::string_view name) {
  const Location& location = locations_[index_of(name)];
  location.file->release(*location.entry);
}

std::vector<fs::path> HuggingFaceDirectory::files() const {
  std::vector<fs::path> paths;
  for (const std::unique_ptr<SafetensorsFile>& file : files_) paths.push_back(file->path());
  return paths;
}

std::string HuggingFaceDirectory::description() const {
  return name_ == directory_.string() ? name_ : fmt::format("{} ({})", name_, directory_.string());
}

}  // namespace rerank
