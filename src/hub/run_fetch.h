// One run of one file over HTTP: asked for again and again until every byte is there, and no answer believed
// that does not fit what was asked.
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
  std::optional<std::uint64_t> whole_bytes;  // of the file; nothing: the server does not know
};

// The value of a Content-Range header, "bytes 0-99/1000"; nothing when it is another thing.
std::optional<ContentRange> parse_content_range(std::string_view value);

struct RunRequest {
  std::string file;  // its name, for messages
  std::string url;
  HeaderList headers;
  std::uint64_t size_bytes = 0;  // of the file
  Run run;
};

enum class RunOutcome {
  kDone,
  kRangesIgnored,  // the server answers with the whole file: nothing was taken
};

// Calls `take` with the run's bytes in order, an offset in the file with each piece. Throws Error when the
// retries are used up, what `refusal` makes of an answer that no retry changes, TransferError{kCancelled},
// and what `take` throws.
RunOutcome fetch_run(const RunRequest& request, const HubClient& client,
                     const std::function<void(std::uint64_t, std::string_view)>& take,
                     const std::function<Error(const TransferReply&)>& refusal);

}  // namespace rerank
