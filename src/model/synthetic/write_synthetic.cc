// Each thread generates a piece of a tensor and writes it at its offset.
#include "model/synthetic/write_synthetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "base/files/atomic_file.h"
#include "base/files/whole_file.h"
#include "checkpoint/safetensors_header.h"
#include "model/reranker.h"
#include "prompt/prompt_file.h"
#include "rerank/error.h"
#include "text/json_writer.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPieceElements = std::uint64_t{1} << 20;
constexpr int kPiecesPerThread = 4;  // between two progress reports

struct Shard {
  std::string file_name;
  std::vector<TensorInfo> tensors;
  std::uint64_t size_bytes = 0;  // of the elements
};

struct Piece {
  const TensorInfo* tensor;
  std::uint64_t first;
  std::uint64_t count;
  std::uint64_t offset;  // in the file
};

// Removed with its contents unless it was renamed to its final name.
class PartialDirectory {
 public:
  explicit PartialDirectory(const fs::path& final_path)
      : final_path_(final_path), path_(name_beside(final_path.string() + ".partial")) {
    std::error_code error;
    fs::create_directory(path_, error);
    if (error) fail(path_, error);
  }
  ~PartialDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  PartialDirectory(const PartialDirectory&) = delete;
  PartialDirectory& operator=(const PartialDirectory&) = delete;

  const fs::path& path() const { return path_; }

  void move_to_final_name() {
    std::error_code error;
    fs::rename(path_, final_path_, error);
    if (error) fail(final_path_, error);
    path_.clear();
  }

 private:
  [[noreturn]] static void fail(const fs::path& path, const std::error_code& error) {
    throw Error(ErrorCode::kUnavailable, fmt::format("cannot create {}: {}; choose another directory",
                                                     path.string(), error.message()));
  }

  fs::path final_path_;
  fs::path path_;
};

// Symbolic links resolved, without a trailing slash. Throws Error if the model cannot be written there.
fs::path checked_directory(const fs::path& wanted) {
  require(!wanted.empty(), "out: name the directory to write");
  std::error_code error;
  // Absolute first: weakly_canonical leaves a relative name that does not exist as it is.
  fs::path path = fs::weakly_canonical(fs::absolute(wanted), error);
  if (!error && !path.has_filename()) path = path.parent_path();
  const bool has_parent = !error && fs::is_directory(path.parent_path(), error);
  require(has_parent, fmt::format("out: the directory that {} is to be in does not exist; create it first",
                                  wanted.string()));
  if (!fs::exists(path, error)) return path;
  require(fs::is_directory(path, error),
          fmt::format("out: {} is a file; choose another name", wanted.string()));
  require(fs::is_empty(path, error),
          fmt::format("out: {} is not empty; empty it or choose another name", wanted.string()));
  return path;
}

std::vector<Shard> split_into_shards(std::vector<ModelTensor> model, std::uint64_t max_shard_bytes) {
  std::vector<Shard> shards(1);
  for (ModelTensor& wanted : model) {
    TensorInfo tensor{std::move(wanted.name), DataType::kBFloat16, std::move(wanted.shape)};
    const std::uint64_t size_bytes = tensor_bytes(tensor);
    if (!shards.back().tensors.empty() && shards.back().size_bytes + size_bytes > max_shard_bytes)
      shards.emplace_back();
    shards.back().size_bytes += size_bytes;
    shards.back().tensors.push_back(std::move(tensor));
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    shards[i].file_name = shards.size() == 1
                              ? "model.safetensors"
                              : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
  }
  return shards;
}

void write_index(const fs::path& directory, const std::vector<Shard>& shards, std::uint64_t total_bytes) {
  JsonWriter json;
  json.begin_object().key("metadata").begin_object();
  json.key("total_size").number(static_cast<std::int64_t>(total_bytes)).end_object();
  json.key("weight_map").begin_object();
  for (const Shard& shard : shards) {
    for (const TensorInfo& tensor : shard.tensors) json.escaped_key(tensor.name).string(shard.file_name);
  }
  json.end_object().end_object();
  write_whole_file(directory / "model.safetensors.index.json", json.take());
}

void copy_tokenizer(const fs::path& tokenizer_file, const fs::path& directory) {
  if (tokenizer_file.empty()) return;
  write_whole_file(directory / "tokenizer.json", read_whole_file(tokenizer_file));
  const fs::path settings = tokenizer_file.parent_path() / "tokenizer_config.json";
  if (fs::exists(settings)) write_whole_file(directory / "tokenizer_config.json", read_whole_file(settings));
}

