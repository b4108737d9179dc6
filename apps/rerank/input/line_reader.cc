#include "apps/rerank/input/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "apps/rerank/interruption.h"
#include "base/utf8.h"
#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank::cli {
namespace {

constexpr std::size_t kBlockBytes = 256 * 1024;

[[noreturn]] void refuse(const std::string& name, int error) {
  throw Error(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
              fmt::format("cannot read {}: {}", name, std::strerror(error)));
}

}  // namespace

LineReader::LineReader(const std::string& path)
    : name_(path == "-" ? "standard input" : path),
      descriptor_(path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) refuse(name_, errno);
  struct stat status = {};
  if (fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) size_bytes_ = status.st_size;
  buffer_.reserve(kBlockBytes);
}

LineReader::~LineReader() {
  if (descriptor_ != STDIN_FILENO) close(descriptor_);
}

bool LineReader::fill() {
  const std::size_t old_size = buffer_.size();
  buffer_.resize(old_size + kBlockBytes);
  // Waits in poll, not in read: a signal that comes just before read would else go unnoticed until more input
  // does.
  pollfd readable = {descriptor_, POLLIN, 0};
  do {
    stop_if_interrupted();
  } while (poll(&readable, 1, static_cast<int>(kSignalDelay.count())) <= 0);
  const ssize_t got = read(descriptor_, buffer_.data() + old_size, kBlockBytes);
  if (got < 0) refuse(name_, errno);
  stop_if_interrupted();  // another thread may have taken the signal, and the poll then ended for the input's
                          // sake
  buffer_.resize(old_size + static_cast<std::size_t>(got));
  return got > 0;
}

bool LineReader::next(std::string_view& line) {
  std::size_t end = buffer_.find('\n', std::max(begin_, scanned_));
  if (end ==
      std::string::npos) {  // only now does what was given leave the buffer: once a block, not once a line
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  while (end == std::string::npos && !at_end_) {
    scanned_ = buffer_.size();
    if (scanned_ > kMaxLineBytes) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: the line is longer than {} MiB",
                                                           place(line_number_ + 1), kMaxLineBytes >> 20));
    }
    at_end_ = !fill();
    end = buffer_.find('\n', scanned_);
  }
  if (end == std::string::npos && begin_ == buffer_.size()) return false;

  const std::size_t stop = std::min(end, buffer_.size());
  line = std::string_view(buffer_).substr(begin_, stop - begin_);
  const std::size_t next_begin = end == std::string::npos ? stop : end + 1;
  consumed_bytes_ += static_cast<std::int64_t>(next_begin - begin_);
  begin_ = scanned_ = next_begin;
  ++line_number_;
  if (line_number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.ends_with('\r') && end != std::string::npos) line.remove_suffix(1);
  check_line(line);
  return true;
}

void LineReader::check_line(std::string_view line) const {
  const std::size_t at = first_invalid_utf8(line);
  if (at < line.size()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "{}: byte {} of the line (0x{:02x}) is not valid UTF-8; convert the file first, for example "
            "with iconv -f latin1 -t utf-8",
            place(), at + 1, static_cast<unsigned char>(line[at])));
  }
}

bool LineReader::would_wait() const {
  if (at_end_ || buffer_.find('\n', std::max(begin_, scanned_)) != std::string::npos) return false;
  pollfd poll_set = {descriptor_, POLLIN, 0};
  return poll(&poll_set, 1, 0) == 0;
}

std::string LineReader::place(std::int64_t line_number) const {
  return fmt::format("{}:{}", name_, line_number);
}

double LineReader::fraction_read() const {
  if (size_bytes_ <= 0) return -1;
  return std::min(1.0, static_cast<double>(consumed_bytes_) / static_cast<double>(size_bytes_));
}

boost::json::value parse_json_line(std::string_view line, std::string_view place) {
  return parse_strict_json(line, place, {.advice = "correct the line", .unique_keys = false});
}

}  // namespace rerank::cli
