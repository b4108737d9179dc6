// A new file of known size, written in any order from any number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace rerank {

// Every function throws Error{kUnavailable} naming the file and what the system said (disk full, too large,
// ...).
class OutputFile {
 public:
  // Creates the file and claims its space. REQUIRES: it does not exist.
  OutputFile(const std::filesystem::path& path, std::uint64_t size_bytes);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Safe from any number of threads at once.
  void write(std::uint64_t offset, std::span<const std::byte> bytes) const;
  void write(std::uint64_t offset, std::string_view text) const {
    write(offset, std::as_bytes(std::span(text.data(), text.size())));
  }
  // Must end the writing: only now are late errors known.
  void close();

 private:
  [[noreturn]] void fail(int error) const;

  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace rerank
