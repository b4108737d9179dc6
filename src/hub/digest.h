// Checksums as the hubs publish them: SHA-256 for large files, git object ids for small ones.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rerank {

struct Digest {
  enum class Kind {
    kSha256,
    kGitBlob,  // SHA-1 of "blob SIZE", a zero byte and the content
  };
  Kind kind = Kind::kSha256;
  std::string hex;  // lower case

  bool operator==(const Digest&) const = default;
};

// Parses 64 or 40 hexadecimal digits. Empty for any other text, such as the asterisks that hide a hash.
std::optional<Digest> parse_digest(std::string_view hex);

// Computes a digest from the bytes of a file, in order.
class DigestBuilder {
 public:
  // `size_bytes`: of the whole file, which a git object id begins with.
  DigestBuilder(Digest::Kind kind, std::uint64_t size_bytes);
  ~DigestBuilder();
  DigestBuilder(const DigestBuilder&) = delete;
  DigestBuilder& operator=(const DigestBuilder&) = delete;

  void add(std::string_view bytes);
  // Finishes the digest; add() must not follow.
  Digest result();

 private:
  class Context;

  Digest::Kind kind_;
  std::unique_ptr<Context> context_;
};

}  // namespace rerank
