// Reading text line by line from a file or standard input, with the place of each line for messages.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rerank::cli {

// Lines end in "\n" or "\r\n"; the last may lack its end. A byte order mark at the start is skipped. Memory:
// one block and the longest line.
class LineReader {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{64} << 20;

  // `path` "-" is standard input. Throws Error naming the file.
  explicit LineReader(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Sets `line`, which lives until the next call, to the next line without its end; false after the last one.
  // Throws Error naming file and line: no valid UTF-8, too long, not readable. Throws Interrupted.
  bool next(std::string_view& line);
  // True if next() would have to wait for whoever writes the input.
  bool would_wait() const;

  // "FILE:LINE" of the line that next() gave last, and of any line by its number, counted from 1.
  std::string place() const { return place(line_number_); }
  std::string place(std::int64_t line_number) const;
  std::int64_t line_number() const { return line_number_; }
  const std::string& name() const { return name_; }

  // How far next() has come, in [0, 1]; negative if the size of the input is not known.
  double fraction_read() const;

 private:
  // Appends what the input has; false at its end.
  bool fill();
  void check_line(std::string_view line) const;

  std::string name_;  // for messages
  int descriptor_;
  std::int64_t size_bytes_ = 0;      // 0: not known
  std::int64_t consumed_bytes_ = 0;  // of lines given
  std::int64_t line_number_ = 0;
  std::string buffer_;
  std::size_t begin_ = 0;    // of what is not given yet, in buffer_
  std::size_t scanned_ = 0;  // up to here buffer_ holds no line end after begin_
  bool at_end_ = false;
};

// The JSON of a line. Throws Error that starts with `place`.
boost::json::value parse_json_line(std::string_view line, std::string_view place);

}  // namespace rerank::cli
