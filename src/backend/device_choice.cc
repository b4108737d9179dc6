#include "backend/device_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "rerank/error.h"

namespace rerank {
namespace {

// An error about an option of EngineOptions.
[[noreturn]] void refuse(ErrorCode code, const char* option, const std::string& reason) {
  throw Error(code, {.member = option}, reason);
}

using Devices = std::vector<std::string>;

// An option that not every device has a use for.
struct OptionUse {
  const char* option;
  std::string value;
  Devices devices;  // that have

  bool is_for(const std::string& device) const { return std::ranges::find(devices, device) != devices.end(); }
};

std::vector<OptionUse> options_in_use(const BackendOptions& options) {
  std::vector<OptionUse> uses;
  const auto add = [&](bool given, const char* option, const std::string& value, const Devices& devices) {
    if (given) uses.push_back({option, value, devices});
  };
  add(options.quantization == "int8", "quantization", options.quantization, {"cpu", "cuda"});
  add(options.quantization == "fp8", "quantization", options.quantization, {"cuda"});
  add(options.gpu_memory_utilization != 0, "gpu_memory_utilization",
      fmt::format("{}", options.gpu_memory_utilization), {"cuda"});
  add(options.tensor_parallel_size > 1, "tensor_parallel_size",
      fmt::format("{}", options.tensor_parallel_size), {"cuda"});
  add(options.dtype == "float32", "dtype", options.dtype, {"cpu", "reference"});
  add(options.dtype == "bfloat16", "dtype", options.dtype, {"cpu", "cuda"});
  add(options.instruction_set != "auto", "instruction_set", options.instruction_set, {"cpu"});
  return uses;
}

void check_values(const BackendOptions& options, std::int32_t num_replicas) {
  const std::vector<std::string> devices = device_names();
  if (std::ranges::find(devices, options.device) == devices.end()) {
    refuse(ErrorCode::kUnsupported, "device",
           fmt::format("{} is not one of {}", options.device, fmt::join(devices, ", ")));
  }
  if (options.dtype != "auto" && options.dtype != "bfloat16" && options.dtype != "float32") {
    refuse(ErrorCode::kUnsupported, "dtype",
           fmt::format("{} is not one of auto, bfloat16, float32", options.dtype));
  }
  const std::array<std::string_view, 3> quantizations = {"none", "int8", "fp8"};
  if (std::ranges::find(quantizations, options.quantization) == quantizations.end()) {
    refuse(ErrorCode::kUnsupported, "quantization",
           fmt::format("{} is not one of {}", options.quantization, fmt::join(quantizations, ", ")));
  }
  if (!(options.gpu_memory_utilization >= 0 && options.gpu_memory_utilization <= 1)) {
    refuse(ErrorCode::kInvalidArgument, "gpu_memory_utilization",
           fmt::format("must be above 0 and at most 1, not {}", options.gpu_memory_utilization));
  }
  if (options.tensor_parallel_size < 0 || num_replicas < 1) {
    refuse(ErrorCode::kInvalidArgument, num_replicas < 1 ? "data_parallel_size" : "tensor_parallel_size",
           fmt::format("must be at least 1, not {}",
                       num_replicas < 1 ? num_replicas : options.tensor_parallel_size));
  }
}

bool will_do(const CudaDevice& gpu) {
  return gpu.why_not.empty();
}

// Why no GPU of this machine can be used for the model; empty if one can.
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
    refuse(ErrorCode::kUnsupported, ranks > 1 ? "tensor_parallel_size" : "data_parallel_size",
           fmt::format(
               "{} for each of {} replicas are {} GPUs, and CUDA shows {} that this program can use (see "
               "CUDA_VISIBLE_DEVICES)",
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

std::vector<std::string> device_names() {
  return {"auto", "cpu", "cuda", "reference"};
}

DeviceChoice choose_device(const BackendOptions& options, std::int32_t num_replicas,
                           const TransformerSpec* model) {
  const bool may_be_cuda = options.device == "auto" || options.device == "cuda";
  return choose_device(options, num_replicas, may_be_cuda ? find_cuda(model) : CudaPresence{});
}

DeviceChoice choose_device(const BackendOptions& options, std::int32_t num_replicas,
                           const CudaPresence& cuda) {
  check_values(options, num_replicas);
  DeviceChoice choice{.device = options.device, .reason = "asked for", .gpus = {}};
  const std::string missing = why_no_gpu(cuda);
  const std::vector<OptionUse> uses = options_in_use(options);
  const auto for_cpu = std::ranges::find_if(
      uses, [](const OptionUse& use) { return use.is_for("cpu") && !use.is_for("cuda"); });
  if (options.device == "cuda" && !missing.empty())
    refuse(ErrorCode::kUnsupported, "device", "cuda cannot be used: " + missing);
  if (options.device == "auto") {
    choice.device = missing.empty() && for_cpu == uses.end() ? "cuda" : "cpu";
    choice.reason = choice.device == "cuda" ? "it is there"
                    : missing.empty() ? fmt::format("{} {} asks for it", for_cpu->option, for_cpu->value)
                    : cuda.unsupported_key.empty() ? "no GPU: " + missing
                                                   : missing;
    choice.is_surprise = !missing.empty() && cuda.has_driver;
  }
  for (const OptionUse& use : uses) {
    if (use.is_for(choice.device)) continue;
    const bool lacks_gpu = use.is_for("cuda") && options.device == "auto" && !missing.empty();
    refuse(ErrorCode::kUnsupported, use.option,
           fmt::format("{} is for the device {}{}", use.value, fmt::join(use.devices, " or "),
                       lacks_gpu ? ", and " + missing : ""));
  }
  if (choice.device == "cuda") {
    choice.gpus = pick_gpus(options, num_replicas, cuda);
    choice.gpu_names = names_of(choice.gpus, cuda);
  }
  return choice;
}

DeviceDefaults defaults_of(const std::string& device) {
  // Whole waves of 128 x 256 tiles on 132 multiprocessors; such a forward pass takes between a hundredth and
  // a fifth of a second.
  if (device == "cuda")
    return {.max_num_batched_tokens = 8448, .max_num_seqs = 512, .prefix_cache_tokens = 16384};
  // Large enough for the GEMMs to run at full speed, small enough that a new request waits about a second.
  return {.max_num_batched_tokens = 1024, .max_num_seqs = 256, .prefix_cache_tokens = 1024};
}

}  // namespace rerank
