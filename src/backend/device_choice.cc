#include "backend/device_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "rerank/error.h"

namespace rerank {
namespace {

[[noreturn]] void refuse(ErrorCode code, const std::string& text) {
  throw Error(code, text);
}

// A flag that only the CPU, or only a GPU, has a use for.
struct FlagUse {
  std::string flag;  // as given; empty: it was not
  bool for_cuda;
};

std::vector<FlagUse> flags_in_use(const BackendOptions& options) {
  std::vector<FlagUse> uses;
  const auto add = [&](bool given, const std::string& flag, bool for_cuda) {
    if (given) uses.push_back({flag, for_cuda});
  };
  add(options.quantization != "none", "--quantization " + options.quantization, true);
  add(options.gpu_memory_utilization != 0,
      fmt::format("--gpu-memory-utilization {}", options.gpu_memory_utilization), true);
  add(options.tensor_parallel_size > 1,
      fmt::format("--tensor-parallel-size {}", options.tensor_parallel_size), true);
  add(options.dtype == "float32", "--dtype float32", false);
  add(options.instruction_set != "auto", "--instruction-set " + options.instruction_set, false);
  return uses;
}

void check_values(const BackendOptions& options, std::int32_t num_replicas) {
  const std::array<std::string_view, 4> devices = {"auto", "cpu", "cuda", "reference"};
  if (std::ranges::find(devices, options.device) == devices.end()) {
    refuse(ErrorCode::kUnsupported,
           fmt::format("--device {}: this build knows {}", options.device, fmt::join(devices, ", ")));
  }
  if (options.dtype != "auto" && options.dtype != "bfloat16" && options.dtype != "float32") {
    refuse(ErrorCode::kUnsupported,
           fmt::format("--dtype {}: choose auto, bfloat16 or float32", options.dtype));
  }
  const std::array<std::string_view, 3> quantizations = {"none", "int8", "fp8"};
  if (std::ranges::find(quantizations, options.quantization) == quantizations.end()) {
    refuse(ErrorCode::kUnsupported,
           fmt::format("--quantization {}: choose none, int8 or fp8", options.quantization));
  }
  if (!(options.gpu_memory_utilization >= 0 && options.gpu_memory_utilization <= 1)) {
    refuse(ErrorCode::kInvalidArgument,
           fmt::format("--gpu-memory-utilization must be above 0 and at most 1, not {}",
                       options.gpu_memory_utilization));
  }
  if (options.tensor_parallel_size < 0 || num_replicas < 1) {
    refuse(ErrorCode::kInvalidArgument,
           fmt::format("{} must be at least 1, not {}",
                       num_replicas < 1 ? "--data-parallel-size" : "--tensor-parallel-size",
                       num_replicas < 1 ? num_replicas : options.tensor_parallel_size));
  }
}

bool will_do(const CudaDevice& gpu) {
  return gpu.why_not.empty();
}

// Why no GPU of this machine will do for the model; empty when one does.
std::string why_no_gpu(const CudaPresence& cuda) {
  if (cuda.devices.empty()) return cuda.why_none;
  if (std::ranges::none_of(cuda.devices, will_do))
    return cuda.devices.front().name + " " + cuda.devices.front().why_not;
  if (cuda.unsupported_key.empty()) return "";
  return "the CUDA module does not compute " + cuda.unsupported_key;
}

// The GPUs of all replicas. REQUIRES: why_no_gpu is empty.
std::vector<int> pick_gpus(const BackendOptions& options, std::int32_t num_replicas,
                           const CudaPresence& cuda) {
  std::vector<int> usable;
  for (std::size_t i = 0; i < cuda.devices.size(); ++i) {
    if (will_do(cuda.devices[i])) usable.push_back(static_cast<int>(i));
  }
  const std::int32_t ranks = std::max(1, options.tensor_parallel_size);
  const std::int64_t needed = std::int64_t{ranks} * num_replicas;
  if (needed > static_cast<std::int64_t>(usable.size())) {
    refuse(
        ErrorCode::kUnsupported,
        fmt::format(
            "--tensor-parallel-size {} times --data-parallel-size {} needs {} GPUs, and CUDA shows {} that "
            "will do (see CUDA_VISIBLE_DEVICES)",
            ranks, num_replicas, needed, usable.size()));
  }
  usable.resize(static_cast<std::size_t>(needed));
  return usable;
}

// "2 x NVIDIA H200, NVIDIA H100"
std::string names_of(const std::vector<int>& gpus, const CudaPresence& cuda) {
  std::map<std::string, int> counts;
  for (const int gpu : gpus) ++counts[cuda.devices[static_cast<std::size_t>(gpu)].name];
  std::string names;
  for (const auto& [name, count] : counts) {
    names += (names.empty() ? "" : ", ") + (count > 1 ? fmt::format("{} x ", count) : "") + name;
  }
  return names;
}

}  // namespace

DeviceChoice choose_device(const BackendOptions& options, std::int32_t num_replicas,
                           const TransformerSpec* model) {
  const bool may_be_cuda = options.device == "auto" || options.device == "cuda";
  return choose_device(options, num_replicas, may_be_cuda ? find_cuda(model) : CudaPresence{});
}

DeviceChoice choose_device(const BackendOptions& options, std::int32_t num_replicas,
                           const CudaPresence& cuda) {
  check_values(options, num_replicas);
  DeviceChoice choice{.device = options.device, .reason = "--device " + options.device, .gpus = {}};
  const std::string missing = why_no_gpu(cuda);
  const std::vector<FlagUse> uses = flags_in_use(options);
  const auto for_cpu = std::ranges::find(uses, false, &FlagUse::for_cuda);
  if (options.device == "cuda" && !missing.empty())
    refuse(ErrorCode::kUnsupported, "--device cuda: " + missing);
  if (options.device == "auto") {
    choice.device = missing.empty() && for_cpu == uses.end() ? "cuda" : "cpu";
    choice.reason = choice.device == "cuda"        ? "it is there"
                    : missing.empty()              ? for_cpu->flag + " asks for it"
                    : cuda.unsupported_key.empty() ? "no GPU: " + missing
                                                   : missing;
    choice.is_surprise = !missing.empty() && cuda.has_driver;
  }
  for (const FlagUse& use : uses) {
    if (use.for_cuda == (choice.device == "cuda")) continue;
    const std::string because =
        use.for_cuda && options.device == "auto" && !missing.empty() ? ", and " + missing : "";
    refuse(ErrorCode::kUnsupported,
           fmt::format("{} is for {}{}", use.flag, use.for_cuda ? "--device cuda" : "--device cpu", because));
  }
  if (choice.device == "cuda") {
    choice.gpus = pick_gpus(options, num_replicas, cuda);
    choice.gpu_names = names_of(choice.gpus, cuda);
  }
  return choice;
}

DeviceDefaults defaults_of(const std::string& device) {
  // Whole waves of 128 x 256 tiles on 132 multiprocessors; a forward of it is a hundredth to a fifth of a
  // second.
  if (device == "cuda")
    return {.max_num_batched_tokens = 8448, .max_num_seqs = 512, .prefix_cache_tokens = 16384};
  // Large enough for the GEMMs to run at full speed, small enough that a new request waits about a second.
  return {.max_num_batched_tokens = 1024, .max_num_seqs = 256, .prefix_cache_tokens = 1024};
}

}  // namespace rerank
