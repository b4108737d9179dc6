// What is sent to a target and what came of it: plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "rerank/types.h"

namespace rerank::load {

using Clock = std::chrono::steady_clock;

// A request that is ready to be sent, as often as wanted.
struct Job {
  std::string method = "POST";
  std::string path;  // below the server's address: "/v1/rerank"
  std::string body;
  Request request;  // the same for an engine in process; without documents when only servers are asked
  std::int64_t num_documents = 0;  // pairs that are scored for it
  std::int64_t num_results = 0;    // that a whole reply holds; negative: any reply will do
  bool keep_reply = false;         // Outcome::reply is wanted
};

enum class Failure {
  kNone,
  kConnect,  // no connection
  kLost,     // the connection ended before the reply was whole
  kTimeout,
  kStatus,   // an HTTP status other than 200
  kReply,    // 200, but not what was asked for: no JSON, too few results, no scores
  kRefused,  // by the engine in process
  kAborted,  // by Target::abort
};

struct Outcome {
  Failure failure = Failure::kNone;
  std::int32_t status = 0;       // of HTTP; 0: none came
  std::int64_t num_tokens = -1;  // as the target counts them; negative: it does not say
  Clock::time_point sent;        // when it was handed to the connection or the engine
  Clock::time_point done;        // when the last byte of the reply was here
  std::string message;           // why it failed, for people
  std::string reply;
};

// "connect", "HTTP 429", ...: what failures are counted under. REQUIRES: it failed.
std::string failure_name(const Outcome& outcome);

}  // namespace rerank::load
