#include "hub/hub_answers.h"

#include <fmt/format.h>

#include "base/ascii.h"
#include "hub/hub.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// Keeps the sum of all sizes from overflowing, and the block map of a partial file small.
constexpr std::uint64_t kLargestFileBytes = std::uint64_t{1} << 43;

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool is_free = is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.' || c == '~';
    encoded += is_free ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

JsonFile parse_answer(const std::string& body, std::string_view url) {
  const std::string name = fmt::format("the response from {}", shown_text(url));
  return JsonFile(body, name, {.advice = "check that the endpoint is a model hub"});
}

void require_possible_size(const RemoteFile& file) {
  require(file.size_bytes <= kLargestFileBytes,
          fmt::format("the hub lists {} with {} bytes, which is too large for a model file", file.name,
                      file.size_bytes));
}

std::string token_advice(const HubAccess& access, std::string_view variable) {
  return access.token.empty() ? fmt::format("set {} to an access token", variable)
                              : fmt::format("the token from {} was sent: grant it access or use another one",
                                            access.token_source);
}

Error other_refusal(const TransferHead& head, const std::string& said) {
  return {ErrorCode::kUnavailable, fmt::format("{} returned status {}{}{}", shown_text(head.url), head.status,
                                               said.empty() ? "" : ": ", shown_text(said))};
}

}  // namespace rerank
