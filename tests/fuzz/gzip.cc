// Bodies that come compressed: any bytes inflate within the limit or are refused, and what is compressed
// comes back. The first byte chooses the limit.
#include "server/service/gzip.h"

#include <array>
#include <string>

#include "client/gzip_body.h"
#include "tests/fuzz/counted_allowance.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {
namespace {

constexpr std::array<std::size_t, 6> kLimits = {0, 1, 100, 65536, 65537, 1 << 20};
constexpr std::size_t kFixedBytes = 64 << 10;  // zlib's state and window

void inflate_anything(std::string_view compressed, std::size_t limit) {
  std::string inflated;
  // While it grows, the old block and one of twice its size.
  CountedAllowance allowance(3 * limit + (std::size_t{256} << 10));
  const MemoryBound bound(3 * limit + (std::size_t{512} << 10));
  const InflateOutcome outcome = inflate_gzip(compressed, limit, inflated, allowance);
  expect(inflated.size() <= limit + 1, "what is inflated keeps to its limit");
  expect(outcome != InflateOutcome::kDone || inflated.size() <= limit, "what is taken keeps to its limit");
  expect(outcome != InflateOutcome::kDone || !compressed.empty(), "nothing at all is no gzip");
  expect(bound.peak_bytes() <= allowance.peak_bytes() + kFixedBytes, "what is held was asked for");
  expect(outcome == InflateOutcome::kDone ? inflated.capacity() <= allowance.taken_bytes() + 16
                                          : allowance.taken_bytes() == 0,
         "what is kept stays taken, and nothing else");
}

void inflate_what_was_compressed(std::string_view text) {
  const std::string compressed = client::gzip_body(text);
  std::string inflated;
  expect(inflate_gzip(compressed, text.size(), inflated) == InflateOutcome::kDone && inflated == text,
         "what is compressed comes back");
  expect(inflate_gzip(compressed + compressed, 2 * text.size(), inflated) == InflateOutcome::kDone &&
             inflated == std::string(text) + std::string(text),
         "two members come back as one text");
  expect(text.empty() || inflate_gzip(compressed, text.size() - 1, inflated) == InflateOutcome::kTooLarge,
         "one byte too many is too large");
  expect(inflate_gzip(std::string_view(compressed).substr(0, compressed.size() - 1), text.size(), inflated) ==
             InflateOutcome::kBroken,
         "what breaks off is broken");
}

}  // namespace

void run_input(std::string_view input) {
  if (input.empty()) return;
  const std::string_view rest = input.substr(1);
  inflate_anything(rest, kLimits[static_cast<unsigned char>(input.front()) % kLimits.size()]);
  inflate_what_was_compressed(rest);
}

}  // namespace rerank::fuzz
