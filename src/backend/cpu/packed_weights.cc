#include "backend/cpu/packed_weights.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/replaced_file.h"
#include "rerank/error.h"

namespace rerank::cpu {
namespace {

// The file starts with a page of text that must equal, byte for byte, what this program would write for the
// checkpoint that is being loaded; the block of packed_model.h follows.
constexpr std::size_t kHeaderBytes = 4096;
constexpr int kFormatVersion = 2;

std::string header_text(const TransformerWeights& weights, const PackedForm& form) {
  const TransformerSpec& s = form.spec;
  std::string text = fmt::format(
      "rerank packed weights {}\nweights {}\nembedding {}\ncheckpoint {}\nshape {} {} {} {} {} {} {}\nbytes "
      "{}\n",
      kFormatVersion, to_string(form.format), to_string(form.embedding_type), weights.identity(), s.hidden,
      s.ffn, s.num_layers, s.num_heads, s.num_kv_heads, s.head_dim, s.vocab, packed_model_bytes(form));
  // What an earlier program knew no name for is said only where it is not as then: its files stay good.
  if (s.qkv_bias) text += "qkv bias\n";
  if (!s.qk_norm) text += "no norms of heads\n";
  if (s.norm_weight_offset != 0) text += fmt::format("norm weight offset {}\n", s.norm_weight_offset);
  check(text.size() <= kHeaderBytes, "the identity of a checkpoint is too long");
  text.resize(kHeaderBytes, '\0');
  return text;
}

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// A file without a name until it is whole: however the process ends before, nothing is left of it.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path path) : path_(std::move(path)) {
    file_ = ::open(path_.parent_path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  }
  ~NewFile() {
    if (data_ != nullptr) ::munmap(data_, size_bytes_);
    if (file_ >= 0) ::close(file_);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // Reserves the disk space, so that writing through the mapping cannot fail; nullptr when there is none.
  std::byte* map(std::size_t size_bytes) {
    if (file_ < 0) return nullptr;
    const int error = ::posix_fallocate(file_, 0, static_cast<off_t>(size_bytes));
    if (error != 0) {
      errno = error;
      return nullptr;
    }
    void* data = ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (data == MAP_FAILED) return nullptr;
    size_bytes_ = size_bytes;
    data_ = static_cast<std::byte*>(data);
    return data_;
  }

  // Takes the name from whatever has it. A name can only be given where there is none, hence the step
  // between.
  bool commit() {
    remove_leftovers(path_);
    const std::string between = name_beside(path_);
    const std::string file = fmt::format("/proc/self/fd/{}", file_);
    return ::msync(data_, size_bytes_, MS_SYNC) == 0 &&
           ::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, between.c_str(), AT_SYMLINK_FOLLOW) == 0 &&
           ::rename(between.c_str(), path_.c_str()) == 0;
  }

 private:
  std::filesystem::path path_;
  int file_ = -1;
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

bool write_cache(const std::string& path, const std::string& header, TransformerWeights& weights,
                 const PackedForm& form, ThreadPool& pool) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  NewFile file(path);
  std::byte* data = file.map(kHeaderBytes + packed_model_bytes(form));
  if (data != nullptr) {
    pack_model(weights, form, data + kHeaderBytes, pool);
    std::memcpy(data, header.data(), kHeaderBytes);
    if (file.commit()) return true;
  }
  log::warn(
      "cannot keep packed weights in {}: {}; every start will pack them again (unless "
      "cache_directory names another place)",
      path, std::strerror(errno));
  return false;
}

}  // namespace

PackedWeights::PackedWeights(TransformerWeights& weights, Format format, const std::string& cache_directory,
                             ThreadPool& pool)
    : form_(packed_form(weights, format)), size_bytes_(static_cast<std::int64_t>(packed_model_bytes(form_))) {
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
    log::warn("{} does not hold the packed weights of this checkpoint; it will be written anew", path);
  } catch (const Error& error) {
    // Another user's, gone since, no room to map it: the checkpoint is there still.
    log::warn("{}; the weights are packed anew", error.what());
  }
  return false;
}

}  // namespace rerank::cpu
