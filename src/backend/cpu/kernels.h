// The table of CPU kernels: one set for each instruction set and arithmetic, chosen once at load. It uses
// only plain pointers and sizes, so that files compiled for a newer instruction set share no inline code with
// the rest.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rerank::cpu {

// Number formats in memory.
enum class Format : std::uint8_t { kFloat32, kBFloat16, kInt8 };

constexpr std::size_t format_bytes(Format format) {
  return format == Format::kFloat32 ? 4 : format == Format::kBFloat16 ? 2 : 1;
}
constexpr const char* to_string(Format format) {
  return format == Format::kFloat32 ? "float32" : format == Format::kBFloat16 ? "bfloat16" : "int8";
}

// The number formats of a forward pass: for the inputs of matrix products, packed weights, and cached keys
// and values. Sums are float32, of int8 int32.
struct Arithmetic {
  Format rows = Format::kFloat32;
  Format weights = Format::kFloat32;
  Format keys = Format::kFloat32;

  friend bool operator==(const Arithmetic&, const Arithmetic&) = default;
};
inline constexpr Arithmetic kFloat32{};
inline constexpr Arithmetic kFloat32OfBFloat16{.weights = Format::kBFloat16};  // widened in registers
inline constexpr Arithmetic kBFloat16{Format::kBFloat16, Format::kBFloat16, Format::kBFloat16};
// Of the quantized layers of a model that is otherwise computed with these keys.
constexpr Arithmetic int8_with(Format keys) {
  return {Format::kInt8, Format::kInt8, keys};
}

// Weights are packed in panels of this many outputs, see packed_model.h.
inline constexpr int kPanelColumns = 32;
// In a panel shared by gate and up rows: this many of gate, followed by as many of up.
inline constexpr int kHalfPanel = kPanelColumns / 2;
// Attention processes keys in tiles of this size, at multiples of it in absolute position.
inline constexpr int kKeyTile = 64;
// The same for attention in the arithmetic of the products.
inline constexpr int kPromptBlock = 256;
inline constexpr int kPromptTileStride = kPromptBlock + 32;
inline constexpr int kMaxHeadDim = 256;
inline constexpr std::int32_t kMaxInt8Columns = 32768;  // of a quantized row
inline constexpr std::int32_t kUnbounded = 1 << 30;  // greater than any position; twice this still fits int32

// GEMM inputs are stored in tiles of Kernels::tile_rows rows, in a layout that only the kernels know, so that
// each reads one stream: see row_tiles.inl.h.
struct RowTiles {
  std::byte* data = nullptr;
  std::int32_t k = 0;
};

// What happens to the sums of a product, after its bias, if any, is added.
enum class Epilogue {
  kStore,     // out = sums
  kAdd,       // out += sums
  kActivate,  // ffn = activation(sums), as row tiles
  kGate,      // ffn = activation(gate sums) * up sums, as row tiles
};
enum class ActivationFunction : std::uint8_t { kSilu, kGeluTanh, kGelu };

// A block of rows times a run of panels. Every output is one chain of fused multiply-adds over k, in order
// and in a register, or an exact sum, so its bits depend on nothing else.
struct GemmTask {
  RowTiles rows;
  std::int32_t num_rows = 0;  // in total; the block is tiles [first_tile, end_tile)
  std::int32_t first_tile = 0;
  std::int32_t end_tile = 0;
  const std::byte* panels = nullptr;  // in the weight format of the kernels' arithmetic
  std::int32_t first_panel = 0;
  std::int32_t end_panel = 0;
  Epilogue epilogue = Epilogue::kStore;
  ActivationFunction activation = ActivationFunction::kSilu;
  const float* bias = nullptr;  // [panels, 32]; nullptr: none
  float* out = nullptr;         // [num_rows, out_stride]
  std::int64_t out_stride = 0;
  RowTiles ffn;
};

// Normalizes rows [first_row, end_row) of x into row tiles, rows, or both.
struct NormTask {
  const float* x = nullptr;       // [rows, k]
  const float* weight = nullptr;  // [k]
  const float* bias = nullptr;    // [k], of a layer norm
  float eps = 0;
  std::int32_t k = 0;
  std::int32_t first_row = 0;
  std::int32_t end_row = 0;
  float* out = nullptr;  // [rows, k]; may be x
  RowTiles tiles;
};
struct NormKernels {
  void (*to_tiles)(const NormTask&);
  void (*to_rows)(const NormTask&);
  void (*to_both)(const NormTask&);
};

