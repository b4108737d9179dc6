#include "backend/cuda/gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "rerank/error.h"

namespace rerank::cuda {
namespace {

constexpr int kCandidates = 8;
constexpr int kTimedRuns = 3;
// The upper ends of the size classes; the last one is the largest batch.
constexpr std::array<std::int32_t, 16> kRowClasses = {16,  32,   64,   128,  192,  256,  384,  512,
                                                      768, 1024, 1536, 2048, 3072, 4224, 6336, 8448};

void blas_check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(ErrorCode::kUnavailable, fmt::format("{} from {}", cublasLtGetStatusString(status), call));
}
#define RERANK_BLAS_CHECK(call) blas_check((call), #call)

template <typename T>
void set(cublasLtMatmulDesc_t description, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  RERANK_BLAS_CHECK(cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof(value)));
}

// The product in the column-major terms of cuBLASLt: out^T [outputs, rows] = weight [inputs, outputs]^T *
// x^T.
struct Product {
  cublasLtMatmulDescOpaque_t description{};
  cublasLtMatrixLayoutOpaque_t weight{}, x{}, out{};

  Product(const GemmShape& shape, std::int32_t rows) {
    RERANK_BLAS_CHECK(cublasLtMatmulDescInit(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    set(&description, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    set(&description, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
    const auto layout = [](cublasLtMatrixLayout_t made, std::int32_t height, std::int32_t width) {
      RERANK_BLAS_CHECK(cublasLtMatrixLayoutInit(made, CUDA_R_16BF, static_cast<std::uint64_t>(height),
                                                 static_cast<std::uint64_t>(width), height));
    };
    layout(&weight, shape.inputs, shape.outputs);
    layout(&x, shape.inputs, rows);
    layout(&out, shape.outputs, rows);
  }
};

std::vector<cublasLtMatmulAlgo_t> candidates(const GemmLibrary& library, Product& product, int count) {
  cublasLtMatmulPreferenceOpaque_t preference{};
  RERANK_BLAS_CHECK(cublasLtMatmulPreferenceInit(&preference));
  const std::size_t workspace_bytes = library.workspace().size_bytes();
  RERANK_BLAS_CHECK(cublasLtMatmulPreferenceSetAttribute(
      &preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes, sizeof(workspace_bytes)));
  std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<std::size_t>(count));
  int found = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(library.handle(), &product.description, &product.weight, &product.x,
                                     &product.out, &product.out, &preference, count, results.data(), &found);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) found = 0;
  std::vector<cublasLtMatmulAlgo_t> algorithms;
  for (int i = 0; i < found; ++i) {
    cublasLtMatmulAlgo_t& algorithm = results[static_cast<std::size_t>(i)].algo;
    std::int32_t splits = 0;
    std::uint32_t reduction = 0;
    std::size_t written = 0;
    cublasLtMatmulAlgoConfigGetAttribute(&algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &splits, sizeof(splits),
                                         &written);
    cublasLtMatmulAlgoConfigGetAttribute(&algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &reduction,
                                         sizeof(reduction), &written);
    // How K is split could depend on the number of rows.
    if (splits <= 1 && reduction == CUBLASLT_REDUCTION_SCHEME_NONE) algorithms.push_back(algorithm);
  }
  return algorithms;
}

cublasStatus_t multiply(const GemmLibrary& library, Product& product, const void* weight, const void* x,
                        DeviceBFloat16* out, const cublasLtMatmulAlgo_t& algorithm, cudaStream_t stream) {
  const float alpha = 1, beta = 0;
  return cublasLtMatmul(library.handle(), &product.description, &alpha, weight, &product.weight, x,
                        &product.x, &beta, out, &product.out, out, &product.out, &algorithm,
                        library.workspace().as<void>(), library.workspace().size_bytes(), stream);
}

// Chooses algorithms for one shape, on random rows that all trials share.
class Chooser {
 public:
  Chooser(const GemmLibrary& library, const GemmShape& shape, std::int32_t max_rows,
          const DeviceBFloat16* weight, const GemmTrial& trial, cudaStream_t stream,
          const GemmReference& reference)
      : library_(library), shape_(shape), weight_(weight), trial_(trial), stream_(stream) {
    launch_fill_random(trial.x, std::int64_t{max_rows} * shape.inputs, 1, 1.0f, stream);
    Product large(shape, Gemm::kReferenceRows);
    const std::vector<cublasLtMatmulAlgo_t> first = candidates(library, large, kCandidates);
    if (!first.empty()) first_ = first.front();
    if (reference) {
      reference(trial.x, trial.wanted);
      return;
    }
    if (!first_) {
      throw Error(ErrorCode::kUnsupported, fmt::format("cuBLASLt has no algorithm for a product of {} by {}",
                                                       shape.outputs, shape.inputs));
    }
    check(compute(max_rows, *first_, trial.wanted), "cuBLASLt's own first choice does not run");
  }

  Gemm::Choice choose(std::int32_t rows) {
    Product product(shape_, rows);
    std::vector<cublasLtMatmulAlgo_t> tried = candidates(library_, product, kCandidates);
    if (first_) tried.push_back(*first_);  // the choice for large batches usually has the same bits
    Gemm::Choice best{rows, {}, 0, 0, static_cast<int>(tried.size())};
    for (const cublasLtMatmulAlgo_t& algorithm : tried) {
      if (!compute(rows, algorithm, trial_.found) || !equals_wanted(rows)) continue;
      const float taken = time(product, algorithm);
      if (best.num_equal++ == 0 || taken < best.microseconds) {
        best.algorithm = algorithm;
        best.microseconds = taken;
      }
    }
    return best;
  }

 private:
  bool compute(std::int32_t rows, const cublasLtMatmulAlgo_t& algorithm, DeviceBFloat16* out) {
    RERANK_CUDA_CHECK(cudaMemsetAsync(out, 0, static_cast<std::size_t>(2 * size(rows)), stream_));
    Product product(shape_, rows);
    return multiply(library_, product, weight_, trial_.x, out, algorithm, stream_) == CUBLAS_STATUS_SUCCESS;
  }

  std::int64_t size(std::int32_t rows) const { return std::int64_t{rows} * shape_.outputs; }

  bool equals_wanted(std::int32_t rows) {
    RERANK_CUDA_CHECK(cudaMemsetAsync(trial_.num_different, 0, sizeof(std::uint32_t), stream_));
    launch_count_differences(trial_.wanted, trial_.found, size(rows), trial_.num_different, stream_);
    std::uint32_t count = 0;
    RERANK_CUDA_CHECK(
        cudaMemcpyAsync(&count, trial_.num_different, sizeof(count), cudaMemcpyDeviceToHost, stream_));
    RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_));
    return count == 0;
  }

