#include "hub/remote_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/shown_text.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::array<std::string_view, 16> kSmallFiles = {
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json",
    "vocab.txt", "special_tokens_map.json", "added_tokens.json", "merges.txt", "tokenizer.model",
    "chat_template.jinja", "chat_template.json",
    // Files that describe a reranker: those of sentence-transformers, and a prompt file.
    "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "rerank_prompt.json"};

// In folders of their own, which sentence-transformers numbers: what a reranker's answers are, or its head.
constexpr std::array<std::string_view, 6> kModuleFiles = {
    "_LogitScore/config.json",  "_Pooling/config.json",   "_Dense/config.json",
    "_Dense/model.safetensors", "_LayerNorm/config.json", "_LayerNorm/model.safetensors"};

constexpr std::size_t kMostFiles = 10'000;
constexpr std::string_view kWeightsEnding = ".safetensors";

bool is_weights(std::string_view name) {
  return name.ends_with(kWeightsEnding);
}

bool is_plain(std::string_view name) {
  return name.front() != '.' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

bool is_wanted_file(std::string_view name) {
  if (name.empty()) return false;
  for (const std::string_view ending : kModuleFiles) {
    if (name.ends_with(ending)) return is_plain(name.substr(0, name.rfind('/')));
  }
  if (!is_plain(name)) return false;
  if (name == "model.safetensors.index.json") return true;
  // Not adapters, and not a second copy of the weights in Mistral's format.
  if (is_weights(name)) return !name.starts_with("adapter_") && !name.starts_with("consolidated");
  return std::find(kSmallFiles.begin(), kSmallFiles.end(), name) != kSmallFiles.end();
}

void require_harmless_name(std::string_view name) {
  const bool steers =
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  bool leaves = name.empty() || name.front() == '/' || name.find('\\') != std::string_view::npos;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    leaves = leaves || name.substr(begin, end - begin) == "..";
    begin = end + 1;
  }
  if (steers || leaves) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the hub lists a file named {}, which is outside the model's directory or "
                            "contains control characters; "
                            "nothing was downloaded",
                            shown_text(name)));
  }
}

void complete_listing(RemoteModel& model, std::string_view repository) {
  require(model.files.size() <= kMostFiles,
          fmt::format("{}: the hub lists {} files to download, more than any model needs", repository,
                      model.files.size()));
  std::sort(model.files.begin(), model.files.end(),
            [](const RemoteFile& left, const RemoteFile& right) { return left.name < right.name; });
  const auto same = std::adjacent_find(
      model.files.begin(), model.files.end(),
      [](const RemoteFile& left, const RemoteFile& right) { return left.name == right.name; });
  if (same != model.files.end()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the hub lists {} twice", repository, same->name));
  }
  const auto has = [&model](const auto& wanted) {
    return std::any_of(model.files.begin(), model.files.end(),
                       [&wanted](const RemoteFile& file) { return wanted(file.name); });
  };
  require(has([](std::string_view name) { return name == "config.json"; }),
          fmt::format("{}: has no config.json, so it is not a model that this program can run", repository));
  require(has(is_weights),
          fmt::format("{}: has no safetensors weights (*.safetensors); choose a model that has them",
                      repository));
}

}  // namespace rerank
