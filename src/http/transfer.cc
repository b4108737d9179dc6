#include "http/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/ascii.h"
#include "http/curl_library.h"
#include "rerank/version.h"

namespace rerank {
namespace {

using Kind = TransferError::Kind;

const CurlLibrary& curl() {
  return CurlLibrary::get();
}

struct FreeEasy {
  void operator()(CURL* handle) const { curl().easy_cleanup(handle); }
};
struct FreeMulti {
  void operator()(CURLM* handle) const { curl().multi_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using Multi = std::unique_ptr<CURLM, FreeMulti>;
using List = std::unique_ptr<curl_slist, FreeList>;

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  const CURLcode result = curl().easy_setopt(handle, option, value);
  if (result == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (result != CURLE_OK) {
    throw TransferError(
        Kind::kRequest, false,
        fmt::format("the installed libcurl does not support option {}: {}; install a newer one",
                    static_cast<int>(option), curl().easy_strerror(result)));
  }
}

List header_lines(const HeaderList& headers) {
  List list;
  const auto append = [&list](const std::string& line) {
    curl_slist* const longer = curl().slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)list.release();
    list.reset(longer);
  };
  append(
      "Expect:");  // otherwise libcurl waits up to a second for "100 Continue" before it sends a large body
  for (const auto& [name, value] : headers) {
    if ((name + value).find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
      throw TransferError(Kind::kRequest, false,
                          fmt::format("header {}: its value contains a line break", name));
    }
    append(value.empty() ? name + ";" : name + ": " + value);
  }
  return list;
}

Kind kind_of(CURLcode result) {
  switch (result) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return Kind::kRequest;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return Kind::kConnect;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return Kind::kTls;
    case CURLE_OPERATION_TIMEDOUT:
      return Kind::kTimeout;
    default:
      return Kind::kLost;
  }
}

}  // namespace

TransferError::TransferError(Kind kind, bool reply_began, const std::string& message)
    : Error(kind == Kind::kRequest ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable, message),
      kind_(kind),
      reply_began_(reply_began) {}

std::string_view TransferHead::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [name](const auto& header) { return header.first == name; });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

class Transfer::Impl {
 public:
  explicit Impl(TransferOptions options) : options_(std::move(options)) {
    easy_.reset(curl().easy_init());
    multi_.reset(curl().multi_init());
    if (!easy_ || !multi_) throw std::bad_alloc();
  }

  TransferReply perform(const TransferRequest& request, const std::stop_token& stop) {
    request_ = &request;
    reply_ = {};
    has_head_ = reply_began_ = given_up_ = head_too_large_ = body_too_large_ = false;
    num_head_bytes_ = 0;
    failure_ = nullptr;
    error_text_[0] = '\0';
    curl().easy_reset(easy_.get());  // keeps connections, TLS sessions and the DNS cache
    const List headers = header_lines(request.headers);
    set_connection();
    set_exchange(headers.get());
    const CURLcode result = run(stop);
    if (failure_) std::rethrow_exception(failure_);
    if (result != CURLE_OK) throw failure(result);
    // A response without a body has not called on_head yet.
    if (!has_head_ && !take_head()) throw given_up();
    return std::move(reply_);
  }

