// Fetches one range of a file, with retries until every byte is there. A response that does not match the
// request is rejected.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "hub/hub_client.h"
#include "hub/range_plan.h"

namespace rerank {

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;                    // inclusive
  std::optional<std::uint64_t> whole_bytes;  // of the file; empty: the server does not know
};

// Parses the value of a Content-Range header, "bytes 0-99/1000".
std::optional<ContentRange> parse_content_range(std::string_view value);

struct RangeRequest {
  std::string file;  // its name, for messages
  std::string url;
  HeaderList headers;
  std::uint64_t size_bytes = 0;  // of the file
  FileRange range;
};

enum class RangeOutcome {
  kDone,
  kRangesIgnored,  // the server sends the whole file; `take` was not called
};

// Calls `take` with the bytes of the range in order, each piece with its offset in the file. Throws Error
// when no retries are left, the error from `refusal` for a response that a retry cannot change,
// TransferError{kCancelled}, and what `take` throws.
RangeOutcome fetch_range(const RangeRequest& request, const HubClient& client,
                         const std::function<void(std::uint64_t, std::string_view)>& take,
                         const std::function<Error(const TransferReply&)>& refusal);

}  // namespace rerank
