// What settings mean to the client library.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <optional>

#include "base/option_ranges.h"
#include "rerank/client.h"
#include "rerank/settings.h"

namespace rerank {
namespace {

void take_text(const Settings& settings, const char* key, std::string& value) {
  if (settings.find(key) != nullptr) value = settings.get(key);
}

void take_flag(const Settings& settings, const char* key, bool& value) {
  value = settings.flag(key).value_or(value);
}

std::optional<double> number_in(const Settings& settings, const char* key, const NumberRange& range) {
  if (settings.find(key) == nullptr) return std::nullopt;
  const auto number = parse_number(settings.get(key), range);
  require(number.has_value(), fmt::format("{}: a {} is needed", settings.described(key), text_of(range)));
  return number;
}

void take_seconds(const Settings& settings, const char* key, std::chrono::milliseconds& value) {
  const auto seconds = number_in(settings, key, ranges::kSeconds);
  if (!seconds) return;
  value = std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(*seconds * 1000)));
}

template <typename Count>
void take_count(const Settings& settings, const char* key, const NumberRange& range, Count& value) {
  const auto number = number_in(settings, key, range);
  if (number) value = static_cast<Count>(*number);
}

}  // namespace

ClientOptions client_options(const Settings& settings) {
  ClientOptions options;
  take_text(settings, "url", options.url);
  take_text(settings, "unix_socket", options.unix_socket);
  take_text(settings, "api_key", options.api_key);
  take_text(settings, "model", options.model);
  take_text(settings, "dialect", options.dialect);
  take_seconds(settings, "connect_timeout", options.connect_timeout);
  take_seconds(settings, "timeout", options.timeout);
  take_count(settings, "max_retries", ranges::kRetries, options.max_retries);
  take_count(settings, "client_max_connections", ranges::kClientConnections, options.max_connections);
  take_count(settings, "max_documents_per_request", ranges::kDocumentsPerRequest,
             options.max_documents_per_request);
  take_flag(settings, "compress_requests", options.compress_requests);
  take_flag(settings, "compress_replies", options.compress_replies);
  take_text(settings, "ca_file", options.ca_file);
  take_text(settings, "certificate_file", options.certificate_file);
  take_text(settings, "key_file", options.key_file);
  take_flag(settings, "verify_tls", options.verify_tls);
  return options;
}

}  // namespace rerank
