// Checksums as the hubs give them: SHA-256 of a large file, git's object id of a small one. Where they come
// from and which file they belong to, others know.
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

// What 64 or 40 hexadecimal digits say. Nothing for any other text, e.g. the asterisks in place of a hash
// that the asker may not see.
std::optional<Digest> parse_digest(std::string_view hex);

// Built from a file's bytes in order.
class DigestBuilder {
 public:
  // `size_bytes` of the whole file, which git hashes first.
  DigestBuilder(Digest::Kind kind, std::uint64_t size_bytes);
  ~DigestBuilder();
  DigestBuilder(const DigestBuilder&) = delete;
  DigestBuilder& operator=(const DigestBuilder&) = delete;

  void add(std::string_view bytes);
  // Ends it: nothing can be added any more.
  Digest result();

 private:
  class Context;

  Digest::Kind kind_;
  std::unique_ptr<Context> context_;
};

}  // namespace rerank
