// Parses one HTTP/1 request incrementally.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/chunked_body.h"
#include "server/http/http_message.h"
#include "server/http/memory_budget.h"
#include "server/http/request_head.h"

namespace rerank {

// Memory grows with what has arrived, never with what is announced, and is charged first. Not safe from
// several threads at once.
class RequestReader {
 public:
  enum class Progress { kHead, kBody, kDone, kFailed };

  // `charge` is for the memory of the request, and moves with it.
  RequestReader(std::size_t max_header_bytes, std::size_t max_body_bytes, MemoryCharge charge = {});

  // Consumes from `bytes` and returns how many; bytes after the end of the request are left. It stops once
  // between head and body. In the head it consumes whole lines; the rest must be passed again together with
  // more data.
  std::size_t feed(std::string_view bytes);
  Progress progress() const { return progress_; }

  // If progress() is kFailed: the status to reply with, and the reason.
  int failure_status() const { return fault_.status; }
  const std::string& failure() const { return fault_.message; }

  // Sets the client address and the time of the first byte in the request.
  void set_origin(std::string peer, std::chrono::steady_clock::time_point received);
  // What is known of the request; without its body, which take() moves there.
  const HttpRequest& head() const { return request_; }
  // Reads the body to its end without storing it.
  void discard_body() { is_discarding_ = true; }
  // REQUIRES: progress() is kDone.
  HttpRequest take();

  // REQUIRES: progress() is kBody or kDone.
  bool expects_continue() const;
  bool keeps_alive() const { return framing_.keeps_alive; }
  bool is_http_1_0() const { return framing_.is_http_1_0; }
  // Bytes of the body so far.
  std::size_t received_bytes() const { return received_bytes_; }
  // Remaining bytes of the body; empty if it is chunked.
  std::optional<std::uint64_t> remaining_bytes() const;

 private:
  // Each returns how much of `bytes` it consumed.
  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);

  void take_line(std::string_view line);
  void end_head();
  std::size_t max_body_bytes() const;
  bool hold_body(std::string_view data);
  bool grow_body(std::size_t wanted);
  bool hold(std::size_t body_capacity);
  RequestFault too_large() const;
  void fail(RequestFault fault);

  std::size_t max_header_bytes_;
  std::size_t max_body_bytes_;
  MemoryCharge charge_;
  Progress progress_ = Progress::kHead;
  RequestFault fault_;
  HttpRequest request_;
  RequestFraming framing_;
  bool has_request_line_ = false;
  std::size_t num_head_bytes_ = 0;      // in complete lines
  std::size_t num_searched_bytes_ = 0;  // of the current line: no line end found so far
  std::size_t received_bytes_ = 0;
  bool is_discarding_ = false;
  std::string body_;
  std::optional<ChunkedBody> chunks_;
};

}  // namespace rerank
