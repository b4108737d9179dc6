// Files that are put in place in one step: whoever opens the path finds the old content or the new, never a
// part of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>

namespace rerank {

struct AtomicFileOptions {
  std::uint64_t size_bytes = 0;  // claimed at once, so that a full disk is known before the work
  unsigned int mode = 0666;      // permissions, less the umask
};

enum class Durability {
  kCached,   // the system writes it to the disk when it likes: after a power failure the file may be empty
  kFlushed,  // it is on the disk when commit() returns
};

// A new file without a name, or with one beside its path where the file system knows no files without. Every
// function throws Error{kUnavailable} naming the file and the system's reason (disk full, no such directory,
// ...).
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path, const AtomicFileOptions& options = {});
  // Leaves nothing unless it was committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Open for reading and writing.
  int descriptor() const { return file_; }
  // Safe from any number of threads at once.
  void write(std::uint64_t offset, std::span<const std::byte> bytes) const;
  void write(std::uint64_t offset, std::string_view text) const {
    write(offset, std::as_bytes(std::span(text.data(), text.size())));
  }
  // Puts it in place of whatever has the path. Nothing but the destructor may follow.
  void commit(Durability durability);

 private:
  [[noreturn]] void fail(int error) const;

  std::filesystem::path path_;
  std::filesystem::path beside_;  // its name so far; empty: none
  int file_ = -1;
};

// The last step of a file that has a name of its own while it grows, to be resumed: flushes `file`, which is
// open as `from`, and renames it to `to`. An error where that failed.
[[nodiscard]] std::error_code publish_file(int file, const std::filesystem::path& from,
                                           const std::filesystem::path& to);

// A file with this content, flushed. Devices and pipes are written straight. Throws as AtomicFile does.
void write_whole_file(const std::filesystem::path& path, std::string_view text);

// The same for what can be made again: not flushed, the directory made where there is none, leftovers
// removed. False if it cannot be written.
bool write_cache_file(const std::filesystem::path& path, std::string_view text);

// PATH.RANDOM: a name in the same directory that no other process takes, wherever it runs.
std::filesystem::path name_beside(const std::filesystem::path& path);

// Removes files PATH.* older than an hour: killed writers left them, as a writer needs its name for
// milliseconds. Only for directories of our own.
void remove_leftovers(const std::filesystem::path& path);

}  // namespace rerank
