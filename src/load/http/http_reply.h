// Parses one response: status, the few headers that matter, and the body.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string>

namespace rerank::load {

// Feed it with put() until is_done(). For one response.
class ReplyParser : public boost::beast::http::basic_parser<false> {
 public:
  // Appends the body to `body`, which must outlive the parser.
  explicit ReplyParser(std::string& body);

  std::int32_t status() const { return status_; }
  // From the header x-compute-tokens, for dialects whose body has no field for it; negative: absent.
  std::int64_t num_tokens() const { return num_tokens_; }

 private:
  using Field = boost::beast::http::field;
  using Text = boost::beast::string_view;
  using Error = boost::beast::error_code;

  void on_request_impl(boost::beast::http::verb, Text, Text, int, Error&) override {}
  void on_response_impl(int status, Text, int, Error&) override { status_ = status; }
  void on_field_impl(Field field, Text name, Text value, Error&) override;
  void on_header_impl(Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& size_bytes, Error&) override;
  std::size_t on_body_impl(Text part, Error&) override;
  void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text part, Error&) override;
  void on_finish_impl(Error&) override {}

  std::string& body_;
  std::int32_t status_ = 0;
  std::int64_t num_tokens_ = -1;
};

}  // namespace rerank::load
