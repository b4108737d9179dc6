// What this module runs on and what its kernels compute: asked before anything is uploaded.
#pragma once

#include <cstdint>
#include <string>

#include "backend/transformer.h"

namespace rerank::cuda {

// The kernels use what only this generation has (wgmma): the module has code for it and none for others.
inline constexpr std::int32_t kComputeCapability = 90;

// Why a GPU of this compute capability (90 for 9.0) will not do, as what follows its name; empty: it will.
std::string why_not(std::int32_t compute_capability);

// The first key of config.json with what is not computed of it, such as "head_dim 256"; empty: all is. What
// depends on how a model is sharded is not among them.
std::string unsupported_key(const TransformerSpec& spec);

}  // namespace rerank::cuda
