// A model's folder in Hugging Face's cache: blobs by checksum, snapshots of links to them, references to
// snapshots, and a lock. A snapshot is seen by others only when all its files stand.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/remote_model.h"

namespace rerank {

// Every function throws Error{kUnavailable} naming the file or folder and what the system said.
class ModelCache {
 public:
  // Makes nothing.
  ModelCache(const std::filesystem::path& cache, const std::string& repository);

  std::filesystem::path blob(const RemoteFile& file) const { return root_ / "blobs" / file.digest.hex; }
  // Whether the blob is there in its full length. Its content is believed: whoever gave it its name verified
  // it.
  bool has_blob(const RemoteFile& file) const;
  // Removes the blob unless its checksum is right; `keep_going` may throw to end it.
  void verify_blob(const RemoteFile& file, const std::function<void()>& keep_going) const;
  std::filesystem::path snapshot(const RemoteModel& model) const {
    return root_ / "snapshots" / model.commit;
  }

  void make_folders() const;
  // Throws Error when the disk has less room than this.
  void require_room(std::uint64_t bytes) const;
  // Makes or completes the snapshot, then the references. REQUIRES: every blob of the model is there.
  std::filesystem::path publish(const RemoteModel& model, const std::vector<std::string>& references) const;

  std::filesystem::path lock_file() const;

 private:
  void link(const std::filesystem::path& folder, const RemoteFile& file) const;

  std::filesystem::path cache_;
  std::filesystem::path root_;
};

// Held by one process at a time, and let go by the system when that ends.
class FileLock {
 public:
  // Waits until nobody else holds it; `on_wait` is called ten times a second meanwhile, and may throw to end
  // it.
  FileLock(const std::filesystem::path& path, const std::function<void()>& on_wait);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace rerank
