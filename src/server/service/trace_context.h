// The header traceparent of W3C Trace Context: the place of a request in a distributed trace.
#pragma once

#include <string>
#include <string_view>

namespace rerank {

// The trace id, 32 hexadecimal digits; empty if the header is invalid.
std::string_view trace_id_of(std::string_view traceparent);

}  // namespace rerank
