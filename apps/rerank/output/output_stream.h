// Buffered writing to a file descriptor in which every failure is noticed.
#pragma once

#include <string>
#include <string_view>

namespace rerank::cli {

// Thrown when the reader of a pipe has gone: the program then ends without a word. No std::exception, see
// Interrupted.
struct ReaderGone {};

class OutputStream {
 public:
  // Does not own `descriptor`. `name` is for messages.
  OutputStream(int descriptor, std::string name);
  OutputStream(const OutputStream&) = delete;
  OutputStream& operator=(const OutputStream&) = delete;

  // Writes whole lines: what has reached the file never ends inside one `lines`, unless a write failed.
  // Throws Error naming the output, ReaderGone, Interrupted.
  void write(std::string_view lines);
  // What is not flushed when the stream ends is lost. Throws as write does.
  void flush();

 private:
  int descriptor_;
  std::string name_;
  std::string buffer_;
};

// Standard output.
OutputStream& standard_output();

}  // namespace rerank::cli
