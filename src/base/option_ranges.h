// The ranges of all numbers that several rooms take, by flag, setting or option. The upper bounds are beyond
// any use: they keep sums in 32 bits and times in nanoseconds, and a typing mistake from exhausting the
// machine.
#pragma once

#include "base/number_range.h"

namespace rerank::ranges {

inline constexpr double kMostWholeNumber = 9007199254740991;  // 2^53 - 1
inline constexpr double kMostInt32 = 2147483647;

// Of the engine; 0 is its own choice.
inline constexpr NumberRange kThreads = whole_numbers(0, 1024, "threads");  // of all replicas, too
inline constexpr NumberRange kGpuMemoryUtilization = numbers_above(0, 1);
inline constexpr NumberRange kTensorParallelSize = whole_numbers(0, 64, "GPUs");
inline constexpr NumberRange kDataParallelSize = whole_numbers(0, 64, "replicas");
inline constexpr NumberRange kModelLen = whole_numbers(0, 1 << 20, "tokens");
inline constexpr NumberRange kBatchedTokens = whole_numbers(0, 1 << 20, "tokens");
inline constexpr NumberRange kNumSeqs = whole_numbers(0, 1 << 16);
inline constexpr NumberRange kPrefixCacheTokens = whole_numbers(0, 1 << 24, "tokens");

// Of a request.
inline constexpr NumberRange kTokenLimit = whole_numbers(0, kMostInt32, "tokens");

// Of whatever waits.
inline constexpr NumberRange kSeconds = numbers(0, 1e6, "seconds");

// Of sockets.
inline constexpr NumberRange kPort = whole_numbers(0, 65535);
inline constexpr NumberRange kSocketThreads = whole_numbers(0, 256, "threads");

// Of clients.
inline constexpr NumberRange kRetries = whole_numbers(0, 1000);
inline constexpr NumberRange kClientConnections = whole_numbers(1, 4096);
inline constexpr NumberRange kDocumentsPerRequest = whole_numbers(0, 10'000'000);

}  // namespace rerank::ranges
