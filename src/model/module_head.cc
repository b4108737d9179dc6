#include "model/module_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/shown_text.h"
#include "checkpoint/module_list.h"
#include "model/config_sizes.h"
#include "model/tensor_list.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// torch.nn.LayerNorm's own, which the module leaves as it is.
constexpr float kLayerNormEpsilon = 1e-5f;

constexpr std::string_view kUseAReranker = "use a reranker, such as cross-encoder/ms-marco-MiniLM-L6-v2";

class ModuleReader {
 public:
  ModuleReader(const Checkpoint& checkpoint, ModelLayout& layout)
      : checkpoint_(checkpoint), layout_(layout), width_(layout.spec.hidden) {}

  void read(const std::vector<Module>& modules) {
    require(!modules.empty() && modules.front().type == "Transformer" && modules.front().path.empty(),
            name_of(kModuleListFile) + ": must begin with a Transformer in the model's own folder",
            ErrorCode::kUnsupported);
    for (std::size_t i = 1; i < modules.size(); ++i) add(modules[i], i == 1);
    if (layout_.spec.head.empty() || width_ != 1) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{} ends in {} numbers, so it makes embeddings and is not a reranker; {}",
                              name_of(kModuleListFile), width_, kUseAReranker));
    }
    std::vector<ModelTensor> tensors = list_.take();
    std::move(tensors.begin(), tensors.end(), std::back_inserter(layout_.tensors));
  }

 private:
  std::string name_of(std::string_view file) const {
    return fmt::format("{}: {}", checkpoint_.description(), file);
  }

  void add(const Module& module, bool is_first) {
    const std::string file = module.path + "/config.json";
    const ConfigReader config(checkpoint_.text_file(file).value_or("{}"), name_of(file));
    if (is_first && module.type == "Pooling") {
      layout_.spec.pooling = read_pooling(config);
    } else if (!is_first && module.type == "Dense") {
      add_step(module.path + "/linear", read_dense(config));
    } else if (!is_first && module.type == "LayerNorm") {
      if (config.integer("dimension", 1, kMaxWidth) != width_)
        config.refuse("dimension", fmt::format("must be {}, the width of what comes before", width_));
      add_step(module.path + "/norm",
               {.kind = HeadStep::Kind::kLayerNorm, .has_bias = true, .eps = kLayerNormEpsilon});
    } else if (module.type != "Dropout") {
      const bool is_embedding = module.type == "Normalize";
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{} has the module {}, {}", name_of(kModuleListFile), shown_text(module.type),
                              is_embedding ? fmt::format("so it makes embeddings and is not a reranker; {}",
                                                         kUseAReranker)
                                           : "which this program does not compute in its place"));
    }
  }

  void add_step(const std::string& name, const HeadStep& step) {
    list_.head_step(name, step, static_cast<std::int32_t>(layout_.spec.head.size()), width_);
    layout_.spec.head.push_back(step);
    if (step.kind == HeadStep::Kind::kDense) width_ = step.outputs;
  }

  // pooling_mode, or the flags of earlier versions.
  static Pooling read_pooling(const ConfigReader& config) {
    std::string mode(config.contains("pooling_mode") ? config.text("pooling_mode") : "");
    for (const auto& [key, name] : {std::pair{"pooling_mode_cls_token", "cls"},
                                    {"pooling_mode_mean_tokens", "mean"},
                                    {"pooling_mode_max_tokens", "max"},
                                    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
                                    {"pooling_mode_weightedmean_tokens", "weightedmean"},
                                    {"pooling_mode_lasttoken", "lasttoken"}}) {
      if (config.flag(key, false)) mode = mode.empty() || mode == name ? name : mode + " and " + name;
    }
    if (mode == "cls") return Pooling::kFirst;
    if (mode == "mean") return Pooling::kMean;
    config.unsupported("pooling_mode", fmt::format("is {}, and only cls and mean are supported",
                                                   mode.empty() ? "missing" : shown_text(mode)));
  }

  HeadStep read_dense(const ConfigReader& config) const {
    if (config.integer("in_features", 1, kMaxWidth) != width_)
      config.refuse("in_features", fmt::format("must be {}, the width of what comes before", width_));
    HeadStep step{.outputs = config.integer("out_features", 1, kMaxWidth),
                  .has_bias = config.flag("bias", true)};
    const std::string_view activation = config.text("activation_function");
    if (activation.ends_with(".GELU")) {
      step.activation = HeadStep::Activation::kGelu;
    } else if (activation.ends_with(".Tanh")) {
      step.activation = HeadStep::Activation::kTanh;
    } else if (!activation.ends_with(".Identity")) {
      config.unsupported(
          "activation_function",
          fmt::format("is {}, but only GELU, Tanh and Identity are supported", shown_text(activation)));
    }
    return step;
  }

  const Checkpoint& checkpoint_;
  ModelLayout& layout_;
  TensorList list_;
  std::int32_t width_;
};

}  // namespace

void add_module_head(const Checkpoint& checkpoint, const FamilyMatch& match, ModelLayout& layout) {
  const std::optional<std::string> text = checkpoint.text_file(kModuleListFile);
  const std::string name = fmt::format("{}: {}", checkpoint.description(), kModuleListFile);
  if (match.head == HeadKind::kModules) {
    if (!text) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: {} is an encoder without a classification head, so nothing in it scores a "
                              "pair; {}",
                              checkpoint.description(), match.architecture, kUseAReranker));
    }
    ModuleReader(checkpoint, layout).read(parse_module_list(*text, name));
  } else if (text && match.family->is_encoder()) {
    for (const Module& module : parse_module_list(*text, name)) {
      if (module.type == "Transformer") continue;
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{} has the module {} behind {}, which has a head of its own", name,
                              shown_text(module.type), match.architecture));
    }
  }
}

}  // namespace rerank
