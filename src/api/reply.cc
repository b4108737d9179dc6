#include "api/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "api/json_text.h"

namespace rerank::api {
namespace {

// What is written for one document besides its text.
struct Ranked {
  std::size_t index = 0;
  float value = 0;
  bool truncated = false;
};

constexpr std::size_t kHeadBytes = 768;  // whatever stands before and after the items, but the model's name
constexpr std::size_t kItemBytes = 128;  // of one item, but its text

std::size_t num_lists(const ScoringCall& call) {
  return call.format == ReplyFormat::kVoyage ? 2 : 1;
}

std::vector<Ranked> ranked(const ScoringCall& call, const Result& result) {
  std::vector<Ranked> items;
  items.reserve(result.documents.size());
  const bool raw = call.raw_scores || call.format == ReplyFormat::kNim;
  for (const DocumentScore& document : result.documents) {
    items.push_back({.index = items.size(),
                     .value = raw ? document.logit_difference() : document.score,
                     .truncated = document.truncated});
  }
  if (call.format == ReplyFormat::kScore || call.format == ReplyFormat::kWeaviate) return items;
  const std::size_t count = call.top_n == 0 ? items.size() : std::min(call.top_n, items.size());
  std::partial_sort(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count), items.end(),
                    [](const Ranked& a, const Ranked& b) {
                      return a.value != b.value ? a.value > b.value : a.index < b.index;
                    });
  items.resize(count);
  return items;
}

class ReplyWriter {
 public:
  ReplyWriter(const ScoringCall& call, const Result& result, const ReplyStamp& stamp)
      : call_(call), result_(result), stamp_(stamp), items_(ranked(call, result)), json_(expected_bytes()) {}

  std::string write() {
    switch (call_.format) {
      case ReplyFormat::kTei:
        write_tei();
        break;
      case ReplyFormat::kWeaviate:
        write_weaviate();
        break;
      case ReplyFormat::kNim:
        write_nim();
        break;
      case ReplyFormat::kMixedbread:
        write_mixedbread();
        break;
      case ReplyFormat::kScore:
        write_score();
        break;
      case ReplyFormat::kStandard:
      case ReplyFormat::kVoyage:
      case ReplyFormat::kInfinity:
        write_standard();
        break;
    }
    return json_.take();
  }

 private:
  std::size_t expected_bytes() const {
    std::size_t item_bytes = kItemBytes * items_.size();
    for (const Ranked& item : items_) item_bytes += has_text(item) ? JsonText::string_bytes(text(item)) : 0;
    return kHeadBytes + stamp_.model.size() + num_lists(call_) * item_bytes;
  }

  bool has_text(const Ranked& item) const { return item.index < call_.echo.size(); }
  const std::string& text(const Ranked& item) const { return call_.echo[item.index]; }

  // The item's opening, and its end after whatever else it has.
  void begin_item(const Ranked& item, std::string_view value_name) {
    json_.begin_object();
    json_.key("index").number(static_cast<std::int64_t>(item.index));
    json_.key(value_name).score(item.value);
  }
  void end_item(const Ranked& item) {
    if (item.truncated) json_.key("truncated").boolean(true);
    json_.end_object();
  }
  void write_text(std::string_view name, const Ranked& item) {
    if (has_text(item)) json_.key(name).string(text(item));
  }

  void write_id(std::string_view prefix) { json_.key("id").string(fmt::format("{}-{}", prefix, stamp_.id)); }

  void write_usage() {
    json_.key("usage").begin_object();
    json_.key("prompt_tokens").number(result_.num_tokens);
    json_.key("total_tokens").number(result_.num_tokens);
    if (call_.format == ReplyFormat::kScore) {
      json_.key("completion_tokens").number(0);
      json_.key("prompt_tokens_details").null();
    }
    json_.end_object();
  }

