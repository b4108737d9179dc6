#include "server/request_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <limits>
#include <utility>

#include "rerank/error.h"

namespace rerank {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

// A body whose memory follows what arrives, not what its length promises.
struct GrowingBody {
  class Reader {
   public:
    template <bool IsRequest, class Fields>
    Reader(http::header<IsRequest, Fields>& /*head*/, std::string& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>& length, error_code& error) {
      constexpr std::uint64_t kTrusted = 256 << 10;
      if (length) body_.reserve(static_cast<std::size_t>(std::min(*length, kTrusted)));
      error = {};
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      for (const auto buffer : beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
      }
      error = {};
      return beast::buffer_bytes(buffers);
    }
    void finish(error_code& error) { error = {}; }

   private:
    std::string& body_;
  };

  // The names are Beast's.
  using value_type = std::string;
  using reader = Reader;  // NOLINT(readability-identifier-naming)
};

}  // namespace

class RequestReader::Parser : public http::request_parser<GrowingBody> {};

RequestReader::RequestReader(std::size_t max_header_bytes, std::size_t max_body_bytes)
    : parser_(std::make_unique<Parser>()),
      max_header_bytes_(max_header_bytes),
      max_body_bytes_(max_body_bytes) {
  parser_->eager(true);
  constexpr std::size_t kLimit = std::numeric_limits<std::uint32_t>::max();
  parser_->header_limit(static_cast<std::uint32_t>(std::min(max_header_bytes, kLimit)));
  parser_->body_limit(max_body_bytes);
}

RequestReader::~RequestReader() = default;

std::size_t RequestReader::feed(std::string_view bytes) {
  error_code error;
  std::size_t consumed = 0;
  // One put takes one piece: the head, a chunk's head, a chunk's part.
  while (consumed < bytes.size() && !parser_->is_done() && !error) {
    const std::string_view rest = bytes.substr(consumed);
    consumed += parser_->put(boost::asio::buffer(rest.data(), rest.size()), error);
  }
  if (parser_->is_header_done() && progress_ == Progress::kHead) {
    copy_head();
    progress_ = Progress::kBody;
  }
  if (error == http::error::header_limit) {
    fail(431, fmt::format("the request's headers are longer than {} bytes", max_header_bytes_));
  } else if (error == http::error::body_limit) {
    fail(413, fmt::format("the request's body is longer than {} bytes", max_body_bytes_));
  } else if (error && error != http::error::need_more) {
    fail(400, fmt::format("this is not a request of HTTP/1.1: {}", error.message()));
  } else if (parser_->is_done()) {
    progress_ = Progress::kDone;
  }
  return consumed;
}

void RequestReader::fail(int status, std::string message) {
  progress_ = Progress::kFailed;
  failure_status_ = status;
  failure_ = std::move(message);
}

void RequestReader::copy_head() {
  const auto& message = parser_->get();
  request_.method = std::string(message.method_string());
  request_.target = std::string(message.target());
  for (const auto& field : message) {
    request_.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
}

HttpRequest RequestReader::take() {
  check(progress_ == Progress::kDone, "a request is taken before its end");
  request_.body = std::move(parser_->get().body());
  return std::move(request_);
}

bool RequestReader::expects_continue() const {
  return !is_http_1_0() && equal_ignoring_case(request_.header("Expect"), "100-continue");
}

bool RequestReader::keeps_alive() const {
  return parser_->keep_alive();
}

bool RequestReader::is_http_1_0() const {
  return parser_->get().version() < 11;
}

std::size_t RequestReader::received_bytes() const {
  return parser_->get().body().size();
}

std::optional<std::uint64_t> RequestReader::remaining_bytes() const {
  const auto remaining = parser_->content_length_remaining();
  if (!remaining) return parser_->chunked() ? std::nullopt : std::optional<std::uint64_t>(0);
  return *remaining;
}

}  // namespace rerank
