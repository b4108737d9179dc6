// Whether a test runs under a sanitizer, ten times slower: repetition may be spared then, never a case of its
// own. For tests only.
#pragma once

namespace rerank {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kUnderSanitizer = true;
#else
inline constexpr bool kUnderSanitizer = false;
#endif

}  // namespace rerank
