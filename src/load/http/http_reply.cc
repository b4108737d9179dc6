#include "load/http/http_reply.h"

#include <charconv>

#include "load/http/reply_check.h"

namespace rerank::load {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20;
// The most that is reserved because a header says so; the body itself may be longer.
constexpr std::uint64_t kMostReservedBytes = std::uint64_t{1} << 24;

}  // namespace

ReplyParser::ReplyParser(std::string& body) : body_(body) {
  eager(true);
  body_limit(kMostBytes);
}

void ReplyParser::on_field_impl(Field field, Text name, Text value, Error&) {
  if (field != Field::unknown || !boost::beast::iequals(name, "x-compute-tokens")) return;
  std::int64_t count = -1;
  std::from_chars(value.data(), value.data() + value.size(), count);
  num_tokens_ = count <= kMostTokens ? count : -1;
}

void ReplyParser::on_body_init_impl(const boost::optional<std::uint64_t>& size_bytes, Error&) {
  if (size_bytes) body_.reserve(std::min(*size_bytes, kMostReservedBytes));
}

std::size_t ReplyParser::on_body_impl(Text part, Error&) {
  body_.append(part.data(), part.size());
  return part.size();
}

std::size_t ReplyParser::on_chunk_body_impl(std::uint64_t, Text part, Error&) {
  body_.append(part.data(), part.size());
  return part.size();
}

}  // namespace rerank::load
