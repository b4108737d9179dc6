// Complete checkpoints from files: one file and shards, missing files, wrong shapes, and what changes the
// identity.
#include "model/open_model.h"

#include <fmt/format.h>

#include <chrono>
#include <map>

#include "checkpoint/safetensors_header.h"
#include "checkpoint/scratch_directory.h"
#include "model/reranker.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "model/synthetic/write_synthetic.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// A checkpoint small enough to be written for every case.
std::string tiny_config(std::string_view architecture = "Qwen3ForCausalLM", bool tied = true) {
  return fmt::format(
      R"({{"architectures": ["{}"], "model_type": "qwen3", "hidden_size": 8, "intermediate_size": 12,
    "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 10,
    "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 10000, "tie_word_embeddings": {}}})",
      architecture, tied);
}

std::vector<TensorInfo> tensors_of(const std::string& config_json) {
  std::vector<TensorInfo> tensors;
  for (const ModelTensor& wanted : tensors_of_config(config_json, "config")) {
    tensors.push_back({wanted.name, DataType::kBFloat16, wanted.shape});
  }
  return tensors;
}

std::string file_of(std::span<const TensorInfo> tensors) {
  std::string bytes = make_safetensors_header(tensors);
  for (const TensorInfo& tensor : tensors) {
    for (std::uint64_t i = 0; i < tensor_bytes(tensor); ++i)
      bytes.push_back(static_cast<char>(i + tensor.name.size()));
  }
  return bytes;
}

TensorInfo& named(std::vector<TensorInfo>& tensors, std::string_view name) {
  return *std::find_if(tensors.begin(), tensors.end(),
                       [&](const TensorInfo& tensor) { return tensor.name == name; });
}

// The message for a directory with this config and these tensors in one file.
std::string verdict(const std::string& config_json, const std::vector<TensorInfo>& tensors) {
  const ScratchDirectory scratch;
  scratch.write("config.json", config_json);
  scratch.write("model.safetensors", file_of(tensors));
  return error_of([&] { read_reranker(*open_model(scratch.path().string()), {.prompt = "qwen3-reranker"}); });
}

TEST(HuggingFaceDirectory, OpensOneFile) {
  const ScratchDirectory scratch;
  scratch.write("config.json", tiny_config());
  std::vector<TensorInfo> tensors = tensors_of(tiny_config());
  named(tensors, "model.norm.weight").type = DataType::kFloat32;
  named(tensors, "model.embed_tokens.weight").type = DataType::kFloat16;
  scratch.write("model.safetensors", file_of(tensors));
  const auto checkpoint = open_model(scratch.path().string());
  EXPECT_EQ(spec_of_config(checkpoint->config_json(), "config").hidden, 8);
  EXPECT_EQ(checkpoint->tensors().size(), 13u);
  EXPECT_TRUE(std::is_sorted(checkpoint->tensors().begin(), checkpoint->tensors().end(),
                             [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; }));
  EXPECT_TRUE(checkpoint->contains("model.norm.weight"));
  EXPECT_FALSE(checkpoint->contains("model.norm.weigh"));
  EXPECT_FALSE(checkpoint->contains("zzz"));
  EXPECT_EQ(checkpoint->files().size(), 1u);
  for (const TensorInfo& tensor : checkpoint->tensors()) {
    const TensorView view = checkpoint->tensor(tensor.name);
    EXPECT_EQ(view.type, tensor.type);
    EXPECT_EQ(view.shape, tensor.shape);
    checkpoint->release(tensor.name);
    EXPECT_EQ(std::to_integer<std::size_t>(view.data[1]), tensor.name.size() + 1);
  }
  EXPECT_THAT(error_of([&] { checkpoint->tensor("lm_head.weight"); }), HasSubstr("no tensor lm_head.weight"));
}

TEST(HuggingFaceDirectory, AcceptsEveryHead) {
  const std::string tied = tiny_config();
  const std::string untied = tiny_config("Qwen3ForCausalLM", false);
  const std::string classifier = tiny_config("Qwen3ForSequenceClassification");
  const TensorInfo head{"lm_head.weight", DataType::kBFloat16, {10, 8}};
  EXPECT_EQ(verdict(tied, tensors_of(tied)), "no error");
  EXPECT_EQ(verdict(tied, tensors_of(untied)), "no error");
  EXPECT_EQ(verdict(untied, tensors_of(untied)), "no error");
  EXPECT_EQ(verdict(classifier, tensors_of(classifier)), "no error");
  EXPECT_THAT(verdict(untied, tensors_of(tied)),
              AllOf(HasSubstr("lm_head.weight is missing"), HasSubstr("tie_word")));
  EXPECT_THAT(verdict(classifier, tensors_of(tied)), HasSubstr("score.weight is missing"));
  EXPECT_THAT(verdict(tied, tensors_of(classifier)),
              HasSubstr("score.weight is not part of Qwen3ForCausalLM"));
}

