// Compiled with -mavx512bf16: nothing but the instruction.
#include <immintrin.h>

#include "tests/golden/machine_rounding.h"

namespace rerank {

void add_pair_dots(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b,
                   std::span<float> sums) {
  for (std::size_t i = 0; i < sums.size(); i += 16) {
    const __m512 sum = _mm512_loadu_ps(sums.data() + i);
    _mm512_storeu_ps(sums.data() + i, _mm512_dpbf16_ps(sum, (__m512bh)_mm512_loadu_si512(a.data() + i),
                                                       (__m512bh)_mm512_loadu_si512(b.data() + i)));
  }
}

}  // namespace rerank
