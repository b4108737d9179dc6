// =// Reads the safetensors format: a table of tensors and the mapped bytes of their elements. It neither =//
// interprets the tensors nor combines several files into a model. =// =//   8 bytes     n, the length of the
// header, little-endian =//   n bytes     JSON: {"NAME": {"dtype": "BF16", "shape": [2, 3], "data_offsets":
// [begin, end]}, ...}, =//               optionally with "__metadata__": {"key": "text", ...}; may be padded
// with spaces =//   the rest    the elements of the tensors, little-endian, row-major; offsets count from
// here; no gaps
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/data_type.h"
#include "base/files/mapped_file.h"
#include "base/tensor_view.h"

namespace rerank {

struct SafetensorsEntry {
  std::string name;
  DataType type;
  std::vector<std::int64_t> shape;
  std::size_t offset = 0;  // from the start of the file
  std::size_t size_bytes = 0;
};

// The suffix of index tensors (0, 1, 2, ...) that PyTorch saved with the weights of encoders. They are not
// weights and are skipped.
inline constexpr std::string_view kPositionIdsEnding = ".position_ids";

// Returns the entries sorted by offset. They are fully validated: every entry lies inside `file`, has the
// size that its shape implies, and overlaps no other. Throws Error that starts with `name` (the file's name
// for messages), names the tensor, and says what to do.
std::vector<SafetensorsEntry> parse_safetensors(std::span<const std::byte> file, std::string_view name);

// One mapped file. Safe from any number of threads at once.
class SafetensorsFile {
 public:
  // Throws Error as MappedFile and parse_safetensors do.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  std::span<const std::byte> bytes() const { return file_.bytes(); }
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  // Lives as long as this file. REQUIRES: `entry` is one of entries().
  TensorView view(const SafetensorsEntry& entry) const;
  // When it was opened.
  const FileState& state() const { return file_.state(); }
  void release_pages(std::size_t offset, std::size_t size_bytes) const {
    file_.release_pages(offset, size_bytes);
  }
  // Forgets the pages that hold nothing but this tensor.
  void release(const SafetensorsEntry& entry) const { file_.release_pages(entry.offset, entry.size_bytes); }

 private:
  MappedFile file_;
  std::vector<SafetensorsEntry> entries_;
};

}  // namespace rerank
