#include "hub/model_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>
#include <thread>

#include "base/files/atomic_file.h"
#include "checkpoint/model_location.h"
#include "rerank/error.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& said) {
  throw Error(
      ErrorCode::kUnavailable,
      fmt::format("{}: {}; use another directory with --cache-dir or HF_HUB_CACHE", path.string(), said));
}

void require_ok(const std::error_code& error, const fs::path& path) {
  if (error) fail(path, error.message());
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  require_ok(error, path);
}

void write_reference(const fs::path& path, const std::string& commit) {
  make_directories(path.parent_path());
  write_whole_file(path, commit);
}

}  // namespace

ModelCache::ModelCache(const fs::path& cache, const std::string& repository)
    : cache_(cache), root_(cache / cache_folder(repository)) {}

bool ModelCache::has_blob(const RemoteFile& file) const {
  std::error_code error;
  return fs::is_regular_file(blob(file), error) && fs::file_size(blob(file), error) == file.size_bytes;
}

void ModelCache::verify_blob(const RemoteFile& file, const std::function<void()>& keep_going) const {
  constexpr std::size_t kPartBytes = std::size_t{1} << 22;
  const fs::path path = blob(file);
  std::ifstream stream(path, std::ios::binary);
  DigestBuilder builder(file.digest.kind, file.size_bytes);
  std::string part(kPartBytes, '\0');
  while (stream) {
    keep_going();
    stream.read(part.data(), static_cast<std::streamsize>(part.size()));
    builder.add({part.data(), static_cast<std::size_t>(stream.gcount())});
  }
  if (!stream.eof()) fail(path, "cannot read it");
  if (builder.result() == file.digest) return;
  std::error_code error;
  fs::remove(path, error);
  require_ok(error, path);
}

void ModelCache::make_folders() const {
  make_directories(root_ / "blobs");
  make_directories(root_ / "snapshots");
  make_directories(lock_file().parent_path());
}

void ModelCache::require_room(std::uint64_t bytes) const {
  std::error_code error;
  const fs::space_info space = fs::space(root_, error);
  require_ok(error, root_);
  if (space.available >= bytes) return;
  fail(cache_, fmt::format("{:.1f} MB are free, {:.1f} MB are needed",
                           static_cast<double>(space.available) / 1e6, static_cast<double>(bytes) / 1e6));
}

fs::path ModelCache::publish(const RemoteModel& model, const std::vector<std::string>& references) const {
  const fs::path target = snapshot(model);
  std::error_code error;
  if (fs::is_directory(target, error)) {
    for (const RemoteFile& file : model.files) link(target, file);
  } else {
    // Not below snapshots/: if the process is killed, the leftover must not look like a snapshot.
    const fs::path draft = name_beside(root_ / model.commit);
    make_directories(draft);
    for (const RemoteFile& file : model.files) link(draft, file);
    fs::rename(draft, target, error);
    require_ok(error, target);
  }
  for (const std::string& reference : references) write_reference(root_ / "refs" / reference, model.commit);
  return target;
}

void ModelCache::link(const fs::path& folder, const RemoteFile& file) const {
  const fs::path path = folder / file.name;
  fs::path content = fs::path("..") / ".." / "blobs" / file.digest.hex;
  if (fs::path(file.name).has_parent_path()) {
    content = fs::path("..") / content;
    make_directories(path.parent_path());
  }
  std::error_code error;
  if (fs::read_symlink(path, error) == content) return;
  // Hugging Face's tools may have put something else there: replace it in one step, so that it is never
  // missing.
  const fs::path draft = name_beside(root_ / file.digest.hex);
  fs::create_symlink(content, draft, error);
  require_ok(error, draft);
  fs::rename(draft, path, error);
  require_ok(error, path);
}

fs::path ModelCache::lock_file() const {
  return cache_ / ".locks" / root_.filename() / "rerank-pull.lock";
}

FileLock::FileLock(const fs::path& path, const std::function<void()>& on_wait) {
  constexpr std::chrono::milliseconds kBetweenTries{100};
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) fail(path, std::generic_category().message(errno));
  try {
    while (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) fail(path, std::generic_category().message(errno));
      on_wait();
      std::this_thread::sleep_for(kBetweenTries);
    }
  } catch (...) {
    ::close(file_);
    throw;
  }
}

FileLock::~FileLock() {
  ::close(file_);
}

}  // namespace rerank
