// Thousands of random schedules, compared with a model of the expected outcome: requests of every kind under
// absurd limits, cancelled, late or invalid, in any order, planned in slices of any length.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "engine/schedule/scheduler.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/family_prompts.h"
#include "tests/support/pair_tokenizer.h"
#include "tests/support/schedule_checker.h"
#include "tests/support/under_sanitizer.h"

namespace rerank {
namespace {

// A tokenizer with one token per byte, except for the words of the prompt, so that prompts are short.
Tokenizer prompt_tokenizer() {
  std::istringstream words{qwen3_reranker_prompt().pieces[0].texts[0].words};
  std::vector<std::pair<std::string, std::string>> merges;
  std::map<std::string, bool> made;
  for (std::string word; words >> word;) {
    if (word.find('<') != std::string::npos) continue;  // control tokens
    for (const std::string& start : {word, " " + word}) {
      for (std::size_t size = 2; size <= start.size(); ++size) {
        const std::string whole = start.substr(0, size);
        if (!std::exchange(made[whole], true))
          merges.emplace_back(whole.substr(0, size - 1), whole.substr(size - 1));
      }
    }
  }
  boost::json::object document = small_document(merges);
  boost::json::array added;
  int id = 256 + static_cast<int>(merges.size());
  for (const char* token : {"<|im_start|>", "<|im_end|>", "<think>", "</think>"}) {
    added.push_back(small_added_token(id++, token, "special"));
  }
  document["added_tokens"] = added;
  return Tokenizer::parse(boost::json::serialize(document), "prompt tokenizer");
}

constexpr std::int32_t kMaxModelLen = 300;

class Schedule {
 public:
  Schedule(const RequestEncoder& encoder, std::uint32_t seed)
      : encoder_(encoder),
        random_(seed),
        options_(random_options()),
        checker_(options_),
        scheduler_(options_, encoder, [this](const PendingRequestPtr& request) { release(*request); }) {}

  // Returns what is wrong, or an empty string.
  std::string run() {
    const std::size_t num_requests = 1 + random_() % 5;
    int idle = 0;
    for (int step = 0; idle < 3 && error_.empty(); ++step) {
      if (step > 20000) return "no end";
      if (requests_.size() < num_requests && random_() % 3 == 0) add();
      if (!requests_.empty() && random_() % 50 == 0) {
        requests_[random_() % requests_.size()]->whole->cancelled = true;
      }
      const bool has_done_something = run_batch();
      idle = requests_.size() == num_requests && !has_done_something ? idle + 1 : 0;
    }
    if (error_.empty()) expect_all_ended();
    return error_;
  }

 private:
  std::int32_t one_of(std::initializer_list<std::int32_t> choices) {
    return *(choices.begin() + random_() % choices.size());
  }

  SchedulerOptions random_options() {
    SchedulerOptions options;
    options.max_num_batched_tokens = one_of({7, 20, 50, 60, 90, 130, 250, 1000});
    options.max_num_seqs = one_of({1, 2, 5, 64});
    options.max_model_len = kMaxModelLen;
    options.prefix_cache_tokens = one_of({1, 40, 100, 300, 2000});
    options.share_between_requests = random_() % 4 != 0;
    if (encoder_.prompt().pair) {
      options.max_num_batched_tokens = one_of({300, 310, 450, 1000});
      options.prefix_cache_tokens = options.max_shared_tokens = options.max_shared_parts = 0;
    }
    options.planning_slice = std::chrono::microseconds(one_of({0, 0, 3, 3000000}));
    options.document_slice = std::chrono::microseconds(one_of({0, 1, 1000000}));
    return options;
  }

  std::string text(std::size_t longest) {
    return std::string(random_() % (longest + 1), static_cast<char>('a' + random_() % 3));
  }

  void add() {
    Request request;
    request.priority = one_of({0, 0, 0, 1, 2});
    request.instruction = random_() % 4 == 0 ? text(80) : "i";
    request.query = text(random_() % 3 == 0 ? 150 : 10);
    for (std::size_t d = random_() % 5; d > 0; --d) {
      request.documents.push_back(text(random_() % 3 == 0 ? 400 : 15));
      if (random_() % 60 == 0) request.documents.back() += '\xff';
    }
    if (random_() % 4 == 0) {
      for (std::size_t d = 0; d < request.documents.size(); ++d) {
        request.queries.push_back(text(random_() % 3 == 0 ? 150 : 2));
      }
    }
    request.max_tokens_per_query = one_of({0, 0, 0, 5, 100});
    request.max_tokens_per_document = one_of({0, 0, 0, 5, 100});
    request.truncate = random_() % 8 != 0;
    if (random_() % 40 == 0) request.deadline = Clock::now() - std::chrono::seconds(1);
    const DocumentRange all{0, request.documents.size()};
    requests_.push_back(std::make_shared<PendingRequest>(
        std::make_shared<SubmittedRequest>(requests_.size(), std::move(request)), all, nullptr));
    times_.emplace_back(all.end, 0);
    scheduler_.add(requests_.back());
  }

