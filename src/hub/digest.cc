#include "hub/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::size_t kSha256Digits = 64;
constexpr std::size_t kSha1Digits = 40;

}  // namespace

std::optional<Digest> parse_digest(std::string_view hex) {
  Digest digest;
  for (const char c : hex) {
    if (hex_digit(c) < 0) return std::nullopt;
    digest.hex.push_back(lower(c));
  }
  if (hex.size() != kSha256Digits && hex.size() != kSha1Digits) return std::nullopt;
  digest.kind = hex.size() == kSha256Digits ? Digest::Kind::kSha256 : Digest::Kind::kGitBlob;
  return digest;
}

class DigestBuilder::Context {
 public:
  explicit Context(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new()) {
    check(context_ != nullptr && EVP_DigestInit_ex(context_, algorithm, nullptr) == 1,
          "cannot initialize the hash");
  }
  ~Context() { EVP_MD_CTX_free(context_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void add(std::string_view bytes) {
    check(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1, "cannot update the hash");
  }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned int size = 0;
    check(EVP_DigestFinal_ex(context_, bytes.data(), &size) == 1, "cannot finish the hash");
    std::string text;
    for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
  }

 private:
  EVP_MD_CTX* context_;
};

DigestBuilder::DigestBuilder(Digest::Kind kind, std::uint64_t size_bytes)
    : kind_(kind),
      context_(std::make_unique<Context>(kind == Digest::Kind::kSha256 ? EVP_sha256() : EVP_sha1())) {
  if (kind == Digest::Kind::kGitBlob) {
    const std::string start = fmt::format("blob {}", size_bytes);
    add({start.c_str(), start.size() + 1});  // with the terminating zero byte
  }
}

DigestBuilder::~DigestBuilder() = default;

void DigestBuilder::add(std::string_view bytes) {
  context_->add(bytes);
}

Digest DigestBuilder::result() {
  return {kind_, context_->hex()};
}

}  // namespace rerank