TEST(HuggingFaceDirectory, RefusesAnyMissingOrMisshapenTensor) {
  for (const std::string& config :
       {tiny_config("Qwen3ForCausalLM", false), tiny_config("Qwen3ForSequenceClassification")}) {
    const std::vector<TensorInfo> good = tensors_of(config);
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::vector<TensorInfo> tensors = good;
      tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_THAT(verdict(config, tensors), HasSubstr(fmt::format("tensor {} is missing", good[i].name)));
      tensors = good;
      ++tensors[i].shape[0];
      EXPECT_THAT(verdict(config, tensors), HasSubstr(fmt::format("tensor {} has shape [", good[i].name)));
      tensors = good;
      tensors[i].shape.push_back(1);
      EXPECT_THAT(verdict(config, tensors), HasSubstr(fmt::format("tensor {} has shape [", good[i].name)));
    }
  }
}

TEST(HuggingFaceDirectory, RefusesTensorsThatItWouldLeaveOut) {
  const std::string config = tiny_config();
  for (const char* name : {"model.layers.0.self_attn.q_proj.bias", "model.layers.1.input_layernorm.weight",
                           "base_model.model.layers.0.self_attn.q_proj.lora_A.weight"}) {
    std::vector<TensorInfo> tensors = tensors_of(config);
    tensors.push_back({name, DataType::kBFloat16, {8}});
    EXPECT_THAT(verdict(config, tensors), AllOf(HasSubstr(name), HasSubstr("not part of")));
  }
  std::vector<TensorInfo> tensors = tensors_of(config);
  tensors.push_back({"model.rotary_emb.inv_freq", DataType::kFloat32, {2}});
  EXPECT_EQ(verdict(config, tensors), "no error");
}

TEST(HuggingFaceDirectory, SaysWhatIsMissing) {
  const ScratchDirectory scratch;
  const std::string directory = scratch.path().string();
  EXPECT_THAT(error_of([&] { read_reranker(*open_model(directory), {.prompt = "qwen3-reranker"}); }),
              AllOf(HasSubstr(directory), HasSubstr("no config.json")));
  scratch.write("config.json", tiny_config());
  scratch.write("pytorch_model.bin", "x");
  EXPECT_THAT(error_of([&] { read_reranker(*open_model(directory), {.prompt = "qwen3-reranker"}); }),
              HasSubstr("neither model.safetensors nor"));
  scratch.write("config.json", "");
  EXPECT_THAT(error_of([&] { read_reranker(*open_model(directory), {.prompt = "qwen3-reranker"}); }),
              HasSubstr("config.json is empty"));
}

// A sharded checkpoint whose index may be modified before it is written.
class Shards {
 public:
  explicit Shards(const ScratchDirectory& scratch) : scratch_(scratch) {
    scratch.write("config.json", tiny_config());
    const std::vector<TensorInfo> tensors = tensors_of(tiny_config());
    const std::span<const TensorInfo> all(tensors);
    scratch.write(kFirst, file_of(all.first(5)));
    scratch.write(kSecond, file_of(all.subspan(5)));
    for (std::size_t i = 0; i < tensors.size(); ++i)
      file_of_tensor[tensors[i].name] = i < 5 ? kFirst : kSecond;
  }

  std::string open() const {
    std::string map;
    for (const auto& [tensor, file] : file_of_tensor)
      map += fmt::format("{}\"{}\":{}", map.empty() ? "" : ",", tensor, quoted(file));
    return open_with(fmt::format(R"({{"metadata":{{"total_size":1}},"weight_map":{{{}}}}})", map));
  }
  std::string open_with(const std::string& index) const {
    scratch_.write("model.safetensors.index.json", index);
    return error_of(
        [&] { read_reranker(*open_model(scratch_.path().string()), {.prompt = "qwen3-reranker"}); });
  }

  static constexpr const char* kFirst = "model-00001-of-00002.safetensors";
  static constexpr const char* kSecond = "model-00002-of-00002.safetensors";
  std::map<std::string, std::string> file_of_tensor;

 private:
  static std::string quoted(const std::string& file) { return "\"" + file + "\""; }
  const ScratchDirectory& scratch_;
};

