#include "checkpoint/huggingface_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/files/whole_file.h"
#include "checkpoint/content_hash.h"
#include "checkpoint/content_identity.h"
#include "checkpoint/module_list.h"
#include "checkpoint/shard_index.h"
#include "rerank/error.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";

bool is_present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// An interrupted download leaves an empty file.
std::string read_nonempty_file(const fs::path& path) {
  std::string text = read_whole_file(path);
  require(!text.empty(), fmt::format("{} is empty; download it again", path.string()));
  return text;
}

}  // namespace

HuggingFaceDirectory::HuggingFaceDirectory(const fs::path& directory, std::string name,
                                           std::string record_directory)
    : directory_(directory), name_(std::move(name)), record_directory_(std::move(record_directory)) {
  const fs::path config_file = directory_ / "config.json";
  require(
      is_present(config_file),
      fmt::format(
          "{}: has no config.json; give the directory of a model in Hugging Face form, or download it again",
          description()),
      ErrorCode::kNotFound);
  config_text_ = read_nonempty_file(config_file);
  open_files();
  open_modules();
  index_tensors();
}

void HuggingFaceDirectory::open_files() {
  const fs::path single = directory_ / kSingleFile;
  const fs::path index = directory_ / kIndexFile;
  if (is_present(single)) {
    files_.push_back(std::make_unique<SafetensorsFile>(single));
  } else if (is_present(index)) {
    const ShardIndex shards = parse_shard_index(read_nonempty_file(index), index.string());
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

void HuggingFaceDirectory::open_modules() {
  prefixes_.resize(files_.size());
  const fs::path list = directory_ / kModuleListFile;
  if (!is_present(list)) return;
  for (const Module& module : parse_module_list(read_nonempty_file(list), list.string())) {
    const fs::path file = directory_ / module.path / kSingleFile;
    if (module.path.empty() || !is_present(file)) continue;
    files_.push_back(std::make_unique<SafetensorsFile>(file));
    prefixes_.push_back(module.path + "/");
  }
}

void HuggingFaceDirectory::index_tensors() {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    for (const SafetensorsEntry& entry : files_[i]->entries())
      locations_.push_back({prefixes_[i] + entry.name, files_[i].get(), &entry});
  }
  std::sort(locations_.begin(), locations_.end(),
            [](const Location& a, const Location& b) { return a.name < b.name; });
  for (const Location& location : locations_) {
    tensors_.push_back({location.name, location.entry->type, location.entry->shape});
  }
}

std::string HuggingFaceDirectory::identity() const {
  std::call_once(identity_made_, [this] {
    std::vector<const SafetensorsFile*> files;
    for (const std::unique_ptr<SafetensorsFile>& file : files_) files.push_back(file.get());
    ContentHash hash;
    hash.add(config_text_);
    hash.add(content_identity(files, record_directory_));
    identity_ = fmt::format("{:016x}", hash.value());
  });
  return identity_;
}

std::optional<std::string> HuggingFaceDirectory::text_file(std::string_view path) const {
  const fs::path file = directory_ / path;
  if (!is_present(file)) return std::nullopt;
  return read_nonempty_file(file);
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
