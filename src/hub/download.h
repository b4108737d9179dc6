// Files from a hub to the disk: several connections at once, every byte checked against the hub's checksum
// before a file gets its name.
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
  std::filesystem::path target;  // gets the content once it is verified; what has come so far lies beside it
};

// Written by the download's threads, read by whoever shows it.
struct DownloadProgress {
  std::atomic<std::uint64_t> total_bytes{0};
  std::atomic<std::uint64_t> done_bytes{0};      // on the disk, those of earlier runs among them
  std::atomic<std::uint64_t> verified_bytes{0};  // hashed
};

struct DownloadOptions {
  HeaderList headers;
  std::size_t num_connections = 8;
  // What an answer with an error's status means.
  std::function<Error(const TransferReply&)> refusal;
};

// Returns when every file has its name. Throws Error: the disk is full, the hub gives no good answer, a
// checksum is wrong (that file's bytes are then removed); TransferError{kCancelled} when the line was told to
// stop. What has come stays for the next try.
void download(const std::vector<DownloadItem>& items, const DownloadOptions& options, const HubClient& client,
              DownloadProgress& progress);

// The bytes of disk that these files still want, what earlier runs claimed aside.
std::uint64_t wanted_disk_bytes(const std::vector<DownloadItem>& items);

}  // namespace rerank
