#include "checkpoint/content_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <vector>

#include "base/files/atomic_file.h"
#include "base/files/whole_file.h"
#include "base/thread_pool.h"
#include "checkpoint/content_hash.h"
#include "rerank/error.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

// Small enough to keep most of the file out of memory, large enough for efficient reads from disk.
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
// More threads do not increase memory bandwidth.
constexpr int kMostThreads = 16;

std::uint64_t hash_of(const SafetensorsFile& file, ThreadPool& pool) {
  const std::span<const std::byte> bytes = file.bytes();
  std::vector<std::uint64_t> pieces((bytes.size() + kPieceBytes - 1) / kPieceBytes);
  pool.parallel_for(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t piece, int) {
    const std::size_t offset = static_cast<std::size_t>(piece) * kPieceBytes;
    const std::size_t size_bytes = std::min(kPieceBytes, bytes.size() - offset);
    pieces[static_cast<std::size_t>(piece)] = hash_block(bytes.subspan(offset, size_bytes));
    file.release_pages(offset, size_bytes);
  });
  ContentHash hash;
  hash.add(std::uint64_t{bytes.size()});
  for (const std::uint64_t piece : pieces) hash.add(piece);
  return hash.value();
}

fs::path settled_path(const SafetensorsFile& file) {
  std::error_code error;
  const fs::path path = fs::canonical(file.path(), error);
  return error ? file.path() : path;
}

// What must be unchanged for the record to be valid.
std::string record_head(std::span<const SafetensorsFile* const> files) {
  std::string text = "rerank identity 1\n";
  for (const SafetensorsFile* const file : files) {
    const FileState& state = file->state();
    text += fmt::format("{} {} {} {} {}\n", state.size_bytes, state.inode, state.modified_ns,
                        state.changed_ns, settled_path(*file).string());
  }
  return text;
}

fs::path record_path(std::span<const SafetensorsFile* const> files, const std::string& directory) {
  ContentHash hash;
  for (const SafetensorsFile* const file : files) hash.add(settled_path(*file).string() + "\n");
  return fs::path(directory) / fmt::format("identity-{:016x}", hash.value());
}

// Empty if there is no valid record.
std::string recorded(const fs::path& path, const std::string& head) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return "";
  std::string text;
  try {
    text = read_whole_file(path);
  } catch (const Error&) {
    return "";
  }
  constexpr std::size_t kDigits = 16;
  if (text.size() != head.size() + kDigits + 1 || !text.starts_with(head) || text.back() != '\n') return "";
  const std::string identity = text.substr(head.size(), kDigits);
  return identity.find_first_not_of("0123456789abcdef") == std::string::npos ? identity : "";
}

bool are_settled(std::span<const SafetensorsFile* const> files, std::int64_t now_ns,
                 std::chrono::milliseconds settling) {
  const std::int64_t limit_ns = now_ns - std::chrono::nanoseconds(settling).count();
  return std::ranges::all_of(files, [&](const SafetensorsFile* file) {
    return std::max(file->state().changed_ns, file->state().modified_ns) <= limit_ns &&
           file_state(file->path()) == file->state();
  });
}

}  // namespace

std::string content_identity(std::span<const SafetensorsFile* const> files,
                             const std::string& record_directory, std::chrono::milliseconds settling) {
  const std::string head = record_head(files);
  const fs::path path = record_directory.empty() ? fs::path() : record_path(files, record_directory);
  if (!path.empty()) {
    if (std::string identity = recorded(path, head); !identity.empty()) return identity;
  }
  const std::int64_t now_ns =
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  ThreadPool pool(std::min(kMostThreads, ThreadPool::available_processors()));
  ContentHash hash;
  for (const SafetensorsFile* const file : files) hash.add(hash_of(*file, pool));
  std::string identity = fmt::format("{:016x}", hash.value());
  // Without a record the next start reads the files again, so failing to write it is not reported.
  if (!path.empty() && are_settled(files, now_ns, settling)) write_cache_file(path, head + identity + "\n");
  return identity;
}

}  // namespace rerank