 private:
  void set_connection() {
    CURL* const easy = easy_.get();
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_ERRORBUFFER, error_text_);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    set(easy, CURLOPT_USERAGENT,
        options_.user_agent.empty() ? fmt::format("rerank/{}", version()).c_str()
                                    : options_.user_agent.c_str());
    if (!options_.unix_socket.empty()) set(easy, CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
    if (!options_.ca_file.empty()) set(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
    if (!options_.certificate_file.empty()) set(easy, CURLOPT_SSLCERT, options_.certificate_file.c_str());
    if (!options_.key_file.empty()) set(easy, CURLOPT_SSLKEY, options_.key_file.c_str());
    if (!options_.verify_tls) {
      set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (options_.accept_compressed) set(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  }

  void set_exchange(curl_slist* headers) {
    CURL* const easy = easy_.get();
    set(easy, CURLOPT_URL, request_->url.c_str());
    set(easy, CURLOPT_HTTPHEADER, headers);
    set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request_->timeout.count()));
    if (request_->stall_timeout.count() > 0) {
      set(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
      set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_->stall_timeout.count()));
    }
    if (request_->max_redirects > 0) {
      set(easy, CURLOPT_FOLLOWLOCATION, 1L);
      set(easy, CURLOPT_MAXREDIRS, static_cast<long>(request_->max_redirects));
      const bool stays = request_->keeps_tls && request_->url.starts_with("https://");
      set(easy, CURLOPT_REDIR_PROTOCOLS_STR, stays ? "https" : "http,https");
    }
    if (request_->method == "HEAD") {
      set(easy, CURLOPT_NOBODY, 1L);
    } else if (request_->method == "POST") {
      set(easy, CURLOPT_POST, 1L);
      set(easy, CURLOPT_POSTFIELDS, request_->body.empty() ? "" : request_->body.data());
      set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_->body.size()));
    }
    set(easy, CURLOPT_HEADERFUNCTION, &Impl::on_header_line);
    set(easy, CURLOPT_HEADERDATA, this);
    set(easy, CURLOPT_WRITEFUNCTION, &Impl::on_body_part);
    set(easy, CURLOPT_WRITEDATA, this);
  }

  CURLcode run(const std::stop_token& stop) {
    CURLM* const multi = multi_.get();
    require_ok(curl().multi_add_handle(multi, easy_.get()));
    CURLcode result = CURLE_OK;
    {
      const std::stop_callback wake(stop, [multi] { curl().multi_wakeup(multi); });
      int num_running = 1;
      while (num_running > 0 && !stop.stop_requested()) {
        require_ok(curl().multi_perform(multi, &num_running));
        if (num_running > 0) require_ok(curl().multi_poll(multi, nullptr, 0, 1000, nullptr));
      }
      cancelled_ = num_running > 0;
    }
    int num_left = 0;
    while (const CURLMsg* message = curl().multi_info_read(multi, &num_left)) {
      if (message->msg == CURLMSG_DONE) result = message->data.result;
    }
    if (cancelled_) result = CURLE_ABORTED_BY_CALLBACK;
    require_ok(curl().multi_remove_handle(multi, easy_.get()));
    return result;
  }

  static void require_ok(CURLMcode code) {
    if (code != CURLM_OK) throw TransferError(Kind::kLost, false, curl().multi_strerror(code));
  }

  TransferError given_up() const {
    return {Kind::kGivenUp, true, fmt::format("{}: stopped by the caller", request_->url)};
  }

  TransferError failure(CURLcode result) const {
    if (cancelled_) return {Kind::kCancelled, reply_began_, fmt::format("{}: cancelled", request_->url)};
    if (head_too_large_) {
      return {
          Kind::kTooLarge, true,
          fmt::format("{}: the response headers exceed {} bytes", request_->url, request_->max_head_bytes)};
    }
    if (body_too_large_) {
      return {Kind::kTooLarge, true,
              fmt::format("{}: the response exceeds {} bytes", request_->url, request_->max_body_bytes)};
    }
    if (given_up_) return given_up();
    // A response without a status line gets this code too.
    long port = 0;
    curl().easy_getinfo(easy_.get(), CURLINFO_PRIMARY_PORT, &port);
    const bool no_http = result == CURLE_UNSUPPORTED_PROTOCOL && port != 0;
    const char* const text = error_text_[0] != '\0' ? error_text_ : curl().easy_strerror(result);
    return {no_http ? Kind::kLost : kind_of(result), reply_began_ || no_http,
            fmt::format("{}: {}", request_->url, text)};
  }

  // Runs one of our callbacks inside one of libcurl's, which no exception may cross.
  template <typename Work>
  bool guarded(const Work& work) {
    try {
      return work();
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
  }

  // Completes the head and passes it to on_head. Returns false to stop the exchange.
  bool take_head() {
    has_head_ = true;
    long status = 0;
    curl().easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    reply_.head.status = static_cast<std::int32_t>(status);
    const char* url = nullptr;
    curl().easy_getinfo(easy_.get(), CURLINFO_EFFECTIVE_URL, &url);
    reply_.head.url = url != nullptr ? url : request_->url;
    given_up_ = request_->on_head && !request_->on_head(reply_.head);
    return !given_up_;
  }

  bool take_header_line(std::string_view line) {
    reply_began_ = true;
    head_too_large_ = line.size() > request_->max_head_bytes - num_head_bytes_;
    if (head_too_large_) return false;
    num_head_bytes_ += line.size();
    if (line.starts_with("HTTP/")) {
      reply_.head.headers.clear();  // those before were of a redirect or "100 Continue"
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      reply_.head.headers.emplace_back(lower_case(trimmed(line.substr(0, colon))),
                                       trimmed(line.substr(colon + 1)));
    }
    return true;
  }

  bool take_body(std::string_view part) {
    if (!has_head_ && !take_head()) return false;
    if (request_->on_body) {
      given_up_ = !request_->on_body(part);
      return !given_up_;
    }
    body_too_large_ = part.size() > request_->max_body_bytes - reply_.body.size();
    if (!body_too_large_) reply_.body.append(part);
    return !body_too_large_;
  }

  static std::size_t on_header_line(char* data, std::size_t, std::size_t size, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    return impl.guarded([&] { return impl.take_header_line({data, size}); }) ? size : 0;
  }

  static std::size_t on_body_part(char* data, std::size_t, std::size_t size, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    if (size == 0) return 0;
    return impl.guarded([&] { return impl.take_body({data, size}); }) ? size : 0;
  }

  const TransferOptions options_;
  Multi multi_;  // declared before the handle that is added to it
  Easy easy_;

  // Of the current exchange.
  const TransferRequest* request_ = nullptr;
  TransferReply reply_;
  std::exception_ptr failure_;  // thrown by a callback
  char error_text_[CURL_ERROR_SIZE] = {};
  bool has_head_ = false;
  bool reply_began_ = false;
  bool given_up_ = false;
  bool head_too_large_ = false;
  bool body_too_large_ = false;
  std::size_t num_head_bytes_ = 0;
  bool cancelled_ = false;
};

Transfer::Transfer(TransferOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Transfer::~Transfer() = default;
Transfer::Transfer(Transfer&&) noexcept = default;
Transfer& Transfer::operator=(Transfer&&) noexcept = default;

TransferReply Transfer::perform(const TransferRequest& request, const std::stop_token& stop) {
  return impl_->perform(request, stop);
}

}  // namespace rerank
