// Reads one HTTP/1 request from bytes as they come. Where the bytes come from is not here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http_message.h"

namespace rerank {

// Not safe from several threads at once.
class RequestReader {
 public:
  enum class Progress { kHead, kBody, kDone, kFailed };

  RequestReader(std::size_t max_header_bytes, std::size_t max_body_bytes);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Takes what it can of `bytes` and returns how many; those after the request's end are left. While the head
  // is not complete it may take none, and then wants to see them again with more behind them.
  std::size_t feed(std::string_view bytes);
  Progress progress() const { return progress_; }

  // When progress() is kFailed: the status to answer with, and why.
  int failure_status() const { return failure_status_; }
  const std::string& failure() const { return failure_; }

  // What is known of the request; without its body, until that is moved there by take().
  const HttpRequest& head() const { return request_; }
  // REQUIRES: progress() is kDone.
  HttpRequest take();

  // REQUIRES: progress() is kBody or kDone.
  bool expects_continue() const;
  bool keeps_alive() const;
  bool is_http_1_0() const;
  // Of the body, so far.
  std::size_t received_bytes() const;
  // Bytes of the body still to come; none for a chunked one.
  std::optional<std::uint64_t> remaining_bytes() const;

 private:
  class Parser;

  void fail(int status, std::string message);
  void copy_head();

  std::unique_ptr<Parser> parser_;
  std::size_t max_header_bytes_;
  std::size_t max_body_bytes_;
  Progress progress_ = Progress::kHead;
  int failure_status_ = 0;
  std::string failure_;
  HttpRequest request_;
};

}  // namespace rerank
