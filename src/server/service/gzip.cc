#include "server/service/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "rerank/error.h"

namespace rerank {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;
// The first allocation: JSON text decompresses to three to five times its size.
constexpr std::size_t kUsualRatio = 6;
constexpr std::size_t kLeastBytes = 4 << 10;
constexpr std::size_t kMostFirstBytes = 64 << 10;

class Inflater {
 public:
  Inflater() { check(inflateInit2(&stream_, kGzipOnly) == Z_OK, "zlib is out of memory"); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_ = {};
};

// A growing text that takes memory from the allowance first.
class GrowingText {
 public:
  GrowingText(std::string& text, api::Allowance& allowance) : text_(text), allowance_(allowance) {
    text_ = std::string();
  }
  ~GrowingText() {
    if (is_kept_) return;
    text_ = std::string();
    allowance_.give_back(taken_);
  }
  GrowingText(const GrowingText&) = delete;
  GrowingText& operator=(const GrowingText&) = delete;

  void grow(std::size_t size) {
    // The old block exists until its text is copied.
    const std::size_t capacity = std::max(size, 2 * text_.capacity());
    allowance_.take(capacity);
    text_.resize(size);
    allowance_.give_back(std::exchange(taken_, capacity));
  }
  void keep() { is_kept_ = true; }

 private:
  std::string& text_;
  api::Allowance& allowance_;
  std::size_t taken_ = 0;
  bool is_kept_ = false;
};

}  // namespace

InflateOutcome inflate_gzip(std::string_view compressed, std::size_t max_bytes, std::string& inflated,
                            api::Allowance& allowance) {
  if (compressed.size() > std::numeric_limits<uInt>::max()) return InflateOutcome::kTooLarge;
  Inflater inflater;
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  GrowingText text(inflated, allowance);
  const std::size_t first_bytes = std::clamp(kUsualRatio * compressed.size(), kLeastBytes, kMostFirstBytes);
  std::size_t written = 0;
  for (;;) {
    if (written == inflated.size()) {
      if (written > max_bytes) return InflateOutcome::kTooLarge;
      // One byte over the limit shows that there is more.
      text.grow(std::min(std::max(2 * written, first_bytes), max_bytes + 1));
    }
    stream.next_out = reinterpret_cast<Bytef*>(inflated.data() + written);
    stream.avail_out =
        static_cast<uInt>(std::min<std::size_t>(inflated.size() - written, std::numeric_limits<uInt>::max()));
    const uInt room = stream.avail_out;
    const int outcome = inflate(&stream, Z_NO_FLUSH);
    written += room - stream.avail_out;
    if (written > max_bytes) return InflateOutcome::kTooLarge;
    if (outcome == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) return InflateOutcome::kBroken;
    } else if (outcome != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
      return InflateOutcome::kBroken;
    }
  }
  inflated.resize(written);
  text.keep();
  return InflateOutcome::kDone;
}

}  // namespace rerank
