// Nothing but the instruction, whatever the compiler knows of it. Compiled with -mavx512f for its registers.
#include <cstring>

#include "tests/golden/machine_rounding.h"

namespace rerank {

void add_pair_dots(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b,
                   std::span<float> sums) {
  using Vector = float __attribute__((vector_size(64)));
  for (std::size_t i = 0; i < sums.size(); i += 16) {
    Vector sum, x, y;
    std::memcpy(&sum, &sums[i], sizeof sum);
    std::memcpy(&x, &a[i], sizeof x);
    std::memcpy(&y, &b[i], sizeof y);
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y));
    std::memcpy(&sums[i], &sum, sizeof sum);
  }
}

}  // namespace rerank
