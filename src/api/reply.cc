#include "api/reply.h"

#include <fmt/format.h>

#include "api/dialects/dialect.h"
#include "api/dialects/reply_writer.h"

namespace rerank::api {
namespace {

std::string milliseconds(std::chrono::nanoseconds time) {
  return fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(time).count());
}

}  // namespace

std::size_t reply_bytes(const ScoringCall& call, std::string_view model) {
  std::size_t list_bytes = kDocumentBytes * call.num_documents;
  for (const std::string& text : call.echo) list_bytes += JsonWriter::string_bytes(text);
  return kFrameBytes + JsonWriter::string_bytes(model) +
         static_cast<std::size_t>(call.dialect->num_lists) * list_bytes + kRankingBytes * call.num_documents;
}

std::string write_reply(const ScoringCall& call, const Result& result, const ReplyStamp& stamp) {
  ReplyWriter writer(call, result, stamp);
  call.dialect->write(writer);
  return writer.json().take();
}

std::vector<std::pair<std::string_view, std::string>> timing_headers(const Result& result,
                                                                     std::chrono::nanoseconds total) {
  const Timings& timings = result.timings;
  return {{"x-compute-time", milliseconds(timings.tokenize + timings.compute)},
          {"x-total-time", milliseconds(total)},
          {"x-queue-time", milliseconds(timings.queue)},
          {"x-tokenization-time", milliseconds(timings.tokenize)},
          {"x-inference-time", milliseconds(timings.compute)},
          {"x-compute-tokens", fmt::format("{}", result.num_tokens)}};
}

std::string accepted_request_id(std::string_view header) {
  constexpr std::size_t kMaxBytes = 128;
  std::string id;
  for (const char c : header.substr(0, kMaxBytes)) {
    if (c >= 0x20 && c < 0x7f) id += c;
  }
  return id;
}

}  // namespace rerank::api
