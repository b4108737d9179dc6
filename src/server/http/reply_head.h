// Formats the head of a reply.
#pragma once

#include <string>

#include "server/http/http_message.h"

namespace rerank {

// What happens to the connection after the reply.
struct ReplyEnd {
  bool keeps_alive = true;
  bool is_http_1_0 = false;
};

// Includes the final empty line.
std::string reply_head(const HttpReply& reply, const ReplyEnd& end);

}  // namespace rerank
