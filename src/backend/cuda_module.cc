#include "backend/cuda_module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>

#include "rerank/error.h"
#include "rerank/version.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModuleFile = "librerank_cuda.so";
constexpr const char* kDriver = "libcuda.so.1";

struct Module {
  CudaDevicesFunction* devices = nullptr;
  CudaUnsupportedKeyFunction* unsupported_key = nullptr;
  CudaCreateFunction* create = nullptr;
};

// The folders of the program and of the file that contains this code, which may be a library.
std::vector<fs::path> own_folders() {
  std::vector<fs::path> folders;
  std::error_code ignored;
  Dl_info own;
  if (dladdr(reinterpret_cast<const void*>(&find_cuda), &own) != 0 && own.dli_fname != nullptr) {
    folders.push_back(fs::weakly_canonical(own.dli_fname, ignored).parent_path());
  }
  folders.push_back(fs::read_symlink("/proc/self/exe", ignored).parent_path());
  return folders;
}

std::optional<fs::path> installed_module() {
  std::error_code ignored;
  for (const fs::path& folder : own_folders()) {
    for (const char* place : {"", "rerank", "../lib/rerank", "../" RERANK_INSTALL_LIBDIR "/rerank"}) {
      const fs::path file = folder / place / kModuleFile;
      if (fs::exists(file, ignored)) return file;
    }
  }
  return std::nullopt;
}

template <typename Function>
Function* function_of(void* module, const char* name, const std::string& file) {
  void* found = dlsym(module, name);
  if (found == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} is not a CUDA module of this program: it lacks {}", file, name));
  }
  return reinterpret_cast<Function*>(found);
}

Module open_module(const std::string& file) {
  // Never closed: CUDA's threads and handlers remain in it.
  void* opened = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("the CUDA module cannot be opened: {}; it needs CUDA 13's libraries where the system "
                    "or LD_LIBRARY_PATH finds them",
                    dlerror()));
  }
  const char* found = function_of<CudaVersionFunction>(opened, kCudaVersionFunction, file)();
  if (std::strcmp(found, version()) != 0) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} is of version {}, this program of {}: install them together", file, found,
                            version()));
  }
  return {function_of<CudaDevicesFunction>(opened, kCudaDevicesFunction, file),
          function_of<CudaUnsupportedKeyFunction>(opened, kCudaUnsupportedKeyFunction, file),
          function_of<CudaCreateFunction>(opened, kCudaCreateFunction, file)};
}

// Opens the module once; after a failure it tries again.
const Module& module() {
  static std::mutex mutex;
  static std::optional<Module> opened;
  const std::lock_guard lock(mutex);
  if (opened) return *opened;
  const char* named = std::getenv("RERANK_CUDA_MODULE");
  if (named != nullptr && *named != '\0') {
    opened = open_module(named);
    return *opened;
  }
  const std::optional<fs::path> file = installed_module();
  if (!file) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("there is no CUDA module ({}) beside the program or in ../lib/rerank; build or install "
                    "it, or set RERANK_CUDA_MODULE to its path",
                    kModuleFile));
  }
  // Faster than finding it out through CUDA's libraries.
  if (dlopen(kDriver, RTLD_LAZY | RTLD_LOCAL) == nullptr) {
    throw Error(ErrorCode::kUnsupported, fmt::format("there is no NVIDIA driver ({})", kDriver));
  }
  opened = open_module(file->string());
  return *opened;
}

}  // namespace

CudaPresence find_cuda(const TransformerSpec* model) {
  CudaPresence presence;
  presence.has_driver = dlopen(kDriver, RTLD_LAZY | RTLD_LOCAL) != nullptr;
  try {
    module().devices(presence);
    if (model != nullptr) module().unsupported_key(*model, presence.unsupported_key);
  } catch (const Error& error) {
    presence.why_none = error.what();
  }
  return presence;
}

std::unique_ptr<Backend> create_cuda_backend(const BackendOptions& options) {
  return std::unique_ptr<Backend>(module().create(options));
}

}  // namespace rerank