// RMSNorm of the heads of one row, their rotation, or both, in place: x = [num_heads, head_dim].
struct HeadTask {
  float* x = nullptr;
  std::int32_t num_heads = 0;
  std::int32_t head_dim = 0;
  const float* weight = nullptr;  // [head_dim], of the norm
  float eps = 0;
  const float* cosine = nullptr;  // [head_dim / 2], for the row's position
  const float* sine = nullptr;    // [head_dim / 2]
};

// Consecutive keys and values of one kv head, one every `stride` elements, in the keys' format.
struct KeyRun {
  const void* keys = nullptr;
  const void* values = nullptr;
  std::int32_t num_tokens = 0;
};

// All queries that share a kv head, for a block of consecutive positions of one prompt.
struct AttentionTask {
  const KeyRun* runs = nullptr;  // [num_runs], in order, from position 0 to at least the last visible one
  std::int32_t num_runs = 0;
  std::int64_t kv_stride = 0;
  std::int32_t head_dim = 0;
  std::int32_t group = 0;           // query heads per kv head
  std::int32_t first_position = 0;  // of the first query row
  // A query at position p sees keys [p - reach_back, p + reach_ahead] out of num_keys. In causal attention
  // reach_ahead is 0.
  std::int32_t reach_back = kUnbounded;
  std::int32_t reach_ahead = 0;
  std::int32_t num_keys = 0;
  std::int32_t num_rows = 0;       // REQUIRES: num_rows * group <= max_queries of the scratch
  const float* queries = nullptr;  // [num_rows, query_stride], at the group's first head
  std::int64_t query_stride = 0;
  std::int32_t first_row = 0;     // of the output
  std::int32_t first_column = 0;  // of the output: the group's first head
  RowTiles out;
  std::byte* scratch = nullptr;  // attention_scratch_bytes, see row_tiles.h
};

struct Kernels {
  const char* instruction_set;  // "amx", "avx512" or "avx2"
  Arithmetic arithmetic;
  bool (*supported)();  // whether by this processor
  int tile_rows;
  // Values in a block of rows: it should stay in a core's L2 cache together with the current panel.
  std::int64_t row_block_values;
  std::int64_t (*tile_bytes)(std::int32_t k);

  void (*gemm)(const GemmTask&);
  NormKernels rms_norm;
  NormKernels layer_norm;
  void (*rotate)(const HeadTask&);
  void (*norm_rotate)(const HeadTask&);
  void (*norm_heads)(const HeadTask&);
  void (*attention)(const AttentionTask&);         // causal
  void (*prompt_attention)(const AttentionTask&);  // bidirectional
  // Rounds `count` float32 values to the keys' format.
  void (*store_kv)(const float* from, void* to, std::int32_t count);
  // The sum over k of x * row, in float32. REQUIRES: k is a multiple of 16.
  float (*dot)(const float* x, const float* row, std::int32_t k);
  // Converts row `row` of the tiles from and to plain float32 [k].
  void (*pack_row)(const float* from, RowTiles to, std::int32_t row);
  void (*unpack_row)(RowTiles from, std::int32_t row, float* to);  // nullptr if rows are quantized
  // The scale of a quantized row depends on all of its values, so attention and the MLP write plain rows,
  // [rows][k] of at most float32, and this makes tiles of one. nullptr: they write tiles.
  void (*quantize_staged)(std::byte* rows, RowTiles to, std::int32_t row);
};

extern const Kernels kAvx2Float32;
extern const Kernels kAvx2Float32OfBFloat16;
extern const Kernels kAvx512Float32;
extern const Kernels kAvx512Float32OfBFloat16;
extern const Kernels kAvx512BFloat16;
extern const Kernels kAmxBFloat16;
extern const Kernels kAvx2Int8;
extern const Kernels kAvxVnniInt8;
extern const Kernels kAvx512VnniInt8;
extern const Kernels kAvx512VnniInt8WithBFloat16;
extern const Kernels kAmxInt8;

}  // namespace rerank::cpu