TEST(HuggingFaceDirectory, OpensTheFoldersOfModules) {
  const ScratchDirectory scratch;
  const TensorInfo own{"linear.weight", DataType::kFloat32, {2}}, other{"a", DataType::kBFloat16, {3}};
  scratch.write("config.json", "{}");
  scratch.write("model.safetensors", file_of({&other, 1}));
  for (const char* folder : {"2_Dense", "unlisted", "3_Empty"})
    std::filesystem::create_directories(scratch.path() / folder);
  scratch.write("2_Dense/model.safetensors", file_of({&own, 1}));
  scratch.write("unlisted/model.safetensors", file_of({&own, 1}));
  scratch.write("modules.json",
                R"([{"path": "", "type": "x.Transformer"}, {"path": "2_Dense", "type": "x.Dense"},
    {"path": "3_Empty", "type": "x.Pooling"}])");
  auto checkpoint = open_model(scratch.path().string());
  ASSERT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_EQ(checkpoint->tensors()[0].name, "2_Dense/linear.weight");
  EXPECT_EQ(checkpoint->tensor("2_Dense/linear.weight").shape, (std::vector<std::int64_t>{2}));
  const std::string identity = checkpoint->identity();
  const TensorInfo changed{"linear.weight", DataType::kFloat32, {1}};
  scratch.write("2_Dense/model.safetensors", file_of({&changed, 1}));
  EXPECT_NE(open_model(scratch.path().string())->identity(), identity);
  scratch.write("modules.json", R"([{"path": "../elsewhere", "type": "x.Dense"}])");
  EXPECT_THAT(error_of([&] { open_model(scratch.path().string()); }),
              AllOf(HasSubstr("modules.json"), HasSubstr("../elsewhere")));
}

TEST(HuggingFaceDirectory, OpensShards) {
  const ScratchDirectory scratch;
  EXPECT_EQ(Shards(scratch).open(), "no error");
  const auto checkpoint = open_model(scratch.path().string());
  EXPECT_EQ(checkpoint->files().size(), 2u);
  EXPECT_EQ(std::to_integer<std::size_t>(checkpoint->tensor("model.norm.weight").data[0]), 17u);
  EXPECT_EQ(std::to_integer<std::size_t>(checkpoint->tensor("model.embed_tokens.weight").data[0]), 25u);
}

TEST(HuggingFaceDirectory, RefusesBadIndexes) {
  const ScratchDirectory scratch;
  for (const char* name : {"../model.safetensors", "/etc/model.safetensors", "a/b.safetensors", "..", "",
                           "model.bin", "..\\\\m.safetensors", ".safetensors", "m\\u0000/../x.safetensors"}) {
    Shards shards(scratch);
    shards.file_of_tensor["model.norm.weight"] = name;
    EXPECT_THAT(shards.open(), AllOf(HasSubstr("model.norm.weight"), HasSubstr("not the plain name")))
        << name;
  }
  Shards moved(scratch);
  moved.file_of_tensor["model.norm.weight"] = Shards::kFirst;
  EXPECT_THAT(moved.open(), AllOf(HasSubstr("model.norm.weight"), HasSubstr("does not place it there")));
  Shards absent(scratch);
  absent.file_of_tensor["model.layers.7.x"] = Shards::kFirst;
  EXPECT_THAT(absent.open(), HasSubstr("model.layers.7.x is not in its shard model-00001"));
  Shards extra(scratch);
  extra.file_of_tensor.erase("model.norm.weight");
  EXPECT_THAT(extra.open(), HasSubstr("model.norm.weight is in model-00002"));
  Shards gone(scratch);
  gone.file_of_tensor["model.norm.weight"] = "model-00003-of-00002.safetensors";
  EXPECT_THAT(gone.open(), AllOf(HasSubstr("shard model-00003"), HasSubstr("missing")));
  const Shards shards(scratch);
  EXPECT_THAT(shards.open_with("{}"), HasSubstr("lacks the key \"weight_map\""));
  EXPECT_THAT(shards.open_with("[1]"), HasSubstr("should be an object, not a list"));
  EXPECT_THAT(shards.open_with(R"({"weight_map":{}})"), HasSubstr("weight_map is empty"));
  EXPECT_THAT(shards.open_with(R"({"weight_map":{"t":1}})"),
              HasSubstr("weight_map.t should be a string, not 1"));
  EXPECT_THAT(shards.open_with(R"({"weight_map":{"t":"a.safetensors","t":"b.safetensors"}})"),
              HasSubstr("\"t\" occurs twice"));
  EXPECT_THAT(shards.open_with("{\"weight_map\""), HasSubstr("index.json: not JSON"));
}

