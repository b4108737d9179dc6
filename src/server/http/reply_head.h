// The head of a reply as it goes over the wire.
#pragma once

#include <string>

#include "server/http/http_message.h"

namespace rerank {

// How a reply leaves the connection.
struct ReplyEnd {
  bool keeps_alive = true;
  bool is_http_1_0 = false;
};

// With the empty line at its end.
std::string reply_head(const HttpReply& reply, const ReplyEnd& end);

}  // namespace rerank
