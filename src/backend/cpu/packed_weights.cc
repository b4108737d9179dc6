#include "backend/cpu/packed_weights.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/files/atomic_file.h"
#include "base/log.h"
#include "rerank/error.h"

namespace rerank::cpu {
namespace {

// The file starts with a page of text that must equal, byte for byte, what this program would write for the
// checkpoint being loaded; the block of packed_model.h follows.
constexpr std::size_t kHeaderBytes = 4096;
constexpr int kFormatVersion = 2;

// The keys of encoders on which the form depends; empty for a decoder.
std::string encoder_keys(const TransformerSpec& s) {
  std::string text;
  if (s.norm == NormKind::kLayer) text += "layer norms\n";
  if (s.output_bias) text += "output bias\n";
  if (!s.gated) text += "no up\n";
  if (s.gate_bias) text += "gate bias\n";
  if (s.down_bias) text += "down bias\n";
  if (s.num_position_rows != 0) text += fmt::format("positions {}\n", s.num_position_rows);
  if (s.num_token_types != 0) text += fmt::format("types {}\n", s.num_token_types);
  if (s.embedding_norm) text += "norm of embeddings\n";
  for (const HeadStep& step : s.head)
    text += step.kind == HeadStep::Kind::kDense ? fmt::format("dense {}\n", step.outputs) : "layer norm\n";
  return text;
}

std::string header_text(const TransformerWeights& weights, const PackedForm& form) {
  const TransformerSpec& s = form.spec;
  std::string text = fmt::format(
      "rerank packed weights {}\nweights {}\nembedding {}\ncheckpoint {}\nshape {} {} {} {} {} {} {}\nbytes "
      "{}\n",
      kFormatVersion, to_string(form.format), to_string(form.embedding_type), weights.identity(), s.hidden,
      s.ffn, s.num_layers, s.num_heads, s.num_kv_heads, s.head_dim, s.vocab, packed_model_bytes(form));
  // Keys that earlier versions did not have are written only if they differ from the default, so that
  // existing files remain valid.
  if (form.int8) text += "int8 1\n";
  if (s.qkv_bias) text += "qkv bias\n";
  if (!s.qk_norm) text += "no norms of heads\n";
  if (s.norm_weight_offset != 0) text += fmt::format("norm weight offset {}\n", s.norm_weight_offset);
  text += encoder_keys(s);
  check(text.size() <= kHeaderBytes, "the identity of a checkpoint is too long");
  text.resize(kHeaderBytes, '\0');
  return text;
}

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// The pages of a new file. Disk space is reserved, so writing to them cannot fail.
class WritablePages {
 public:
  // Throws Error naming `path`.
  WritablePages(const AtomicFile& file, std::size_t size_bytes, const std::string& path)
      : size_bytes_(size_bytes) {
    const int error = ::posix_fallocate(file.descriptor(), 0, static_cast<off_t>(size_bytes));
    if (error == 0) {
      data_ = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor(), 0);
    }
    if (data_ == MAP_FAILED) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("cannot write {}: {}", path, std::strerror(error != 0 ? error : errno)));
    }
  }
  ~WritablePages() { ::munmap(data_, size_bytes_); }
  WritablePages(const WritablePages&) = delete;
  WritablePages& operator=(const WritablePages&) = delete;

  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  std::size_t size_bytes_;
  void* data_ = MAP_FAILED;
};

// Returns false, with a warning, if the file cannot be written.
bool write_cache(const std::string& path, const std::string& header, TransformerWeights& weights,
                 const PackedForm& form, ThreadPool& pool) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  remove_leftovers(path);
  const auto warn = [](const Error& error) {
    log::warn(
        "cannot keep packed weights: {}; every start packs them again (cache_directory names the place)",
        error.what());
    return false;
  };
  std::optional<AtomicFile> file;
  std::optional<WritablePages> pages;
  try {
    file.emplace(path, AtomicFileOptions{.mode = 0600});
    pages.emplace(*file, kHeaderBytes + packed_model_bytes(form), path);
  } catch (const Error& error) {
    return warn(error);
  }
  pack_model(weights, form, pages->data() + kHeaderBytes, pool);
  std::memcpy(pages->data(), header.data(), kHeaderBytes);
  try {
    file->commit(Durability::kFlushed);
  } catch (const Error& error) {
    return warn(error);
  }
  return true;
}

}  // namespace

PackedWeights::PackedWeights(TransformerWeights& weights, const PackedForm& form,
                             const std::string& cache_directory, ThreadPool& pool)
    : form_(form), size_bytes_(static_cast<std::int64_t>(packed_model_bytes(form_))) {
  if (!cache_directory.empty()) {
    const std::string header = header_text(weights, form_);
    const std::string path = fmt::format("{}/weights-{:016x}", cache_directory, fnv1a(header));
    if (map_cache(path, header) ||
        (write_cache(path, header, weights, form_, pool) && map_cache(path, header))) {
      model_ = view_packed_model(mapped_.bytes().data() + kHeaderBytes, form_);
      return;
    }
  }
  memory_ = MemoryBlock(static_cast<std::size_t>(size_bytes_));
  pack_model(weights, form_, memory_.data(), pool);
  model_ = view_packed_model(memory_.data(), form_);
}

bool PackedWeights::map_cache(const std::string& path, const std::string& header) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return false;
  try {
    MappedFile file(path);
    if (file.bytes().size() == kHeaderBytes + static_cast<std::size_t>(size_bytes_) &&
        std::memcmp(file.bytes().data(), header.data(), kHeaderBytes) == 0) {
      mapped_ = std::move(file);
      cache_file_ = path;
      return true;
    }
    log::warn("{} does not hold the packed weights of this checkpoint; it will be rewritten", path);
  } catch (const Error& error) {
    // It belongs to another user, has been removed, or cannot be mapped; the checkpoint is still available.
    log::warn("{}; the weights are packed again", error.what());
  }
  return false;
}

}  // namespace rerank::cpu
