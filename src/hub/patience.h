// When a hub does not answer well: how long to wait, and when to give up. What counts as an answer, others
// say.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "http/transfer_pool.h"

namespace rerank {

struct PatienceOptions {
  std::int32_t retries = 5;                    // in a row, without a byte gained
  std::chrono::milliseconds first_delay{500};  // doubles from one retry to the next, up to 30 s
};

// Something that may pass: a lost connection, a server that is busy.
struct Fault {
  std::string text;
  std::optional<std::chrono::seconds> wait;  // as the server asked
};

class Patience {
 public:
  explicit Patience(PatienceOptions options) : options_(options) {}

  // Something was gained: the retries count anew.
  void progressed() { num_faults_ = 0; }
  // Waits until it is time to try again. Throws Error with the fault's text when the retries are used up or
  // the server asks for more than ten minutes, TransferError{kCancelled} when it is told to stop.
  void wait_after(const Fault& fault, const std::stop_token& stop);

 private:
  PatienceOptions options_;
  std::int32_t num_faults_ = 0;
};

// The fault in an answer with a status that may pass: 408, 429, 5xx; nothing for any other.
std::optional<Fault> passing_fault(const TransferHead& head);

// The fault in an exchange that failed. Throws the error itself where trying again is of no use: cancelled, a
// URL that makes no sense, a certificate that is not trusted.
Fault fault_of(const TransferError& error);

// What every exchange with a hub goes through. Refers to what its owner keeps; safe from any thread if
// `notice` is.
struct HubLine {
  TransferPool& pool;
  PatienceOptions patience;
  std::stop_token stop;
  std::function<void(const std::string&)> notice;  // of something people may want to know: a long wait

  // The answer to a request without a body, whatever status it has, but for those that pass: those are asked
  // again. Throws Error or TransferError.
  TransferReply ask(const TransferRequest& request) const;
};

}  // namespace rerank
