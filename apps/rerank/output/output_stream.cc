#include "apps/rerank/output/output_stream.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "apps/rerank/interruption.h"
#include "rerank/error.h"

namespace rerank::cli {
namespace {

constexpr std::size_t kFlushBytes = 64 * 1024;

}  // namespace

OutputStream::OutputStream(int descriptor, std::string name)
    : descriptor_(descriptor), name_(std::move(name)) {}

void OutputStream::write(std::string_view lines) {
  buffer_ += lines;
  if (buffer_.size() >= kFlushBytes) flush();
}

void OutputStream::flush() {
  // Taken out first: after a failure nothing is written twice.
  const std::string pending = std::exchange(buffer_, {});
  std::size_t done = 0;
  while (done < pending.size()) {
    const ssize_t written = ::write(descriptor_, pending.data() + done, pending.size() - done);
    if (written >= 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno == EINTR) {
      stop_if_interrupted();
    } else if (errno == EPIPE) {
      throw ReaderGone{};
    } else {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("cannot write to {}: {}", name_, std::strerror(errno)));
    }
  }
}

OutputStream& standard_output() {
  static OutputStream stream(STDOUT_FILENO, "standard output");
  return stream;
}

}  // namespace rerank::cli
