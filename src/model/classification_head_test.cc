// A converted checkpoint, whose one-row classification head is the difference of the answers' rows, gives the
// same scores as the language model.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "tests/support/open_reranker.h"

namespace rerank {
namespace {

constexpr AnswerIds kAnswers{.no = 2152, .yes = 9693};

// The synthetic checkpoint, with score.weight = the yes row minus the no row, in float32.
class ClassificationCheckpoint final : public Checkpoint {
 public:
  explicit ClassificationCheckpoint(const std::string& model)
      : source_(open_model(model)), config_json_(source_->config_json()) {
    const Reranker source = read_reranker(*source_);
    config_json_.replace(config_json_.find("ForCausalLM"), 11, "ForSequenceClassification");
    const char* head = source_->contains("lm_head.weight") ? "lm_head.weight" : "model.embed_tokens.weight";
    score_.resize(static_cast<std::size_t>(source.spec.hidden));
    std::vector<float> no(score_.size());
    widen(source_->tensor(head).row(kAnswers.yes), 0, score_);
    widen(source_->tensor(head).row(kAnswers.no), 0, no);
    for (std::size_t i = 0; i < no.size(); ++i) score_[i] -= no[i];
    for (const TensorInfo& tensor : source_->tensors()) {
      if (tensor.name != "lm_head.weight") tensors_.push_back(tensor);
    }
    tensors_.push_back({"score.weight", DataType::kFloat32, {1, source.spec.hidden}});
  }

  const std::string& config_json() const override { return config_json_; }
  std::string config_name() const override { return "config"; }
  std::optional<std::string> text_file(std::string_view) const override { return std::nullopt; }
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  TensorView tensor(std::string_view name) const override {
    if (name != "score.weight") return source_->tensor(name);
    return {DataType::kFloat32,
            {1, static_cast<std::int64_t>(score_.size())},
            reinterpret_cast<const std::byte*>(score_.data())};
  }
  void release(std::string_view name) override { source_->release(name); }
  std::string identity() const override { return source_->identity() + " classification"; }
  std::string description() const override { return "classification"; }

 private:
  std::unique_ptr<Checkpoint> source_;
  std::string config_json_;
  std::vector<float> score_;
  std::vector<TensorInfo> tensors_;
};

std::vector<float> logits(const std::shared_ptr<Checkpoint>& checkpoint, const std::string& device) {
  const auto model = create_model(checkpoint, kAnswers, 100);
  const auto backend =
      create_backend({.device = device, .dtype = "float32", .num_threads = 2, .cache_directory = ""});
  backend->load(model->weights(),
                {.max_tokens = 64, .max_segments = 2, .max_scores = 2, .max_ranges = 1, .num_slots = 1});
  PackedBatch batch;
  for (std::int32_t i = 0; i < 50; ++i) batch.ids.push_back(i * 3001 % 151669);
  batch.segments = {{.first_row = 0, .num_tokens = 30, .score = 0},
                    {.first_row = 30, .num_tokens = 20, .score = 1}};
  batch.num_scores = 2;
  backend->begin(batch);
  model->forward(*backend);
  std::vector<float> out(4);
  backend->finish(out);
  return out;
}

TEST(ClassificationHead, ScoresAsTheDifferenceOfTheRows) {
  for (const char* name : {"synth:nano", "synth:odd"}) {
    for (const char* device : {"reference", "cpu"}) {
      const auto checkpoint = std::make_shared<ClassificationCheckpoint>(name);
      EXPECT_TRUE(read_reranker(*checkpoint).has_classification_head);
      const std::vector<float> rows = logits(open_model(name), device), one = logits(checkpoint, device);
      for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(one[2 * i], 0.0f);
        EXPECT_NEAR(one[2 * i + 1], rows[2 * i + 1] - rows[2 * i], 1e-5) << name << " on " << device;
        EXPECT_GT(std::abs(one[2 * i + 1]), 1e-3);
      }
    }
  }
}

}  // namespace
}  // namespace rerank
