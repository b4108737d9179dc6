// The TLS configuration of the listener, from the files that the flags name.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include "server/http/listen_options.h"

namespace rerank {

// TLS 1.2 and later.
class TlsContext {
 public:
  // Throws Error naming flag and file.
  explicit TlsContext(const ListenOptions& options);

  boost::asio::ssl::context& context() { return context_; }

 private:
  boost::asio::ssl::context context_;
};

}  // namespace rerank
