#include "server/http/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

#include <array>

#include "rerank/error.h"

namespace rerank {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

void require_loaded(const error_code& error, const char* flag, const std::string& path) {
  if (!error) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{} {}: {}; it must be a PEM file that this user can read", flag, path, error.message()));
}

// Sessions are resumed by tickets, which clients store: a session cache would be memory that clients control.
// With client certificates, OpenSSL only resumes sessions that have a context id.
void allow_resumption(SSL_CTX* context) {
  static constexpr std::array<unsigned char, 6> kContext = {'r', 'e', 'r', 'a', 'n', 'k'};
  SSL_CTX_set_session_id_context(context, kContext.data(), kContext.size());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

}  // namespace

TlsContext::TlsContext(const ListenOptions& options) : context_(ssl::context::tls_server) {
  require(!options.tls_certificate_file.empty(), "--ssl-keyfile requires --ssl-certfile");
  context_.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                       ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  // A renegotiation costs the server a hundred times as much as the client.
  SSL_CTX_set_options(context_.native_handle(), SSL_OP_NO_RENEGOTIATION);
  // Saves about 34 KiB per idle connection.
  SSL_CTX_set_mode(context_.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  allow_resumption(context_.native_handle());
  error_code error;
  context_.use_certificate_chain_file(options.tls_certificate_file, error);
  require_loaded(error, "--ssl-certfile", options.tls_certificate_file);
  // As in uvicorn, the certificate file may contain the key too.
  const std::string& key = options.tls_key_file.empty() ? options.tls_certificate_file : options.tls_key_file;
  context_.use_private_key_file(key, ssl::context::pem, error);
  if (error && ERR_GET_REASON(static_cast<unsigned long>(error.value())) == X509_R_KEY_VALUES_MISMATCH) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--ssl-keyfile {}: does not match the certificate in {}", key,
                            options.tls_certificate_file));
  }
  require_loaded(error, "--ssl-keyfile", key);
  if (!options.tls_ca_file.empty()) {
    context_.load_verify_file(options.tls_ca_file, error);
    require_loaded(error, "--ssl-ca-certs", options.tls_ca_file);
    context_.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  }
}

}  // namespace rerank
