#include "server/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "rerank/error.h"

namespace rerank {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;
constexpr std::size_t kFirstBytes = 64 << 10;

class Inflater {
 public:
  Inflater() { check(inflateInit2(&stream_, kGzipOnly) == Z_OK, "zlib has no memory"); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_ = {};
};

}  // namespace

InflateOutcome inflate_gzip(std::string_view compressed, std::size_t max_bytes, std::string& inflated) {
  if (compressed.size() > std::numeric_limits<uInt>::max()) return InflateOutcome::kTooLarge;
  Inflater inflater;
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::size_t written = 0;
  inflated.clear();
  for (;;) {
    if (written == inflated.size()) {
      if (written > max_bytes) return InflateOutcome::kTooLarge;
      // One byte over the limit tells that there is more.
      inflated.resize(std::min(std::max(2 * written, kFirstBytes), max_bytes + 1));
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
  return InflateOutcome::kDone;
}

}  // namespace rerank
