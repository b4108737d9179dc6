// config.json: a model that can be computed, or an Error with words.
#include <cmath>
#include <string>

#include "model/reranker.h"
#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {

void run_input(std::string_view input) {
  const MemoryBound bound(500 * input.size() + (std::size_t{256} << 10));
  try {
    const TransformerSpec config = spec_of_config(input, "config.json");
    expect(config.hidden > 0 && config.ffn > 0 && config.num_layers > 0 && config.vocab > 0 &&
               config.max_positions > 0,
           "sizes are positive");
    expect(config.num_kv_heads > 0 && config.num_heads % config.num_kv_heads == 0, "heads share keys evenly");
    expect(config.head_dim > 0 && config.head_dim % 2 == 0, "a head turns in pairs");
    expect(config.norm_eps > 0 && config.norm_eps < 1, "epsilon is small");
    for (const std::vector<float>& frequencies : config.rotations) {
      expect(static_cast<std::int32_t>(frequencies.size()) == config.head_dim / 2, "pairs have a frequency");
      for (const float frequency : frequencies)
        expect(std::isfinite(frequency) && frequency >= 0, "a frequency is a number");
    }
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(error.code() != ErrorCode::kInternal, "an odd file is no mistake of ours");
    expect(std::string_view(error.what()).starts_with("config.json"), "an error names the file");
  }
}

}  // namespace rerank::fuzz
