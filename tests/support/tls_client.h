// A client of the front for tests that speaks TLS.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/time.h>

#include <csignal>
#include <memory>

#include "tests/support/loopback_client.h"
#include "tests/support/test_certificate.h"

namespace rerank {

class TlsClient : public Client {
 public:
  using Session = std::shared_ptr<SSL_SESSION>;

  struct Options {
    int version = TLS1_3_VERSION;
    const TestCertificate* certificate = nullptr;  // to show
    Session session;                               // to go on with
  };

  TlsClient(int port, const Options& options) : Client(port), context_(SSL_CTX_new(TLS_client_method())) {
    std::signal(SIGPIPE, SIG_IGN);
    const timeval patience = {std::chrono::floor<std::chrono::seconds>(kLongEnough).count(), 0};
    setsockopt(descriptor(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    SSL_CTX_set_min_proto_version(context_, options.version);
    SSL_CTX_set_max_proto_version(context_, options.version);
    if (options.certificate != nullptr) {
      SSL_CTX_use_certificate(context_, options.certificate->certificate());
      SSL_CTX_use_PrivateKey(context_, options.certificate->key());
    }
    stream_ = SSL_new(context_);
    SSL_set_fd(stream_, descriptor());
    if (options.session != nullptr) SSL_set_session(stream_, options.session.get());
    is_secure_ = SSL_connect(stream_) == 1;
  }
  ~TlsClient() override {
    // Sessions of streams that were not ended are not resumed.
    if (is_secure_) SSL_shutdown(stream_);
    SSL_free(stream_);
    SSL_CTX_free(context_);
  }

  bool is_secure() const { return is_secure_; }
  bool is_resumed() const { return SSL_session_reused(stream_) == 1; }
  // Once a reply was received: with TLS 1.3 it comes after the handshake.
  Session session() const { return {SSL_get1_session(stream_), SSL_SESSION_free}; }

 protected:
  ssize_t send_some(std::string_view text) override {
    return SSL_write(stream_, text.data(), static_cast<int>(text.size()));
  }
  ssize_t receive_some(std::span<char> block) override {
    return SSL_read(stream_, block.data(), static_cast<int>(block.size()));
  }

 private:
  SSL_CTX* context_;
  SSL* stream_ = nullptr;
  bool is_secure_ = false;
};

}  // namespace rerank
