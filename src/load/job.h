// A request to a target and its outcome, as plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "rerank/types.h"

namespace rerank::load {

using Clock = std::chrono::steady_clock;

// A prepared request that can be sent any number of times.
struct Job {
  std::string method = "POST";
  std::string path;  // below the server's URL: "/v1/rerank"
  std::string body;
  Request request;  // the same for an engine in process; without documents if the target is a server
  std::int64_t num_documents = 0;  // number of scored pairs
  std::int64_t num_results = 0;    // in a complete response; negative: not checked
  bool keep_reply = false;         // store it in Outcome::reply
};

enum class Failure {
  kNone,
  kConnect,  // failed to connect
  kLost,     // the connection was lost before the response was complete
  kTimeout,
  kStatus,   // an HTTP status other than 200
  kReply,    // 200, but invalid: not JSON, too few results, no scores
  kRefused,  // by the engine in process
  kAborted,  // by Target::abort
};

struct Outcome {
  Failure failure = Failure::kNone;
  std::int32_t status = 0;       // HTTP status; 0: no response
  std::int64_t num_tokens = -1;  // as counted by the target; negative: unknown
  Clock::time_point sent;        // when it was passed to the connection or the engine
  Clock::time_point done;        // when the last byte of the response arrived
  std::string message;           // why it failed
  std::string reply;
};

// The name that failures are counted under: "connect", "HTTP 429", ... REQUIRES: it failed.
std::string failure_name(const Outcome& outcome);

}  // namespace rerank::load
