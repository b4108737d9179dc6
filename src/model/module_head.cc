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

// The default of torch.nn.LayerNorm, which the module uses.
constexpr float kLayerNormEpsilon = 1e-5f;

constexpr std::string_view kUseAReranker = "use a reranker, such as cross-encoder/ms-marco-MiniLM-L6-v2";

class ModuleReader {
 public:
  ModuleReader(const Checkpoint& checkpoint, ModelLayout& layout)
      : checkpoint_(checkpoint), layout_(layout), width_(layout.spec.hidden) {}

  void read(const std::vector<Module>& modules) {
    require(
        !modules.empty() && modules.front().type == "Transformer" && modules.front().path.empty(),
        checkpoint_.name_of(kModuleListFile) + ": must begin with a Transformer in the model's own folder",
        ErrorCode::kUnsupported);
    for (std::size_t i = 1; i < modules.size(); ++i) add(modules[i], i == 1);
    if (layout_.spec.head.empty() || width_ != 1) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{} ends in {} numbers, so it makes embeddings and is not a reranker; {}",
                              checkpoint_.name_of(kModuleListFile), width_, kUseAReranker));
    }
    std::vector<ModelTensor> tensors = list_.take();
    std::move(tensors.begin(), tensors.end(), std::back_inserter(layout_.tensors));
  }

 private:
  void add(const Module& module, bool is_first) {
    const JsonFile config = checkpoint_.json_file(module.path + "/config.json");
    if (is_first && module.type == "Pooling") {
      layout_.spec.pooling = read_pooling(config);
    } else if (!is_first && module.type == "Dense") {
      add_step(module.path + "/linear", read_dense(config));
    } else if (!is_first && module.type == "LayerNorm") {
      require_width(config.at("dimension"));
      add_step(module.path + "/norm",
               {.kind = HeadStep::Kind::kLayerNorm, .has_bias = true, .eps = kLayerNormEpsilon});
    } else if (module.type != "Dropout") {
      const bool is_embedding = module.type == "Normalize";
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format(
              "{} has the module {}, {}", checkpoint_.name_of(kModuleListFile), shown_text(module.type),
              is_embedding ? fmt::format("so it makes embeddings and is not a reranker; {}", kUseAReranker)
                           : "which this program does not compute in its place"));
    }
  }

  void add_step(const std::string& name, const HeadStep& step) {
    list_.head_step(name, step, static_cast<std::int32_t>(layout_.spec.head.size()), width_);
    layout_.spec.head.push_back(step);
    if (step.kind == HeadStep::Kind::kDense) width_ = step.outputs;
  }

  void require_width(const JsonView& size) const {
    if (size.integer() != width_)
      size.refuse(fmt::format("must be {}, the width of what comes before, not {}", width_, size.quoted()));
  }

  // pooling_mode, or the flags of earlier versions.
  static Pooling read_pooling(const JsonView& config) {
    std::string mode(config.string_or("pooling_mode", ""));
    for (const auto& [key, name] : {std::pair{"pooling_mode_cls_token", "cls"},
                                    {"pooling_mode_mean_tokens", "mean"},
                                    {"pooling_mode_max_tokens", "max"},
                                    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
                                    {"pooling_mode_weightedmean_tokens", "weightedmean"},
                                    {"pooling_mode_lasttoken", "lasttoken"}}) {
      if (config.boolean_or(key, false)) mode = mode.empty() || mode == name ? name : mode + " and " + name;
    }
    if (mode == "cls") return Pooling::kFirst;
    if (mode == "mean") return Pooling::kMean;
    config.unsupported(fmt::format("has {} pooling_mode{}, and only cls and mean are supported",
                                   mode.empty() ? "no" : "the", mode.empty() ? "" : " " + shown_text(mode)));
  }

  HeadStep read_dense(const JsonView& config) const {
    require_width(config.at("in_features"));
    HeadStep step{.outputs = config.at("out_features").integer(1, kMaxWidth),
                  .has_bias = config.boolean_or("bias", true)};
    const JsonView function = config.at("activation_function");
    const std::string_view activation = function.string();
    if (activation.ends_with(".GELU")) {
      step.activation = HeadStep::Activation::kGelu;
    } else if (activation.ends_with(".Tanh")) {
      step.activation = HeadStep::Activation::kTanh;
    } else if (!activation.ends_with(".Identity")) {
      function.unsupported(
          fmt::format("is {}, but only GELU, Tanh and Identity are supported", function.quoted()));
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
  const std::string name = checkpoint.name_of(kModuleListFile);
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
