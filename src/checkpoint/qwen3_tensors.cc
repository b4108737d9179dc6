// The list of a Qwen3 reranker's tensors, and the comparison of a checkpoint with it.
#include "checkpoint/qwen3_tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <unordered_set>

#include "checkpoint/checkpoint.h"
#include "checkpoint/strict_json.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// Derived from other tensors or from config.json, so that leaving them out changes nothing.
bool is_redundant(const ModelConfig& config, std::string_view name) {
  const bool has_own_head = config.architecture == "Qwen3ForCausalLM" && !config.tied_embeddings;
  return (name == "lm_head.weight" && !has_own_head) || name.ends_with("rotary_emb.inv_freq");
}

void require_tensor(const Checkpoint& checkpoint, const NamedShape& wanted) {
  if (!checkpoint.contains(wanted.name)) {
    const char* hint = wanted.name == "lm_head.weight"
                           ? " (config.json says tie_word_embeddings false, so a head of its own is needed)"
                       : wanted.name == "score.weight" ? " (the classification head)"
                                                       : "";
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: tensor {} is missing{}; download the model again", checkpoint.description(),
                            wanted.name, hint));
  }
  const TensorInfo& found = checkpoint.tensors()[checkpoint.index_of(wanted.name)];
  if (found.shape == wanted.shape) return;
  const char* advice = wanted.name == "score.weight"
                           ? "a reranker has one score (num_labels 1)"
                           : "config.json and the weights are of different models, download both again";
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: tensor {} has shape [{}], but config.json asks for [{}]; {}", checkpoint.description(),
                  wanted.name, fmt::join(found.shape, ", "), fmt::join(wanted.shape, ", "), advice));
}

}  // namespace

std::vector<NamedShape> qwen3_tensors(const ModelConfig& config) {
  const std::int64_t hidden = config.hidden;
  const std::int64_t ffn = config.ffn;
  const std::int64_t head_dim = config.head_dim;
  const std::int64_t query = config.num_heads * head_dim;
  const std::int64_t key_value = config.num_kv_heads * head_dim;
  std::vector<NamedShape> tensors;
  tensors.push_back({"model.embed_tokens.weight", {config.vocab, hidden}});
  for (std::int32_t layer = 0; layer < config.num_layers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    tensors.push_back({prefix + "input_layernorm.weight", {hidden}});
    tensors.push_back({prefix + "self_attn.q_proj.weight", {query, hidden}});
    tensors.push_back({prefix + "self_attn.k_proj.weight", {key_value, hidden}});
    tensors.push_back({prefix + "self_attn.v_proj.weight", {key_value, hidden}});
    tensors.push_back({prefix + "self_attn.o_proj.weight", {hidden, query}});
    tensors.push_back({prefix + "self_attn.q_norm.weight", {head_dim}});
    tensors.push_back({prefix + "self_attn.k_norm.weight", {head_dim}});
    tensors.push_back({prefix + "post_attention_layernorm.weight", {hidden}});
    tensors.push_back({prefix + "mlp.gate_proj.weight", {ffn, hidden}});
    tensors.push_back({prefix + "mlp.up_proj.weight", {ffn, hidden}});
    tensors.push_back({prefix + "mlp.down_proj.weight", {hidden, ffn}});
  }
  tensors.push_back({"model.norm.weight", {hidden}});
  if (config.architecture == "Qwen3ForSequenceClassification") {
    tensors.push_back({"score.weight", {1, hidden}});
  } else if (!config.tied_embeddings) {
    tensors.push_back({"lm_head.weight", {config.vocab, hidden}});
  }
  return tensors;
}

void validate_tensors(const Checkpoint& checkpoint) {
  std::unordered_set<std::string> wanted_names;
  for (const NamedShape& wanted : qwen3_tensors(checkpoint.config())) {
    require_tensor(checkpoint, wanted);
    wanted_names.insert(wanted.name);
  }
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    if (wanted_names.contains(tensor.name) || is_redundant(checkpoint.config(), tensor.name)) continue;
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format(
            "{}: tensor {} is no part of {} as published, and leaving it out could give wrong scores; "
            "merge adapters into the weights, or use the original checkpoint",
            checkpoint.description(), shown_text(tensor.name), checkpoint.config().architecture));
  }
}

}  // namespace rerank
