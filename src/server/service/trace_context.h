// The header traceparent of W3C Trace Context: a request's place in a trace that others began.
#pragma once

#include <string>
#include <string_view>

namespace rerank {

// The trace's id, 32 hexadecimal digits, of a valid header; empty for any other.
std::string_view trace_id_of(std::string_view traceparent);

}  // namespace rerank
