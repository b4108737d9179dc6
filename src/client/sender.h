// Sends requests with retries: a limited number at a time, within the deadline of the call. Does not
// interpret bodies.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "http/retry_policy.h"
#include "http/transfer_pool.h"
#include "rerank/client.h"

namespace rerank::client {

// Shared by all requests of a call.
struct CallContext {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::stop_token stop;
  std::string request_id;
  std::int32_t max_retries = 0;
};

struct Outgoing {
  std::string url;
  std::string_view body;   // empty: a GET; otherwise a POST of JSON
  std::string request_id;  // empty: that of the call
  bool tells_deadline = false;
};

struct Answer {
  std::int32_t status = 0;
  std::string body;
  std::string url;
  std::string request_id;                  // from the server, or as sent
  std::string note;                        // added to error messages; may be empty
  std::optional<std::int64_t> num_tokens;  // from a header
  std::int32_t num_attempts = 0;
};

// Safe from any thread.
class Sender {
 public:
  explicit Sender(const ClientOptions& options);

  // Returns the last response, whatever its status. Throws ClientError if there is none, Error for invalid
  // options.
  Answer send(const Outgoing& outgoing, const CallContext& context);

 private:
  class Slot;
  // The outcome of one attempt: a response, or a failure after which another attempt may succeed.
  struct Attempt {
    std::optional<Answer> answer;
    std::optional<TransferError> failure;
    std::optional<std::chrono::milliseconds> server_wait;
  };

  Attempt attempt(const Outgoing& outgoing, const std::string* compressed, const CallContext& context,
                  std::int32_t number);
  HeaderList headers_for(const Outgoing& outgoing, const CallContext& context, bool is_compressed) const;
  Answer answer_from(TransferReply reply, const Outgoing& outgoing, const CallContext& context) const;

  const HeaderList headers_;
  const bool sends_key_;
  const std::size_t max_reply_bytes_;
  const bool compress_requests_;
  TransferPool pool_;
  std::mutex mutex_;
  std::condition_variable_any slot_freed_;
  std::int32_t num_free_slots_;
};

// The error for a response with a status of 300 or more.
ClientError refusal(const Answer& answer);

// A random id of 16 letters and digits.
std::string random_id();

}  // namespace rerank::client
