#include "backend/cuda/collective.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <nccl.h>

#include "rerank/error.h"

namespace rerank::cuda {

// Opened, not linked: one GPU needs no NCCL, and most machines have none.
class Collective::Library {
 public:
  Library() {
    handle_ = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("--tensor-parallel-size above 1 needs NCCL (libnccl.so.2): {}; install it, or put its "
                      "folder into LD_LIBRARY_PATH",
                      dlerror()));
    }
    find(init_all, "ncclCommInitAll");
    find(destroy, "ncclCommDestroy");
    find(group_start, "ncclGroupStart");
    find(group_end, "ncclGroupEnd");
    find(all_reduce, "ncclAllReduce");
    find(error_string, "ncclGetErrorString");
  }
  ~Library() { dlclose(handle_); }
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

Collective::Collective(const std::vector<int>& devices)
    : library_(std::make_unique<Library>()), communicators_(devices.size()) {
  library_->check_result(library_->init_all(reinterpret_cast<ncclComm_t*>(communicators_.data()),
                                            static_cast<int>(devices.size()), devices.data()),
                         "ncclCommInitAll");
}

Collective::~Collective() {
  for (void* communicator : communicators_) library_->destroy(static_cast<ncclComm_t>(communicator));
}

void Collective::sum(std::span<const Part> parts, std::int64_t size) {
  library_->check_result(library_->group_start(), "ncclGroupStart");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    library_->check_result(
        library_->all_reduce(parts[i].values, parts[i].values, static_cast<std::size_t>(size), ncclBfloat16,
                             ncclSum, static_cast<ncclComm_t>(communicators_[i]), parts[i].stream),
        "ncclAllReduce");
  }
  library_->check_result(library_->group_end(), "ncclGroupEnd");
}

}  // namespace rerank::cuda
