// Where `rerank score` writes: standard output, or a file that appears under its name only when it is
// complete.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "apps/rerank/output/output_stream.h"

namespace rerank::cli {

// What to do with what an earlier run left behind.
enum class Earlier {
  kRefuse,   // both a finished file and an unfinished one
  kResume,   // continue after its last complete line
  kReplace,  // start again; the finished file stays until the new one is complete
};

// The lines of PATH are collected in PATH.partial, which holds nothing but complete lines (a last one torn by
// a crash is dropped when it is resumed) and is renamed to PATH by finish(). A PATH that exists and is not a
// regular file (/dev/null, a named pipe) is written straight.
class ScoreFile {
 public:
  // Looks, but changes nothing yet. Empty `path`: standard output. Throws Error if it would overwrite.
  ScoreFile(const std::string& path, Earlier earlier);
  // What was written stays, unless it is not even one line.
  ~ScoreFile();
  ScoreFile(const ScoreFile&) = delete;
  ScoreFile& operator=(const ScoreFile&) = delete;

  // Complete lines that an earlier run left and this one continues, and the last of them.
  std::int64_t num_earlier_lines() const { return num_earlier_lines_; }
  const std::string& last_earlier_line() const { return last_earlier_line_; }

  // Call once, before write. Throws Error, also when another process writes the same file.
  void open();
  // One line with its end. Reaches the file with flush() or when a block is full. Throws as OutputStream
  // does.
  void write(std::string_view line);
  // On failure the file is cut back to the lines that an earlier flush wrote. Throws as OutputStream does.
  void flush();
  // Everything is on the disk and has its final name when this returns. Throws Error.
  void finish();

  // Lines that --resume would continue, and the file that holds them: empty if none does.
  std::int64_t num_kept_lines() const { return num_kept_lines_; }
  const std::string& kept_path() const { return resumes_finished_ ? path_ : partial_path_; }

 private:
  void find_earlier(Earlier earlier);
  void scan_earlier(const std::string& path);

  std::string path_;               // empty: standard output
  std::string partial_path_;       // empty: written straight
  bool resumes_finished_ = false;  // the earlier lines are still in path_
  std::int64_t num_earlier_lines_ = 0;
  std::int64_t num_kept_lines_ = 0;
  std::int64_t num_kept_bytes_ = 0;
  std::int64_t num_waiting_lines_ = 0;
  std::string waiting_;  // lines not written yet
  std::string last_earlier_line_;
  int descriptor_ = -1;
  std::unique_ptr<OutputStream> stream_;
};

}  // namespace rerank::cli
