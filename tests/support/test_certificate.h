// A certificate and its key for tests, made when they run.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace rerank {

// Signed by itself, for "localhost", in files that go with it.
class TestCertificate {
 public:
  TestCertificate()
      : path_(testing::TempDir() + "rerank-certificate-" + std::to_string(getpid()) + ".pem"),
        key_(EVP_EC_gen("P-256")),
        certificate_(X509_new()) {
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
    X509_set_pubkey(certificate_, key_);
    X509_NAME* const name = X509_get_subject_name(certificate_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                               -1, -1, 0);
    X509_set_issuer_name(certificate_, name);
    X509_sign(certificate_, key_, EVP_sha256());
    FILE* const file = std::fopen(path_.c_str(), "w");
    EXPECT_NE(file, nullptr);
    PEM_write_PrivateKey(file, key_, nullptr, nullptr, 0, nullptr, nullptr);
    PEM_write_X509(file, certificate_);
    std::fclose(file);
  }
  ~TestCertificate() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
    unlink(path_.c_str());
  }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  const std::string& path() const { return path_; }  // holds both
  X509* certificate() const { return certificate_; }
  EVP_PKEY* key() const { return key_; }

 private:
  std::string path_;
  EVP_PKEY* key_;
  X509* certificate_;
};

}  // namespace rerank
