// A model's directory in the Hugging Face cache: blobs by checksum, snapshots of links to them, references to
// snapshots, and a lock. A snapshot becomes visible only when all its files are complete.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/remote_model.h"

namespace rerank {

// Every function throws Error{kUnavailable} naming the file or directory and the system's reason.
class ModelCache {
 public:
  // Creates nothing.
  ModelCache(const std::filesystem::path& cache, const std::string& repository);

  std::filesystem::path blob(const RemoteFile& file) const { return root_ / "blobs" / file.digest.hex; }
  // Whether the blob is there in full length. Its content is trusted: it was verified before it got its name.
  bool has_blob(const RemoteFile& file) const;
  // Removes the blob if its checksum is wrong; `keep_going` may throw to stop.
  void verify_blob(const RemoteFile& file, const std::function<void()>& keep_going) const;
  std::filesystem::path snapshot(const RemoteModel& model) const {
    return root_ / "snapshots" / model.commit;
  }

  void make_folders() const;
  // Throws Error if the disk has less free space than this.
  void require_room(std::uint64_t bytes) const;
  // Creates or completes the snapshot, then the references. REQUIRES: every blob of the model is there.
  std::filesystem::path publish(const RemoteModel& model, const std::vector<std::string>& references) const;

  std::filesystem::path lock_file() const;

 private:
  void link(const std::filesystem::path& folder, const RemoteFile& file) const;

  std::filesystem::path cache_;
  std::filesystem::path root_;
};

// Held by one process at a time; the system releases it when the process ends.
class FileLock {
 public:
  // Waits until it is free; calls `on_wait` ten times a second meanwhile, which may throw to stop.
  FileLock(const std::filesystem::path& path, const std::function<void()>& on_wait);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace rerank
