// A backend that computes nothing: it puts every scored prompt together again from rows and slots, holds each
// batch against the rules of packed_batch.h, and answers with a number made of the prompt. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "engine/loading.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/family_prompts.h"

namespace rerank {

// What PromptBackend answers as logit_yes; logit_no is 0.
inline float prompt_logit(const std::vector<std::int32_t>& ids) {
  std::uint32_t hash = 2166136261u;
  for (const std::int32_t id : ids) hash = (hash ^ static_cast<std::uint32_t>(id)) * 16777619u;
  return static_cast<float>(hash >> 12) / 65536.0f - 8.0f;
}

class PromptBackend final : public Backend {
 public:
  // Called with every batch and whose it is before it is computed; may wait, or throw to fail.
  using Hook = std::function<void(const PackedBatch&, int replica)>;

  PromptBackend(const SchedulerOptions& options, int replica, Hook hook, int max_in_flight,
                std::atomic<int>* most_begun)
      : options_(options),
        replica_(replica),
        max_in_flight_(max_in_flight),
        most_begun_(most_begun),
        hook_(std::move(hook)),
        slots_(static_cast<std::size_t>(options.num_slots()), -1) {}

  void begin(const PackedBatch& batch) override {
    if (hook_) hook_(batch, replica_);
    expect_within_limits(batch);
    store(batch);
    EXPECT_LT(static_cast<int>(begun_.size()), max_in_flight_);
    std::vector<float>& logits = begun_.emplace_back();
    if (most_begun_ != nullptr) *most_begun_ = std::max(most_begun_->load(), static_cast<int>(begun_.size()));
    prompts_.clear();
    std::int32_t row = 0;
    for (const Segment& segment : batch.segments) {
      EXPECT_EQ(segment.first_row, row);
      EXPECT_GE(segment.num_tokens, 1);
      row += segment.num_tokens;
      const std::vector<std::int32_t> prompt = put_together(batch, segment);
      if (segment.score == kNotScored) continue;
      EXPECT_EQ(segment.score, static_cast<std::int32_t>(prompts_.size()));
      prompts_.push_back(prompt);
      logits.push_back(0);
      logits.push_back(prompt_logit(prompt));
    }
    EXPECT_EQ(row, batch.num_tokens());
    EXPECT_EQ(batch.num_scores, static_cast<std::int32_t>(prompts_.size()));
  }
  void finish(std::span<float> logits) override {
    ASSERT_FALSE(begun_.empty());
    ASSERT_EQ(logits.size(), begun_.front().size());
    std::ranges::copy(begun_.front(), logits.begin());
    begun_.pop_front();
  }
  int max_in_flight() const override { return max_in_flight_; }
  // Of the last batch, in the order of its scores.
  const std::vector<std::vector<std::int32_t>>& prompts() const { return prompts_; }

  void load(TransformerWeights&, const BackendLimits&) override {}
  BackendInfo info() const override { return {}; }
  void embed() override {}
  void qkv(std::int32_t, Projection) override {}
  void attention(std::int32_t) override {}
  void attention_output(std::int32_t) override {}
  void mlp_in(std::int32_t) override {}
  void mlp_out(std::int32_t) override {}
  void pool() override {}
  void head() override {}
  void read(Activation, std::span<float>) override {}
  void write(Activation, std::span<const float>) override {}

 private:
  void expect_within_limits(const PackedBatch& batch) const {
    EXPECT_GE(batch.num_tokens(), 1);
    EXPECT_LE(batch.num_tokens(), options_.max_num_batched_tokens);
    EXPECT_LE(batch.num_scores, options_.max_num_seqs);
    EXPECT_LE(static_cast<std::int32_t>(batch.segments.size()), options_.max_segments());
    EXPECT_LE(static_cast<std::int32_t>(batch.ranges.size()), options_.max_ranges());
  }

