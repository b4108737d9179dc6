#include "server/service/trace_context.h"

#include <algorithm>

namespace rerank {
namespace {

bool is_hexadecimal(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char letter) {
    return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
  });
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::string_view trace_id_of(std::string_view traceparent) {
  // VERSION-TRACE-PARENT-FLAGS; later versions may append more after a dash.
  constexpr std::size_t kSize = 55;
  if (traceparent.size() < kSize || traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-')
    return {};
  const std::string_view trace_version = traceparent.substr(0, 2);
  const std::string_view trace = traceparent.substr(3, 32);
  const std::string_view parent = traceparent.substr(36, 16);
  const std::string_view flags = traceparent.substr(53, 2);
  if (trace_version == "ff" || (trace_version == "00" && traceparent.size() != kSize)) return {};
  if (traceparent.size() > kSize && traceparent[kSize] != '-') return {};
  const bool is_valid = is_hexadecimal(trace_version) && is_hexadecimal(trace) && is_hexadecimal(parent) &&
                        is_hexadecimal(flags) && !is_zero(trace) && !is_zero(parent);
  return is_valid ? trace : std::string_view();
}

}  // namespace rerank
