// What a server answers, as the client reads it: a score for each document or an Error, and a message that
// may be shown. The first byte is the number of documents.
#include <cmath>
#include <string>

#include "client/reply.h"
#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {
namespace {

constexpr std::size_t kFixedBytes = 256 << 10;

}  // namespace

void run_input(std::string_view input) {
  if (input.empty()) return;
  const auto num_documents = static_cast<std::size_t>(static_cast<unsigned char>(input.front()));
  const std::string_view body = input.substr(1);
  const MemoryBound bound(500 * body.size() + kFixedBytes);
  const std::string message = client::server_message(body);
  if (!message.empty()) expect_presentable(message);
  try {
    const client::ScoredReply reply = client::read_scores(body, num_documents);
    expect(reply.scores.size() == num_documents, "there is a score for each document");
    for (const float score : reply.scores) expect(std::isfinite(score), "a score is a number");
    expect(reply.model.size() + reply.id.size() <= body.size(), "names are not multiplied");
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(error.code() != ErrorCode::kInternal, "an odd reply is no mistake of ours");
  }
}

}  // namespace rerank::fuzz