// Writes all shards and reports progress.
class ShardWriter {
 public:
  ShardWriter(const WriteSyntheticOptions& options, const WriteProgress& progress, std::uint64_t total_bytes)
      : recipe_(options.recipe), progress_(progress), total_bytes_(total_bytes), pool_(options.num_threads) {
    recipe_.norm_base = 1 - spec_of_config(options.config_json, "config").norm_weight_offset;
    for (int thread = 0; thread < pool_.num_threads(); ++thread) buffers_.emplace_back(kPieceElements);
  }

  bool report() const { return !progress_ || progress_(done_bytes_, total_bytes_); }

  // Returns false if cancelled.
  bool write(const fs::path& directory, const Shard& shard) {
    const std::string header = make_safetensors_header(shard.tensors);
    AtomicFile file(directory / shard.file_name, {.size_bytes = header.size() + shard.size_bytes});
    file.write(0, header);
    const std::vector<Piece> pieces = cut(shard, header.size());
    const std::size_t group = static_cast<std::size_t>(pool_.num_threads()) * kPiecesPerThread;
    for (std::size_t begin = 0; begin < pieces.size(); begin += group) {
      const std::size_t count = std::min(group, pieces.size() - begin);
      pool_.parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t index, int thread) {
        const Piece& piece = pieces[begin + static_cast<std::size_t>(index)];
        const std::span<BFloat16> elements =
            std::span(buffers_[static_cast<std::size_t>(thread)]).first(piece.count);
        make_synthetic_weights(recipe_, piece.tensor->name, piece.first, elements);
        file.write(piece.offset, std::as_bytes(elements));
      });
      for (std::size_t i = begin; i < begin + count; ++i) done_bytes_ += pieces[i].count * sizeof(BFloat16);
      if (!report()) return false;
    }
    file.commit(Durability::kCached);
    return true;
  }

 private:
  static std::vector<Piece> cut(const Shard& shard, std::uint64_t offset) {
    std::vector<Piece> pieces;
    for (const TensorInfo& tensor : shard.tensors) {
      const std::uint64_t num_elements = tensor_bytes(tensor) / sizeof(BFloat16);
      for (std::uint64_t first = 0; first < num_elements; first += kPieceElements) {
        const std::uint64_t count = std::min(kPieceElements, num_elements - first);
        pieces.push_back({&tensor, first, count, offset});
        offset += count * sizeof(BFloat16);
      }
    }
    return pieces;
  }

  SyntheticRecipe recipe_;
  const WriteProgress& progress_;
  std::uint64_t total_bytes_;
  std::uint64_t done_bytes_ = 0;
  ThreadPool pool_;
  std::vector<std::vector<BFloat16>> buffers_;  // [num_threads][kPieceElements]
};

void require_space(const fs::path& directory, std::uint64_t total_bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(directory, error);
  if (error || space.available >= total_bytes) return;
  throw Error(
      ErrorCode::kUnavailable,
      fmt::format(
          "out: the model takes {:.1f} GB, but only {:.1f} GB are free in {}; choose another directory",
          static_cast<double>(total_bytes) / 1e9, static_cast<double>(space.available) / 1e9,
          directory.string()));
}

}  // namespace

bool write_synthetic(const WriteSyntheticOptions& options, const WriteProgress& progress) {
  std::vector<ModelTensor> tensors = tensors_of_config(options.config_json, "config");
  require_valid(options.recipe);
  require(options.max_shard_bytes > 0, "max_shard_bytes must be above 0");
  require(options.tokenizer_file.empty() || fs::is_regular_file(options.tokenizer_file),
          fmt::format("tokenizer: there is no file {}", options.tokenizer_file.string()),
          ErrorCode::kNotFound);
  const fs::path final_path = checked_directory(options.directory);
  const std::vector<Shard> shards = split_into_shards(std::move(tensors), options.max_shard_bytes);
  std::uint64_t total_bytes = 0;
  for (const Shard& shard : shards) total_bytes += shard.size_bytes;
  require_space(final_path.parent_path(), total_bytes);

  PartialDirectory partial(final_path);
  write_whole_file(partial.path() / "config.json", options.config_json);
  if (const auto prompt = prompt_file_of_config(options.config_json, "config"))
    write_whole_file(partial.path() / kPromptFileName, *prompt);
  copy_tokenizer(options.tokenizer_file, partial.path());
  if (shards.size() > 1) write_index(partial.path(), shards, total_bytes);
  ShardWriter writer(options, progress, total_bytes);
  if (!writer.report()) return false;
  for (const Shard& shard : shards) {
    if (!writer.write(partial.path(), shard)) return false;
  }
  partial.move_to_final_name();
  return true;
}

}  // namespace rerank
