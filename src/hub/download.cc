#include "hub/download.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "hub/partial_file.h"
#include "hub/range_fetch.h"
#include "hub/range_plan.h"
#include "rerank/error.h"

namespace rerank {
namespace {

std::filesystem::path partial_path(const DownloadItem& item) {
  return item.target.string() + std::string(PartialFile::kEnding);
}

class Download {
 public:
  Download(const std::vector<DownloadItem>& items, const DownloadOptions& options, const HubClient& client,
           DownloadProgress& progress)
      : items_(items),
        options_(options),
        client_{client.pool, client.retry, stop_.get_token(), client.notice},
        progress_(progress),
        plan_(PartialFile::kBlockBytes, options.num_connections) {}

  void run(const std::stop_token& stop) {
    const std::stop_callback pass_on(stop, [this] { stop_.request_stop(); });
    open_files();
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < options_.num_connections; ++i) threads.emplace_back([this] { work(); });
    threads.clear();  // waits for them
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void open_files() {
    for (const DownloadItem& item : items_) {
      const std::uint64_t size_bytes = item.file.size_bytes;
      auto partial = std::make_unique<PartialFile>(partial_path(item), size_bytes);
      std::vector<bool> is_written(partial->num_blocks());
      for (std::size_t block = 0; block < is_written.size(); ++block) {
        is_written[block] = partial->is_written(block);
        if (is_written[block])
          progress_.done_bytes += partial->block_end(block) - partial->block_begin(block);
      }
      plan_.add_file(size_bytes, is_written);
      partials_.push_back(std::move(partial));
      // Nothing to fetch: it is empty, or an earlier run ended just before verification.
      if (plan_.is_complete(partials_.size() - 1)) complete_files_.push_back(partials_.size() - 1);
    }
  }

  // The body of each thread. The first failure stops all of them.
  void work() {
    try {
      while (!stop_.stop_requested()) {
        if (const auto file = take_complete_file()) {
          verify(*file);
        } else if (const auto range = take_range()) {
          fetch(*range);
        } else {
          return;
        }
      }
      throw TransferError(TransferError::Kind::kCancelled, false, "stopped");
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stop_.request_stop();
    }
  }

  std::optional<std::size_t> take_complete_file() {
    const std::lock_guard lock(mutex_);
    if (complete_files_.empty()) return std::nullopt;
    const std::size_t file = complete_files_.back();
    complete_files_.pop_back();
    return file;
  }

  std::optional<FileRange> take_range() {
    const std::lock_guard lock(mutex_);
    return plan_.next();
  }

  void fetch(const FileRange& range) {
    const DownloadItem& item = items_[range.file];
    const RangeRequest request{item.file.name, item.url, options_.headers, item.file.size_bytes, range};
    const RangeOutcome outcome = fetch_range(
        request, client_, [&](std::uint64_t offset, std::string_view bytes) { take(range, offset, bytes); },
        options_.refusal);
    const std::lock_guard lock(mutex_);
    if (outcome == RangeOutcome::kRangesIgnored) plan_.ignore_ranges(range.file);
    plan_.give_back(range);
  }

  // A range begins at a block and arrives in order, so every byte of it before `offset` is written.
  void take(const FileRange& range, std::uint64_t offset, std::string_view bytes) {
    PartialFile& partial = *partials_[range.file];
    partial.write(offset, bytes);
    const std::uint64_t end = offset + bytes.size();
    for (std::size_t block = offset / PartialFile::kBlockBytes; block < partial.num_blocks(); ++block) {
      if (partial.block_end(block) > end) break;
      const std::lock_guard lock(mutex_);
      if (plan_.is_done(range.file, block)) continue;
      partial.mark(block);
      progress_.done_bytes += partial.block_end(block) - partial.block_begin(block);
      if (plan_.complete(range.file, block)) complete_files_.push_back(range.file);
    }
  }

  void verify(std::size_t index) {
    const RemoteFile& file = items_[index].file;
    PartialFile& partial = *partials_[index];
    const Digest found = partial.digest(file.digest.kind, [this](std::uint64_t bytes) {
      progress_.verified_bytes += bytes;
      if (stop_.stop_requested()) throw TransferError(TransferError::Kind::kCancelled, false, "stopped");
    });
    if (found == file.digest) {
      partial.become(items_[index].target);
      return;
    }
    partial.discard();
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: the checksum is {} but the hub lists {}; the file was removed: "
                            "pull again, or from another hub (--from, --endpoint)",
                            file.name, found.hex, file.digest.hex));
  }

  const std::vector<DownloadItem>& items_;
  const DownloadOptions& options_;
  std::stop_source stop_;
  const HubClient client_;
  DownloadProgress& progress_;
  std::vector<std::unique_ptr<PartialFile>> partials_;  // [num_items]

  std::mutex mutex_;  // guards the members below
  RangePlan plan_;
  std::vector<std::size_t> complete_files_;  // all blocks are written, not verified yet
  std::exception_ptr failure_;
};

}  // namespace

void download(const std::vector<DownloadItem>& items, const DownloadOptions& options, const HubClient& client,
              DownloadProgress& progress) {
  Download(items, options, client, progress).run(client.stop);
}

std::uint64_t wanted_disk_bytes(const std::vector<DownloadItem>& items) {
  constexpr std::uint64_t kUnitBytes = 512;  // of st_blocks
  std::uint64_t wanted_bytes = 0;
  for (const DownloadItem& item : items) {
    struct stat status {};
    const bool is_there = ::stat(partial_path(item).c_str(), &status) == 0;
    const std::uint64_t claimed_bytes =
        is_there ? static_cast<std::uint64_t>(status.st_blocks) * kUnitBytes : 0;
    wanted_bytes += item.file.size_bytes - std::min(item.file.size_bytes, claimed_bytes);
  }
  return wanted_bytes;
}

}  // namespace rerank
