// /tokenize and /detokenize: understood within bounds or refused with words.
#include "api/token_call.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api_error.h"
#include "tests/fuzz/counted_allowance.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {
namespace {

const api::RequestRules& rules() {
  static const api::RequestRules rules = {
      .served_names = {"demo"}, .max_model_len = 1000, .max_documents = 100, .max_json_values = 2000};
  return rules;
}

// For what does not grow with the request, an error's text above all.
constexpr std::size_t kFixedBytes = 16 << 10;

void check_error(const api::ApiError& error) {
  expect_presentable(error.what());
  expect(error.status() == 400 || error.status() == 404 || error.status() == 413,
         "a refusal is the client's fault");
  expect(boost::json::parse(api::write_error(error)).is_object(), "an error is JSON");
}

// Calls `parse` with a copy of the body and an allowance; nothing where it refuses.
template <typename Parse>
auto parsed(std::string_view body, const Parse& parse)
    -> std::optional<decltype(parse(std::string(), std::declval<api::Allowance&>()))> {
  const std::size_t limit_bytes = 150 * body.size() + (std::size_t{256} << 10);
  CountedAllowance allowance(limit_bytes);
  const MemoryBound bound(limit_bytes + kFixedBytes);
  std::optional<decltype(parse(std::string(), allowance))> call;
  try {
    std::string copy(body);
    allowance.take(copy.capacity());
    call = parse(std::move(copy), allowance);
  } catch (const api::ApiError& error) {
    check_error(error);
  }
  expect(bound.peak_bytes() <= allowance.peak_bytes() + kFixedBytes, "what a call holds was asked for");
  return call;
}

void read_tokenize(std::string_view body) {
  const std::optional<api::TokenizeCall> call = parsed(body, [](std::string copy, api::Allowance& allowance) {
    return api::parse_tokenize_call(std::move(copy), rules(), allowance);
  });
  if (!call) return;
  std::size_t bytes = 0;
  api::TokensText reply(*call, rules().max_model_len);
  for (const std::string& text : call->texts) {
    bytes += text.size();
    // One token for the text: what matters is that any text can be written.
    reply.add({{.id = 1, .text = text, .special = false, .start = 0, .stop = 1}});
  }
  expect(bytes <= body.size(), "texts are not multiplied");
  expect(call->texts.size() <= rules().max_documents, "a call has no more texts than are allowed");
  expect(call->wants_pieces || call->texts.size() == 1, "without pieces there is one text");
  boost::json::parse(reply.take());
}

void read_detokenize(std::string_view body) {
  const std::optional<std::vector<std::int32_t>> ids =
      parsed(body, [](std::string copy, api::Allowance& allowance) {
        return api::parse_detokenize_call(std::move(copy), rules(), allowance);
      });
  if (!ids) return;
  for (const std::int32_t id : *ids) expect(id >= 0, "an id is not negative");
}

}  // namespace

void run_input(std::string_view input) {
  read_tokenize(input);
  read_detokenize(input);
  // Bytes of tokens need not be UTF-8.
  expect(boost::json::parse(api::write_detokenized(input)).is_object(), "any bytes can be written as JSON");
}

}  // namespace rerank::fuzz