  bool run_batch() {
    bool is_done = false;
    const std::uint32_t most = 1 + random_() % 20;
    for (std::uint32_t i = 0; i < most && !is_done; ++i) is_done = scheduler_.fill(planned_);
    if (planned_.empty()) return !is_done;
    scheduler_.close_batch();
    const std::vector<std::uint64_t>& keys = checker_.compute(planned_.batch);
    error_ = checker_.error();
    for (std::size_t i = 0; i < planned_.scored.size() && error_.empty(); ++i) {
      const auto& [request, document] = planned_.scored[i];
      expect_score(*request, document, keys[i]);
      expect_types(*request, document, scored_segment(i).type_border);
      release(*request);
    }
    num_computed_ += planned_.batch.num_tokens();
    planned_.clear();
    return true;
  }

  void expect_score(PendingRequest& request, std::size_t document, std::uint64_t found) {
    ++times_[request.whole->id][document];
    const EncodedHead head = encoder_.encode_head(request.request, document);
    const EncodedDocument tail = encoder_.encode_document(request.request, document, head);
    std::uint64_t key = 0;
    std::vector<TokenIds> parts = head.parts;
    parts.push_back(tail.ids);
    std::size_t size = 0;
    for (const TokenIds& ids : parts) {
      for (const std::int32_t id : ids) key = key_after(key, id);
      size += ids.size();
    }
    if (key != found) error_ = "a score of another prompt";
    if (request.scores[document].num_tokens != static_cast<std::int32_t>(size))
      error_ = "a wrong number of tokens";
    if (request.scores[document].truncated != tail.truncated) error_ = "truncated or not";
  }

  void expect_types(PendingRequest& request, std::size_t document, std::int32_t border) {
    const EncodedHead head = encoder_.encode_head(request.request, document);
    if (encoder_.encode_document(request.request, document, head).type_border != border)
      error_ = "wrong types";
  }

  const Segment& scored_segment(std::size_t score) const {
    return *std::ranges::find(planned_.batch.segments, static_cast<std::int32_t>(score), &Segment::score);
  }

  void release(PendingRequest& request) {
    if (--request.holds < 0) error_ = "let go of too often";
  }

  void expect_all_ended() {
    std::int64_t num_cached = 0, num_tokens = 0;
    bool is_all_scored = true;
    for (const PendingRequestPtr& request : requests_) {
      if (request->holds != 0) error_ = "a request was left behind";
      num_cached += request->num_cached_tokens;
      for (std::size_t d = 0; d < request->documents.end; ++d) {
        const int times = times_[request->whole->id][d];
        is_all_scored = is_all_scored && times == 1;
        if (times > 1 || (times == 0 && !request->failed())) error_ = "a document was not scored once";
        num_tokens += request->scores[d].num_tokens;
      }
      if (request->failed() && !may_fail(*request))
        error_ = "failed for nothing: " + request->take_result().message;
    }
    // If all prefixes fit the cache, every token is either computed or counted as cached.
    if (is_all_scored && options_.prefix_cache_tokens == 2000 && num_computed_ + num_cached != num_tokens) {
      error_ = "tokens counted as cached are not those that were not computed";
    }
  }

  bool may_fail(const PendingRequest& request) const {
    if (request.whole->cancelled || request.request.deadline) return true;
    try {
      for (std::size_t d = 0; d < request.documents.end; ++d) {
        encoder_.encode_document(request.request, d, encoder_.encode_head(request.request, d));
      }
    } catch (const Error&) {
      return true;
    }
    return false;
  }

  const RequestEncoder& encoder_;
  std::mt19937 random_;
  const SchedulerOptions options_;
  ScheduleChecker checker_;
  std::string error_;
  std::vector<PendingRequestPtr> requests_;
  std::vector<std::vector<int>> times_;  // [requests, documents] scored
  std::int64_t num_computed_ = 0;
  Scheduler scheduler_;
  PlannedBatch planned_;
};

// $RERANK_SCHEDULES sets the number of schedules, $RERANK_SCHEDULE_SEED the first seed.
void run_schedules(const RequestEncoder& encoder, std::uint32_t otherwise_count) {
  const auto number = [](const char* name, std::uint32_t otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr ? otherwise : static_cast<std::uint32_t>(std::atoi(value));
  };
  const std::uint32_t first = number("RERANK_SCHEDULE_SEED", 0);
  const std::uint32_t count = number("RERANK_SCHEDULES", otherwise_count);
  for (std::uint32_t seed = first; seed < first + count; ++seed) {
    ASSERT_EQ(Schedule(encoder, seed).run(), "") << "seed " << seed;
  }
}

TEST(RandomSchedule, EveryScoreIsThatOfItsPrompt) {
  run_schedules({prompt_tokenizer(), qwen3_reranker_prompt(), {.max_model_len = kMaxModelLen}},
                kUnderSanitizer ? 4000 : 20000);
}

TEST(RandomSchedule, OfPairs) {
  run_schedules({pair_tokenizer(), pair_prompt(), {.max_model_len = kMaxModelLen, .num_token_types = 2}},
                kUnderSanitizer ? 1000 : 10000);
}

}  // namespace
}  // namespace rerank
