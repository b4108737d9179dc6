// Sends a request until it is answered: a bounded number at a time, again after what is worth it, no longer
// than its call has time. What bodies mean is not known here.
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

// What all requests of a call share.
struct CallContext {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::stop_token stop;
  std::string request_id;
  std::int32_t max_retries = 0;
};

struct Outgoing {
  std::string url;
  std::string_view body;   // empty: a GET, else a POST of JSON
  std::string request_id;  // empty: the call's
  bool tells_deadline = false;
};

struct Answer {
  std::int32_t status = 0;
  std::string body;
  std::string url;
  std::string request_id;                  // as the server calls it, or as sent
  std::string note;                        // for the message of an error; may be empty
  std::optional<std::int64_t> num_tokens;  // by a header
  std::int32_t num_attempts = 0;
};

// Safe from any thread.
class Sender {
 public:
  explicit Sender(const ClientOptions& options);

  // The last answer, whatever its status. Throws ClientError where there is none; Error for options that
  // make no sense.
  Answer send(const Outgoing& outgoing, const CallContext& context);

 private:
  class Slot;
  // How one attempt ended: an answer, or a failure after which another may fare better.
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

// The error that an answer of 300 or more means.
ClientError refusal(const Answer& answer);

// A random id of 16 letters and digits.
std::string random_id();

}  // namespace rerank::client
