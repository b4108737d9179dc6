// What every fuzz target shares: the function that it defines, and how it says that a property does not hold.
#pragma once

#include <cstddef>
#include <string_view>

namespace rerank::fuzz {

// Defined by each target: runs the code under test over one input. It returns whatever the input is; a
// property that does not hold ends the process, and so does any exception that the target does not expect.
void run_input(std::string_view input);

// Whether each input runs once, as in the ordinary tests, and not millions of times: a target may be
// thorough.
extern const bool kRunsEachInputOnce;

// Prints `property` and aborts unless it holds.
void expect(bool holds, std::string_view property);

// What an Error says: not too long, UTF-8, on one line, without what could steer a terminal.
void expect_presentable(std::string_view message);

// While it lives, no more than `max_bytes` may be allocated beyond what is freed meanwhile; else the process
// ends where the byte too many is asked for. Counts where clang's address sanitizer does (g++ 12 comes
// without the header for it), one at a time.
class MemoryBound {
 public:
  explicit MemoryBound(std::size_t max_bytes);
  ~MemoryBound();  // NOLINT(performance-trivially-destructible): not where memory is counted
  // The most that was held at once so far; 0 where nothing counts.
  std::size_t peak_bytes() const;
  MemoryBound(const MemoryBound&) = delete;
  MemoryBound& operator=(const MemoryBound&) = delete;
};

}  // namespace rerank::fuzz
