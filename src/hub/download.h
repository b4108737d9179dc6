// Downloads files from a hub over several connections. Each file gets its name only after its checksum was
// verified.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/hub_client.h"
#include "hub/remote_model.h"

namespace rerank {

struct DownloadItem {
  RemoteFile file;
  std::string url;
  std::filesystem::path target;  // the verified file; the partial one is beside it
};

// Written by the threads of the download, read by whoever shows it.
struct DownloadProgress {
  std::atomic<std::uint64_t> total_bytes{0};
  std::atomic<std::uint64_t> done_bytes{0};      // on disk, including those of earlier runs
  std::atomic<std::uint64_t> verified_bytes{0};  // hashed
};

struct DownloadOptions {
  HeaderList headers;
  std::size_t num_connections = 8;
  // Turns a response with an error status into the error to throw.
  std::function<Error(const TransferReply&)> refusal;
};

// Returns when every file is complete. Throws Error when the disk is full, the hub fails, or a checksum is
// wrong (that file is then removed); TransferError{kCancelled} when `client` is stopped. The next call
// resumes from what is on disk.
void download(const std::vector<DownloadItem>& items, const DownloadOptions& options, const HubClient& client,
              DownloadProgress& progress);

// The disk space that these files still need, not counting what earlier runs reserved.
std::uint64_t wanted_disk_bytes(const std::vector<DownloadItem>& items);

}  // namespace rerank
