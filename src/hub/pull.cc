#include "hub/pull.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/files/whole_file.h"
#include "checkpoint/model_location.h"
#include "hub/download.h"
#include "hub/hub.h"
#include "hub/model_cache.h"
#include "hub/pull_watch.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::size_t kMostConnections = 64;

// The state of one pull or listing.
class Pull {
 public:
  Pull(const PullOptions& options, const PullEvents& events)
      : options_(options),
        hub_(make_hub(hub_kind(options.from), access())),
        name_(model_name()),
        pool_(transfer_options(), options.num_connections),
        watch_(events, progress_),
        client_{pool_, options.retry, watch_.token(),
                [this](const std::string& text) { watch_.notice(text); }},
        cache_(options.cache.empty() ? huggingface_cache() : options.cache, name_.repository) {}

  PullResult list() {
    model_ = hub_->list(name_, client_);
    return result();
  }

  PullResult pull() {
    model_ = hub_->list(name_, client_);
    cache_.make_folders();
    const FileLock lock = lock_model();
    if (options_.verify) verify_blobs();
    PullResult pulled = result();
    std::vector<DownloadItem> config;
    std::vector<DownloadItem> others;
    for (const RemoteFile& file : model_.files) {
      if (cache_.has_blob(file)) continue;
      progress_.total_bytes += file.size_bytes;
      std::vector<DownloadItem>& part = file.name == "config.json" ? config : others;
      part.push_back({file, hub_->file_url(name_, model_, file.name), cache_.blob(file)});
    }
    cache_.require_room(wanted_disk_bytes(config) + wanted_disk_bytes(others));
    fetch(config);
    if (options_.check_config) check_config();
    fetch(others);
    cache_.publish(model_, hub_->references(name_, model_));
    return pulled;
  }

 private:
  HubAccess access() {
    require_online();
    HubAccess found = hub_access(hub_kind(options_.from), options_.endpoint);
    endpoint_ = found.endpoint;
    return found;
  }

  ModelName model_name() const {
    require(options_.num_connections >= 1 && options_.num_connections <= kMostConnections,
            fmt::format("--connections is {}; it must be between 1 and {}", options_.num_connections,
                        kMostConnections));
    require(options_.retry.max_retries >= 0,
            fmt::format("--retries is {}; it must be 0 or more", options_.retry.max_retries));
    require(options_.model != "demo", "the demo model is part of the program and needs no download");
    RepositoryName found = parse_repository_name(options_.model);
    const bool names_revision = options_.model.find('@') != std::string::npos;
    require(!names_revision || options_.revision.empty(),
            fmt::format("{} contains a revision and --revision is set; use one of them", options_.model));
    if (!options_.revision.empty()) found.revision = options_.revision;
    const bool is_usual = !names_revision && options_.revision.empty();
    require(found.is_well_formed(), fmt::format("{}: not the name of a model on a hub; use ORG/NAME, such as "
                                                "Qwen/Qwen3-Reranker-0.6B, and a revision "
                                                "of letters, digits and . _ - /",
                                                options_.model));
    return {found.name, is_usual ? hub_->default_revision() : found.revision};
  }

  static TransferOptions transfer_options() {
    TransferOptions options;
    options.ca_file = trusted_certificates();
    options.accept_compressed = false;  // ranges and lengths must match the bytes that are hashed
    return options;
  }

  PullResult result() const {
    PullResult result;
    const bool is_usual = name_.revision == hub_->default_revision() || name_.revision == "main";
    result.model = is_usual ? name_.repository : name_.repository + "@" + name_.revision;
    result.commit = model_.commit;
    result.endpoint = endpoint_;
    result.snapshot = cache_.snapshot(model_);
    for (const RemoteFile& file : model_.files) {
      result.files.push_back({file.name, file.size_bytes, cache_.has_blob(file)});
    }
    return result;
  }

  FileLock lock_model() {
    bool told = false;
    return {cache_.lock_file(), [this, &told] {
              stop_if_asked();
              if (!told) watch_.notice("another process is pulling this model; waiting for it");
              told = true;
            }};
  }

  void stop_if_asked() const {
    if (client_.stop.stop_requested()) throw TransferError(TransferError::Kind::kCancelled, false, "stopped");
  }

  void verify_blobs() {
    for (const RemoteFile& file : model_.files) {
      if (cache_.has_blob(file)) cache_.verify_blob(file, [this] { stop_if_asked(); });
    }
  }

  void fetch(const std::vector<DownloadItem>& items) {
    DownloadOptions options;
    options.headers = hub_->headers();
    options.num_connections = options_.num_connections;
    options.refusal = [this](const TransferReply& reply) { return hub_->refusal(name_, reply); };
    if (!items.empty()) download(items, options, client_, progress_);
  }

  // Called before the weights are downloaded.
  void check_config() const {
    const auto config = std::find_if(model_.files.begin(), model_.files.end(),
                                     [](const RemoteFile& file) { return file.name == "config.json"; });
    try {
      options_.check_config(read_whole_file(cache_.blob(*config)), name_.repository + "/config.json");
    } catch (const Error& error) {
      throw Error(error.code(),
                  fmt::format("{}; no weights were downloaded (use --unchecked to download them anyway)",
                              error.what()));
    }
  }

  const PullOptions& options_;
  std::string endpoint_;
  std::unique_ptr<Hub> hub_;
  ModelName name_;
  DownloadProgress progress_;
  TransferPool pool_;
  PullWatch watch_;
  HubClient client_;
  ModelCache cache_;
  RemoteModel model_;
};

template <typename Work>
PullResult run(const PullOptions& options, const PullEvents& events, const Work& work) {
  try {
    Pull pull(options, events);
    return work(pull);
  } catch (const TransferError& error) {
    if (error.kind() != TransferError::Kind::kCancelled) throw;
    PullResult stopped;
    stopped.stopped = true;
    return stopped;
  }
}

}  // namespace

PullResult list_model(const PullOptions& options, const PullEvents& events) {
  return run(options, events, [](Pull& pull) { return pull.list(); });
}

PullResult pull_model(const PullOptions& options, const PullEvents& events) {
  return run(options, events, [](Pull& pull) { return pull.pull(); });
}

}  // namespace rerank
