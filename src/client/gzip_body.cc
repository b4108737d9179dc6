#include "client/gzip_body.h"

#include <zlib.h>

#include <limits>

#include "rerank/error.h"

namespace rerank::client {

std::string gzip_body(std::string_view body) {
  require(body.size() < std::numeric_limits<uInt>::max() / 2,
          "a request body of 2 GiB or more cannot be compressed");
  z_stream stream = {};
  constexpr int kGzip = 16 + MAX_WBITS;
  constexpr int kUsualMemory = 8;
  // The fastest level: it shrinks texts to about a third and costs less than writing the JSON.
  check(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzip, kUsualMemory, Z_DEFAULT_STRATEGY) == Z_OK,
        "zlib is out of memory");
  std::string compressed(deflateBound(&stream, static_cast<uLong>(body.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const int outcome = deflate(&stream, Z_FINISH);
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  check(outcome == Z_STREAM_END, "zlib did not finish");
  return compressed;
}

}  // namespace rerank::client
