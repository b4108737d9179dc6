// The keys that let a client in, compared without telling by time how much of one was right.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// Safe from any thread.
class ApiKeys {
 public:
  // No keys: everybody may enter. Throws Error for an empty one.
  explicit ApiKeys(const std::vector<std::string>& keys);

  bool empty() const { return digests_.empty(); }
  // `authorization` is the header: "Bearer KEY", the scheme in any case.
  bool admits(std::string_view authorization) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest(std::string_view text);

  std::vector<Digest> digests_;
};

}  // namespace rerank