  // As Cohere counts: the search unit is its unit of billing.
  void write_meta() {
    json_.key("meta").begin_object();
    json_.key("api_version").begin_object();
    json_.key("version").string(call_.dialect == Dialect::kCohereV2 ? "2" : "1");
    json_.end_object();
    json_.key("billed_units").begin_object();
    json_.key("search_units").number(1);
    json_.end_object();
    json_.key("tokens").begin_object();
    json_.key("input_tokens").number(result_.num_tokens);
    json_.key("output_tokens").number(0);
    json_.end_object().end_object();
  }

  void write_standard_items() {
    json_.key("results").begin_array();
    for (const Ranked& item : items_) {
      begin_item(item, "relevance_score");
      if (call_.format == ReplyFormat::kInfinity) {
        write_text("document", item);
      } else if (has_text(item)) {
        json_.key("document").begin_object().key("text").string(text(item)).end_object();
      }
      end_item(item);
    }
    json_.end_array();
  }

  void write_standard() {
    json_.begin_object();
    write_id("rerank");
    if (call_.format == ReplyFormat::kInfinity) json_.key("object").string("rerank");
    json_.key("model").string(stamp_.model);
    json_.key("created").number(stamp_.created);
    write_usage();
    write_meta();
    write_standard_items();
    if (call_.format == ReplyFormat::kVoyage) {
      json_.key("data").begin_array();
      for (const Ranked& item : items_) {
        begin_item(item, "relevance_score");
        write_text("document", item);
        end_item(item);
      }
      json_.end_array();
    }
    json_.end_object();
  }

  void write_tei() {
    json_.begin_array();
    for (const Ranked& item : items_) {
      begin_item(item, "score");
      write_text("text", item);
      end_item(item);
    }
    json_.end_array();
  }

  void write_weaviate() {
    json_.begin_object().key("scores").begin_array();
    for (const Ranked& item : items_) {
      json_.begin_object();
      write_text("document", item);
      json_.key("score").score(item.value);
      end_item(item);
    }
    json_.end_array().end_object();
  }

  void write_nim() {
    json_.begin_object().key("rankings").begin_array();
    for (const Ranked& item : items_) {
      begin_item(item, "logit");
      end_item(item);
    }
    json_.end_array().end_object();
  }

  void write_mixedbread() {
    json_.begin_object();
    json_.key("object").string("list");
    json_.key("model").string(stamp_.model);
    write_usage();
    json_.key("data").begin_array();
    for (const Ranked& item : items_) {
      begin_item(item, "score");
      write_text("input", item);
      json_.key("object").string("rank_result");
      end_item(item);
    }
    json_.end_array();
    json_.key("top_k").number(static_cast<std::int64_t>(items_.size()));
    json_.key("return_input").boolean(call_.wants_documents);
    json_.end_object();
  }

  void write_score() {
    json_.begin_object();
    write_id("score");
    json_.key("object").string("list");
    json_.key("created").number(stamp_.created);
    json_.key("model").string(stamp_.model);
    json_.key("data").begin_array();
    for (const Ranked& item : items_) {
      begin_item(item, "score");
      json_.key("object").string("score");
      end_item(item);
    }
    json_.end_array();
    write_usage();
    json_.end_object();
  }

  const ScoringCall& call_;
  const Result& result_;
  const ReplyStamp& stamp_;
  std::vector<Ranked> items_;
  JsonText json_;
};

std::string milliseconds(std::chrono::nanoseconds time) {
  return fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(time).count());
}

}  // namespace

std::size_t reply_bytes(const ScoringCall& call, std::string_view model) {
  std::size_t item_bytes = kItemBytes * call.num_documents;
  for (const std::string& text : call.echo) item_bytes += JsonText::string_bytes(text);
  return kHeadBytes + JsonText::string_bytes(model) + num_lists(call) * item_bytes +
         sizeof(Ranked) * call.num_documents;
}

std::string write_reply(const ScoringCall& call, const Result& result, const ReplyStamp& stamp) {
  return ReplyWriter(call, result, stamp).write();
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
