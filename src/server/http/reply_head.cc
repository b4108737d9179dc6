#include "server/http/reply_head.h"

#include <fmt/format.h>
#include <time.h>

#include <array>

#include "rerank/version.h"

namespace rerank {
namespace {

std::string date() {
  const time_t now = time(nullptr);
  tm parts = {};
  gmtime_r(&now, &parts);
  std::array<char, 64> text{};
  return {text.data(), strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace

std::string reply_head(const HttpReply& reply, const ReplyEnd& end) {
  fmt::memory_buffer head;
  const auto out = fmt::appender(head);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nserver: rerank.cpp/{}\r\ndate: {}\r\n", reply.status,
                 reason_phrase(reply.status), version(), date());
  if (!reply.content_type.empty()) fmt::format_to(out, "content-type: {}\r\n", reply.content_type);
  if (reply.status != 204) fmt::format_to(out, "content-length: {}\r\n", reply.body.size());
  for (const HttpHeader& header : reply.headers) {
    fmt::format_to(out, "{}: {}\r\n", header.name, header.value);
  }
  if (!end.keeps_alive) {
    fmt::format_to(out, "connection: close\r\n");
  } else if (end.is_http_1_0) {
    fmt::format_to(out, "connection: keep-alive\r\n");
  }
  fmt::format_to(out, "\r\n");
  return fmt::to_string(head);
}

}  // namespace rerank
