// How long tests wait for what must happen; nothing waits for it in vain.
#pragma once

#include <chrono>

namespace rerank {

inline constexpr std::chrono::milliseconds kLongEnough{60'000};

}  // namespace rerank