// Resident memory of this process in mapped files.
std::size_t resident_file_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "RssFile:") continue;
    std::size_t kib = 0;
    status >> kib;
    return kib << 10;
  }
  return 0;
}

TEST(HuggingFaceDirectory, ReleaseGivesThePagesBack) {
  const ScratchDirectory scratch;
  WriteSyntheticOptions options;
  options.config_json = published_config("nano");
  options.directory = scratch.path() / "nano";
  ASSERT_TRUE(write_synthetic(options, nullptr));
  const auto checkpoint = open_model(options.directory.string());
  // Opening it has touched some pages, and the kernel maps their neighbours too.
  checkpoint->release("model.embed_tokens.weight");
  const std::size_t before = resident_file_bytes();
  const TensorView view = checkpoint->tensor("model.embed_tokens.weight");
  int sum = 0;
  for (std::size_t i = 0; i < view.size_bytes(); i += 512) sum += std::to_integer<int>(view.data[i]);
  EXPECT_GE(resident_file_bytes(), before + view.size_bytes() * 9 / 10);
  checkpoint->release("model.embed_tokens.weight");
  EXPECT_LE(resident_file_bytes(), before + view.size_bytes() / 10);
  int again = 0;
  for (std::size_t i = 0; i < view.size_bytes(); i += 512) again += std::to_integer<int>(view.data[i]);
  EXPECT_EQ(again, sum);
}

TEST(HuggingFaceDirectory, IdentityChangesWithEveryByteAndWithNothingElse) {
  const ScratchDirectory scratch;
  const ScratchDirectory other_place;
  const auto identity = [](const ScratchDirectory& place) {
    return open_model(place.path().string())->identity();
  };
  const std::string bytes = file_of(tensors_of(tiny_config()));
  scratch.write("config.json", tiny_config());
  const auto weights = scratch.write("model.safetensors", bytes);
  const std::string before = identity(scratch);
  EXPECT_EQ(identity(scratch), before);
  const auto time = std::filesystem::last_write_time(weights);
  std::filesystem::last_write_time(weights, time + std::chrono::seconds(1));
  EXPECT_EQ(identity(scratch), before);
  other_place.write("config.json", tiny_config());
  other_place.write("model.safetensors", bytes);
  EXPECT_EQ(identity(other_place), before);
  // The same size and timestamp with one bit flipped, at any place.
  const std::size_t data_begin = 8 + static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) +
                                 256 * static_cast<std::size_t>(static_cast<unsigned char>(bytes[1]));
  for (std::size_t at = data_begin; at < bytes.size();
       at += std::max<std::size_t>(1, (bytes.size() - data_begin) / 50)) {
    std::string other = bytes;
    other[at] ^= 1;
    scratch.write("model.safetensors", other);
    std::filesystem::last_write_time(weights, time);
    EXPECT_NE(identity(scratch), before) << at;
  }
  scratch.write("model.safetensors", bytes);
  EXPECT_EQ(identity(scratch), before);
  scratch.write("config.json", tiny_config() + "\n");
  EXPECT_NE(identity(scratch), before);
}

TEST(HuggingFaceDirectory, OpensFromTheCacheByName) {
  const ScratchDirectory cache;
  const ScopedVariable hub("HF_HUB_CACHE", cache.path().c_str());
  cache.write("models--Org--Name/refs/main", "abc");
  cache.write("models--Org--Name/blobs/1", tiny_config());
  cache.write("models--Org--Name/blobs/2", file_of(tensors_of(tiny_config())));
  const auto snapshot = cache.path() / "models--Org--Name" / "snapshots" / "abc";
  std::filesystem::create_directories(snapshot);
  std::filesystem::create_symlink("../../blobs/1", snapshot / "config.json");
  std::filesystem::create_symlink("../../blobs/2", snapshot / "model.safetensors");
  EXPECT_THAT(open_model("Org/Name")->description(),
              AllOf(StartsWith("Org/Name ("), HasSubstr("snapshots/abc")));
}

TEST(OpenModel, NamesTheSyntheticSizes) {
  EXPECT_THAT(error_of([] { open_model("synth:1.7B"); }),
              AllOf(HasSubstr("synth:1.7B"), HasSubstr("synth:0.6B")));
  EXPECT_THAT(open_model("synth:nano")->description(), HasSubstr("nano"));
}

}  // namespace
}  // namespace rerank
