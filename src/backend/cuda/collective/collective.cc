#include "backend/cuda/collective/collective.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <nccl.h>

#include <chrono>
#include <utility>

#include "rerank/error.h"

namespace rerank::cuda {

// Loaded, not linked: a single GPU needs no NCCL, and most machines do not have it. Never closed: its threads
// remain in it.
class Collective::Library {
 public:
  Library() {
    handle_ = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) {
      throw Error(ErrorCode::kUnsupported, {.member = "tensor_parallel_size"},
                  fmt::format("above 1 it needs NCCL (libnccl.so.2): {}; install it, or put its "
                              "folder into LD_LIBRARY_PATH",
                              dlerror()));
    }
    find(init_all, "ncclCommInitAll");
    find(destroy, "ncclCommDestroy");
    find(group_start, "ncclGroupStart");
    find(group_end, "ncclGroupEnd");
    find(all_reduce, "ncclAllReduce");
    find(all_gather, "ncclAllGather");
    find(send, "ncclSend");
    find(receive, "ncclRecv");
    find(abort, "ncclCommAbort");
    find(async_error, "ncclCommGetAsyncError");
    find(error_string, "ncclGetErrorString");
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void check_result(ncclResult_t result, const char* call) const {
    if (result == ncclSuccess) return;
    throw Error(ErrorCode::kUnavailable, fmt::format("{} from {}", error_string(result), call));
  }

  decltype(&ncclCommInitAll) init_all = nullptr;
  decltype(&ncclCommDestroy) destroy = nullptr;
  decltype(&ncclGroupStart) group_start = nullptr;
  decltype(&ncclGroupEnd) group_end = nullptr;
  decltype(&ncclAllReduce) all_reduce = nullptr;
  decltype(&ncclAllGather) all_gather = nullptr;
  decltype(&ncclSend) send = nullptr;
  decltype(&ncclRecv) receive = nullptr;
  decltype(&ncclCommAbort) abort = nullptr;
  decltype(&ncclCommGetAsyncError) async_error = nullptr;
  decltype(&ncclGetErrorString) error_string = nullptr;

 private:
  template <typename Function>
  void find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(handle_, name));
    if (function == nullptr) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("libnccl.so.2 has no {}: another version is needed", name));
    }
  }

  void* handle_ = nullptr;
};

namespace {

// The time for NCCL to release devices that have failed; a device that hangs and then resumes allows it.
constexpr std::chrono::seconds kAbortTime{10};

ncclComm_t communicator(void* opaque) {
  return static_cast<ncclComm_t>(opaque);
}

}  // namespace

Collective::Collective(std::vector<Rank> ranks)
    : library_(std::make_shared<Library>()), ranks_(std::move(ranks)), communicators_(ranks_.size()) {
  std::vector<int> devices;
  for (const Rank& rank : ranks_) devices.push_back(rank.device);
  library_->check_result(library_->init_all(reinterpret_cast<ncclComm_t*>(communicators_.data()),
                                            static_cast<int>(devices.size()), devices.data()),
                         "ncclCommInitAll");
}

Collective::~Collective() {
  for (void* each : communicators_) library_->destroy(communicator(each));
  if (!aborting_.joinable()) return;
  // The process may end next, which would unload NCCL and CUDA while a thread is still inside.
  if (aborted_.wait_for(kAbortTime) == std::future_status::ready) {
    aborting_.join();
  } else {
    aborting_.detach();  // it waits for a device that never answers
  }
}

void Collective::add_both(std::int64_t count) {
  library_->check_result(library_->group_start(), "ncclGroupStart");
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    const auto& [device, buffer, stream] = ranks_[i];
    library_->check_result(library_->all_reduce(buffer, buffer, static_cast<std::size_t>(count), ncclBfloat16,
                                                ncclSum, communicator(communicators_[i]), stream),
                           "ncclAllReduce");
  }
  library_->check_result(library_->group_end(), "ncclGroupEnd");
}

void Collective::exchange(std::int64_t run, std::int64_t to) {
  const auto count = static_cast<std::size_t>(run);
  library_->check_result(library_->group_start(), "ncclGroupStart");
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    const auto& [device, buffer, stream] = ranks_[i];
    for (std::size_t peer = 0; peer < ranks_.size(); ++peer) {
      const std::int64_t place = static_cast<std::int64_t>(peer) * run;
      library_->check_result(library_->send(buffer + place, count, ncclBfloat16, static_cast<int>(peer),
                                            communicator(communicators_[i]), stream),
                             "ncclSend");
      library_->check_result(
          library_->receive(buffer + to + place, count, ncclBfloat16, static_cast<int>(peer),
                            communicator(communicators_[i]), stream),
          "ncclRecv");
    }
  }
  library_->check_result(library_->group_end(), "ncclGroupEnd");
}

void Collective::add(std::int64_t run, std::int64_t parts) {
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    const auto& [device, buffer, stream] = ranks_[i];
    RERANK_CUDA_CHECK(cudaSetDevice(device));
    launch_sum(buffer + parts, static_cast<std::int32_t>(ranks_.size()),
               buffer + static_cast<std::int64_t>(i) * run, run, stream);
  }
}

void Collective::gather(std::int64_t run) {
  library_->check_result(library_->group_start(), "ncclGroupStart");
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    const DeviceBFloat16* own = ranks_[i].buffer + static_cast<std::int64_t>(i) * run;
    library_->check_result(
        library_->all_gather(own, ranks_[i].buffer, static_cast<std::size_t>(run), ncclBfloat16,
                             communicator(communicators_[i]), ranks_[i].stream),
        "ncclAllGather");
  }
  library_->check_result(library_->group_end(), "ncclGroupEnd");
}

void Collective::check_devices() const {
  for (void* each : communicators_) {
    ncclResult_t state = ncclSuccess;
    library_->check_result(library_->async_error(communicator(each), &state), "ncclCommGetAsyncError");
    if (state != ncclInProgress) library_->check_result(state, "NCCL on a device");
  }
}

void Collective::abort() {
  if (communicators_.empty()) return;
  // NCCL also frees memory, which waits for a device that hangs: therefore on a thread that may be left
  // behind.
  std::promise<void> promise;
  aborted_ = promise.get_future();
  aborting_ = std::thread([library = library_, communicators = std::exchange(communicators_, {}),
                           promise = std::move(promise)]() mutable {
    for (void* each : communicators) library->abort(communicator(each));
    promise.set_value();
  });
}

}  // namespace rerank::cuda
