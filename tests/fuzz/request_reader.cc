// The request reader: what it makes of a connection's bytes does not depend on how they arrive, and what it
// holds of them is charged.
#include "server/http/request_reader.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {
namespace {

using Progress = RequestReader::Progress;

constexpr std::size_t kMaxHeaderBytes = 1024;
constexpr std::size_t kMaxBodyBytes = 1024;
constexpr std::size_t kBudgetBytes = 600;
constexpr std::size_t kMaxCuts = 16;  // that are tried while fuzzing

struct Outcome {
  std::vector<std::string> requests;  // each whole, as one text
  Progress last = Progress::kHead;
  int failure_status = 0;

  bool operator==(const Outcome&) const = default;
};

std::string text_of(RequestReader& reader) {
  std::string text = reader.keeps_alive() ? "keep " : "close ";
  text += reader.is_http_1_0() ? "1.0 " : "1.1 ";
  text += reader.expects_continue() ? "continue " : "";
  const HttpRequest request = reader.take();
  expect(!request.method.empty() && !request.target.empty(), "a request has a method and a target");
  expect(request.body.size() <= kMaxBodyBytes, "a body keeps to its limit");
  text += request.method + " " + request.target + "\n";
  for (const HttpHeader& header : request.headers) {
    expect(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
           "no header's value has the end of a line in it");
    text += header.name + ": " + header.value + "\n";
  }
  return text + "\n" + request.body;
}

// Reads requests as a session does: what the reader leaves it sees again with more behind it. `cuts`: where
// arrivals end, in order.
Outcome read_requests(std::string_view bytes, const std::vector<std::size_t>& cuts,
                      MemoryBudget* budget = nullptr) {
  Outcome outcome;
  std::unique_ptr<RequestReader> reader;
  std::size_t begin = 0;
  for (const std::size_t end : cuts) {
    while (begin < end) {
      if (reader == nullptr) {
        while (begin < end && (bytes[begin] == '\r' || bytes[begin] == '\n')) ++begin;
        if (begin == end) break;
        reader = std::make_unique<RequestReader>(kMaxHeaderBytes, kMaxBodyBytes,
                                                 budget == nullptr ? MemoryCharge() : MemoryCharge(*budget));
      }
      const std::vector<char> arrived(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                                      bytes.begin() + static_cast<std::ptrdiff_t>(end));
      const std::size_t taken = reader->feed({arrived.data(), arrived.size()});
      expect(taken <= arrived.size(), "the reader takes no more than there is");
      begin += taken;
      outcome.last = reader->progress();
      if (outcome.last == Progress::kFailed) {
        outcome.failure_status = reader->failure_status();
        expect(outcome.failure_status >= 400 && outcome.failure_status < 600, "a failure has a status");
        expect_presentable(reader->failure());
        return outcome;
      }
      if (outcome.last == Progress::kDone) {
        outcome.requests.push_back(text_of(*reader));
        reader.reset();
      } else if (taken == 0) {
        break;
      }
    }
  }
  return outcome;
}

}  // namespace

void run_input(std::string_view input) {
  std::vector<std::size_t> every_place;
  for (std::size_t end = 1; end <= input.size(); ++end) every_place.push_back(end);
  Outcome whole;
  {
    const MemoryBound bound(200 * input.size() + (std::size_t{1} << 20));
    whole = read_requests(input, {input.size()});
  }
  expect(read_requests(input, every_place) == whole, "byte by byte is as all at once");
  MemoryBudget budget(kBudgetBytes);
  const Outcome charged = read_requests(input, {input.size()}, &budget);
  expect(charged == whole || charged.failure_status == 413 || charged.failure_status == 429,
         "a small budget changes nothing but that large requests are refused");
  expect(budget.used_bytes() == 0, "what was charged is given back");
  const std::size_t num_cuts = kRunsEachInputOnce ? input.size() : std::min(input.size(), kMaxCuts);
  // Which ones depends on the input alone.
  std::size_t cut = input.empty() ? 0 : static_cast<unsigned char>(input.back());
  for (std::size_t i = 0; i < num_cuts; ++i) {
    cut = (cut + input.size() / num_cuts + (kRunsEachInputOnce ? 0 : i % 2)) % input.size();
    expect(read_requests(input, {cut, input.size()}) == whole, "cut in two is as all at once");
  }
}

}  // namespace rerank::fuzz