  // All rows of a batch write their slots before any attends, as in a layer of a real backend.
  void store(const PackedBatch& batch) {
    writer_.assign(slots_.size(), -1);
    for (std::size_t s = 0; s < batch.segments.size(); ++s) {
      const Segment& segment = batch.segments[s];
      if (segment.slot == kNotKept) continue;
      for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
        const auto slot = static_cast<std::size_t>(segment.slot + i);
        ASSERT_LT(slot, slots_.size());
        EXPECT_EQ(writer_[slot], -1) << "two segments of a batch write slot " << slot;
        writer_[slot] = static_cast<std::int32_t>(s);
        slots_[slot] = batch.ids[static_cast<std::size_t>(segment.first_row + i)];
      }
    }
  }

  std::vector<std::int32_t> put_together(const PackedBatch& batch, const Segment& segment) const {
    std::vector<std::int32_t> prompt;
    const auto own = &segment - batch.segments.data();
    for (std::int32_t r = 0; r < segment.num_ranges; ++r) {
      const KeyRange& range = batch.ranges[static_cast<std::size_t>(segment.first_range + r)];
      EXPECT_GE(range.num_tokens, 1);
      for (std::int32_t i = 0; i < range.num_tokens; ++i) {
        const auto slot = static_cast<std::size_t>(range.slot + i);
        EXPECT_GE(slots_[slot], 0) << "slot " << slot << " was never written";
        EXPECT_LT(writer_[slot], own) << "a parent comes after its child";
        prompt.push_back(slots_[slot]);
      }
    }
    EXPECT_EQ(segment.first_position, static_cast<std::int32_t>(prompt.size()));
    prompt.insert(prompt.end(), batch.ids.begin() + segment.first_row,
                  batch.ids.begin() + segment.first_row + segment.num_tokens);
    return prompt;
  }

  SchedulerOptions options_;
  int replica_;
  int max_in_flight_;
  std::atomic<int>* most_begun_;  // forwards at a time; nullptr: not counted
  Hook hook_;
  std::vector<std::int32_t> slots_;   // id of the token whose keys are there; -1: none
  std::vector<std::int32_t> writer_;  // segment of the batch at hand that writes the slot; -1: none
  std::vector<std::vector<std::int32_t>> prompts_;
  std::deque<std::vector<float>> begun_;  // the logits of the forwards not finished
};

// A model whose forward is nothing.
class PromptModel final : public Model {
 public:
  TransformerWeights& weights() override {
    throw Error(ErrorCode::kInternal, "a prompt model has no weights");
  }
  void forward(Backend&) const override {}
};

inline LoadedModel load_prompt_model(const SchedulerOptions& options,
                                     const PromptBackend::Hook& hook = nullptr, int num_replicas = 1,
                                     int max_in_flight = 1, std::atomic<int>* most_begun = nullptr,
                                     Prompt prompt = qwen3_reranker_prompt()) {
  LoadedModel loaded;
  loaded.scheduler = options;
  loaded.info.max_model_len = options.max_model_len;
  loaded.encoder = std::make_shared<RequestEncoder>(byte_tokenizer(), std::move(prompt),
                                                    EncoderOptions{.max_model_len = options.max_model_len});
  loaded.scheduler.max_shared_parts = static_cast<std::int32_t>(loaded.encoder->layout().shared.size());
  for (int replica = 0; replica < num_replicas; ++replica) {
    loaded.replicas.push_back(
        {std::make_unique<PromptModel>(),
         std::make_unique<PromptBackend>(loaded.scheduler, replica, hook, max_in_flight, most_begun)});
  }
  return loaded;
}

inline TokenIds joined(const std::vector<TokenIds>& parts) {
  TokenIds ids;
  for (const TokenIds& part : parts) ids.insert(ids.end(), part.begin(), part.end());
  return ids;
}

// The ids of a pair's whole prompt.
inline std::vector<std::int32_t> prompt_ids(const RequestEncoder& encoder, const Request& request,
                                            std::size_t document) {
  const EncodedHead head = encoder.encode_head(request, document);
  TokenIds ids = joined(head.parts);
  const EncodedDocument encoded = encoder.encode_document(request, document, head);
  ids.insert(ids.end(), encoded.ids.begin(), encoded.ids.end());
  return ids;
}

}  // namespace rerank
