#include "load/http/reply_check.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/shown_text.h"
#include "text/json_handler.h"

namespace rerank::load {
namespace {

namespace json = boost::json;
using boost::system::error_code;

// Where results are: in a top-level list with one of these names, or the top level itself. The first one
// counts.
constexpr std::array<std::string_view, 4> kLists = {"results", "data", "rankings", "scores"};
constexpr std::size_t kTopIsList = kLists.size();
constexpr std::size_t kNoList = kTopIsList + 1;

// The SAX handler of one response.
class ReplyHandler : public JsonHandler {
 public:
  bool on_object_begin(ErrorCode&) {
    note_value();
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, ErrorCode&) {
    --depth_;
    return true;
  }
  bool on_array_begin(ErrorCode&) {
    note_value();
    ++depth_;
    if (depth_ == 1) open_list(kTopIsList);
    if (depth_ == 2 && top_is_object_) open_list(list_named(top_key_));
    return true;
  }
  bool on_array_end(std::size_t, ErrorCode&) {
    if (depth_ == list_depth_) list_depth_ = 0;
    --depth_;
    return true;
  }
  bool on_key_part(View part, std::size_t, ErrorCode&) {
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(View part, std::size_t, ErrorCode&) {
    key_.append(part.data(), part.size());
    if (depth_ == 1) {
      top_is_object_ = true;
      top_key_.swap(key_);
    } else if (depth_ == 2) {
      second_key_.swap(key_);
    } else if (depth_ == 3) {
      third_key_.swap(key_);
    }
    key_.clear();
    return true;
  }
  bool on_string(View, std::size_t, ErrorCode&) {
    note_value();
    return true;
  }
  bool on_int64(std::int64_t number, View, ErrorCode&) {
    note_number(number);
    return true;
  }
  bool on_uint64(std::uint64_t, View, ErrorCode&) {
    note_number(-1);  // beyond 63 bits
    return true;
  }
  bool on_double(double number, View, ErrorCode&) {
    const bool is_count = number >= 0 && number <= static_cast<double>(kMostTokens);
    note_number(is_count ? static_cast<std::int64_t>(number) : -1);
    return true;
  }
  bool on_bool(bool, ErrorCode&) {
    note_value();
    return true;
  }
  bool on_null(ErrorCode&) {
    note_value();
    return true;
  }

  ReplyFigures figures() const {
    ReplyFigures found;
    for (std::size_t list = 0; list < kNoList && found.num_results < 0; ++list) {
      found.num_results = num_results_[list];
      found.num_scores = num_scores_[list];
    }
    found.num_tokens = total_tokens_ >= 0    ? total_tokens_
                       : prompt_tokens_ >= 0 ? prompt_tokens_
                                             : input_tokens_;
    return found;
  }

 private:
  static std::size_t list_named(std::string_view key) {
    for (std::size_t list = 0; list < kLists.size(); ++list) {
      if (kLists[list] == key) return list;
    }
    return kNoList;
  }
  void open_list(std::size_t list) {
    if (list == kNoList) return;
    list_ = list;
    list_depth_ = depth_;
    num_results_[list] = 0;
    num_scores_[list] = 0;
  }
  void note_value() {
    if (list_depth_ > 0 && depth_ == list_depth_) ++num_results_[list_];
  }
  void note_number(std::int64_t number) {
    note_value();
    if (number > kMostTokens) number = -1;
    if (list_depth_ > 0 && depth_ == list_depth_ + 1) {
      const std::string& key = depth_ == 2 ? second_key_ : third_key_;
      if (key == "relevance_score" || key == "score" || key == "logit") ++num_scores_[list_];
    } else if (depth_ == 2 && top_key_ == "usage") {
      if (second_key_ == "total_tokens") total_tokens_ = number;
      if (second_key_ == "prompt_tokens") prompt_tokens_ = number;
    } else if (depth_ == 3 && third_key_ == "input_tokens" && second_key_ == "tokens" && top_key_ == "meta") {
      input_tokens_ = number;
    }
  }

  std::int32_t depth_ = 0;
  bool top_is_object_ = false;
  std::string key_;  // as far as it has been read
  std::string top_key_;
  std::string second_key_;
  std::string third_key_;
  std::size_t list_ = kNoList;   // the open one
  std::int32_t list_depth_ = 0;  // of its elements; 0: no open list
  std::array<std::int64_t, kNoList> num_results_ = {-1, -1, -1, -1, -1};
  std::array<std::int64_t, kNoList> num_scores_ = {};
  std::int64_t total_tokens_ = -1;
  std::int64_t prompt_tokens_ = -1;
  std::int64_t input_tokens_ = -1;
};

constexpr std::size_t kShownBytes = 300;

// The text in the first of the fields that servers use for it; empty if there is none.
std::string text_in(const json::object& object) {
  for (const char* key : {"error", "message", "detail"}) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr) continue;
    if (value->is_string()) return shown_text(value->get_string(), kShownBytes);
    if (value->is_object()) {
      if (std::string text = text_in(value->get_object()); !text.empty()) return text;
    }
  }
  return "";
}

}  // namespace

std::string read_reply(std::string_view body, ReplyFigures& figures) {
  json::basic_parser<ReplyHandler> parser{json::parse_options{}};
  error_code error;
  const std::size_t num_read = parser.write_some(false, body.data(), body.size(), error);
  if (!error && num_read < body.size()) error = json::error::extra_data;
  if (error) return fmt::format("the response is not JSON at byte {}: {}", num_read + 1, error.message());
  figures = parser.handler().figures();
  return "";
}

std::string problem_of(const ReplyFigures& figures, std::int64_t num_results) {
  if (num_results < 0) return "";
  if (figures.num_results < 0) return "the response contains no list of results";
  if (figures.num_results != num_results) {
    return fmt::format("the response contains {} results instead of {}", figures.num_results, num_results);
  }
  if (figures.num_scores != num_results) {
    return fmt::format("{} of {} results in the response have no score", num_results - figures.num_scores,
                       num_results);
  }
  return "";
}

std::string error_text(std::string_view body) {
  error_code error;
  const json::value value = json::parse({body.data(), body.size()}, error);
  if (!error && value.is_object()) {
    if (std::string text = text_in(value.get_object()); !text.empty()) return text;
  }
  return shown_text(body, kShownBytes);
}

}  // namespace rerank::load
