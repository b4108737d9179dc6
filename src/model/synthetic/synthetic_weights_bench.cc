// How fast one core generates synthetic weights.
#include <benchmark/benchmark.h>

#include <vector>

#include "model/synthetic/synthetic_weights.h"

namespace rerank {
namespace {

void make_weights(benchmark::State& state) {
  std::vector<BFloat16> out(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    make_synthetic_weights({}, "model.layers.0.mlp.up_proj.weight", 0, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(make_weights)->Arg(1 << 18)->Arg(1 << 24);

}  // namespace
}  // namespace rerank
