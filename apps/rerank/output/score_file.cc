#include "apps/rerank/output/score_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/files/atomic_file.h"
#include "rerank/error.h"

namespace rerank::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWaitingBytes = 64 * 1024;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, message);
}

[[noreturn]] void refuse_with_reason(const std::string& what, int error) {
  refuse(fmt::format("cannot {}: {}", what, std::strerror(error)));
}

}  // namespace

ScoreFile::ScoreFile(const std::string& path, Earlier earlier) : path_(path == "-" ? "" : path) {
  if (path_.empty()) return;
  std::error_code ignored;
  const fs::file_status status = fs::status(path_, ignored);
  if (fs::is_directory(status)) refuse(path_ + " is a directory; give a file name");
  if (fs::exists(status) && !fs::is_regular_file(status)) return;
  // A link is followed now: renaming over it would replace it.
  if (fs::exists(status)) path_ = fs::canonical(path_, ignored).string();
  partial_path_ = path_ + ".partial";
  find_earlier(earlier);
}

void ScoreFile::find_earlier(Earlier earlier) {
  std::error_code ignored;
  const bool finished = fs::exists(path_, ignored);
  const bool unfinished = fs::exists(partial_path_, ignored);
  if (earlier == Earlier::kRefuse && unfinished) {
    refuse(
        fmt::format("{} is left from an unfinished run; use --resume to continue it or --force to start over",
                    partial_path_));
  }
  if (earlier == Earlier::kRefuse && finished) {
    refuse(fmt::format(
        "{} already exists; use --force to overwrite it or --resume to continue after its last line", path_));
  }
  if (earlier != Earlier::kResume || !(finished || unfinished)) return;
  resumes_finished_ = !unfinished;
  scan_earlier(unfinished ? partial_path_ : path_);
}

void ScoreFile::scan_earlier(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  while (std::getline(file, line) && !file.eof()) {  // at eof() the line has no end: torn
    ++num_earlier_lines_;
    num_kept_bytes_ += static_cast<std::int64_t>(line.size()) + 1;
    last_earlier_line_ = line;
  }
  num_kept_lines_ = num_earlier_lines_;
  if (file.bad() || !file.eof()) refuse("cannot read " + path);
}

ScoreFile::~ScoreFile() {
  if (descriptor_ < 0) return;
  const bool nothing_in_it = !partial_path_.empty() && lseek(descriptor_, 0, SEEK_END) == 0;
  if (nothing_in_it) unlink(partial_path_.c_str());
  close(descriptor_);
}

void ScoreFile::open() {
  if (path_.empty()) {
    stream_ = std::make_unique<OutputStream>(STDOUT_FILENO, "standard output");
    return;
  }
  if (resumes_finished_ && std::rename(path_.c_str(), partial_path_.c_str()) != 0) {
    refuse_with_reason(fmt::format("rename {} to {}", path_, partial_path_), errno);
  }
  resumes_finished_ = false;
  const std::string& name = partial_path_.empty() ? path_ : partial_path_;
  const int create = partial_path_.empty() ? 0 : O_CREAT;
  descriptor_ = ::open(name.c_str(), O_WRONLY | O_CLOEXEC | create, 0666);
  if (descriptor_ < 0) refuse_with_reason("write to " + name, errno);
  if (!partial_path_.empty()) {
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      close(std::exchange(descriptor_, -1));
      refuse(name + " is being written by another process");
    }
    if (ftruncate(descriptor_, num_kept_bytes_) != 0 || lseek(descriptor_, 0, SEEK_END) < 0) {
      refuse_with_reason("write to " + name, errno);
    }
  }
  stream_ = std::make_unique<OutputStream>(descriptor_, name);
}

void ScoreFile::write(std::string_view line) {
  waiting_ += line;
  ++num_waiting_lines_;
  if (waiting_.size() >= kWaitingBytes) flush();
}

void ScoreFile::flush() {
  if (stream_ == nullptr) return;
  const std::string lines = std::exchange(waiting_, {});
  const std::int64_t num_lines = std::exchange(num_waiting_lines_, 0);
  try {
    stream_->write(lines);
    stream_->flush();
  } catch (const Error&) {
    if (!partial_path_.empty() && ftruncate(descriptor_, num_kept_bytes_) != 0) {
      refuse_with_reason("write to " + partial_path_, errno);
    }
    throw;
  }
  num_kept_lines_ += num_lines;
  num_kept_bytes_ += static_cast<std::int64_t>(lines.size());
}

void ScoreFile::finish() {
  flush();
  if (descriptor_ < 0) return;
  if (!partial_path_.empty()) {
    if (const std::error_code error = publish_file(descriptor_, partial_path_, path_)) {
      refuse_with_reason(fmt::format("complete {} as {}", partial_path_, path_), error.value());
    }
  }
  if (close(std::exchange(descriptor_, -1)) != 0) refuse_with_reason("write to " + path_, errno);
}

}  // namespace rerank::cli