  float time(Product& product, const cublasLtMatmulAlgo_t& algorithm) {
    RERANK_CUDA_CHECK(cudaEventRecord(begin_.get(), stream_));
    for (int i = 0; i < kTimedRuns; ++i) {
      RERANK_BLAS_CHECK(multiply(library_, product, weight_, trial_.x, trial_.found, algorithm, stream_));
    }
    RERANK_CUDA_CHECK(cudaEventRecord(end_.get(), stream_));
    RERANK_CUDA_CHECK(cudaEventSynchronize(end_.get()));
    float milliseconds = 0;
    RERANK_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin_.get(), end_.get()));
    return 1000 * milliseconds / kTimedRuns;
  }

  const GemmLibrary& library_;
  const GemmShape& shape_;
  const DeviceBFloat16* weight_;
  const GemmTrial& trial_;
  cudaStream_t stream_;
  std::optional<cublasLtMatmulAlgo_t> first_;  // at kReferenceRows
  Event begin_{cudaEventDefault}, end_{cudaEventDefault};
};

}  // namespace

GemmLibrary::GemmLibrary() : workspace_(kWorkspaceBytes) {
  RERANK_BLAS_CHECK(cublasLtCreate(&handle_));
}

GemmLibrary::~GemmLibrary() {
  cublasLtDestroy(handle_);
}

Gemm::Gemm(const GemmLibrary& library, const GemmShape& shape, std::int32_t max_rows,
           const DeviceBFloat16* weight, const GemmTrial& trial, cudaStream_t stream,
           const GemmReference& reference)
    : shape_(shape) {
  Chooser chooser(library, shape_, max_rows, weight, trial, stream, reference);
  for (const std::int32_t rows : kRowClasses) {
    if (rows < max_rows) choices_.push_back(chooser.choose(rows));
  }
  choices_.push_back(chooser.choose(max_rows));
  for (const Choice& choice : choices_) {
    check(reference || choice.num_equal > 0, "a product depends on its number of rows");
  }
}

const Gemm::Choice& Gemm::choice(std::int32_t rows) const {
  const auto found = std::ranges::lower_bound(choices_, rows, {}, &Choice::max_rows);
  check(found != choices_.end(), "a product of more rows than were planned for");
  return *found;
}

void Gemm::run(const GemmLibrary& library, const DeviceBFloat16* x, const DeviceBFloat16* weight,
               DeviceBFloat16* out, std::int32_t rows, cudaStream_t stream) const {
  if (rows == 0) return;
  Product product(shape_, rows);
  RERANK_BLAS_CHECK(multiply(library, product, weight, x, out, choice(rows).algorithm, stream));
}

}  // namespace rerank::cuda
